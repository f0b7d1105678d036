"""Deliveries on their way: claimed before they are sent, recorded after, moved by receipts, never backwards."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import PRIORITY_RANK, Audience, DeliveryState, Priority, Receipt, ReceiptStatus
from store.database import Transaction
from store.dialect import hold_back, insert_new
from store.tables import attempts, deliveries, keys, posts, receipts
from store.vault import SealingKey, Vault

# What a receipt makes of a delivery, and from which states: only ever forward.
FORWARD = {
    ReceiptStatus.SENT: (DeliveryState.SENT, (DeliveryState.SENDING, DeliveryState.UNKNOWN)),
    ReceiptStatus.DELIVERED: (
        DeliveryState.DELIVERED,
        (DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.SENT),
    ),
    ReceiptStatus.FAILED: (DeliveryState.FAILED, (DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.SENT)),
}
# What the topics of all mailboxes begin with.
MAILBOXES = "mailbox "
FINAL = (DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.DROPPED)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery a worker holds until its lease ends. `sealed` is opened with the wrapped key beside it."""

    id: int
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
    created_at: datetime
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """The outcome of an attempt: where its delivery goes now, and what the carrier said."""

    delivery_id: int
    number: int
    state: DeliveryState
    at: datetime
    reason: str | None = None
    code: str | None = None
    detail: str | None = None
    carrier_id: str | None = None
    due_at: datetime | None = None


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
    """A delivery as staff see it: everything but the address."""

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
    address_id: str | None = None,
    post_id: str | None = None,
    broadcast_id: str | None = None,
    key: SealingKey | None = None,
    sealed: bytes | None = None,
    despite_stop: bool = False,
) -> dict[str, Any]:
    """A new row, due at once."""
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
        "due_at": at,
        "created_at": at,
    }


