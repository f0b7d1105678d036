"""What became of deliveries: outcomes of attempts, and receipts. A state only moves forward within one try."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Update, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema_outgoing import DeliveryState, Receipt, ReceiptStatus
from store.database import Transaction
from store.dialect import Given, add_up, among, hold_back, insert_new, update_all
from store.outbox import IN_TURN, underway
from store.tables_deliveries import attempts, deliveries, receipts, spendings

# How far a delivery has come. An outcome or a receipt moves it only to a higher rank; a try that is over without a
# message at the carrier begins again at `due`, and so does what a person has sent again.
RANK = {
    DeliveryState.HELD: 0,
    DeliveryState.DUE: 0,
    DeliveryState.SENDING: 1,
    DeliveryState.UNKNOWN: 2,
    DeliveryState.SENT: 3,
    DeliveryState.FAILED: 4,
    DeliveryState.DROPPED: 5,
    DeliveryState.DELIVERED: 6,
}
FINAL = (DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.DROPPED)
# What a receipt makes of a delivery. What is not at the carrier as far as we know can only turn out to be delivered.
MEANS = {
    ReceiptStatus.SENT: DeliveryState.SENT,
    ReceiptStatus.DELIVERED: DeliveryState.DELIVERED,
    ReceiptStatus.FAILED: DeliveryState.FAILED,
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """The outcome of an attempt: where its delivery goes now, and what the carrier said.

    `forgiven` when the try does not count towards giving up; `units` is what it cost on `day`, the city's.
    """

    delivery_id: int
    number: int
    state: DeliveryState
    at: datetime
    reason: str | None = None
    code: str | None = None
    detail: str | None = None
    carrier_id: str | None = None
    due_at: datetime | None = None
    forgiven: bool = False
    units: int = 0
    day: str = ""
    address_id: str | None = None


async def record(transaction: Transaction, channel: str, outcomes: Sequence[Recorded]) -> None:
    """Write what became of a channel's attempts, then apply the receipts that were here before the response."""
    connection = transaction.connection
    named = [outcome.carrier_id for outcome in outcomes if outcome.carrier_id]
    await hold_back(connection, [_name(channel, one) for one in named])
    for some in _apart(outcomes):
        await update_all(connection, _end_attempt, [_attempt(one) for one in some])
        await update_all(connection, _move_all, [_moved(one) for one in some])
    await _release(connection, outcomes)
    await _spend(connection, channel, outcomes)
    await _apply_early_receipts(connection, channel, named)


async def apply_receipt(transaction: Transaction, channel: str, receipt: Receipt) -> bool:
    """Keep a receipt and move its delivery forward; false when it moved nothing (unknown yet, or old news)."""
    connection = transaction.connection
    # The response that names this message may be written by another process just now.
    await hold_back(connection, [_name(channel, receipt.carrier_id)])
    kept = {
        "channel": channel,
        "carrier_id": receipt.carrier_id,
        "status": receipt.status,
        "code": receipt.code,
        "at": receipt.at,
    }
    await connection.execute(insert_new(connection, receipts, ["channel", "carrier_id", "status"]), kept)
    named = (deliveries.c.channel == channel) & (deliveries.c.carrier_id == receipt.carrier_id)
    return await _move(connection, receipt.status, receipt.code, receipt.at, named)


async def spent(connection: AsyncConnection, channel: str, day: str) -> int:
    """What a channel's sendings cost on a day of the city so far, in the carrier's units."""
    wanted = select(spendings.c.units).where(spendings.c.channel == channel, spendings.c.day == day)
    return (await connection.execute(wanted)).scalar() or 0


def _end_attempt(given: Given) -> Update:
    return (
        update(attempts)
        .where(
            attempts.c.delivery_id == given("its", attempts.c.delivery_id.type),
            attempts.c.number == given("nth", attempts.c.number.type),
        )
        .values(
            ended_at=given("ended", attempts.c.ended_at.type),
            outcome=given("became", attempts.c.outcome.type),
            code=given("says", attempts.c.code.type),
            detail=given("words", attempts.c.detail.type),
        )
    )


