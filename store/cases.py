"""Cases: the work a department does on a thread, and its clock.

A clock that stands still (`stopped_at`) keeps the deadline it would have had; whoever starts it again sets a new one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.errors import NotFound
from gateway.schema import Kind, State
from gateway.schema_cases import OPEN_PROGRESS, Deadline, Due, Level, Progress
from store.database import Transaction
from store.dialect import insert_new
from store.tables_cases import cases
from store.tables_posts import posts
from store.tables_reminders import reminders


@dataclass(frozen=True, slots=True)
class Case:
    """One thread's case. `handed_to` is whom `department` would pass it on to, `officer` the account that has it; the
    time of the answer is counted since `begun_at`.

    One that is merged is another thread's work: `merged_into` is that thread, `merged_state` how its post stood before.
    """

    thread_id: str
    department: str | None
    progress: Progress
    span: Deadline
    opened_at: datetime
    acknowledge_by: datetime | None
    acknowledged_at: datetime | None
    due_at: datetime
    stopped_at: datetime | None
    handed_to: str | None
    handed_at: datetime | None
    answered_at: datetime | None
    reopened: int
    begun_at: datetime
    officer: str | None = None
    merged_into: str | None = None
    merged_at: datetime | None = None
    merged_state: State | None = None


@dataclass(frozen=True, slots=True)
class Overdue:
    """A published thread whose answer is late, as everybody may know it."""

    ticket: str
    text: str
    department: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Load:
    """What a department has before it: how much is open, how much of that late, and how much only it and its authors
    read."""

    open: int = 0
    late: int = 0
    private: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """What a department answered in some time: how much, how much of it in time, and how much in private."""

    answered: int
    in_time: int
    private: int


async def open_case(transaction: Transaction, thread_id: str, **values: Any) -> None:
    """Open a thread's case; one that is open already stays as it is."""
    opened = values["opened_at"]
    row = {"thread_id": thread_id, "begun_at": opened, "remind_at": opened, **values}
    await transaction.connection.execute(insert_new(transaction.connection, cases, ["thread_id"]), row)


async def drop(transaction: Transaction, thread_id: str) -> None:
    """Take away a case that was opened by mistake and nobody answered yet."""
    unanswered = delete(cases).where(cases.c.thread_id == thread_id, cases.c.answered_at.is_(None))
    await transaction.connection.execute(unanswered)
    still = select(cases.c.thread_id).where(cases.c.thread_id == thread_id)
    told = delete(reminders).where(reminders.c.thread_id == thread_id, ~still.exists())
    await transaction.connection.execute(told)


async def answer(transaction: Transaction, thread_id: str, department: str | None, span: str, at: datetime) -> None:
    """Note that a department answered, also when nobody had opened the case; a clock that stands still stays so."""
    row = {
        "thread_id": thread_id,
        "department": department,
        "progress": Progress.ANSWERED,
        "span": span,
        "opened_at": at,
        "begun_at": at,
        "due_at": at,
        "acknowledged_at": at,
        "answered_at": at,
        "stopped_at": at,
    }
    made = insert_new(transaction.connection, cases, ["thread_id"])
    await transaction.connection.execute(made, row)
    moment = literal(at, cases.c.answered_at.type)
    known = update(cases).where(cases.c.thread_id == thread_id)
    await transaction.connection.execute(
        known.values(
            department=department,
            progress=Progress.ANSWERED,
            acknowledged_at=func.coalesce(cases.c.acknowledged_at, moment),
            stopped_at=func.coalesce(cases.c.stopped_at, moment),
            answered_at=at,
            handed_to=None,
            handed_at=None,
        )
    )


async def load(connection: AsyncConnection, thread_id: str, *, hold: bool = False) -> Case:
    """The case of a thread. Raises `NotFound`. With `hold` no other process changes it until the transaction ends."""
    case = await find(connection, thread_id, hold=hold)
    if case is None:
        raise NotFound("there is no case of this thread")
    return case


async def find(connection: AsyncConnection, thread_id: str, *, hold: bool = False) -> Case | None:
    """The same, or None."""
    wanted = select(cases).where(cases.c.thread_id == thread_id)
    row = (await connection.execute(wanted.with_for_update() if hold else wanted)).first()
    return read(row) if row else None


async def change(transaction: Transaction, thread_id: str, **values: Any) -> None:
    """Change a case; staff pages hear of it, and what is to be told of its deadlines is thought out anew."""
    known = update(cases).where(cases.c.thread_id == thread_id)
    await transaction.connection.execute(known.values(remind_at=clock.now(), **values))
    transaction.wake("queue")


