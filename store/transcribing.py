"""The writing down of recordings as staff oversee it: what waits, what failed and why, how fast each model is."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import MediaState, TranscriptState
from store.database import Transaction
from store.tables_media import UNWRITTEN, media, transcripts
from store.tables_posts import posts

_waits = (media.c.state == MediaState.STORED) & (media.c.transcript_state == TranscriptState.DUE)
# As it stands in the index, which SQLite must see word for word.
_unwritten = text(UNWRITTEN)


@dataclass(frozen=True, slots=True)
class Written:
    """One time that a recording was written down: `took` are the seconds of work, none where it was heard live."""

    words_id: str
    model: str
    confidence: float
    seconds: float
    took: float | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for being written down: how many, how many of them are at work, since when the oldest waits."""

    waiting: int
    at_work: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Lacking:
    """The recordings of a language that no model is there for: how many, and since when the oldest waits."""

    number: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast a model was: of how many recordings, of how many seconds, written down in how many."""

    recordings: int
    seconds: float
    took: float

    @property
    def factor(self) -> float | None:
        """The real-time factor: seconds of work for a second of sound."""
        return round(self.took / self.seconds, 3) if self.seconds else None


@dataclass(frozen=True, slots=True)
class Failure:
    """A recording that could not be written down, and why."""

    media_id: str
    ticket: str
    channel: str
    language: str
    created_at: datetime
    error: str | None


async def add(transaction: Transaction, media_id: str, timing_id: str, written: Written) -> None:
    """Note that a recording was written down; what was heard of it live before, and noted with its file alone, too."""
    await _note_live(transaction, media_id)
    row = {name: getattr(written, name) for name in Written.__dataclass_fields__}
    await transaction.connection.execute(transcripts.insert(), {**row, "media_id": media_id, "timing_id": timing_id})


async def _note_live(transaction: Transaction, media_id: str) -> None:
    own = media.c
    known = select(transcripts.c.id).where(transcripts.c.media_id == media_id).exists()
    columns = (own.id, own.transcript_id, own.timing_id, own.model, own.confidence, own.seconds, own.created_at)
    live = select(*columns).where(own.id == media_id, own.transcript_id.is_not(None), ~known)
    names = ["media_id", "words_id", "timing_id", "model", "confidence", "seconds", "at"]
    await transaction.connection.execute(transcripts.insert().from_select(names, live))


async def repeated(connection: AsyncConnection, media_ids: Sequence[str]) -> Mapping[str, list[Written]]:
    """Every writing down of recordings that were written down more than once, newest first, by media id."""
    if not media_ids:
        return {}
    wanted = select(transcripts).where(transcripts.c.media_id.in_(media_ids)).order_by(transcripts.c.id.desc())
    found: defaultdict[str, list[Written]] = defaultdict(list)
    for row in await connection.execute(wanted):
        found[row.media_id].append(Written(**{name: getattr(row, name) for name in Written.__dataclass_fields__}))
    return {media_id: versions for media_id, versions in found.items() if len(versions) > 1}


async def backlog(connection: AsyncConnection, at: datetime) -> Backlog:
    """What waits now."""
    held = func.count().filter(media.c.lease_until > at)
    counted = select(func.count(), held, func.min(media.c.due_at)).where(_waits, media.c.due_at.is_not(None))
    waiting, at_work, oldest = (await connection.execute(counted)).one()
    return Backlog(waiting, at_work, oldest)


async def rates(connection: AsyncConnection, since: datetime) -> Mapping[str, Rate]:
    """How fast each model was since a moment, by its name."""
    columns = (transcripts.c.model, func.count(), func.sum(transcripts.c.seconds), func.sum(transcripts.c.took))
    worked = (transcripts.c.at >= since) & transcripts.c.took.is_not(None)
    rows = await connection.execute(select(*columns).where(worked).group_by(transcripts.c.model))
    return {model: Rate(number, float(seconds), float(took)) for model, number, seconds, took in rows}


async def lacking(connection: AsyncConnection) -> Mapping[str, Lacking]:
    """What waits for a model of its language, by language."""
    language = _language()
    wanted = select(language, func.count(), func.min(media.c.created_at)).select_from(_spoken())
    wanted = wanted.where(_unwritten, media.c.transcript_state == TranscriptState.NO_MODEL)
    return {code: Lacking(number, since) for code, number, since in await connection.execute(wanted.group_by(language))}


async def failed(connection: AsyncConnection) -> int:
    """How many recordings could not be written down."""
    wanted = select(func.count()).where(_unwritten, _failed())
    return int((await connection.execute(wanted)).scalar_one())


async def failures(connection: AsyncConnection, limit: int) -> list[Failure]:
    """The newest recordings that could not be written down."""
    thread = posts.alias("thread")
    columns = (media.c.id, media.c.channel, media.c.created_at, media.c.error)
    wanted = select(*columns, thread.c.ticket, _language().label("language")).select_from(
        _spoken().join(thread, thread.c.id == posts.c.thread_id)
    )
    wanted = wanted.where(_unwritten, _failed()).order_by(media.c.created_at.desc()).limit(limit)
    return [
        Failure(row.id, row.ticket, row.channel, row.language, row.created_at, row.error)
        for row in await connection.execute(wanted)
    ]


async def again(transaction: Transaction, media_id: str, model: str | None, at: datetime) -> bool:
    """Have a recording written down once more, by a model if one is named; false for one that waits, or is no more."""
    still = (media.c.state == MediaState.STORED) & (media.c.transcript_state != TranscriptState.DUE)
    wanted = update(media).where(media.c.id == media_id, still, media.c.sha256.is_not(None))
    due = {"transcript_state": TranscriptState.DUE, "due_at": at, "tries": 0, "error": None, "wanted_model": model}
    done = await transaction.connection.execute(wanted.values(**due))
    transaction.wake("media", "queue")
    return done.rowcount > 0


def _failed() -> ColumnElement[bool]:
    # What could not even be fetched is tried again with its post.
    return (media.c.transcript_state == TranscriptState.FAILED) & (media.c.state == MediaState.STORED)


def _language() -> ColumnElement[str]:
    return func.coalesce(media.c.language, posts.c.language)


def _spoken() -> Any:
    return media.join(posts, posts.c.id == media.c.post_id)
