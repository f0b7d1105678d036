"""What came and what became of it, by the days of the city: kept once counted (`counting`), and added up to be read."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Row, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import State
from store.database import Transaction
from store.paces import Pace, Times
from store.tables import figures, paces, posts


class Dimension(StrEnum):
    """Along what is counted."""

    ALL = "all"
    CHANNEL = "channel"
    CATEGORY = "category"
    DEPARTMENT = "department"
    PLACE = "place"
    HOUR = "hour"


# The value of what has none, and of the many places beyond those named on a day.
NONE, OTHERS = "", "*"


@dataclass(frozen=True, slots=True)
class Figures:
    """Messages in; first posts and words added to them; how they were decided; threads answered for the first time;
    deliveries that left, and that failed. Messages and deliveries are counted by channel and hour only."""

    received: int = 0
    posts: int = 0
    followups: int = 0
    published: int = 0
    rejected: int = 0
    held: int = 0
    answered: int = 0
    sent: int = 0
    failed: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(*(getattr(self, name) + getattr(other, name) for name in FIELDS))

    @property
    def decided(self) -> int:
        """Posts that were published or rejected."""
        return self.published + self.rejected


FIELDS = tuple(field.name for field in fields(Figures))
Key = tuple[Dimension, str]


@dataclass(frozen=True, slots=True)
class Counted:
    """One day: its figures by dimension and value, and how many waited for how long."""

    figures: Mapping[Key, Figures]
    paces: Mapping[tuple[Key, Pace], Times]


async def begun(connection: AsyncConnection) -> datetime | None:
    """When the first post came; None before."""
    # Of each state apart, so that the index leads to it.
    firsts = [
        select(func.min(posts.c.created_at)).where(posts.c.state == state, posts.c.urgent.is_(urgent))
        for state in State
        for urgent in (False, True)
    ]
    row = (await connection.execute(select(*(first.scalar_subquery() for first in firsts)))).one()
    return min((at for at in row if at), default=None)


async def counted(connection: AsyncConnection, since: date) -> Mapping[str, datetime]:
    """The days that were counted, from one on, and when."""
    wanted = select(figures.c.day, figures.c.counted_at)
    wanted = wanted.where(figures.c.dimension == Dimension.ALL, figures.c.day >= since.isoformat())
    return {row.day: row.counted_at for row in await connection.execute(wanted)}


async def keep(transaction: Transaction, day: date, found: Counted, at: datetime) -> None:
    """Put a day's figures in the place of those counted before."""
    connection, name = transaction.connection, day.isoformat()
    for table in (figures, paces):
        known = (table.c.dimension.in_(list(Dimension)), table.c.day == name)
        held = (table.c.pace.in_(list(Pace)),) if table is paces else ()
        await connection.execute(delete(table).where(*known, *held))
    rows = [
        {"dimension": dimension, "day": name, "value": value, "counted_at": at}
        | {one: getattr(number, one) for one in FIELDS}
        for (dimension, value), number in found.figures.items()
    ]
    await connection.execute(figures.insert(), rows)
    waited = [
        {"dimension": dimension, "day": name, "value": value, "pace": pace, "seconds": seconds, "number": number}
        for ((dimension, value), pace), times in found.paces.items()
        for seconds, number in times.items()
    ]
    if waited:
        await connection.execute(paces.insert(), waited)


async def by_day(connection: AsyncConnection, first: date, last: date) -> Mapping[str, Figures]:
    """The figures of each day of a period that was counted."""
    wanted = select(figures.c.day, *(figures.c[name] for name in FIELDS)).where(_within(first, last, Dimension.ALL))
    return {row.day: Figures(*row[1:]) for row in await connection.execute(wanted)}


async def by_value(connection: AsyncConnection, first: date, last: date, dimension: Dimension) -> Mapping[str, Figures]:
    """The figures of a period along a dimension."""
    wanted = select(figures.c.value, *(func.sum(figures.c[name]) for name in FIELDS))
    wanted = wanted.where(_within(first, last, dimension)).group_by(figures.c.value)
    return {row.value: Figures(*row[1:]) for row in await connection.execute(wanted)}


async def times_by_day(connection: AsyncConnection, first: date, last: date, pace: Pace) -> Mapping[str, Times]:
    """How many waited how long on each day of a period."""
    wanted = select(paces.c.day, paces.c.seconds, paces.c.number)
    wanted = wanted.where(_waited(first, last, Dimension.ALL, pace))
    return _gathered((await connection.execute(wanted)).all())


async def times_by_value(
    connection: AsyncConnection, first: date, last: date, dimension: Dimension, pace: Pace
) -> Mapping[str, Times]:
    """How many waited how long in a period, along a dimension."""
    wanted = select(paces.c.value, paces.c.seconds, func.sum(paces.c.number))
    wanted = wanted.where(_waited(first, last, dimension, pace)).group_by(paces.c.value, paces.c.seconds)
    return _gathered((await connection.execute(wanted)).all())


def _within(first: date, last: date, dimension: Dimension) -> ColumnElement[bool]:
    days = figures.c.day.between(first.isoformat(), last.isoformat())
    return (figures.c.dimension == dimension) & days


def _waited(first: date, last: date, dimension: Dimension, pace: Pace) -> ColumnElement[bool]:
    days = paces.c.day.between(first.isoformat(), last.isoformat())
    return (paces.c.dimension == dimension) & (paces.c.pace == pace) & days


def _gathered(rows: Sequence[Row[str, int, int]]) -> Mapping[str, Times]:
    found: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for value, seconds, number in rows:
        found[value][seconds] = number
    return found
