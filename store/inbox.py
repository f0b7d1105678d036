"""The inbox: everything that was said, by what is known of it, newest or oldest first.

The filters can be put together in any way, and no index serves them all. So the rows are looked at in windows of
bounded size along an index in the order of time, and what fits is taken from each; a page that is not full after some
windows says how far it looked, and its cursor goes on from there. Whatever is asked, it costs no more than that. Words
are looked up in staff's search, and what it finds is looked through in the same way.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Subquery, and_, func, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import BadInput
from gateway.schema import Kind, State
from gateway.schema_cases import Progress
from store import marks
from store.cursors import cursor_at, position_of
from store.posts_for_staff import StaffPost, staff_by_id
from store.search import LAST, STAFF, Found, Wanted, find, moment_at, number_at
from store.tables_cases import cases
from store.tables_posts import posts

WINDOW = 5_000
# An officer that is none: the case is a matter of the whole department.
NOBODY = ""
MOST_WINDOWS = 4
MOST = 100
# Of words so many hits are looked at in one question, and so many questions are put for a page.
SEARCHED = 500
MOST_SEARCHED = 10

_UNDECIDED = (State.PENDING, State.HELD)
_progress = func.coalesce(cases.c.progress, Progress.NEW)
_department = func.coalesce(posts.c.department, cases.c.department)


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for. Without a kind the first posts of threads; `progress` is any of those named, and so is the
    department.

    `words` are to be in the post, and `ticket` is that of its thread: with either, any kind fits unless one is named.
    `officer` is the account whose case it is, or `NOBODY`. `late_at` is the moment at which an answer was due and had
    not come. `bad_mark` says what the author thinks of the newest answer that he judged. `place` is how the place
    begins. `since` is the first moment, `until` the first one after.
    """

    kind: Kind | None = None
    state: State | None = None
    progress: tuple[Progress, ...] = ()
    departments: tuple[str, ...] = ()
    officer: str | None = None
    category: str | None = None
    channel: str | None = None
    place: str | None = None
    urgent: bool | None = None
    late_at: datetime | None = None
    bad_mark: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    oldest_first: bool = False
    words: tuple[Wanted, ...] = ()
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A post of the inbox, with the answers published under it, and what else was added: in all, and still waiting."""

    post: StaffPost
    answers: int = 0
    added: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Some items and the cursor of the next page; `looked_to` when the search ended before the page was full."""

    items: Sequence[Item]
    next: str | None
    looked_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many fit, by state; not `whole` when only the first window was counted, so that there may be more."""

    states: dict[State, int]
    whole: bool

    @property
    def all(self) -> int:
        """Whatever their state."""
        return sum(self.states.values())


async def page(connection: AsyncConnection, wanted: Filter, *, limit: int = 50, cursor: str | None = None) -> Page:
    """One page of what fits. Raises `BadInput` for a cursor that is not ours."""
    limit = max(1, min(limit, MOST))
    if wanted.ticket or wanted.words:
        ids, onward, end = await _searched(connection, wanted, limit, cursor)
        return Page(await _items(connection, ids), onward, end)
    after = position_of(cursor) if cursor else None
    found: list[Row[Any]] = []
    following, looked_to = None, None
    for _ in range(MOST_WINDOWS):
        window = _window(wanted, after)
        fitting = _in_order(select(window.c.id, window.c.created_at), window, wanted)
        fitting = _joined(fitting, window).where(*_fits(wanted))
        found += (await connection.execute(fitting.limit(limit + 1 - len(found)))).all()
        if len(found) > limit:
            last = found[limit - 1]
            following = cursor_at(last.created_at, last.id)
            break
        after = await _end(connection, window, wanted)
        if after is None:
            break
    else:
        following, looked_to = after and cursor_at(*after), after and after[0]
    return Page(await _items(connection, [row.id for row in found[:limit]]), following, looked_to)


async def count(connection: AsyncConnection, wanted: Filter) -> Count:
    """How many fit in each state: of the first window, lest a count costs more than what it counts."""
    if wanted.ticket or wanted.words:
        return await _count_searched(connection, wanted)
    window = _window(wanted, None)
    numbers = _joined(select(posts.c.state, func.count()), window).where(*_fits(wanted)).group_by(posts.c.state)
    states = {State(state): number for state, number in await connection.execute(numbers)}
    return Count(states, await _end(connection, window, wanted) is None)


async def count_states(connection: AsyncConnection, wanted: Filter) -> Count:
    """The same whatever the state that is looked for."""
    return await count(connection, replace(wanted, state=None))


def _window(wanted: Filter, after: tuple[datetime, str] | None) -> Subquery:
    """The next rows in order that may fit, by what an index knows."""
    bounds = list(_bounds(wanted, after))
    parts = [_part([*bounds, *led]) for led in _leads(wanted)]
    if len(parts) == 1:
        return _ordered(parts[0], posts.c.created_at, posts.c.id, wanted).limit(WINDOW).subquery()
    each = [_ordered(part, posts.c.created_at, posts.c.id, wanted).limit(WINDOW).subquery() for part in parts]
    together = union_all(*(select(one.c.id, one.c.created_at) for one in each)).subquery()
    merged = select(together.c.id, together.c.created_at)
    return _ordered(merged, together.c.created_at, together.c.id, wanted).limit(WINDOW).subquery()


def _leads(wanted: Filter) -> Iterator[list[ColumnElement[bool]]]:
    """What the queue's index answers in order, part by part; nothing when only the time leads."""
    if wanted.state is None and not wanted.urgent:
        yield []
        return
    states = list(State) if wanted.state is None else [wanted.state]
    urgents = [False, True] if wanted.urgent is None else [wanted.urgent]
    for state, urgent in product(states, urgents):
        yield [posts.c.state == state, posts.c.urgent.is_(urgent)]


