"""What was said, published or not, newest first, as a word is tried on it: masked, chunk by chunk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import Ruling, State
from store.tables_posts import posts

_thread = posts.alias("thread")


@dataclass(frozen=True, slots=True)
class PastText:
    """What was said once, how the filter ruled then, and what became of it."""

    id: str
    ticket: str
    text: str
    ruling: Ruling
    state: State
    created_at: datetime


async def before(connection: AsyncConnection, known: PastText | None, size: int) -> Sequence[PastText]:
    """The texts before a known one, or the newest; fewer than `size` when there are no more."""
    wanted = select(posts.c.id, posts.c.text, posts.c.ruling, posts.c.state, posts.c.created_at)
    wanted = wanted.add_columns(_thread.c.ticket).join(_thread, _thread.c.id == posts.c.thread_id)
    if known:
        same = and_(posts.c.created_at == known.created_at, posts.c.id < known.id)
        # The first half alone lets the index begin there.
        wanted = wanted.where(posts.c.created_at <= known.created_at, or_(posts.c.created_at < known.created_at, same))
    ordered = wanted.order_by(posts.c.created_at.desc(), posts.c.id.desc()).limit(size)
    return [
        PastText(row.id, row.ticket, row.text, Ruling(row.ruling), State(row.state), row.created_at)
        for row in await connection.execute(ordered)
    ]
