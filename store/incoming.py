"""Intake's side of the store: what a batch of messages must know, and the rows it leaves, one statement a table."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Table, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import Kind, State
from store import tables
from store.database import Transaction
from store.deliveries import mailbox, topics
from store.dialect import insert_new

Row = dict[str, Any]


@dataclass(slots=True)
class KnownAddress:
    """An address we have met. `citizen_id` is None while it is only a typed contact that nobody proved.

    `person` is whom that citizen stands for: the same for all lines somebody linked.
    """

    id: str
    citizen_id: str | None
    person: str | None
    key_id: str
    wrapped: bytes
    language: str | None
    stopped: bool


@dataclass(slots=True)
class KnownThread:
    """What may be said of a thread by its ticket; `answer` is the latest one, masked."""

    id: str
    ticket: str
    person: str | None
    state: State
    private: bool
    progress: str | None
    department: str | None
    answer: str | None = None


@dataclass(slots=True)
class Facts:
    """All that a batch needs to know, looked up at once; `decide` adds to it what it decides."""

    seen: dict[tuple[str, str], Row] = field(default_factory=dict)
    addresses: dict[str, KnownAddress] = field(default_factory=dict)
    threads: dict[str, KnownThread] = field(default_factory=dict)
    tickets: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Rows:
    """What a decision adds, by table in the order of writing.

    `claimed` are addresses that found their owner; `standing` says of an address id whether it said STOP, last wins.
    """

    citizens: list[Row] = field(default_factory=list)
    keys: list[Row] = field(default_factory=list)
    addresses: list[Row] = field(default_factory=list)
    incoming: list[Row] = field(default_factory=list)
    posts: list[Row] = field(default_factory=list)
    words: list[Row] = field(default_factory=list)
    history: list[Row] = field(default_factory=list)
    media: list[Row] = field(default_factory=list)
    cases: list[Row] = field(default_factory=list)
    challenges: list[Row] = field(default_factory=list)
    deliveries: list[Row] = field(default_factory=list)
    subscriptions: list[Row] = field(default_factory=list)
    claimed: list[KnownAddress] = field(default_factory=list)
    standing: list[tuple[str, bool]] = field(default_factory=list)

    def add(self, other: "Rows") -> None:
        """Put another decision's rows behind these."""
        for one in fields(self):
            getattr(self, one.name).extend(getattr(other, one.name))


def payload_place(incoming_id: str) -> str:
    """Where the sealed payload of a message belongs, for the vault."""
    return f"incoming.sealed:{incoming_id}"


async def look_up(
    connection: AsyncConnection,
    messages: Iterable[tuple[str, str]],
    lookups: Sequence[str],
    quoted: Sequence[str],
    drawn: Sequence[str],
) -> Facts:
    """One question for each kind of fact.

    `messages` are (channel, carrier's id), `lookups` keyed hashes of addresses, `quoted` the tickets citizens name,
    `drawn` fresh tickets of which the unused are given.
    """
    return Facts(
        seen=await _seen(connection, messages),
        addresses=await _addresses(connection, lookups) if lookups else {},
        threads=await _threads(connection, quoted) if quoted else {},
        tickets=await _unused(connection, drawn),
    )


async def write(transaction: Transaction, rows: Rows, at: datetime) -> None:
    """Write all rows of a batch, and wake those who go on with them."""
    connection = transaction.connection
    for table in (
        tables.citizens,
        tables.keys,
        tables.addresses,
        tables.incoming,
        tables.posts,
        tables.words,
        tables.history,
        tables.media,
        tables.cases,
        tables.challenges,
        tables.deliveries,
    ):
        await _insert(connection, table, getattr(rows, table.name))
    if rows.subscriptions:
        keys = ["topic", "address_id"]
        await connection.execute(insert_new(connection, tables.subscriptions, keys), rows.subscriptions)
    await _change_addresses(connection, rows, at)
    transaction.wake(*_topics(rows))


async def forget_payloads(transaction: Transaction, before: datetime) -> int:
    """Empty what carriers sent before a moment; that a message came, and its answer, stays. Gives how many."""
    table = tables.incoming
    old = update(table).where(table.c.taken_at < before, table.c.sealed != b"")
    return (await transaction.connection.execute(old.values(sealed=b""))).rowcount