async def heard_from(connection: AsyncConnection, limit: int) -> Mapping[str, datetime]:
    """The waiting threads whose author wrote since he was asked, each with when he first did."""
    first = posts.alias("first")
    wanted = (
        select(cases.c.thread_id, func.min(posts.c.created_at).label("at"))
        .join(posts, and_(posts.c.thread_id == cases.c.thread_id, posts.c.created_at > cases.c.stopped_at))
        .join(first, first.c.id == cases.c.thread_id)
        .where(
            cases.c.progress == Progress.WAITING,
            posts.c.kind == Kind.COMMENT,
            posts.c.state != State.REJECTED,
            posts.c.citizen_id == first.c.citizen_id,
        )
        .group_by(cases.c.thread_id)
        .limit(limit)
    )
    return {row.thread_id: row.at for row in await connection.execute(wanted)}


async def answered_before(connection: AsyncConnection, before: datetime, limit: int) -> Sequence[str]:
    """The threads that were answered before a moment and are not closed, the longest first."""
    wanted = select(cases.c.thread_id).where(cases.c.progress == Progress.ANSWERED, cases.c.answered_at < before)
    return (await connection.execute(wanted.order_by(cases.c.answered_at).limit(limit))).scalars().all()


async def overdue(
    connection: AsyncConnection, at: datetime, limit: int, *, department: str | None = None
) -> Sequence[Overdue]:
    """What stands on the public list of late answers, the longest late first: it came so far by its reminders. Of one
    department when one is named."""
    its = cases.c.department.is_not(None) if department is None else cases.c.department == department
    listed = select(reminders.c.thread_id).where(
        reminders.c.thread_id == cases.c.thread_id,
        reminders.c.due == Due.ANSWER,
        reminders.c.round == cases.c.begun_at,
        reminders.c.level == Level.PUBLIC,
    )
    wanted = (
        select(posts.c.ticket, posts.c.text, cases.c.department, cases.c.due_at)
        .join(posts, posts.c.id == cases.c.thread_id)
        .where(_late(at), its, listed.exists())
        .where(posts.c.state == State.PUBLISHED, posts.c.private.is_(False))
        .order_by(cases.c.due_at)
        .limit(limit)
    )
    return [Overdue(*row) for row in await connection.execute(wanted)]


async def loads(connection: AsyncConnection, departments: Sequence[str], at: datetime) -> Mapping[str, Load]:
    """What each of some departments has before it. What was withdrawn it has no more, though its case is kept."""
    late, private = func.count().filter(_late(at)), func.count().filter(posts.c.private)
    wanted = (
        select(cases.c.department, func.count(), late, private)
        .select_from(cases)
        .join(posts, posts.c.id == cases.c.thread_id)
        .where(cases.c.department.in_(departments), cases.c.progress.in_(OPEN_PROGRESS))
        .where(posts.c.state == State.PUBLISHED)
        .group_by(cases.c.department)
    )
    found = {row[0]: Load(*row[1:]) for row in await connection.execute(wanted)}
    return {slug: found.get(slug, Load()) for slug in departments}


async def record(connection: AsyncConnection, department: str, since: datetime) -> Record:
    """What a department answered since a moment, each case as it was answered last."""
    in_time = func.count().filter(cases.c.answered_at <= cases.c.due_at)
    wanted = (
        select(func.count(), in_time, func.count().filter(posts.c.private))
        .select_from(cases)
        .join(posts, posts.c.id == cases.c.thread_id)
        .where(cases.c.department == department, cases.c.answered_at >= since)
        # What was joined to another report is answered with that one.
        .where(cases.c.progress != Progress.MERGED)
    )
    return Record(*(await connection.execute(wanted)).one())


async def open_of(connection: AsyncConnection, department: str) -> int:
    """How many open cases a department has, or would get."""
    its = or_(cases.c.department == department, cases.c.handed_to == department)
    wanted = select(func.count()).select_from(cases).where(its, cases.c.progress.in_(OPEN_PROGRESS))
    return int((await connection.execute(wanted)).scalar_one())


def _late(at: datetime) -> ColumnElement[bool]:
    return and_(cases.c.stopped_at.is_(None), cases.c.due_at < at)


def read(row: Row[Any]) -> Case:
    """A row of `cases` as a case."""
    return Case(
        thread_id=row.thread_id,
        department=row.department,
        progress=Progress(row.progress),
        span=row.span,
        opened_at=row.opened_at,
        acknowledge_by=row.acknowledge_by,
        acknowledged_at=row.acknowledged_at,
        due_at=row.due_at,
        stopped_at=row.stopped_at,
        handed_to=row.handed_to,
        handed_at=row.handed_at,
        answered_at=row.answered_at,
        reopened=row.reopened,
        merged_into=row.merged_into,
        merged_at=row.merged_at,
        merged_state=State(row.merged_state) if row.merged_state else None,
        begun_at=row.begun_at,
        officer=row.officer,
    )
