"""The numbered public stream: what the world may see changed, in the order of the commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from store.database import Transaction
from store.dialect import hold_back
from store.tables_stream import events


class Happening(StrEnum):
    """What happened to a public post; the names of the stream's events."""

    POST = "post"
    UPDATE = "update"
    WITHDRAWN = "withdrawn"


class About(StrEnum):
    """What it was that happened to a thread, finer than the stream's events: what subscribers choose from."""

    PUBLISHED = "published"
    UPDATED = "updated"
    WITHDRAWN = "withdrawn"
    ANSWERED = "answered"
    COMMENTED = "commented"


# What may be undone for a while, and is told to nobody who cannot take it back before that is over.
UNDOABLE = (About.PUBLISHED, About.ANSWERED, About.COMMENTED)
USUAL = {
    Happening.POST: About.PUBLISHED,
    Happening.UPDATE: About.UPDATED,
    Happening.WITHDRAWN: About.WITHDRAWN,
}


@dataclass(frozen=True, slots=True)
class Event:
    """One change the world may see; `about` is None when it was undone: subscribers are not told of it."""

    number: int
    event: Happening
    about: About | None
    post_id: str
    at: datetime


async def add(transaction: Transaction, event: Happening, post_id: str, about: About | None = None) -> None:
    """Number one change; readers hear of it after the commit."""
    await in_order(transaction)
    row = {"event": event, "about": about or USUAL[event], "post_id": post_id, "at": clock.now()}
    await transaction.connection.execute(events.insert(), row)
    transaction.wake("events", "subscribers")


async def in_order(transaction: Transaction) -> None:
    """Before numbering: numbers are given in the order of the commits, also by several processes."""
    await hold_back(transaction.connection, ["events"])


async def last_number(connection: AsyncConnection) -> int:
    """The number of the newest change, 0 before the first."""
    newest = await connection.execute(select(func.max(events.c.number)))
    return newest.scalar() or 0


async def after(connection: AsyncConnection, number: int, limit: int = 100) -> Sequence[Event]:
    """The changes after a number, in order."""
    wanted = select(events).where(events.c.number > number).order_by(events.c.number).limit(limit)
    rows = await connection.execute(wanted)
    return [_read(row) for row in rows]


async def number_at(connection: AsyncConnection, at: datetime) -> int:
    """The number of the last change before a moment, 0 when there was none."""
    before = select(events.c.number).where(events.c.at < at).order_by(events.c.at.desc()).limit(1)
    return (await connection.execute(before)).scalar() or 0


async def settled(connection: AsyncConnection, before: datetime) -> int:
    """The number up to which nothing can be undone any more: what is undoable is certain once it lies `before`."""
    fresh = select(func.min(events.c.number)).where(events.c.at >= before, events.c.about.in_(UNDOABLE))
    first = (await connection.execute(fresh)).scalar()
    return first - 1 if first else await last_number(connection)


async def unsay(transaction: Transaction, post_id: str, since: datetime) -> None:
    """Have subscribers never hear of the first undoable change of a thread since a moment: it was undone."""
    its = (events.c.post_id == post_id, events.c.at >= since, events.c.about.in_(UNDOABLE))
    first = select(func.min(events.c.number)).where(*its).scalar_subquery()
    await transaction.connection.execute(update(events).where(events.c.number == first).values(about=None))


def _read(row: Row[Any]) -> Event:
    return Event(row.number, Happening(row.event), About(row.about) if row.about else None, row.post_id, row.at)
