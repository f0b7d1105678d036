"""What a batch of messages must know before it is decided: one question to the store for each kind of fact."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import Kind, State
from store.dialect import hold_back
from store.tables import addresses, cases, citizens, gists, incoming, keys, posts, questions, subscriptions

# How many of a person's newest threads are looked at, and how many of the words he added.
NEWEST = 20


@dataclass(frozen=True, slots=True)
class KnownQuestion:
    """What an address was asked last and may still answer with a number."""

    kind: str
    options: tuple[str, ...]
    post_id: str | None


@dataclass(slots=True)
class KnownAddress:
    """An address we have met. `citizen_id` is None while it is only a typed contact that nobody proved.

    `person` is whom that citizen stands for: the same for all lines somebody linked. `heard` is how many messages it
    sent in the last hour.
    """

    id: str
    citizen_id: str | None
    person: str | None
    key_id: str
    wrapped: bytes
    language: str | None
    stopped: bool
    chosen: bool = False
    heard: int = 0
    question: KnownQuestion | None = None


@dataclass(slots=True)
class KnownThread:
    """What may be said of a thread by its ticket; `text` and `answer`, the latest one, are masked.

    `last_at` is when its author or a department last said something in it.
    """

    id: str
    ticket: str
    person: str | None
    state: State
    private: bool
    progress: str | None
    department: str | None
    text: str
    created_at: datetime
    last_at: datetime
    answer: str | None = None


@dataclass(slots=True)
class KnownComment:
    """The newest word a person added to a thread."""

    id: str
    thread_id: str
    state: State


@dataclass(slots=True)
class Own:
    """What one person said lately: his threads, newest first, and the newest word he added to one."""

    threads: list[KnownThread] = field(default_factory=list)
    last: KnownComment | None = None


@dataclass(slots=True)
class Alike:
    """The first of posts that say the same, while nobody has decided it."""

    post_id: str
    text: str


@dataclass(slots=True)
class Facts:
    """All that a batch needs to know, looked up at once; deciding adds to it what was decided.

    `seen` is by channel and carrier's id, `addresses` by keyed hash, `threads` by ticket, `own` by person, `alike` by
    gist, `following` (topics) by address id; `tickets` are unused.
    """

    seen: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    addresses: dict[str, KnownAddress] = field(default_factory=dict)
    threads: dict[str, KnownThread] = field(default_factory=dict)
    own: defaultdict[str, Own] = field(default_factory=lambda: defaultdict(Own))
    alike: dict[int, Alike] = field(default_factory=dict)
    following: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    tickets: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Wanted:
    """What a batch asks for: see `Facts`. `conversing` and `following` are hashes of addresses."""

    messages: Collection[tuple[str, str]]
    lookups: Collection[str]
    conversing: Collection[str]
    following: Collection[str]
    tickets: Collection[str]
    gists: Collection[int]
    drawn: Sequence[str]
    hour_ago: datetime
    alike_since: datetime
    own_since: datetime
    now: datetime


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
        tickets=await _unused(connection, wanted.drawn),
    )
    if persons := sorted(person for person in conversing if person):
        await _add_own(connection, facts, persons, wanted.own_since)
    if askers:
        await _add_following(connection, facts, askers)
    await _add_answers(connection, facts)
    return facts


async def _seen(connection: AsyncConnection, messages: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    by_channel: defaultdict[str, list[str]] = defaultdict(list)
    for channel, external_id in messages:
        by_channel[channel].append(external_id)
    table = incoming
    wanted = or_(*[(table.c.channel == c) & table.c.external_id.in_(ids) for c, ids in by_channel.items()])
    rows = await connection.execute(select(table.c.channel, table.c.external_id, table.c.answer).where(wanted))
    return {(row.channel, row.external_id): row.answer for row in rows}


async def _addresses(connection: AsyncConnection, wanted: Wanted) -> dict[str, KnownAddress]:
    a, q = addresses, questions
    heard = select(func.count()).where(incoming.c.address_id == a.c.id, incoming.c.taken_at > wanted.hour_ago)
    known = (
        select(a.c.id, a.c.lookup, a.c.citizen_id, a.c.key_id, keys.c.wrapped, a.c.language, a.c.chosen)
        .add_columns(a.c.stopped_at, _person(), heard.scalar_subquery().label("heard"))
        .add_columns(q.c.kind, q.c.options, q.c.post_id)
        .join(keys, keys.c.id == a.c.key_id)
        .outerjoin(citizens, citizens.c.id == a.c.citizen_id)
        .outerjoin(q, (q.c.address_id == a.c.id) & (q.c.expires_at > wanted.now))
        .where(a.c.lookup.in_(wanted.lookups))
    )
    return {
        row.lookup: KnownAddress(
            id=row.id,
            citizen_id=row.citizen_id,
            person=row.person,
            key_id=row.key_id,
            wrapped=row.wrapped,
            language=row.language,
            stopped=row.stopped_at is not None,
            chosen=row.chosen,
            heard=row.heard,
            question=KnownQuestion(row.kind, tuple(row.options), row.post_id) if row.kind else None,
        )
        for row in await connection.execute(known)
    }


async def _threads(connection: AsyncConnection, tickets: Collection[str]) -> dict[str, KnownThread]:
    """Threads by any ticket in them: a report that was put under another one keeps its own number."""
    first = posts.alias("thread")
    named = (
        select(posts.c.ticket.label("asked"), first, _person(), cases.c.progress, cases.c.answered_at)
        .add_columns(cases.c.department.label("case_department"))
        .join(first, first.c.id == posts.c.thread_id)
        .outerjoin(cases, cases.c.thread_id == first.c.id)
        .outerjoin(citizens, citizens.c.id == first.c.citizen_id)
        .where(posts.c.ticket.in_(tickets))
    )
    return {row.asked: _thread(row) for row in await connection.execute(named)}


async def _add_own(connection: AsyncConnection, facts: Facts, persons: Sequence[str], since: datetime) -> None:
    first = posts.alias("thread")
    # Counted apart, so that twenty words added to a thread do not hide the thread.
    each = (_person(), posts.c.parent_id.is_(None))
    nth = func.row_number().over(partition_by=each, order_by=posts.c.created_at.desc()).label("nth")
    newest = (
        select(posts.c.id, posts.c.thread_id, posts.c.parent_id, posts.c.state, posts.c.private, posts.c.text)
        .add_columns(posts.c.created_at, _person(), nth)
        .join(citizens, citizens.c.id == posts.c.citizen_id)
        .where(citizens.c.id.in_(persons) | citizens.c.merged_into.in_(persons), posts.c.created_at > since)
        .subquery()
    )
    wanted = (
        select(newest, first.c.ticket, cases.c.progress, cases.c.answered_at)
        .add_columns(cases.c.department.label("case_department"))
        .join(first, first.c.id == newest.c.thread_id)
        .outerjoin(cases, cases.c.thread_id == newest.c.thread_id)
        .where(newest.c.nth <= NEWEST)
        .order_by(newest.c.created_at.desc())
    )
    last_word: dict[str, datetime] = {}
    for row in await connection.execute(wanted):
        own = facts.own[row.person]
        said_at = last_word.setdefault(row.thread_id, row.created_at)
        if row.parent_id is None:
            thread = _thread(row)
            thread.last_at = max(thread.last_at, said_at)
            own.threads.append(thread)
        elif own.last is None:
            own.last = KnownComment(row.id, row.thread_id, State(row.state))


async def _alike(connection: AsyncConnection, wanted: Collection[int], since: datetime) -> dict[int, Alike]:
    found = (
        select(gists.c.gist, posts.c.id, posts.c.text)
        .join(posts, posts.c.id == gists.c.post_id)
        .where(gists.c.gist.in_(wanted), gists.c.created_at > since)
    )
    return {row.gist: Alike(row.id, row.text) for row in await connection.execute(found)}


async def _add_following(connection: AsyncConnection, facts: Facts, address_ids: Sequence[str]) -> None:
    table = subscriptions
    wanted = select(table.c.address_id, table.c.topic).where(table.c.address_id.in_(address_ids))
    for row in await connection.execute(wanted):
        facts.following[row.address_id].add(row.topic)


async def _add_answers(connection: AsyncConnection, facts: Facts) -> None:
    """The latest published answer of each thread that has one."""
    threads = [*facts.threads.values(), *(thread for own in facts.own.values() for thread in own.threads)]
    answered = {thread.id for thread in threads if thread.progress == "answered"}
    if not answered:
        return
    published = select(posts.c.thread_id, posts.c.text).where(
        posts.c.thread_id.in_(answered), posts.c.kind == Kind.ANSWER, posts.c.state == State.PUBLISHED
    )
    latest = {row.thread_id: row.text for row in await connection.execute(published.order_by(posts.c.created_at))}
    for thread in threads:
        thread.answer = latest.get(thread.id)


async def _unused(connection: AsyncConnection, drawn: Sequence[str]) -> list[str]:
    taken = select(posts.c.ticket).where(posts.c.ticket.in_(drawn))
    used = set((await connection.execute(taken)).scalars())
    return [ticket for ticket in drawn if ticket not in used]


def _person() -> ColumnElement[Any]:
    return func.coalesce(citizens.c.merged_into, citizens.c.id).label("person")


def _thread(row: Any) -> KnownThread:
    return KnownThread(
        id=row.id,
        ticket=row.ticket,
        person=row.person,
        state=State(row.state),
        private=row.private,
        progress=row.progress,
        department=row.case_department,
        text=row.text,
        created_at=row.created_at,
        last_at=max(row.created_at, row.answered_at or row.created_at),
    )
