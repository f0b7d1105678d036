"""Dead letters: what was not sent or nobody knows of, found by reason, sent again or dropped by a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import NotFound
from gateway.schema_outgoing import DeliveryState
from store import outbox
from store.database import Transaction
from store.deliveries import StaffDelivery, for_staff
from store.deliveries import outbox as topic
from store.tables_citizens import addresses
from store.tables_deliveries import DEAD, deliveries

STATES = (DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.DROPPED)
# An unknown younger than this is still being settled by its channel.
UNKNOWN_FOR = timedelta(hours=1)
SENT_AGAIN = "sent again by hand"
# As the indexes have it, so that they are used.
_dead = text(DEAD.replace("state", "deliveries.state"))


@dataclass(frozen=True, slots=True)
class Pile:
    """How many dead letters of a channel have one reason."""

    state: DeliveryState
    channel: str
    reason: str | None
    number: int


@dataclass(frozen=True, slots=True)
class Obstacles:
    """What stands before one delivery that is due: its line's STOP, or an earlier message of its thread."""

    stopped: bool
    behind: bool


async def piles(connection: AsyncConnection) -> list[Pile]:
    """How many there are by state, channel and reason, the most first. What was dropped on purpose is not counted."""
    number = func.count().label("number")
    kinds = (deliveries.c.state, deliveries.c.channel, deliveries.c.reason)
    waiting = deliveries.c.state.in_([DeliveryState.FAILED, DeliveryState.UNKNOWN])
    wanted = select(*kinds, number).where(_dead, waiting).group_by(*kinds).order_by(number.desc())
    return [Pile(DeliveryState(one[0]), one[1], one[2], one[3]) for one in await connection.execute(wanted)]


async def found(
    connection: AsyncConnection,
    at: datetime,
    *,
    state: DeliveryState | None = None,
    channel: str | None = None,
    reason: str | None = None,
    limit: int = 100,
) -> list[StaffDelivery]:
    """The newest dead letters; an unknown is one when it is old, or when unknowns are what is asked for."""
    ids: list[int] = []
    for each in [state] if state else STATES:
        wanted = _of(each, channel, reason)
        if each is DeliveryState.UNKNOWN and state is None:
            wanted = wanted.where(deliveries.c.created_at < at - UNKNOWN_FOR)
        ids += (await connection.execute(wanted.order_by(deliveries.c.id.desc()).limit(limit))).scalars().all()
    newest = sorted(ids, reverse=True)[:limit]
    return await for_staff(connection, [deliveries.c.id.in_(newest)], limit, newest=True) if newest else []


async def one(connection: AsyncConnection, delivery_id: int) -> StaffDelivery:
    """One delivery with its attempts. Raises `NotFound`."""
    rows = await for_staff(connection, [deliveries.c.id == delivery_id], 1)
    if not rows:
        raise NotFound(f"there is no delivery {delivery_id}")
    return rows[0]


async def obstacles(connection: AsyncConnection, delivery_id: int, at: datetime) -> Obstacles:
    """What stands before a delivery."""
    wanted = select(addresses.c.stopped_at, deliveries.c.despite_stop)
    wanted = wanted.join(addresses, addresses.c.id == deliveries.c.address_id).where(deliveries.c.id == delivery_id)
    row = (await connection.execute(wanted)).first()
    behind = outbox.before(at).where(deliveries.c.id == delivery_id).group_by(deliveries.c.id)
    blocked = (await connection.execute(behind)).first()
    return Obstacles(bool(row and row.stopped_at and not row.despite_stop), blocked is not None)


async def send_again(transaction: Transaction, ids: Sequence[int], at: datetime) -> list[int]:
    """Have dead letters sent again, with as many tries as a new one; gives those that were dead letters."""
    chosen = await _hold(transaction, ids, STATES)
    renewed = update(deliveries).where(deliveries.c.id.in_(chosen))
    values = {"state": DeliveryState.DUE, "reason": SENT_AGAIN, "due_at": at, "done_at": None, "lease_until": None}
    await transaction.connection.execute(renewed.values(**values, forgiven=deliveries.c.tries))
    channels = select(deliveries.c.channel).where(deliveries.c.id.in_(chosen)).distinct()
    transaction.wake(*(topic(channel) for channel in (await transaction.connection.execute(channels)).scalars()))
    return chosen


async def drop(transaction: Transaction, ids: Sequence[int], reason: str, at: datetime) -> list[int]:
    """Give up on what failed, is unknown or still waits; gives those it was possible for."""
    states = (DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.DUE)
    chosen = await _hold(transaction, ids, states)
    dropped = update(deliveries).where(deliveries.c.id.in_(chosen))
    await transaction.connection.execute(dropped.values(state=DeliveryState.DROPPED, reason=reason, done_at=at))
    return chosen


def _of(state: DeliveryState, channel: str | None, reason: str | None) -> Select[int]:
    wanted = select(deliveries.c.id).where(_dead, deliveries.c.state == state)
    if channel:
        wanted = wanted.where(deliveries.c.channel == channel)
    return wanted.where(deliveries.c.reason == reason) if reason else wanted


async def _hold(transaction: Transaction, ids: Sequence[int], states: Sequence[DeliveryState]) -> list[int]:
    """Which of these are in one of these states, kept from other processes until the transaction ends."""
    wanted = select(deliveries.c.id).where(deliveries.c.id.in_(ids), deliveries.c.state.in_(states))
    held = await transaction.connection.execute(wanted.order_by(deliveries.c.id).with_for_update())
    return list(held.scalars())
