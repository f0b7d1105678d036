"""Deliveries: what is to be said to one destination, as it is written, held by a worker, and shown to staff."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema_outgoing import PRIORITY_RANK, Audience, DeliveryState, Priority
from store.database import Transaction
from store.dialect import insert_new
from store.tables_deliveries import attempts, deliveries
from store.tables_posts import posts
from store.vault import SealingKey, Vault

# What the topics of all mailboxes begin with.
MAILBOXES = "mailbox "
# Who was told, or may have been.
HEARD = (DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.SENT, DeliveryState.DELIVERED)

# As many deliveries of a thread are read at once.
MOST_OF_POSTS = 500


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery a worker holds `until` its lease ends, at its try of a `number` of which some are `forgiven`.

    `sealed` is opened with the wrapped key beside it.
    """

    id: int
    broadcast_id: str | None
    post_id: str | None
    audience: Audience
    channel: str
    address_id: str | None
    phrase: str
    values: dict[str, Any]
    key_id: str | None
    wrapped: bytes | None
    sealed: bytes | None
    language: str
    despite_stop: bool
    number: int
    forgiven: int
    until: datetime | None
    created_at: datetime
    started_at: datetime


@dataclass(frozen=True, slots=True)
class StaffAttempt:
    """One try at a delivery, in the carrier's words."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    code: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class StaffDelivery:
    """A delivery as staff see it: everything but the address. `urgent` is the rank of its priority."""

    id: int
    post_id: str | None
    ticket: str | None
    audience: Audience
    channel: str
    phrase: str
    state: DeliveryState
    reason: str | None
    tries: int
    created_at: datetime
    due_at: datetime
    done_at: datetime | None
    seen_at: datetime | None = None
    urgent: int = 0
    attempts: tuple[StaffAttempt, ...] = ()


def outbox(channel: str) -> str:
    """The topic that wakes a channel's line, and no other's."""
    return f"deliveries {channel}"


def mailbox(address_id: str) -> str:
    """The topic that wakes whoever has one mailbox open."""
    return f"{MAILBOXES}{address_id}"


def secrets_place(post_id: str | None, phrase: str) -> str:
    """Where the sealed values of a delivery belong, for the vault (its id is not known before it is written)."""
    return f"deliveries.sealed:{post_id}:{phrase}"


def row(
    *,
    channel: str,
    kind: str,
    audience: Audience,
    priority: Priority,
    phrase: str,
    values: dict[str, Any],
    language: str,
    at: datetime,
    due_at: datetime | None = None,
    address_id: str | None = None,
    post_id: str | None = None,
    broadcast_id: str | None = None,
    key: SealingKey | None = None,
    sealed: bytes | None = None,
    despite_stop: bool = False,
) -> dict[str, Any]:
    """A new row, due at once unless it is said when."""
    return {
        "broadcast_id": broadcast_id,
        "post_id": post_id,
        "audience": audience,
        "channel": channel,
        "address_id": address_id,
        "kind": kind,
        "priority": PRIORITY_RANK[priority],
        "phrase": phrase,
        "values": values,
        "key_id": key.id if key else None,
        "sealed": sealed,
        "language": language,
        "despite_stop": despite_stop,
        "state": DeliveryState.DUE,
        "due_at": due_at or at,
        "created_at": at,
    }


async def add(transaction: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Put deliveries into the outbox; one that is there already for its broadcast and address is passed over."""
    if rows:
        connection = transaction.connection
        keys_of_one = ["broadcast_id", "address_id", "channel"]
        await connection.execute(insert_new(connection, deliveries, keys_of_one), list(rows))
        transaction.wake(*topics(rows))


def topics(rows: Iterable[dict[str, Any]]) -> set[str]:
    """Whom new deliveries wake: their channels' lines, and whoever has the mailbox open they are kept in."""
    lines = {outbox(row["channel"]) for row in rows}
    return lines | {mailbox(row["address_id"]) for row in rows if row["kind"] == "mailbox"}


async def drop_words(transaction: Transaction, post_id: str, phrases: Sequence[str], reason: str, at: datetime) -> None:
    """Take back what the author of a post was to be told in these words and has not left, or was not looked at yet."""
    unseen = (deliveries.c.kind == "mailbox") & deliveries.c.seen_at.is_(None)
    waiting = update(deliveries).where(
        _to_author(post_id, phrases),
        deliveries.c.state.in_([DeliveryState.DUE, DeliveryState.HELD])
        | (unseen & deliveries.c.state.in_([DeliveryState.SENT, DeliveryState.DELIVERED])),
    )
    await transaction.connection.execute(waiting.values(state=DeliveryState.DROPPED, reason=reason, done_at=at))


