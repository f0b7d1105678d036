"""How posts are decided without a person, as somebody switched it; and which of them a rule may decide."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import MediaState, Ruling, State, TranscriptState
from store.database import Transaction
from store.dialect import upsert
from store.tables_history import history
from store.tables_media import media
from store.tables_moderation import modes
from store.tables_posts import posts

_MODERATION = "moderation"
# The topic that tells every process that the mode was switched.
SWITCHED = "modes"


@dataclass(frozen=True, slots=True)
class Switched:
    """The mode somebody chose, who, and when."""

    mode: str
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """A post that nothing is held against, and all of which is in."""

    id: str
    version: int
    text: str
    citizen_id: str | None


async def switched(connection: AsyncConnection) -> Switched | None:
    """The mode in force, when somebody switched it."""
    row = (await connection.execute(select(modes).where(modes.c.name == _MODERATION))).first()
    return Switched(row.mode, row.actor, row.at) if row else None


async def switch(transaction: Transaction, mode: str, actor: str, at: datetime) -> None:
    """Switch the mode; every process and every console hears of it."""
    statement = upsert(transaction.connection, modes, ["name"], ["mode", "actor", "at"])
    await transaction.connection.execute(statement, {"name": _MODERATION, "mode": mode, "actor": actor, "at": at})
    transaction.wake(SWITCHED, "queue")


async def candidates(connection: AsyncConnection, begin: datetime, surely_heard: float, limit: int) -> list[Candidate]:
    """What came since a moment, newest first, that no list holds against, no person has touched, with all its words.

    Never an emergency, a photo, or a recording that was not surely written down.
    """
    unsure = (media.c.confidence.is_(None)) | (media.c.confidence < surely_heard)
    missing = exists().where(
        media.c.post_id == posts.c.id,
        (media.c.state != MediaState.STORED)
        | media.c.public.is_(True)
        | (media.c.transcript_state != TranscriptState.DONE)
        | unsure,
    )
    undone = exists().where(history.c.post_id == posts.c.id, history.c.action == "undone")
    wanted = select(posts.c.id, posts.c.version, posts.c.text, posts.c.citizen_id).where(
        posts.c.state == State.PENDING,
        posts.c.urgent.is_(False),
        posts.c.created_at >= begin,
        posts.c.ruling == Ruling.PASS,
        posts.c.group_id.is_(None),
        posts.c.text != "",
        ~missing,
        ~undone,
    )
    rows = await connection.execute(wanted.order_by(posts.c.created_at.desc()).limit(limit))
    return [Candidate(row.id, row.version, row.text, row.citizen_id) for row in rows]
