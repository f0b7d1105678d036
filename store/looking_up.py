"""Looks up the facts of a batch: one question to the store for each kind of fact."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import Kind, Place, State
from gateway.schema_cases import Progress
from gateway.schema_outgoing import Audience
from store import marks
from store.deliveries import HEARD
from store.dialect import hold_back
from store.facts import Alike, Facts, KnownAddress, KnownComment, KnownQuestion, KnownThread, Told, Wanted
from store.tables_cases import cases
from store.tables_citizens import addresses, citizens, keys, questions, subscriptions
from store.tables_deliveries import deliveries
from store.tables_posts import incoming, posts
from store.tables_search import gists

# How many of a person's newest threads are looked at, and how many of the words he added.
NEWEST = 20


def _among(name: str) -> BindParameter[Any]:
    """A list of values, given when a statement is run."""
    return bindparam(name, expanding=True)


def _person() -> ColumnElement[Any]:
    return func.coalesce(citizens.c.merged_into, citizens.c.id).label("person")


# The statements are made once: making them anew for each batch takes longer than running them.
_SEEN = select(incoming.c.external_id, incoming.c.answer).where(
    incoming.c.channel == bindparam("channel"), incoming.c.external_id.in_(_among("ids"))
)
_HEARD = select(func.count()).where(
    incoming.c.address_id == addresses.c.id, incoming.c.taken_at > bindparam("hour_ago")
)
_ADDRESSES = (
    select(addresses.c.id, addresses.c.lookup, addresses.c.citizen_id, addresses.c.key_id, keys.c.wrapped)
    .add_columns(addresses.c.language, addresses.c.chosen, addresses.c.stopped_at, addresses.c.created_at, _person())
    .add_columns(_HEARD.scalar_subquery().label("heard"))
    .add_columns(questions.c.kind, questions.c.options, questions.c.post_id, questions.c.expires_at)
    .join(keys, keys.c.id == addresses.c.key_id)
    .outerjoin(citizens, citizens.c.id == addresses.c.citizen_id)
    .outerjoin(questions, (questions.c.address_id == addresses.c.id) & (questions.c.expires_at > bindparam("now")))
    .where(addresses.c.lookup.in_(_among("lookups")))
)
_FIRST = posts.alias("thread")

# The thread that a thread was joined to, and its case.
_MAIN, _MAIN_CASE = posts.alias("main"), cases.alias("main_case")
_joined_columns = (
    cases.c.merged_into,
    _MAIN.c.state.label("main_state"),
    _MAIN.c.private.label("main_private"),
    _MAIN_CASE.c.progress.label("main_progress"),
    _MAIN_CASE.c.department.label("main_department"),
    _MAIN_CASE.c.answered_at.label("main_answered_at"),
    _MAIN_CASE.c.reopened.label("main_reopened"),
)

# In which words an answer is told to those who reported what it answers.
TOLD_ANSWER = ("answered", "answered_joined")
# Where an answer was given, whatever came after it.
ANSWERED_ONCE = (Progress.ANSWERED, Progress.CLOSED, Progress.REOPENED)

# By any ticket in a thread: a report that was put under another one keeps its own number.
_THREADS = (
    select(posts.c.ticket.label("asked"), _FIRST, _person(), cases.c.progress, cases.c.answered_at, cases.c.reopened)
    .add_columns(cases.c.department.label("case_department"), *_joined_columns)
    .join(_FIRST, _FIRST.c.id == posts.c.thread_id)
    .outerjoin(cases, cases.c.thread_id == _FIRST.c.id)
    .outerjoin(_MAIN, _MAIN.c.id == cases.c.merged_into)
    .outerjoin(_MAIN_CASE, _MAIN_CASE.c.thread_id == cases.c.merged_into)
    .outerjoin(citizens, citizens.c.id == _FIRST.c.citizen_id)
    .where(posts.c.ticket.in_(_among("tickets")))
)

# First posts and words added are counted apart, so that twenty words added to a thread do not hide the thread.
_NTH = func.row_number().over(partition_by=(_person(), posts.c.parent_id.is_(None)), order_by=posts.c.created_at.desc())
_NEWEST = (
    select(posts.c.id, posts.c.thread_id, posts.c.parent_id, posts.c.state, posts.c.private, posts.c.text)
    .add_columns(posts.c.place, posts.c.lat, posts.c.lon, posts.c.place_slug)
    .add_columns(posts.c.created_at, posts.c.category, posts.c.asked_private, _person(), _NTH.label("nth"))
    .join(citizens, citizens.c.id == posts.c.citizen_id)
    .where(citizens.c.id.in_(_among("persons")) | citizens.c.merged_into.in_(_among("persons")))
    .where(posts.c.created_at > bindparam("since"))
    .subquery()
)
_OWN = (
    select(_NEWEST, _FIRST.c.ticket, cases.c.progress, cases.c.answered_at, cases.c.reopened)
    .add_columns(cases.c.department.label("case_department"), *_joined_columns)
    .join(_FIRST, _FIRST.c.id == _NEWEST.c.thread_id)
    .outerjoin(cases, cases.c.thread_id == _NEWEST.c.thread_id)
    .outerjoin(_MAIN, _MAIN.c.id == cases.c.merged_into)
    .outerjoin(_MAIN_CASE, _MAIN_CASE.c.thread_id == cases.c.merged_into)
    .where(_NEWEST.c.nth <= NEWEST)
    .order_by(_NEWEST.c.created_at.desc())
)
_ALIKE = (
    select(gists.c.gist, posts.c.id, posts.c.text)
    .join(posts, posts.c.id == gists.c.post_id)
    .where(gists.c.gist.in_(_among("gists")), gists.c.created_at > bindparam("since"))
)
_FOLLOWING = select(subscriptions.c.address_id, subscriptions.c.topic).where(
    subscriptions.c.address_id.in_(_among("ids"))
)
_ANSWERS = (
    select(posts.c.thread_id, posts.c.text)
    .where(posts.c.thread_id.in_(_among("threads")))
    .where(posts.c.kind == Kind.ANSWER, posts.c.state == State.PUBLISHED)
    .order_by(posts.c.created_at)
)

# Whoever was told an answer as its author may judge it, also when his report was put with another one.
_TOLD = (
    select(deliveries.c.address_id, deliveries.c.due_at.label("told_at"), _FIRST, _person(), *_joined_columns)
    .add_columns(cases.c.progress, cases.c.answered_at, cases.c.reopened, cases.c.department.label("case_department"))
    .join(posts, posts.c.id == deliveries.c.post_id)
    .join(_FIRST, _FIRST.c.id == posts.c.thread_id)
    .join(cases, cases.c.thread_id == _FIRST.c.id)
    .outerjoin(_MAIN, _MAIN.c.id == cases.c.merged_into)
    .outerjoin(_MAIN_CASE, _MAIN_CASE.c.thread_id == cases.c.merged_into)
    .outerjoin(citizens, citizens.c.id == _FIRST.c.citizen_id)
    .where(deliveries.c.address_id.in_(_among("ids")), deliveries.c.created_at > bindparam("since"))
    .where(deliveries.c.phrase.in_(TOLD_ANSWER), deliveries.c.audience == Audience.AUTHOR)
    .where(deliveries.c.state.in_(HEARD), posts.c.state == State.PUBLISHED)
    .order_by(deliveries.c.id)
)
_TAKEN = select(posts.c.ticket).where(posts.c.ticket.in_(_among("tickets")))


async def look_up(connection: AsyncConnection, wanted: Wanted) -> Facts:
    """Answer a batch's questions, each kind with one statement; what nobody asks for is not asked."""
    await hold_back(connection, wanted.lookups)
    known = await _addresses(connection, wanted) if wanted.lookups else {}
    conversing = {known[lookup].person for lookup in wanted.conversing if lookup in known}
    askers = [known[lookup].id for lookup in wanted.following if lookup in known]
    facts = Facts(
        seen=await _seen(connection, wanted.messages),
        addresses=known,
        threads=await _threads(connection, wanted.tickets) if wanted.tickets else {},
        alike=await _alike(connection, wanted.gists, wanted.alike_since) if wanted.gists else {},
        tickets=await unused(connection, wanted.drawn),
    )
    if persons := sorted(person for person in conversing if person):
        await _add_own(connection, facts, persons, wanted.own_since)
    if askers:
        await _add_following(connection, facts, askers)
    if marking := [known[lookup].id for lookup in wanted.marking if lookup in known]:
        await _add_told(connection, facts, marking, wanted.told_since)
    await _add_answers(connection, facts)
    return facts