async def author_heard(connection: AsyncConnection, post_id: str, phrases: Sequence[str]) -> bool:
    """Whether the author of a post was told something in one of these words, or may have been."""
    heard = deliveries.c.state.in_(HEARD) | deliveries.c.seen_at.is_not(None)
    wanted = select(deliveries.c.id).where(_to_author(post_id, phrases), heard)
    return (await connection.execute(wanted.limit(1))).first() is not None


async def of_posts(connection: AsyncConnection, post_ids: Sequence[str]) -> list[StaffDelivery]:
    """Deliveries of some posts with their attempts, oldest first, and no more than `MOST_OF_POSTS`: a post that went to
    a million followers has as many. `search` goes through all of them."""
    return await for_staff(connection, [deliveries.c.post_id.in_(post_ids)], MOST_OF_POSTS)


async def search(
    connection: AsyncConnection,
    *,
    ticket: str | None = None,
    state: DeliveryState | None = None,
    channel: str | None = None,
    limit: int = 100,
    before: int | None = None,
) -> list[StaffDelivery]:
    """Deliveries by thread, state and channel, newest first, those with ids below `before`."""
    where: list[ColumnElement[bool]] = []
    if ticket:
        thread = select(posts.c.id).where(posts.c.ticket == ticket).scalar_subquery()
        where.append(deliveries.c.post_id.in_(select(posts.c.id).where(posts.c.thread_id == thread)))
    if state:
        where.append(deliveries.c.state == state)
    if channel:
        where.append(deliveries.c.channel == channel)
    if before is not None:
        where.append(deliveries.c.id < before)
    return await for_staff(connection, where, limit, newest=True)


def open_secrets(vault: Vault, claimed: Claimed) -> bytes | None:
    """The sealed values of a delivery in the clear, as they were sealed; None when it has none.

    Raises `VaultError` when its key was destroyed.
    """
    if claimed.sealed is None:
        return None
    key = vault.unwrap(claimed.key_id, claimed.wrapped or b"") if claimed.key_id else None
    return vault.open(claimed.sealed, secrets_place(claimed.post_id, claimed.phrase), key)


def _to_author(post_id: str, phrases: Sequence[str]) -> ColumnElement[bool]:
    told = (deliveries.c.post_id == post_id) & (deliveries.c.audience == Audience.AUTHOR)
    return told & deliveries.c.phrase.in_(phrases)


def held(one: Row[Any], started_at: datetime, *, number: int | None = None, until: datetime | None = None) -> Claimed:
    """A row with its key beside it as whoever words it needs it; `number` and `until` when it is just being claimed."""
    return Claimed(
        id=one.id,
        broadcast_id=one.broadcast_id,
        post_id=one.post_id,
        audience=Audience(one.audience),
        channel=one.channel,
        address_id=one.address_id,
        phrase=one.phrase,
        values=dict(one.values),
        key_id=one.key_id,
        wrapped=one.wrapped,
        sealed=one.sealed,
        language=one.language,
        despite_stop=one.despite_stop,
        number=number or one.tries,
        forgiven=one.forgiven,
        until=until or one.lease_until,
        created_at=one.created_at,
        started_at=started_at,
    )


async def for_staff(
    connection: AsyncConnection, where: Sequence[ColumnElement[bool]], limit: int, *, newest: bool = False
) -> list[StaffDelivery]:
    """Deliveries that fit, with their tickets and attempts."""
    thread = posts.alias("thread")
    wanted = (
        select(deliveries, thread.c.ticket)
        .outerjoin(posts, posts.c.id == deliveries.c.post_id)
        .outerjoin(thread, thread.c.id == posts.c.thread_id)
        .where(*where)
        .order_by(deliveries.c.id.desc() if newest else deliveries.c.id)
        .limit(limit)
    )
    rows = (await connection.execute(wanted)).all()
    tries: defaultdict[int, list[StaffAttempt]] = defaultdict(list)
    of_these = attempts.c.delivery_id.in_([one.id for one in rows])
    for one in await connection.execute(select(attempts).where(of_these).order_by(attempts.c.id)):
        tries[one.delivery_id].append(
            StaffAttempt(one.number, one.started_at, one.ended_at, one.outcome, one.code, one.detail)
        )
    return [
        StaffDelivery(
            id=one.id,
            post_id=one.post_id,
            ticket=one.ticket,
            audience=Audience(one.audience),
            channel=one.channel,
            phrase=one.phrase,
            state=DeliveryState(one.state),
            reason=one.reason,
            tries=one.tries,
            created_at=one.created_at,
            due_at=one.due_at,
            done_at=one.done_at,
            seen_at=one.seen_at,
            urgent=one.priority,
            attempts=tuple(tries[one.id]),
        )
        for one in rows
    ]
