"""Recordings whose keeping time is over: which may be deleted, and that they were. Their words stay."""

from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import MediaState, State, TranscriptState
from store import history
from store.database import Transaction
from store.tables_history import history as happened
from store.tables_media import RECORDED, media
from store.tables_posts import posts

# What nobody has to listen to any more, as long as it stands so.
DECIDED = (State.PUBLISHED, State.REJECTED, State.WITHDRAWN)
DELETED = "recording_deleted"


async def outdated(connection: AsyncConnection, before: datetime, limit: int) -> list[str]:
    """Recordings, oldest first, whose post is decided and has had nothing happen to it since a moment; none that is
    being written down."""
    lately = select(happened.c.id).where(happened.c.post_id == media.c.post_id, happened.c.at > before)
    wanted = (
        select(media.c.id)
        .join(posts, posts.c.id == media.c.post_id)
        .where(text(RECORDED), media.c.created_at <= before, media.c.state == MediaState.STORED)
        .where(media.c.transcript_state != TranscriptState.DUE, posts.c.state.in_(DECIDED), ~lately.exists())
    )
    return list((await connection.execute(wanted.order_by(media.c.created_at).limit(limit))).scalars())


async def forget(transaction: Transaction, before: datetime, at: datetime, limit: int) -> int:
    """Let go of some outdated recordings: no row names their files any more, and each post's history says so; gives
    how many. What nothing names is taken from the disk by `jobs.upkeep.sweep_files`."""
    connection = transaction.connection
    ids = await outdated(connection, before, limit)
    if not ids:
        return 0
    held = select(media.c.id, media.c.post_id).where(media.c.id.in_(ids), text(RECORDED)).with_for_update()
    rows = (await connection.execute(held)).all()
    gone = {"state": MediaState.FORGOTTEN, "forgotten_at": at, "sha256": None, "url": "", "bytes": None, "peaks": None}
    await connection.execute(update(media).where(media.c.id.in_([row.id for row in rows])).values(**gone, due_at=None))
    for row in rows:
        await history.add(transaction, history.entry(row.post_id, "rule", DELETED, at=at))
    transaction.wake("queue")
    return len(rows)
