"""What happened to reports that may have been judged: the clock looks whether it corrects a month that is frozen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from store.database import Transaction
from store.tables_scores import rejudgings


class Event(StrEnum):
    """Joined to another report, separated from it again, or marked by an author."""

    JOINED = "joined"
    PARTED = "parted"
    MARKED = "marked"


@dataclass(frozen=True, slots=True)
class Rejudging:
    """One event of a thread; `other` is the ticket of the report that it was joined to or separated from."""

    id: str
    thread_id: str
    event: Event
    other: str | None
    at: datetime


async def note(transaction: Transaction, thread_id: str, event: Event, at: datetime, other: str | None = None) -> None:
    """Have the clock look at a thread."""
    row = {"id": clock.new_id(), "thread_id": thread_id, "event": event, "other": other, "at": at}
    await transaction.connection.execute(rejudgings.insert(), row)


async def before(connection: AsyncConnection, at: datetime, limit: int) -> Sequence[Rejudging]:
    """What happened before a moment and was not looked at yet, in order."""
    wanted = select(rejudgings).where(rejudgings.c.at < at).order_by(rejudgings.c.at, rejudgings.c.id).limit(limit)
    rows = (await connection.execute(wanted)).all()
    return [Rejudging(row.id, row.thread_id, Event(row.event), row.other, row.at) for row in rows]


async def done(transaction: Transaction, looked_at: Sequence[Rejudging]) -> None:
    """Forget what was looked at."""
    ids = [one.id for one in looked_at]
    await transaction.connection.execute(delete(rejudgings).where(rejudgings.c.id.in_(ids)))
