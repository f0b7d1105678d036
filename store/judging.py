"""By which reports departments are judged in a month: live from their cases, or as they were kept when it was frozen.

A report counts in the month in which it was answered in time, or else in the one in which its time was up. Of one that
was reopened only the last round counts. Both ways give the same columns, so that a number and the list behind it are
one question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Select,
    String,
    Subquery,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import State
from gateway.schema_cases import OPEN_PROGRESS, Progress
from store.cursors import cursor_at, position_of
from store.database import Transaction
from store.tables_cases import cases
from store.tables_marks import marks
from store.tables_posts import posts
from store.tables_scores import scored

ANSWERED = (Progress.ANSWERED, Progress.CLOSED)
# What was merged into another report is judged with that one.
JUDGED = (*OPEN_PROGRESS, *ANSWERED)
# Of several authors of one report, some may say that it is solved and some that it is not.
HALF = 0.5
COLUMNS = ("thread_id", "department", "round", "due_at", "answered_at", "in_time", "solved", "mark")


@dataclass(frozen=True, slots=True)
class Asked:
    """A month as of a moment: from `begin` to before `end`, knowing what was before `at`."""

    month: str
    begin: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """What a department's reports of a month come to, each counted once."""

    reports: int = 0
    answered: int = 0
    in_time: int = 0
    told: int = 0
    solved: float = 0
    marked: int = 0
    stars: float = 0


class Which(StrEnum):
    """The reports behind a number."""

    ALL = "all"
    ANSWERED = "answered"
    IN_TIME = "in_time"
    LATE = "late"
    UNANSWERED = "unanswered"
    TOLD = "told"
    SOLVED = "solved"
    UNSOLVED = "unsolved"
    MARKED = "marked"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class Judged:
    """One report as everybody may know it, and how it stood. One whose author was asked for something may have been
    answered in time after `due_at`: its clock stood still."""

    thread_id: str
    ticket: str
    text: str
    due_at: datetime
    answered_at: datetime | None
    in_time: bool
    solved: float | None
    mark: float | None
    out: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Reports, newest first; `hidden` are those behind the number that not everybody may read, in all pages."""

    items: Sequence[Judged]
    next: str | None
    hidden: int


def live(asked: Asked, departments: Sequence[str]) -> Subquery:
    """The reports of a month as their cases stand, of some departments."""
    due, stopped, answered = cases.c.due_at, cases.c.stopped_at, cases.c.answered_at
    # A clock that an answer stopped, or a question that was answered then.
    done = cases.c.progress.in_(ANSWERED)
    in_time = _of(departments, asked, answered, literal(True)).where(
        done, stopped <= due, answered >= asked.begin, answered < asked.end, answered < asked.at
    )
    late = case((and_(done, stopped < asked.at), stopped))
    ran_out = _of(departments, asked, late, literal(False)).where(
        due >= asked.begin, due < asked.end, due < asked.at, or_(stopped.is_(None), stopped > due)
    )
    return union_all(in_time, ran_out).subquery("judged")


def kept(month: str, departments: Sequence[str]) -> Subquery:
    """The reports of a frozen month, as they stood then."""
    wanted = select(*(scored.c[name] for name in COLUMNS), scored.c.out)
    return wanted.where(scored.c.month == month, scored.c.department.in_(departments)).subquery("judged")


async def freeze(
    transaction: Transaction, asked: Asked, departments: Sequence[str], thread_id: str | None = None
) -> None:
    """Keep a month's reports as they stand, or one of them."""
    known = live(asked, departments)
    rows = select(*(known.c[name] for name in COLUMNS), literal(asked.month).label("month"))
    if thread_id is not None:
        rows = rows.where(known.c.thread_id == thread_id)
    await transaction.connection.execute(scored.insert().from_select([*COLUMNS, "month"], rows))


async def opinion(connection: AsyncConnection, thread_id: str, of_round: int) -> tuple[float | None, float | None]:
    """What a report's authors say by now of the answers of a round: the share of them for whom it is solved, and the
    mean mark."""
    wanted = select(_solved(), _mean()).where(marks.c.thread_id == thread_id, marks.c.round == of_round)
    row = (await connection.execute(wanted)).one()
    return row[0], row[1]