def _move_all(given: Given) -> Update:
    """An outcome that comes so late that the delivery was claimed again says nothing of the new attempt."""
    own = deliveries.c
    return (
        update(deliveries)
        .where(
            own.id == given("its", own.id.type),
            own.tries == given("nth", own.tries.type),
            or_(own.state == DeliveryState.SENDING, own.state == DeliveryState.UNKNOWN),
        )
        .values(
            state=given("became", own.state.type),
            reason=given("because", own.reason.type),
            lease_until=None,
            carrier_id=func.coalesce(given("named", own.carrier_id.type), own.carrier_id),
            due_at=func.coalesce(given("again", own.due_at.type), own.due_at),
            done_at=func.coalesce(given("done", own.done_at.type), own.done_at),
            forgiven=own.forgiven + given("pardon", own.forgiven.type),
        )
    )


def _apart(outcomes: Sequence[Recorded]) -> Iterable[Sequence[Recorded]]:
    """Outcomes in their order, what is of the same attempt one after the other."""
    some: dict[tuple[int, int], Recorded] = {}
    for one in outcomes:
        if (one.delivery_id, one.number) in some:
            yield list(some.values())
            some = {}
        some[one.delivery_id, one.number] = one
    yield list(some.values())


def _attempt(one: Recorded) -> dict[str, Any]:
    return {
        "its": one.delivery_id,
        "nth": one.number,
        "ended": one.at,
        "became": one.state,
        "says": one.code,
        "words": one.detail,
    }


def _moved(one: Recorded) -> dict[str, Any]:
    return {
        "its": one.delivery_id,
        "nth": one.number,
        "became": one.state,
        "because": one.reason,
        "named": one.carrier_id,
        "again": one.due_at,
        "done": one.at if one.state in FINAL else None,
        "pardon": int(one.forgiven),
    }


async def _release(connection: AsyncConnection, outcomes: Sequence[Recorded]) -> None:
    """What waited for the end of these is looked at again at once; bulk comes to its turn by itself."""
    ended = {one.address_id for one in outcomes if one.address_id and RANK[one.state] >= RANK[DeliveryState.SENT]}
    if ended:
        waiting = update(deliveries).where(
            among(connection, deliveries.c.address_id, ended),
            # Only what is due has this reason; said of the state, it would lead away from the index.
            deliveries.c.reason == IN_TURN,
            *underway(),
        )
        await connection.execute(waiting.values(due_at=min(one.at for one in outcomes)))


async def _spend(connection: AsyncConnection, channel: str, outcomes: Sequence[Recorded]) -> None:
    units: Counter[str] = Counter()
    for one in outcomes:
        units[one.day] += one.units
    rows = [{"channel": channel, "day": day, "units": number} for day, number in units.items() if number]
    if rows:
        await connection.execute(add_up(connection, spendings, ["channel", "day"], ["units"]), rows)


async def _apply_early_receipts(connection: AsyncConnection, channel: str, carrier_ids: Sequence[str]) -> None:
    if not carrier_ids:
        return
    early = select(receipts).where(receipts.c.channel == channel, among(connection, receipts.c.carrier_id, carrier_ids))
    for one in (await connection.execute(early.order_by(receipts.c.id))).all():
        named = (deliveries.c.channel == channel) & (deliveries.c.carrier_id == one.carrier_id)
        await _move(connection, ReceiptStatus(one.status), one.code, one.at, named)


async def _move(
    connection: AsyncConnection, status: ReceiptStatus, code: str | None, at: datetime, named: ColumnElement[bool]
) -> bool:
    state = MEANS[status]
    changes: dict[str, Any] = {"state": state, "lease_until": None}
    if state in FINAL:
        changes["done_at"] = at
    if state is DeliveryState.FAILED:
        changes["reason"] = f"carrier code {code}" if code else "the carrier could not deliver it"
    elif state is DeliveryState.DELIVERED:
        changes["reason"] = None
    lowest = DeliveryState.DUE if state is DeliveryState.DELIVERED else DeliveryState.SENDING
    before = [one for one in DeliveryState if RANK[lowest] <= RANK[one] < RANK[state]]
    moved = await connection.execute(update(deliveries).where(named, deliveries.c.state.in_(before)).values(**changes))
    return moved.rowcount > 0


def _name(channel: str, carrier_id: str) -> str:
    return f"carrier {channel} {carrier_id}"