async def add(transaction: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Put deliveries into the outbox; one that is there already for its broadcast and address is passed over."""
    if rows:
        connection = transaction.connection
        keys_of_one = ["broadcast_id", "channel", "address_id"]
        await connection.execute(insert_new(connection, deliveries, keys_of_one), list(rows))
        transaction.wake(*topics(rows))


def topics(rows: Iterable[dict[str, Any]]) -> set[str]:
    """Whom new deliveries wake: their channels' lines, and whoever has the mailbox open they are kept in."""
    lines = {outbox(row["channel"]) for row in rows}
    return lines | {mailbox(row["address_id"]) for row in rows if row["kind"] == "mailbox"}


async def claim(transaction: Transaction, channel: str, at: datetime, until: datetime, limit: int) -> list[Claimed]:
    """Take the most urgent due deliveries of a channel; from the commit on they are `sending` and nobody else's."""
    connection = transaction.connection
    wanted = (
        select(deliveries.c.id)
        .where(deliveries.c.channel == channel, deliveries.c.state == DeliveryState.DUE, deliveries.c.due_at <= at)
        .order_by(deliveries.c.priority, deliveries.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = (await connection.execute(wanted)).scalars().all()
    if not ids:
        return []
    taken = update(deliveries).where(deliveries.c.id.in_(ids))
    await connection.execute(taken.values(state=DeliveryState.SENDING, lease_until=until, tries=deliveries.c.tries + 1))
    rows = (await connection.execute(_claimed().where(deliveries.c.id.in_(ids)))).all()
    await connection.execute(attempts.insert(), [_attempt(one, at) for one in rows])
    return [held(one, at) for one in sorted(rows, key=lambda one: (one.priority, one.due_at, one.id))]


async def record(transaction: Transaction, channel: str, outcomes: Sequence[Recorded]) -> None:
    """Write what became of a channel's attempts, then apply the receipts that were here before the response."""
    connection = transaction.connection
    named = [outcome.carrier_id for outcome in outcomes if outcome.carrier_id]
    await _await_receipts(connection, channel, named)
    for outcome in outcomes:
        ended = update(attempts).where(
            attempts.c.delivery_id == outcome.delivery_id, attempts.c.number == outcome.number
        )
        words = {"outcome": outcome.state, "code": outcome.code, "detail": outcome.detail}
        await connection.execute(ended.values(ended_at=outcome.at, **words))
        changes: dict[str, Any] = {"state": outcome.state, "reason": outcome.reason, "lease_until": None}
        if outcome.carrier_id:
            changes["carrier_id"] = outcome.carrier_id
        if outcome.due_at:
            changes["due_at"] = outcome.due_at
        if outcome.state in FINAL:
            changes["done_at"] = outcome.at
        open_still = deliveries.c.state.in_([DeliveryState.SENDING, DeliveryState.UNKNOWN])
        # An outcome that comes so late that the delivery was claimed again says nothing of the new attempt.
        its_own = (deliveries.c.id == outcome.delivery_id) & (deliveries.c.tries == outcome.number)
        moved = update(deliveries).where(its_own, open_still)
        await connection.execute(moved.values(**changes))
    await _apply_early_receipts(connection, channel, named)


async def abandon(transaction: Transaction, at: datetime) -> int:
    """Leases that ended in `sending`: nobody knows whether the carrier has the message. Gives how many."""
    lost = update(deliveries).where(deliveries.c.state == DeliveryState.SENDING, deliveries.c.lease_until < at)
    done = await transaction.connection.execute(
        lost.values(state=DeliveryState.UNKNOWN, reason="lease ended", lease_until=None, due_at=at)
    )
    return done.rowcount


async def claim_unknown(
    transaction: Transaction, channel: str, at: datetime, until: datetime, limit: int
) -> list[Claimed]:
    """Take deliveries of a channel whose end nobody knows, to settle them; nobody else gets them before `until`."""
    connection = transaction.connection
    wanted = (
        select(deliveries.c.id)
        .where(deliveries.c.channel == channel, deliveries.c.state == DeliveryState.UNKNOWN, deliveries.c.due_at <= at)
        .order_by(deliveries.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = (await connection.execute(wanted)).scalars().all()
    if not ids:
        return []
    await connection.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(due_at=until))
    rows = (await connection.execute(_claimed().where(deliveries.c.id.in_(ids)))).all()
    begun = select(attempts.c.delivery_id, func.max(attempts.c.started_at).label("at"))
    begun = begun.where(attempts.c.delivery_id.in_(ids)).group_by(attempts.c.delivery_id)
    started = {one.delivery_id: one.at for one in await connection.execute(begun)}
    return [held(one, started[one.id]) for one in rows]


async def next_due(connection: AsyncConnection, channel: str) -> datetime | None:
    """When the next delivery of a channel is due, to be sent or to be settled."""
    waiting = deliveries.c.state.in_([DeliveryState.DUE, DeliveryState.UNKNOWN])
    wanted = select(deliveries.c.due_at).where(deliveries.c.channel == channel, waiting)
    return (await connection.execute(wanted.order_by(deliveries.c.due_at).limit(1))).scalar()


async def apply_receipt(transaction: Transaction, channel: str, receipt: Receipt) -> bool:
    """Keep a receipt and move its delivery forward; false when it moved nothing (unknown yet, or old news)."""
    connection = transaction.connection
    await _await_receipts(connection, channel, [receipt.carrier_id])
    kept = {
        "channel": channel,
        "carrier_id": receipt.carrier_id,
        "status": receipt.status,
        "code": receipt.code,
        "at": receipt.at,
    }
    await connection.execute(insert_new(connection, receipts, ["channel", "carrier_id", "status"]), kept)
    moved = await _move(
        connection,
        receipt.status,
        receipt.code,
        receipt.at,
        (deliveries.c.channel == channel) & (deliveries.c.carrier_id == receipt.carrier_id),
    )
    return moved


async def drop_waiting(transaction: Transaction, post_id: str, reason: str, at: datetime) -> None:
    """Take back what has not left yet of a post that was withdrawn."""
    waiting = update(deliveries).where(deliveries.c.post_id == post_id, deliveries.c.state == DeliveryState.DUE)
    of_broadcast = deliveries.c.broadcast_id.is_not(None)
    await transaction.connection.execute(
        waiting.where(of_broadcast).values(state=DeliveryState.DROPPED, reason=reason, done_at=at)
    )


async def of_posts(connection: AsyncConnection, post_ids: Sequence[str]) -> list[StaffDelivery]:
    """All deliveries of some posts with their attempts, oldest first."""
    return await _for_staff(connection, [deliveries.c.post_id.in_(post_ids)], 1000)


async def search(
    connection: AsyncConnection, *, ticket: str | None = None, state: DeliveryState | None = None, limit: int = 100
) -> list[StaffDelivery]:
    """Deliveries by thread and state, newest first."""
    where: list[ColumnElement[bool]] = []
    if ticket:
        thread = select(posts.c.id).where(posts.c.ticket == ticket).scalar_subquery()
        where.append(deliveries.c.post_id.in_(select(posts.c.id).where(posts.c.thread_id == thread)))
    if state:
        where.append(deliveries.c.state == state)
    return await _for_staff(connection, where, limit, newest=True)


def open_secrets(vault: Vault, claimed: Claimed) -> bytes | None:
    """The sealed values of a delivery in the clear, as they were sealed; None when it has none.

    Raises `VaultError` when its key was destroyed.
    """
    if claimed.sealed is None:
        return None
    key = vault.unwrap(claimed.key_id, claimed.wrapped or b"") if claimed.key_id else None
    return vault.open(claimed.sealed, secrets_place(claimed.post_id, claimed.phrase), key)


async def _await_receipts(connection: AsyncConnection, channel: str, carrier_ids: Sequence[str]) -> None:
    """Of two processes, one with the response that names a message and one with its receipt, the second must see what
    the first wrote; else the receipt would find no delivery, and the response no receipt."""
    await hold_back(connection, [f"receipt {channel} {carrier_id}" for carrier_id in carrier_ids])


async def _apply_early_receipts(connection: AsyncConnection, channel: str, carrier_ids: Sequence[str]) -> None:
    if not carrier_ids:
        return
    early = select(receipts).where(receipts.c.channel == channel, receipts.c.carrier_id.in_(carrier_ids))
    for one in (await connection.execute(early.order_by(receipts.c.id))).all():
        named = (deliveries.c.channel == channel) & (deliveries.c.carrier_id == one.carrier_id)
        await _move(connection, ReceiptStatus(one.status), one.code, one.at, named)


async def _move(
    connection: AsyncConnection, status: ReceiptStatus, code: str | None, at: datetime, named: ColumnElement[bool]
) -> bool:
    state, before = FORWARD[status]
    changes: dict[str, Any] = {"state": state}
    if state in FINAL:
        changes["done_at"] = at
    if code:
        changes["reason"] = f"carrier code {code}"
    moved = await connection.execute(update(deliveries).where(named, deliveries.c.state.in_(before)).values(**changes))
    return moved.rowcount > 0


def _claimed() -> Any:
    return select(deliveries, keys.c.wrapped).outerjoin(keys, keys.c.id == deliveries.c.key_id)


def _attempt(one: Row[Any], at: datetime) -> dict[str, Any]:
    return {
        "delivery_id": one.id,
        "channel": one.channel,
        "number": one.tries,
        "started_at": at,
        "outcome": DeliveryState.SENDING,
    }


def held(one: Row[Any], started_at: datetime) -> Claimed:
    """A row with its key beside it as whoever words it needs it."""
    return Claimed(
        id=one.id,
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
        number=one.tries,
        created_at=one.created_at,
        started_at=started_at,
    )


async def _for_staff(
    connection: AsyncConnection, where: Sequence[ColumnElement[bool]], limit: int, *, newest: bool = False
) -> list[StaffDelivery]:
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
            attempts=tuple(tries[one.id]),
        )
        for one in rows
    ]
