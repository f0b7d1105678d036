"""What was told of the deadlines of cases, and which cases are to be looked at for it now."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import State
from gateway.schema_cases import Due, Level
from store.cases import Case, read
from store.database import Transaction
from store.tables_cases import cases
from store.tables_posts import posts
from store.tables_reminders import reminders


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case that is to be looked at, and the ticket of its thread; `published` when a department has it to answer."""

    case: Case
    ticket: str
    published: bool


@dataclass(frozen=True, slots=True)
class Reminder:
    """One step of a case's plan that went out: when it was due, when it went, and to how many lines.

    `round` is when the clock began that it belongs to, `step` its name in the plan.
    """

    due: Due
    round: datetime
    step: str
    level: Level
    due_at: datetime
    at: datetime
    told: int


async def waiting(connection: AsyncConnection, at: datetime, limit: int) -> Sequence[Waiting]:
    """The cases to be looked at by a moment, the longest waiting first; nobody else gets them meanwhile."""
    wanted = (
        select(cases, posts.c.ticket, posts.c.state)
        .join(posts, posts.c.id == cases.c.thread_id)
        .where(cases.c.remind_at <= at)
        .order_by(cases.c.remind_at)
        .limit(limit)
        .with_for_update(of=cases, skip_locked=True)
    )
    rows = (await connection.execute(wanted)).all()
    return [Waiting(read(row), row.ticket, row.state == State.PUBLISHED) for row in rows]


async def gone(connection: AsyncConnection, thread_ids: Sequence[str]) -> Mapping[str, Sequence[Reminder]]:
    """What went out of some cases, in the order in which it was due."""
    wanted = select(reminders).where(reminders.c.thread_id.in_(thread_ids)).order_by(reminders.c.due_at)
    found: defaultdict[str, list[Reminder]] = defaultdict(list)
    for row in await connection.execute(wanted):
        told = Reminder(Due(row.due), row.round, row.step, Level(row.level), row.due_at, row.at, row.told)
        found[row.thread_id].append(told)
    return found


async def add(transaction: Transaction, told: Iterable[tuple[str, Reminder]]) -> None:
    """Note what goes out, by thread. What was noted before is a fault of the database: nothing goes out twice."""
    rows = [
        {
            "thread_id": thread_id,
            "due": one.due,
            "round": one.round,
            "step": one.step,
            "level": one.level,
            "due_at": one.due_at,
            "at": one.at,
            "told": one.told,
        }
        for thread_id, one in told
    ]
    if rows:
        await transaction.connection.execute(reminders.insert(), rows)


async def look_again(transaction: Transaction, moments: Mapping[str, datetime | None]) -> None:
    """When some cases are to be looked at next; None for those that nothing is to be told of any more."""
    later = update(cases).where(cases.c.thread_id == bindparam("thread")).values(remind_at=bindparam("moment"))
    rows = [{"thread": thread_id, "moment": moment} for thread_id, moment in moments.items()]
    if rows:
        await transaction.connection.execute(later, rows)