async def of_address(connection: AsyncConnection, lookup: str, at: datetime) -> KnownAddress | None:
    """One address by its hash, or None."""
    asked = {"lookups": [lookup], "hour_ago": at, "now": at}
    row = (await connection.execute(_ADDRESSES, asked)).first()
    return _address(row) if row else None


async def of_ticket(
    connection: AsyncConnection, ticket: str, lookup: str | None, at: datetime
) -> tuple[KnownAddress | None, KnownThread | None]:
    """Who asks, by the hash of his address, and the thread of a ticket with its latest answer; None for either."""
    caller = await of_address(connection, lookup, at) if lookup else None
    facts = Facts(seen={}, addresses={}, threads=await _threads(connection, [ticket]), alike={}, tickets=[])
    await _add_answers(connection, facts)
    return caller, facts.threads.get(ticket)


async def unused(connection: AsyncConnection, drawn: Sequence[str]) -> list[str]:
    """Those of some drawn tickets that nobody has."""
    used = set((await connection.execute(_TAKEN, {"tickets": drawn})).scalars())
    return [ticket for ticket in drawn if ticket not in used]


async def _seen(connection: AsyncConnection, messages: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    by_channel: defaultdict[str, list[str]] = defaultdict(list)
    for channel, external_id in messages:
        by_channel[channel].append(external_id)
    found = {}
    for channel, ids in by_channel.items():
        for row in await connection.execute(_SEEN, {"channel": channel, "ids": ids}):
            found[channel, row.external_id] = row.answer
    return found


async def _addresses(connection: AsyncConnection, wanted: Wanted) -> dict[str, KnownAddress]:
    asked = {"lookups": list(wanted.lookups), "hour_ago": wanted.hour_ago, "now": wanted.now}
    return {row.lookup: _address(row) for row in await connection.execute(_ADDRESSES, asked)}


async def _threads(connection: AsyncConnection, tickets: Collection[str]) -> dict[str, KnownThread]:
    rows = await connection.execute(_THREADS, {"tickets": list(tickets)})
    return {row.asked: _thread(row) for row in rows}


async def _add_own(connection: AsyncConnection, facts: Facts, persons: Sequence[str], since: datetime) -> None:
    last_word: dict[str, datetime] = {}
    for row in await connection.execute(_OWN, {"persons": persons, "since": since}):
        own = facts.own[row.person]
        said_at = last_word.setdefault(row.thread_id, row.created_at)
        if row.parent_id is None:
            thread = _thread(row)
            thread.last_at = max(thread.last_at, said_at)
            own.threads.append(thread)
        elif own.last is None:
            own.last = KnownComment(row.id, row.thread_id, State(row.state))


async def _alike(connection: AsyncConnection, wanted: Collection[int], since: datetime) -> dict[int, Alike]:
    rows = await connection.execute(_ALIKE, {"gists": list(wanted), "since": since})
    return {row.gist: Alike(row.id, row.text) for row in rows}


async def _add_following(connection: AsyncConnection, facts: Facts, address_ids: Sequence[str]) -> None:
    for row in await connection.execute(_FOLLOWING, {"ids": address_ids}):
        facts.following[row.address_id].add(row.topic)


async def _add_told(connection: AsyncConnection, facts: Facts, address_ids: Sequence[str], since: datetime) -> None:
    """The answer each line was told last, and the marks of all threads that may be meant."""
    for row in await connection.execute(_TOLD, {"ids": list(address_ids), "since": since}):
        facts.told[row.address_id] = Told(_thread(row), row.told_at)
    threads = {told.thread.root for told in facts.told.values()} | {known.root for known in facts.threads.values()}
    facts.marks = {thread: list(known) for thread, known in (await marks.of_threads(connection, threads)).items()}


async def _add_answers(connection: AsyncConnection, facts: Facts) -> None:
    """The latest published answer of each thread that has one."""
    threads = [*facts.threads.values(), *(thread for own in facts.own.values() for thread in own.threads)]
    answered = {thread.root for thread in threads if thread.progress in ANSWERED_ONCE}
    if not answered:
        return
    rows = await connection.execute(_ANSWERS, {"threads": list(answered)})
    latest = {row.thread_id: row.text for row in rows}
    for thread in threads:
        thread.answer = latest.get(thread.root)


def _address(row: Any) -> KnownAddress:
    return KnownAddress(
        id=row.id,
        citizen_id=row.citizen_id,
        person=row.person,
        key_id=row.key_id,
        wrapped=row.wrapped,
        language=row.language,
        stopped=row.stopped_at is not None,
        chosen=row.chosen,
        heard=row.heard,
        since=row.created_at,
        question=KnownQuestion(row.kind, tuple(row.options), row.post_id, row.expires_at) if row.kind else None,
    )


def _thread(row: Any) -> KnownThread:
    joined = row.merged_into is not None
    answered_at = row.main_answered_at if joined else row.answered_at
    return KnownThread(
        id=row.id,
        ticket=row.ticket,
        person=row.person,
        state=State(row.main_state if joined else row.state),
        private=row.main_private if joined else row.private,
        progress=row.main_progress if joined else row.progress,
        department=row.main_department if joined else row.case_department,
        text=row.text,
        created_at=row.created_at,
        last_at=max(row.created_at, answered_at or row.created_at),
        joined=row.merged_into,
        reopened=(row.main_reopened if joined else row.reopened) or 0,
        place=Place(row.place, row.lat, row.lon, row.place_slug),
        category=row.category,
        asked_private=row.asked_private,
    )
