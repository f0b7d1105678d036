"""The scores of departments: each month as it was counted last, frozen after its end, and corrected by rows added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Transaction
from store.dialect import hold_back, upsert
from store.tables_scores import assessments, scored, scores, supervisor_points


@dataclass(frozen=True, slots=True)
class Month:
    """One month as it was counted; `formula` and `city` as they were then. Nothing of it changes once frozen."""

    month: str
    formula: Mapping[str, Any]
    city: Mapping[str, Any]
    counted_at: datetime
    frozen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Kept:
    """One score of a department for a month. Number 0 is as it was counted; a correction has its cause, and when a
    person made it a reason and who that was."""

    month: str
    department: str
    number: int
    inputs: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]
    total: float
    at: datetime
    cause: str | None = None
    thread_id: str | None = None
    reason: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """What a supervisor gave; None took back what was given before."""

    department: str
    points: float | None
    reason: str
    actor: str
    at: datetime


@dataclass(slots=True)
class Scored:
    """A report of a frozen month, with what its authors said of it, and why it counts no more, if so."""

    month: str
    thread_id: str
    department: str
    round: int
    solved: float | None
    mark: float | None
    out: str | None


async def months(connection: AsyncConnection) -> Mapping[str, Month]:
    """Every month that was counted, in order."""
    rows = await connection.execute(select(assessments).order_by(assessments.c.month))
    return {row.month: Month(*row) for row in rows}


async def month(connection: AsyncConnection, name: str) -> Month | None:
    """One of them."""
    row = (await connection.execute(select(assessments).where(assessments.c.month == name))).first()
    return Month(*row) if row else None


async def hold(transaction: Transaction, name: str) -> Month | None:
    """The same, and no other process changes it, or counts it for the first time, until the transaction ends."""
    await hold_back(transaction.connection, [f"assessment {name}"])
    wanted = select(assessments).where(assessments.c.month == name).with_for_update()
    row = (await transaction.connection.execute(wanted)).first()
    return Month(*row) if row else None


async def keep(transaction: Transaction, counted: Month, found: Sequence[Kept]) -> None:
    """Put a month as it was counted now in the place of how it was counted before. Never for one that is frozen."""
    connection = transaction.connection
    columns = [column.name for column in assessments.c]
    row = {name: getattr(counted, name) for name in columns}
    await connection.execute(upsert(connection, assessments, ["month"], columns[1:]), row)
    await connection.execute(delete(scores).where(scores.c.month == counted.month))
    if found:
        await connection.execute(scores.insert(), [_row(one) for one in found])


async def correct(transaction: Transaction, corrected: Kept) -> None:
    """Add a correction."""
    await transaction.connection.execute(scores.insert(), _row(corrected))


async def of_months(
    connection: AsyncConnection, first: str, last: str, department: str | None = None
) -> Sequence[Kept]:
    """The scores of some months (or of one department in them), of each month in order, corrections last."""
    wanted = select(scores).where(scores.c.month.between(first, last))
    if department is not None:
        wanted = wanted.where(scores.c.department == department)
    rows = await connection.execute(wanted.order_by(scores.c.month, scores.c.department, scores.c.number))
    return [_kept(row) for row in rows]


async def points(connection: AsyncConnection, name: str) -> Sequence[Points]:
    """What supervisors gave for a month, in order."""
    given = supervisor_points
    wanted = select(given.c.department, given.c.points, given.c.reason, given.c.actor, given.c.at)
    rows = await connection.execute(wanted.where(given.c.month == name).order_by(given.c.id))
    return [Points(*row) for row in rows]


async def give(transaction: Transaction, name: str, given: Points) -> None:
    """Give points, or take them back."""
    row = {"month": name} | {one: getattr(given, one) for one in ("department", "points", "reason", "actor", "at")}
    await transaction.connection.execute(supervisor_points.insert(), row)


async def find_scored(transaction: Transaction, name: str, thread_id: str) -> tuple[str, str | None] | None:
    """Which department a report of a frozen month is judged with, and why it counts no more, if so."""
    wanted = select(scored.c.department, scored.c.out)
    wanted = wanted.where(scored.c.month == name, scored.c.thread_id == thread_id)
    row = (await transaction.connection.execute(wanted)).first()
    return (row.department, row.out) if row else None


async def scored_of(connection: AsyncConnection, thread_ids: Sequence[str]) -> Sequence[Scored]:
    """Where some reports were judged, of all frozen months."""
    columns = (scored.c[name] for name in ("month", "thread_id", "department", "round", "solved", "mark", "out"))
    wanted = select(*columns).where(scored.c.thread_id.in_(thread_ids)).order_by(scored.c.month)
    return [Scored(*row) for row in await connection.execute(wanted)]


async def set_opinion(transaction: Transaction, judged: Scored) -> None:
    """What the authors of a report of a frozen month say of it now."""
    fits = (scored.c.month == judged.month, scored.c.thread_id == judged.thread_id)
    await transaction.connection.execute(update(scored).where(*fits).values(solved=judged.solved, mark=judged.mark))


async def set_out(transaction: Transaction, name: str, thread_ids: Sequence[str], why: str | None) -> None:
    """Have reports of a frozen month count no more, or count again (None)."""
    fits = (scored.c.month == name, scored.c.thread_id.in_(thread_ids))
    await transaction.connection.execute(update(scored).where(*fits).values(out=why))


async def counted_before(connection: AsyncConnection, name: str) -> Sequence[tuple[str, str, str]]:
    """Of the reports of a frozen month those that an earlier month still counts, each with that month and its
    department: they were reopened since."""
    earlier = scored.alias("earlier")
    wanted = (
        select(earlier.c.month, earlier.c.department, earlier.c.thread_id)
        .join(scored, scored.c.thread_id == earlier.c.thread_id)
        .where(scored.c.month == name, earlier.c.month < name, earlier.c.out.is_(None))
        .order_by(earlier.c.month, earlier.c.department)
    )
    return [(row[0], row[1], row[2]) for row in await connection.execute(wanted)]


async def last_number(transaction: Transaction, name: str, department: str) -> int:
    """The number of a department's last correction; 0 without any."""
    wanted = select(func.max(scores.c.number)).where(scores.c.month == name, scores.c.department == department)
    return (await transaction.connection.execute(wanted)).scalar() or 0


def _row(one: Kept) -> dict[str, Any]:
    return {column.name: getattr(one, column.name) for column in scores.c}


def _kept(row: Row[Any]) -> Kept:
    return Kept(**row._mapping)
