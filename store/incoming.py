"""Intake's side of the store: the rows a batch of messages leaves, one statement a table."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import (
    changes,
    duty,
    events,
    participating,
    tables_broadcasts,
    tables_campaigns,
    tables_cases,
    tables_citizens,
    tables_deliveries,
    tables_history,
    tables_media,
    tables_posts,
    tables_search,
    tables_stream,
)
from store.database import Transaction
from store.deliveries import mailbox, topics
from store.dialect import insert_all, upsert
from store.facts import KnownAddress

Row = dict[str, Any]
EVERY_TOPIC = "*"
_SEEN_BY_READERS = {"thread_id", "private", "place"}
# Made once: making a statement anew for each batch takes longer than running it.
_ANSWERED = delete(tables_citizens.questions).where(
    tables_citizens.questions.c.address_id.in_(bindparam("lines", expanding=True))
)
_SPEAKING = (
    update(tables_citizens.addresses)
    .where(tables_citizens.addresses.c.id.in_(bindparam("speakers", expanding=True)))
    .values(language=bindparam("spoken"), chosen=bindparam("by_choice"))
)


@dataclass(slots=True)
class Rows:
    """What the decisions of a batch add, by table in the order of writing.

    `claimed` are addresses that found their owner; `standing` says of an address id whether it said STOP, last wins;
    `languages` (language, chosen) and `unfollowed` (topic) are by address id, `answered` are those whose question is
    settled, `claims` are alarms of a waiting queue (by whose address id), `changed` are new values of posts. `joined`
    (post id, ticket) and `counted_in` (thread id, citizen id) are left to `journey.joining`, `effects` are done after
    all rows, `noted` is what commands keep themselves, all in the same transaction.
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
    broadcasts: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    subscriptions: list[Row] = field(default_factory=list)
    gists: list[Row] = field(default_factory=list)
    participants: list[Row] = field(default_factory=list)
    participations: list[Row] = field(default_factory=list)
    questions: list[Row] = field(default_factory=list)
    claimed: list[KnownAddress] = field(default_factory=list)
    standing: list[tuple[str, bool]] = field(default_factory=list)
    languages: list[tuple[str, str, bool]] = field(default_factory=list)
    unfollowed: list[tuple[str, str]] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    claims: list[tuple[str, str]] = field(default_factory=list)
    changed: list[tuple[str, Row]] = field(default_factory=list)
    effects: list[Callable[[Transaction], Awaitable[None]]] = field(default_factory=list)
    joined: list[tuple[str, str]] = field(default_factory=list)
    counted_in: list[tuple[str, str]] = field(default_factory=list)
    noted: defaultdict[Hashable, list[Any]] = field(default_factory=lambda: defaultdict(list))

    def regrouped(self) -> list[str]:
        """The threads that a post left, joined or became, that were kept from the public, or got another place."""
        moved = [(post_id, values) for post_id, values in self.changed if values.keys() & _SEEN_BY_READERS]
        return [thread for post_id, values in moved for thread in (post_id, values.get("thread_id", post_id))]

    def hidden(self) -> list[str]:
        """The threads that were kept from the public."""
        return [post_id for post_id, values in self.changed if values.get("private") and "thread_id" not in values]


def payload_place(incoming_id: str) -> str:
    """Where the sealed payload of a message belongs, for the vault."""
    return f"incoming.sealed:{incoming_id}"


async def write(transaction: Transaction, rows: Rows, at: datetime) -> None:
    """Write all rows of a batch, and wake those who go on with them."""
    connection = transaction.connection
    if rows.events:
        await events.in_order(transaction)
    for table in (
        tables_citizens.citizens,
        tables_citizens.keys,
        tables_citizens.addresses,
        tables_posts.incoming,
        tables_posts.posts,
        tables_history.words,
        tables_history.history,
        tables_media.media,
        tables_cases.cases,
        tables_citizens.challenges,
        tables_deliveries.deliveries,
        tables_broadcasts.broadcasts,
        tables_stream.events,
        tables_campaigns.participants,
        tables_campaigns.participations,
    ):
        await _insert(connection, table, getattr(rows, table.name))
    if rows.subscriptions:
        # Who follows something already may ask for it at once, or by digest again.
        follow = upsert(connection, tables_citizens.subscriptions, ["topic", "address_id"], ["at_once"])
        await connection.execute(follow, rows.subscriptions)
    if rows.gists:
        await insert_all(connection, tables_search.gists, rows.gists, ("gist",))
    await _insert(connection, tables_search.unindexed, [{"post_id": row["id"]} for row in rows.posts])
    made = {row["id"] for row in rows.posts}
    if elsewhere := {post_id for post_id, values in rows.changed if "place" in values} - made:
        again = upsert(connection, tables_search.unindexed, ["post_id"], ["post_id"])
        await connection.execute(again, [{"post_id": post_id} for post_id in elsewhere])
    await _change_addresses(connection, rows, at)
    await _change_conversations(transaction, rows)
    for alarm_id, address_id in rows.claims:
        await duty.claim_by_line(transaction, alarm_id, address_id, at)
    transaction.wake(*_topics(rows))