async def counts(connection: AsyncConnection, known: Subquery) -> Mapping[str, Counts]:
    """What the reports come to, by department; those that count no more are left out."""
    number = func.count()
    wanted = (
        select(
            known.c.department,
            number,
            func.count(known.c.answered_at),
            func.count(case((known.c.in_time, 1))),
            func.count(known.c.solved),
            func.coalesce(func.sum(known.c.solved), 0.0),
            func.count(known.c.mark),
            func.coalesce(func.sum(known.c.mark), 0.0),
        )
        .where(known.c.out.is_(None))
        .group_by(known.c.department)
    )
    return {row[0]: Counts(*row[1:]) for row in await connection.execute(wanted)}


async def page(
    connection: AsyncConnection, known: Subquery, which: Which, *, cursor: str | None = None, limit: int = 50
) -> Page:
    """The reports behind a number, those whose time was up last first. Raises `BadInput` for a cursor not ours."""
    public = and_(posts.c.state == State.PUBLISHED, posts.c.private.is_(False))
    fits = select(known).join(posts, posts.c.id == known.c.thread_id).where(_is(known, which))
    all_hidden = fits.where(~public).with_only_columns(func.count())
    hidden = (await connection.execute(all_hidden)).scalar_one()
    shown = fits.add_columns(posts.c.ticket, posts.c.text).where(public)
    if cursor:
        due_at, thread_id = position_of(cursor)
        shown = shown.where(or_(known.c.due_at < due_at, and_(known.c.due_at == due_at, known.c.thread_id < thread_id)))
    shown = shown.order_by(known.c.due_at.desc(), known.c.thread_id.desc()).limit(limit + 1)
    rows = (await connection.execute(shown)).all()
    items = [
        Judged(
            row.thread_id,
            row.ticket,
            row.text,
            row.due_at,
            row.answered_at,
            bool(row.in_time),
            row.solved,
            row.mark,
            row.out,
        )
        for row in rows[:limit]
    ]
    following = cursor_at(items[-1].due_at, items[-1].thread_id) if len(rows) > limit else None
    return Page(items, following, hidden)


def _of(
    departments: Sequence[str], asked: Asked, answered: ColumnElement[Any], in_time: ColumnElement[bool]
) -> Select[Any]:
    """Cases that may count, and have not counted in a month that is frozen."""
    elsewhere = exists().where(scored.c.thread_id == cases.c.thread_id, scored.c.round == cases.c.reopened)
    return (
        select(
            cases.c.thread_id,
            cases.c.department,
            cases.c.reopened.label("round"),
            cases.c.due_at,
            answered.label("answered_at"),
            in_time.label("in_time"),
            *_opinions(asked.at),
            cast(null(), String(16)).label("out"),
        )
        .join(posts, posts.c.id == cases.c.thread_id)
        .where(cases.c.department.in_(departments), cases.c.progress.in_(JUDGED), ~elsewhere)
        .where(posts.c.state == State.PUBLISHED)
    )


def _opinions(until: datetime) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """What a case's authors said of its last answer: the share of them for whom it is solved, and the mean mark."""
    said = marks.c.thread_id == cases.c.thread_id, marks.c.round == cases.c.reopened, marks.c.at < until
    solved, mark = (select(value).where(*said).correlate(cases).scalar_subquery() for value in (_solved(), _mean()))
    return solved.label("solved"), mark.label("mark")


def _solved() -> ColumnElement[Any]:
    yes = case((marks.c.solved.is_(True), 1.0), (marks.c.solved.is_(False), 0.0))
    return cast(func.avg(yes), Float)


def _mean() -> ColumnElement[Any]:
    return cast(func.avg(marks.c.mark), Float)


def _is(known: Subquery, which: Which) -> ColumnElement[bool]:
    """Whether a report is one of those behind a number."""
    answered, solved = known.c.answered_at, known.c.solved
    if which is Which.LEFT_OUT:
        return known.c.out.is_not(None)
    fits: dict[Which, ColumnElement[bool]] = {
        Which.ALL: true(),
        Which.ANSWERED: answered.is_not(None),
        Which.IN_TIME: known.c.in_time,
        Which.LATE: and_(answered.is_not(None), ~known.c.in_time),
        Which.UNANSWERED: answered.is_(None),
        Which.TOLD: solved.is_not(None),
        Which.SOLVED: solved >= HALF,
        Which.UNSOLVED: solved < HALF,
        Which.MARKED: known.c.mark.is_not(None),
    }
    return and_(known.c.out.is_(None), fits[which])
