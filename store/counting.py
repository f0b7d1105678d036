"""Counts one day of the city from the rows themselves, along every dimension at once.

Each question reads the rows of its day by an index, once, and the database groups them: what comes back is bounded by
how many different values there are, not by how much came.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import Kind, State
from store.dialect import seconds_between
from store.figures import NONE, OTHERS, Counted, Dimension, Figures, Key
from store.moments import Moment
from store.paces import Pace, rounded
from store.tables_cases import cases
from store.tables_channels import tallies
from store.tables_history import SETTLED, history
from store.tables_posts import incoming, posts
from store.tallies import Span
from store.together import DUPLICATE

# What is said at more places in a day is told of the busiest; the others are one.
MOST_PLACES = 50
HOUR = timedelta(hours=1)
# What citizens say. Answers and notices are the city's own.
SAID = (Kind.REPORT, Kind.PRAISE, Kind.QUESTION, Kind.IDEA, Kind.COMMENT)
UNTIMED = -1
# Whom the history names where no person decided.
BY_RULE = "rule"
_everything = (Dimension.CHANNEL, Dimension.HOUR, Dimension.CATEGORY, Dimension.DEPARTMENT, Dimension.PLACE)
_settled = text(SETTLED.replace("from_state", "history.from_state").replace("to_state", "history.to_state"))
_thread, _undone, _earlier = posts.alias("thread"), history.alias("undone"), posts.alias("earlier")


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the city as moments, and which hour of the city each hour since its beginning is."""

    date: date
    begin: datetime
    end: datetime
    hours: Sequence[str]

    def holds(self, moment: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether a moment lies in it, in SQL."""
        return and_(moment >= self.begin, moment < self.end)

    def hour(self, moment: ColumnElement[Any]) -> ColumnElement[int]:
        """How many whole hours of it were over, in SQL."""
        return seconds_between(literal(self.begin, Moment), moment) // literal(3600)


async def count(connection: AsyncConnection, day: Day, channels: Sequence[str]) -> Counted:
    """Count a day. `channels` are all that messages may have come by."""
    figures: defaultdict[Key, Figures] = defaultdict(Figures)
    paces: defaultdict[tuple[Key, Pace], dict[int, int]] = defaultdict(dict)
    # The day is there also when nothing happened.
    figures[Dimension.ALL, NONE] = Figures()
    questions: tuple[tuple[Select[Any], Sequence[str], Sequence[Dimension], Pace | None], ...] = (
        (_received(day, channels), ("received",), (Dimension.CHANNEL, Dimension.HOUR), None),
        (_came(day), ("posts", "followups"), _everything, None),
        (_decided(day), ("published", "rejected", "held"), _everything, Pace.DECISION),
        (_answered(day), ("answered",), _everything, Pace.ANSWER),
        (_sent(day), ("sent", "failed"), (Dimension.CHANNEL, Dimension.HOUR), None),
    )
    for facts, numbers, dimensions, pace in questions:
        for row in await connection.execute(_grouped(facts, numbers, dimensions, timed=pace is not None)):
            found = Figures(**{name: int(getattr(row, name)) for name in numbers})
            for key in _keys(day, Dimension(row.dimension), row.value):
                figures[key] += found
                if pace and row.pace != UNTIMED:
                    times = paces[key, pace]
                    times[row.pace] = times.get(row.pace, 0) + int(row.timed)
    return Counted(figures, paces)


def _keys(day: Day, dimension: Dimension, value: str) -> Sequence[Key]:
    """Where a row counts: the channels together are all that happened."""
    if dimension is Dimension.HOUR:
        return [(dimension, day.hours[int(value)])]
    return [(dimension, value), (Dimension.ALL, NONE)] if dimension is Dimension.CHANNEL else [(dimension, value)]


def _grouped(facts: Select[Any], numbers: Sequence[str], dimensions: Sequence[Dimension], *, timed: bool) -> Any:
    """The rows of a question added up along each dimension; with `timed`, apart for each time that was waited."""
    rows = facts.cte("facts")
    columns: list[ColumnElement[Any]] = [func.sum(rows.c[name]).label(name) for name in numbers]
    apart = ["value"]
    if timed:
        waited = rows.c.waited
        columns += [
            case((waited == UNTIMED, UNTIMED), else_=rounded(waited)).label("pace"),
            func.count().label("timed"),
        ]
        apart.append("pace")
    parts = [
        select(literal(str(dimension)).label("dimension"), _value(rows, dimension).label("value"), *columns)
        .select_from(rows)
        .group_by(*apart)
        for dimension in dimensions
    ]
    return union_all(*parts)


def _value(rows: Any, dimension: Dimension) -> ColumnElement[str]:
    column = rows.c[dimension]
    if dimension is Dimension.PLACE:
        busiest = select(column).where(column.is_not(None)).group_by(column)
        busiest = busiest.order_by(func.count().desc(), column).limit(MOST_PLACES)
        column = case((column.is_(None), NONE), (column.in_(busiest), column), else_=OTHERS)
    return func.coalesce(cast(column, Text), NONE)


def _received(day: Day, channels: Sequence[str]) -> Select[Any]:
    """Messages, whatever they were."""
    return select(incoming.c.channel, day.hour(incoming.c.taken_at).label("hour"), literal(1).label("received")).where(
        incoming.c.channel.in_(channels), day.holds(incoming.c.taken_at)
    )


def _came(day: Day) -> Select[Any]:
    """What was said, by what its thread is about."""
    added = posts.c.kind == Kind.COMMENT
    wanted = _about(posts.c.channel, day.hour(posts.c.created_at)).add_columns(
        case((added, 0), else_=1).label("posts"), case((added, 1), else_=0).label("followups")
    )
    # All states, so that the index by state and time leads to the day.
    return wanted.where(
        posts.c.state.in_(list(State)),
        posts.c.urgent.in_([False, True]),
        day.holds(posts.c.created_at),
        posts.c.kind.in_(SAID),
    )


def _decided(day: Day) -> Select[Any]:
    """What was decided, but what was undone; how long it waited is known of what a person published or rejected.

    What was joined to another report was decided, and not turned away: it counts with that one.
    """
    reached = history.c.to_state
    joined = and_(reached == State.REJECTED, history.c.reason.is_not(None), history.c.reason == DUPLICATE)
    states = (State.PUBLISHED, State.REJECTED, State.HELD)
    timed = and_(reached != State.HELD, history.c.actor != BY_RULE)
    waited = case((timed, _clamped(posts.c.created_at, history.c.at)), else_=UNTIMED)
    taken_back = exists().where(
        _undone.c.post_id == history.c.post_id,
        _undone.c.id > history.c.id,
        _undone.c.action == "undone",
        _undone.c.from_state == reached,
    )
    return (
        _about(posts.c.channel, day.hour(history.c.at))
        .join(history, history.c.post_id == posts.c.id)
        .add_columns(
            *(case((and_(reached == state, ~joined), 1), else_=0).label(state) for state in states),
            waited.label("waited"),
        )
        .where(_settled, day.holds(history.c.at), posts.c.kind.in_(SAID), ~taken_back)
    )


def _answered(day: Day) -> Select[Any]:
    """The first answers of threads: by the line the citizen spoke on, and the department that answered."""
    before = or_(
        _earlier.c.published_at < posts.c.published_at,
        and_(_earlier.c.published_at == posts.c.published_at, _earlier.c.id < posts.c.id),
    )
    known = exists().where(
        _earlier.c.thread_id == posts.c.thread_id,
        _earlier.c.kind == Kind.ANSWER,
        _earlier.c.state == State.PUBLISHED,
        before,
    )
    return (
        _about(_thread.c.channel, day.hour(posts.c.published_at))
        .add_columns(literal(1).label("answered"), _clamped(_thread.c.created_at, posts.c.published_at).label("waited"))
        .where(
            posts.c.state == State.PUBLISHED,
            posts.c.private.in_([False, True]),
            posts.c.kind == Kind.ANSWER,
            day.holds(posts.c.published_at),
            ~known,
        )
    )


def _sent(day: Day) -> Select[Any]:
    """Deliveries, from what the channels counted by the hour; an hour belongs to the day it begins in."""
    return select(tallies.c.channel, day.hour(tallies.c.at).label("hour"), tallies.c.sent, tallies.c.failed).where(
        tallies.c.span == Span.HOUR, day.holds(tallies.c.at)
    )


def _about(channel: ColumnElement[str], hour: ColumnElement[int]) -> Select[Any]:
    """Posts with what their thread is about."""
    department = func.coalesce(posts.c.department, cases.c.department).label("department")
    # Counts outlive a post and its author's wish to be forgotten: they name places that the public may read, no other.
    public = and_(_thread.c.state == State.PUBLISHED, _thread.c.private.is_(False))
    place = case((public, _thread.c.place)).label("place")
    return (
        select(channel.label("channel"), hour.label("hour"), _thread.c.category, department, place)
        .select_from(posts)
        .join(_thread, _thread.c.id == posts.c.thread_id)
        .outerjoin(cases, cases.c.thread_id == posts.c.thread_id)
    )


def _clamped(since: ColumnElement[Any], until: ColumnElement[Any]) -> ColumnElement[int]:
    """How long something waited; clocks of two machines may say less than none."""
    seconds = seconds_between(since, until)
    return case((seconds < 0, 0), else_=seconds)