async def _seen(connection: AsyncConnection, messages: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Row]:
    table = tables.incoming
    by_channel: defaultdict[str, list[str]] = defaultdict(list)
    for channel, external_id in messages:
        by_channel[channel].append(external_id)
    wanted = or_(*[(table.c.channel == c) & table.c.external_id.in_(ids) for c, ids in by_channel.items()])
    rows = await connection.execute(select(table.c.channel, table.c.external_id, table.c.answer).where(wanted))
    return {(row.channel, row.external_id): row.answer for row in rows}


async def _addresses(connection: AsyncConnection, lookups: Sequence[str]) -> dict[str, KnownAddress]:
    a, k, c = tables.addresses, tables.keys, tables.citizens
    wanted = (
        select(a.c.id, a.c.lookup, a.c.citizen_id, a.c.key_id, k.c.wrapped, a.c.language, a.c.stopped_at)
        .add_columns(func.coalesce(c.c.merged_into, c.c.id).label("person"))
        .join(k, k.c.id == a.c.key_id)
        .outerjoin(c, c.c.id == a.c.citizen_id)
        .where(a.c.lookup.in_(set(lookups)))
    )
    return {
        row.lookup: KnownAddress(
            row.id, row.citizen_id, row.person, row.key_id, row.wrapped, row.language, row.stopped_at is not None
        )
        for row in await connection.execute(wanted)
    }


async def _threads(connection: AsyncConnection, tickets: Sequence[str]) -> dict[str, KnownThread]:
    p, c, author = tables.posts, tables.cases, tables.citizens
    wanted = (
        select(p.c.id, p.c.ticket, p.c.state, p.c.private, c.c.progress, c.c.department)
        .add_columns(func.coalesce(author.c.merged_into, author.c.id).label("person"))
        .outerjoin(c, c.c.thread_id == p.c.id)
        .outerjoin(author, author.c.id == p.c.citizen_id)
        .where(p.c.ticket.in_(set(tickets)))
    )
    threads = {
        row.ticket: KnownThread(
            row.id, row.ticket, row.person, State(row.state), row.private, row.progress, row.department
        )
        for row in await connection.execute(wanted)
    }
    by_id = {thread.id: thread for thread in threads.values()}
    answers = select(p.c.thread_id, p.c.text).where(
        p.c.thread_id.in_(by_id), p.c.kind == Kind.ANSWER, p.c.state == State.PUBLISHED
    )
    for row in await connection.execute(answers.order_by(p.c.created_at)):
        by_id[row.thread_id].answer = row.text
    return threads


async def _unused(connection: AsyncConnection, drawn: Sequence[str]) -> list[str]:
    taken = select(tables.posts.c.ticket).where(tables.posts.c.ticket.in_(drawn))
    used = set((await connection.execute(taken)).scalars())
    return [ticket for ticket in drawn if ticket not in used]


async def _insert(connection: AsyncConnection, table: Table, rows: list[Row]) -> None:
    if rows:
        await connection.execute(table.insert(), rows)


async def _change_addresses(connection: AsyncConnection, rows: Rows, at: datetime) -> None:
    table = tables.addresses
    for claim in rows.claimed:
        await connection.execute(update(table).where(table.c.id == claim.id).values(citizen_id=claim.citizen_id))
        owned = update(tables.keys).where(tables.keys.c.id == claim.key_id)
        await connection.execute(owned.values(citizen_id=claim.citizen_id))
    standing = dict(rows.standing)
    if stopped := [address_id for address_id, says_stop in standing.items() if says_stop]:
        gone = tables.subscriptions.c.address_id.in_(stopped)
        await connection.execute(update(table).where(table.c.id.in_(stopped)).values(stopped_at=at))
        await connection.execute(delete(tables.subscriptions).where(gone))
    if started := [address_id for address_id, says_stop in standing.items() if not says_stop]:
        await connection.execute(update(table).where(table.c.id.in_(started)).values(stopped_at=None))


def _topics(rows: Rows) -> Iterable[str]:
    yield from topics(rows.deliveries)
    yield from {mailbox(row["address_id"]) for row in rows.incoming if row["address_id"]}
    # Who has the mailbox of a new address open knows only its hash.
    yield from {mailbox(row["lookup"]) for row in rows.addresses}
    if rows.posts:
        yield "queue"
    if rows.media:
        yield "media"
