"""What came and what became of it, by the days of the city: kept once counted (`counting`), and added up to be read."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from enum import StrEnum

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import State
from store.database import Transaction
from store.dialect import hold_back, insert_all
from store.paces import Pace, Times
from store.tables_figures import figures, paces
from store.tables_posts import posts


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
# Before any day was over: what was counted then is counted again.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


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


FIELDS = tuple(one.name for one in fields(Figures))
Key = tuple[Dimension, str]


@dataclass(frozen=True, slots=True)
class Counted:
    """One day: its figures by dimension and value, and how many waited for how long."""

    figures: Mapping[Key, Figures]
    paces: Mapping[tuple[Key, Pace], Times]


@dataclass(frozen=True, slots=True)
class Parts:
    """What can be added up of a day or a value: its figures, and how many waited how long."""

    figures: Figures = field(default_factory=Figures)
    decision: Times = field(default_factory=dict)
    answer: Times = field(default_factory=dict)

    def __add__(self, other: "Parts") -> "Parts":
        decision, answer = _together(self.decision, other.decision), _together(self.answer, other.answer)
        return Parts(self.figures + other.figures, decision, answer)


@dataclass(frozen=True, slots=True)
class Known:
    """When a day was counted, and how much had been said on it."""

    at: datetime
    said: int


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


async def counted(connection: AsyncConnection, since: date) -> Mapping[str, Known]:
    """The days that were counted, from one on."""
    wanted = select(figures.c.day, figures.c.counted_at, figures.c.posts + figures.c.followups)
    wanted = wanted.where(figures.c.dimension == Dimension.ALL, figures.c.day >= since.isoformat())
    return {row[0]: Known(row[1], row[2]) for row in await connection.execute(wanted)}


async def keep(transaction: Transaction, day: date, found: Counted, at: datetime) -> None:
    """Put a day's figures in the place of those counted before."""
    connection, name = transaction.connection, day.isoformat()
    # Two processes count one day when somebody looks at each.
    await hold_back(connection, [f"figures {name}"])
    for table in (figures, paces):
        known = (table.c.dimension.in_(list(Dimension)), table.c.day == name)
        held = (table.c.pace.in_(list(Pace)),) if table is paces else ()
        await connection.execute(delete(table).where(*known, *held))
    rows = [
        {"dimension": dimension, "day": name, "value": value, "counted_at": at}
        | {one: getattr(number, one) for one in FIELDS}
        for (dimension, value), number in found.figures.items()
    ]
    await insert_all(connection, figures, rows)
    waited = [
        {"dimension": dimension, "day": name, "value": value, "pace": pace, "seconds": seconds, "number": number}
        for ((dimension, value), pace), times in found.paces.items()
        for seconds, number in times.items()
    ]
    if waited:
        await insert_all(connection, paces, waited)


async def count_anew(transaction: Transaction, places: Sequence[str]) -> None:
    """Have the days counted again on which something was said at some places, though they are over for long."""
    named = select(figures.c.day).where(figures.c.dimension == Dimension.PLACE, figures.c.value.in_(places))
    waited = select(paces.c.day).where(
        paces.c.dimension == Dimension.PLACE, paces.c.pace.in_(list(Pace)), paces.c.value.in_(places)
    )
    days = or_(figures.c.day.in_(named), figures.c.day.in_(waited))
    anew = update(figures).where(figures.c.dimension == Dimension.ALL, days).values(counted_at=NEVER)
    await transaction.connection.execute(anew)


async def read(
    connection: AsyncConnection, first: date, last: date, dimension: Dimension | None = None
) -> Mapping[str, Parts]:
    """A period along a dimension, by value; without one by day. What never happened in it is left out."""
    found = await _figures(connection, first, last, dimension)
    decision, answer = [await _times(connection, first, last, dimension, pace) for pace in Pace]
    return {
        name: Parts(found.get(name, Figures()), decision.get(name, {}), answer.get(name, {}))
        for name in {*found, *decision, *answer}
    }


async def _figures(
    connection: AsyncConnection, first: date, last: date, dimension: Dimension | None
) -> Mapping[str, Figures]:
    days = figures.c.day.between(first.isoformat(), last.isoformat())
    within = (figures.c.dimension == (dimension or Dimension.ALL)) & days
    name = figures.c.value if dimension else figures.c.day
    wanted = select(name, *(func.sum(figures.c[one]) for one in FIELDS)).where(within).group_by(name)
    return {row[0]: Figures(*(int(number) for number in row[1:])) for row in await connection.execute(wanted)}


async def _times(
    connection: AsyncConnection, first: date, last: date, dimension: Dimension | None, pace: Pace
) -> Mapping[str, Times]:
    days = paces.c.day.between(first.isoformat(), last.isoformat())
    within = (paces.c.dimension == (dimension or Dimension.ALL)) & (paces.c.pace == pace) & days
    name = paces.c.value if dimension else paces.c.day
    wanted = select(name, paces.c.seconds, func.sum(paces.c.number)).where(within).group_by(name, paces.c.seconds)
    found: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for value, seconds, number in await connection.execute(wanted):
        found[value][seconds] = int(number)
    return found


def _together(one: Times, other: Times) -> Times:
    if not one or not other:
        return one or other
    return {seconds: one.get(seconds, 0) + other.get(seconds, 0) for seconds in {*one, *other}}
