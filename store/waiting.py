"""The queue: what waits for a decision, page by page, and what changed of what somebody has before him.

The order is that of the work: emergencies, new posts, then those held for a second look, each oldest first. Posts that
say the same are one row, the first of them.
"""

import base64
import binascii
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import BadInput
from gateway.schema import State
from store.posts_for_staff import StaffPost, staff_posts, staffed
from store.tables_history import DECIDED, history
from store.tables_media import media
from store.tables_posts import posts
from store.tables_together import likenesses

UNDECIDED = (State.PENDING, State.HELD)
# The parts of the queue, in order.
_sections: tuple[ColumnElement[bool], ...] = (
    and_(posts.c.urgent.is_(True), posts.c.state.in_(UNDECIDED)),
    and_(posts.c.urgent.is_(False), posts.c.state == State.PENDING),
    and_(posts.c.urgent.is_(False), posts.c.state == State.HELD),
)
_first = posts.c.group_id.is_(None)


async def queue(connection: AsyncConnection, limit: int = 100) -> list[StaffPost]:
    """The beginning of the queue."""
    return (await page(connection, limit))[0]


async def page(
    connection: AsyncConnection, limit: int, cursor: str | None = None
) -> tuple[list[StaffPost], str | None]:
    """A piece of the queue and the cursor of the next, None at the end. Raises `BadInput` for a cursor not given."""
    begin, behind = _read(cursor) if cursor else (0, None)
    rows: list[tuple[int, Row[Any]]] = []
    for section in range(begin, len(_sections)):
        wanted = staff_posts().where(_sections[section], _first).order_by(posts.c.created_at, posts.c.id)
        if behind is not None and section == begin:
            at, post_id = behind
            later = or_(posts.c.created_at > at, and_(posts.c.created_at == at, posts.c.id > post_id))
            wanted = wanted.where(posts.c.created_at >= at, later)
        found = (await connection.execute(wanted.limit(limit + 1 - len(rows)))).all()
        rows += [(section, row) for row in found]
        if len(rows) > limit:
            break
    shown = await staffed(connection, [row for _, row in rows[:limit]])
    if len(rows) <= limit:
        return shown, None
    section, last = rows[limit - 1]
    return shown, _written(section, last.created_at, last.id)


async def some(connection: AsyncConnection, post_ids: Collection[str]) -> list[StaffPost]:
    """Posts by id, in whatever state they are by now."""
    return await staffed(connection, (await connection.execute(staff_posts().where(posts.c.id.in_(post_ids)))).all())


async def marks(connection: AsyncConnection, post_ids: Collection[str]) -> dict[str, str]:
    """By post a mark that is another whenever a row of the queue must be drawn anew."""
    own = select(posts.c.id, posts.c.version).where(posts.c.id.in_(post_ids))
    found = {row.id: str(row.version) for row in await connection.execute(own)}
    same = select(posts.c.group_id, func.count().label("number")).where(
        posts.c.group_id.in_(post_ids), posts.c.state.in_(UNDECIDED)
    )
    for row in await connection.execute(same.group_by(posts.c.group_id)):
        found[row.group_id] += f".{row.number}"
    like = select(likenesses.c.post_id, likenesses.c.other_id).where(likenesses.c.post_id.in_(post_ids))
    for row in await connection.execute(like):
        found[row.post_id] += f".{row.other_id[-6:]}"
    files = select(media.c.post_id, media.c.state, media.c.transcript_state, media.c.public, media.c.corrected_id)
    for row in await connection.execute(files.where(media.c.post_id.in_(post_ids)).order_by(media.c.id)):
        corrected = (row.corrected_id or "")[-6:]
        found[row.post_id] += f".{row.state[:1]}{row.transcript_state[:2]}{int(row.public)}{corrected}"
    return found


async def since(connection: AsyncConnection, at: datetime, limit: int) -> list[str]:
    """What came into the queue from a moment on, oldest first."""
    new = select(posts.c.id).where(or_(*_sections[:2]), _first, posts.c.created_at >= at)
    return list((await connection.execute(new.order_by(posts.c.created_at).limit(limit))).scalars())


async def urgent(connection: AsyncConnection, limit: int) -> list[str]:
    """The emergencies among what waits, oldest first."""
    wanted = select(posts.c.id).where(_sections[0], _first).order_by(posts.c.created_at).limit(limit)
    return list((await connection.execute(wanted)).scalars())


async def oldest(connection: AsyncConnection) -> datetime | None:
    """Since when what waits longest waits."""
    found: list[datetime] = []
    for section in _sections:
        wanted = select(posts.c.created_at).where(section, _first).order_by(posts.c.created_at).limit(1)
        found += (await connection.execute(wanted)).scalars().all()
    return min(found, default=None)


async def waited(connection: AsyncConnection, begin: datetime, limit: int) -> Sequence[float]:
    """For how many seconds posts had waited when a person first decided them, of the newest decisions since."""
    wanted: Select[tuple[datetime, datetime]] = (
        select(history.c.at, posts.c.created_at)
        .join(posts, posts.c.id == history.c.post_id)
        .where(text(DECIDED), history.c.at >= begin)
        .order_by(history.c.at.desc())
        .limit(limit)
    )
    rows = await connection.execute(wanted)
    return [max(0.0, (row.at - row.created_at).total_seconds()) for row in rows]


def _written(section: int, at: datetime, post_id: str) -> str:
    return base64.urlsafe_b64encode(f"{section}|{at.isoformat()}|{post_id}".encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[int, tuple[datetime, str]]:
    try:
        section, at, post_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("|")
        moment = datetime.fromisoformat(at).astimezone(UTC)
        if int(section) not in range(len(_sections)):
            raise ValueError(section)
    except (binascii.Error, ValueError, OverflowError) as error:
        raise BadInput("this cursor was not given by us", "cursor") from error
    return int(section), (moment, post_id)