def _part(where: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return select(posts.c.id, posts.c.created_at).where(*where)


def _bounds(wanted: Filter, after: tuple[datetime, str] | None) -> Iterator[ColumnElement[bool]]:
    if wanted.since:
        yield posts.c.created_at >= wanted.since
    if wanted.until:
        yield posts.c.created_at < wanted.until
    if after:
        moment, post_id = after
        # The first half alone lets the index begin there.
        if wanted.oldest_first:
            yield posts.c.created_at >= moment
            yield or_(posts.c.created_at > moment, and_(posts.c.created_at == moment, posts.c.id > post_id))
        else:
            yield posts.c.created_at <= moment
            yield or_(posts.c.created_at < moment, and_(posts.c.created_at == moment, posts.c.id < post_id))


def _fits(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    if wanted.kind is not None:
        yield posts.c.kind == wanted.kind
    elif not (wanted.words or wanted.ticket):
        yield posts.c.parent_id.is_(None)
    if wanted.state:
        yield posts.c.state == wanted.state
    if wanted.urgent is not None:
        yield posts.c.urgent.is_(wanted.urgent)
    if wanted.place:
        yield func.substr(posts.c.place, 1, len(wanted.place)) == wanted.place
    yield from _case_fits(wanted)
    for column, value in (
        (posts.c.category, wanted.category),
        (posts.c.channel, wanted.channel),
    ):
        if value is not None:
            yield column == value


def _case_fits(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    """What is wanted of the case: departments see their own, and what others would pass on to them."""
    if wanted.progress:
        yield _progress.in_(wanted.progress)
    if wanted.departments:
        yield or_(_department.in_(wanted.departments), cases.c.handed_to.in_(wanted.departments))
    if wanted.officer is not None:
        yield cases.c.officer == wanted.officer if wanted.officer else cases.c.officer.is_(None)
    if wanted.late_at:
        yield and_(cases.c.stopped_at.is_(None), cases.c.due_at < wanted.late_at)
    if wanted.bad_mark is not None:
        yield marks.judged(posts.c.thread_id, bad=wanted.bad_mark)


def _joined(wanted: Select[Any], window: Subquery) -> Select[Any]:
    known = window.join(posts, posts.c.id == window.c.id)
    return wanted.select_from(known.outerjoin(cases, cases.c.thread_id == posts.c.thread_id))


def _in_order(wanted: Select[Any], window: Subquery, by: Filter) -> Select[Any]:
    return _ordered(wanted, window.c.created_at, window.c.id, by)


def _ordered(wanted: Select[Any], moment: ColumnElement[Any], post_id: ColumnElement[Any], by: Filter) -> Select[Any]:
    if by.oldest_first:
        return wanted.order_by(moment, post_id)
    return wanted.order_by(moment.desc(), post_id.desc())


async def _end(connection: AsyncConnection, window: Subquery, wanted: Filter) -> tuple[datetime, str] | None:
    """Where a full window ends; None when there is nothing behind it."""
    last = _in_order(select(window.c.created_at, window.c.id), window, wanted).offset(WINDOW - 1).limit(1)
    row = (await connection.execute(last)).first()
    return row and (row.created_at, row.id)


async def _searched(
    connection: AsyncConnection, wanted: Filter, limit: int, cursor: str | None
) -> tuple[list[str], str | None, datetime | None]:
    """The posts of a page, the next cursor, and how far was looked when that was not to the end."""
    if wanted.ticket:
        return list(await _of_ticket(connection, wanted)), None, None
    found: list[Found] = []
    before = _number_of(cursor)
    for _ in range(MOST_SEARCHED):
        hits = await _hits(connection, wanted, before)
        states = await _fitting(connection, wanted, [hit.post_id for hit in hits])
        found += [hit for hit in hits if hit.post_id in states]
        if len(found) > limit:
            return [one.post_id for one in found[:limit]], str(found[limit - 1].number), None
        if len(hits) < SEARCHED:
            return [one.post_id for one in found], None, None
        before = hits[-1].number
    return [one.post_id for one in found], str(before), moment_at(before)


async def _count_searched(connection: AsyncConnection, wanted: Filter) -> Count:
    if wanted.ticket:
        return Count(dict(Counter((await _of_ticket(connection, wanted)).values())), True)
    hits = await _hits(connection, wanted, LAST)
    states = await _fitting(connection, wanted, [hit.post_id for hit in hits])
    return Count(dict(Counter(states.values())), len(hits) < SEARCHED)


async def _hits(connection: AsyncConnection, wanted: Filter, before: int) -> list[Found]:
    """The next posts that have the words and came in time."""
    first = number_at(wanted.since) if wanted.since else 0
    end = min(before, number_at(wanted.until)) if wanted.until else before
    return await find(connection, STAFF, wanted.words, SEARCHED, first=first, before=end)


async def _of_ticket(connection: AsyncConnection, wanted: Filter) -> dict[str, State]:
    """A thread's posts that fit, with their states, in order."""
    thread = select(posts.c.id).where(posts.c.ticket == wanted.ticket).scalar_subquery()
    named = select(posts.c.id).where(posts.c.thread_id == thread).order_by(posts.c.created_at, posts.c.id).limit(MOST)
    ids = list((await connection.execute(named)).scalars())
    states = await _fitting(connection, wanted, ids)
    return {post_id: states[post_id] for post_id in ids if post_id in states}


async def _fitting(connection: AsyncConnection, wanted: Filter, ids: Sequence[str]) -> dict[str, State]:
    """Which of some posts fit in all else, with their states."""
    if not ids:
        return {}
    known = posts.outerjoin(cases, cases.c.thread_id == posts.c.thread_id)
    fitting = select(posts.c.id, posts.c.state).select_from(known).where(posts.c.id.in_(ids), *_fits(wanted))
    return {row.id: State(row.state) for row in await connection.execute(fitting.where(*_bounds(wanted, None)))}


def _number_of(cursor: str | None) -> int:
    if cursor is None:
        return LAST
    if not (cursor.isascii() and cursor.isdigit() and int(cursor[:20]) <= LAST):
        raise BadInput("this cursor was not given by us", "cursor")
    return int(cursor[:20])


async def _items(connection: AsyncConnection, ids: Sequence[str]) -> list[Item]:
    if not ids:
        return []
    known = await staff_by_id(connection, ids)
    is_answer, waits = posts.c.kind == Kind.ANSWER, posts.c.state.in_(_UNDECIDED)
    wanted = (
        select(posts.c.thread_id)
        .add_columns(func.count().filter(is_answer, posts.c.state == State.PUBLISHED).label("answers"))
        .add_columns(func.count().filter(~is_answer).label("added"))
        .add_columns(func.count().filter(waits).label("waiting"))
        .where(posts.c.thread_id.in_(ids), posts.c.parent_id.is_not(None))
        .group_by(posts.c.thread_id)
    )
    under = {row.thread_id: row for row in await connection.execute(wanted)}
    return [
        Item(known[one], under[one].answers, under[one].added, under[one].waiting) if one in under else Item(known[one])
        for one in ids
    ]