async def ask(
    transaction: Transaction, address_id: str, kind: str, options: tuple[str, ...], expires_at: datetime
) -> None:
    """Make a question the one open question of a line that did not ask us."""
    row = {"address_id": address_id, "kind": kind, "post_id": None, "options": list(options), "expires_at": expires_at}
    columns = ["kind", "post_id", "options", "expires_at"]
    await transaction.connection.execute(
        upsert(transaction.connection, tables_citizens.questions, ["address_id"], columns), row
    )


async def forget_payloads(transaction: Transaction, before: datetime) -> int:
    """Empty what carriers sent before a moment; that a message came, and its answer, stays. Gives how many."""
    table = tables_posts.incoming
    channels = (await transaction.connection.execute(select(table.c.channel).distinct())).scalars().all()
    old = update(table).where(table.c.channel.in_(channels), table.c.taken_at < before, table.c.sealed != b"")
    return (await transaction.connection.execute(old.values(sealed=b""))).rowcount


async def forget_questions(transaction: Transaction, at: datetime) -> int:
    """Delete the questions nobody may answer any more; gives how many."""
    table = tables_citizens.questions
    return (await transaction.connection.execute(delete(table).where(table.c.expires_at <= at))).rowcount


async def _insert(connection: AsyncConnection, table: Table, rows: list[Row]) -> None:
    if rows:
        await insert_all(connection, table, rows)


async def _change_addresses(connection: AsyncConnection, rows: Rows, at: datetime) -> None:
    table = tables_citizens.addresses
    for claim in rows.claimed:
        await connection.execute(update(table).where(table.c.id == claim.id).values(citizen_id=claim.citizen_id))
        owned = update(tables_citizens.keys).where(tables_citizens.keys.c.id == claim.key_id)
        await connection.execute(owned.values(citizen_id=claim.citizen_id))
    standing = dict(rows.standing)
    if stopped := [address_id for address_id, says_stop in standing.items() if says_stop]:
        gone = tables_citizens.subscriptions.c.address_id.in_(stopped)
        await connection.execute(update(table).where(table.c.id.in_(stopped)).values(stopped_at=at))
        await connection.execute(delete(tables_citizens.subscriptions).where(gone))
    if started := [address_id for address_id, says_stop in standing.items() if not says_stop]:
        await connection.execute(update(table).where(table.c.id.in_(started)).values(stopped_at=None))


async def _change_conversations(transaction: Transaction, rows: Rows) -> None:
    """What somebody asked for: languages, topics no more followed, questions put and answered, posts changed."""
    connection = transaction.connection
    follows, open_questions = tables_citizens.subscriptions, tables_citizens.questions
    spoken: defaultdict[tuple[str, bool], list[str]] = defaultdict(list)
    for address_id, language, chosen in rows.languages:
        spoken[language, chosen].append(address_id)
    for (language, chosen), speakers in spoken.items():
        await connection.execute(_SPEAKING, {"speakers": speakers, "spoken": language, "by_choice": chosen})
    for address_id, topic in rows.unfollowed:
        gone = delete(follows).where(follows.c.address_id == address_id)
        await connection.execute(gone if topic == EVERY_TOPIC else gone.where(follows.c.topic == topic))
    # The last one asked in a batch counts: an address has one open question.
    asked = {row["address_id"]: row for row in rows.questions}
    if over := [*rows.answered, *asked]:
        await connection.execute(_ANSWERED, {"lines": over})
    if asked:
        await insert_all(connection, open_questions, list(asked.values()), ("address_id",))
    for post_id, values in rows.changed:
        changed = update(tables_posts.posts).where(tables_posts.posts.c.id == post_id)
        await connection.execute(changed.values(version=tables_posts.posts.c.version + 1, **values))
        if "private" in values and "thread_id" not in values:
            # What was added to a thread is kept from the public with it.
            await changes.keep_private(transaction, post_id, values["private"])


def _topics(rows: Rows) -> Iterable[str]:
    yield from topics(rows.deliveries)
    yield from {mailbox(row["address_id"]) for row in rows.incoming if row["address_id"]}
    # Who has the mailbox of a new address open knows only its hash.
    yield from {mailbox(row["lookup"]) for row in rows.addresses}
    if rows.posts or rows.changed:
        yield "queue"
    if rows.posts or rows.changed:
        yield "unindexed"
    if rows.events:
        yield "events"
        yield "subscribers"
    if rows.broadcasts:
        yield "broadcasts"
    if rows.media:
        yield "media"
    if rows.participations:
        yield participating.TOPIC
