"""What staff do about deliveries: ask what holds one, have dead letters sent again, drop them. All of it audited."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway import clock
from gateway.errors import BadInput
from gateway.journey import pacing
from gateway.runtime import Runtime
from gateway.schema_outgoing import DeliveryState
from store import audit, dead_letters, outbox, outcomes, subscribers
from store.database import Transaction
from store.dead_letters import Obstacles
from store.deliveries import StaffDelivery

# Why somebody drops a delivery.
REASONS = ("no longer needed", "told another way", "wrong recipient")
# How many may be chosen at once.
MOST = 500


class Holds(StrEnum):
    """What a delivery waits for."""

    TIME = "time"
    TURN = "turn"
    QUIET = "quiet"
    BUDGET = "budget"
    STOP = "stop"
    CHANNEL = "channel"
    CARRIER = "carrier"
    SETTLING = "settling"
    RECEIPT = "receipt"
    SUBSCRIBER = "subscriber"


@dataclass(frozen=True, slots=True)
class Standing:
    """One thing a delivery waits for, and until when, if that is known."""

    holds: Holds
    until: datetime | None = None


async def look(runtime: Runtime, delivery_id: int) -> tuple[StaffDelivery, list[Standing]]:
    """A delivery with its attempts, and everything it waits for. Raises `NotFound`."""
    at = clock.now()
    async with runtime.database.reading() as connection:
        found = await dead_letters.one(connection, delivery_id)
        if found.state is not DeliveryState.DUE:
            return found, _underway(runtime, found)
        before = await dead_letters.obstacles(connection, delivery_id, at)
        spent = await outcomes.spent(connection, found.channel, pacing.day(runtime.settings, at))
    return found, _waiting(runtime, found, before, spent, at)


async def send_again(runtime: Runtime, ids: Sequence[int], *, actor: str) -> int:
    """Have dead letters sent again; gives how many of these were any. Raises `BadInput`."""
    _check(ids)

    async def change(transaction: Transaction) -> int:
        sent = await dead_letters.send_again(transaction, ids, clock.now())
        await audit.note_each(transaction, actor, "delivery sent again", map(str, sent))
        return len(sent)

    return await runtime.database.write(change)


async def drop(runtime: Runtime, ids: Sequence[int], reason: str, *, actor: str) -> int:
    """Drop deliveries that have not left; gives how many of these it was possible for. Raises `BadInput`."""
    _check(ids)
    if reason not in REASONS:
        raise BadInput("choose a reason first", "reason")

    async def change(transaction: Transaction) -> int:
        dropped = await dead_letters.drop(transaction, ids, reason, clock.now())
        await audit.note_each(transaction, actor, "delivery dropped", map(str, dropped))
        return len(dropped)

    return await runtime.database.write(change)


def _check(ids: Sequence[int]) -> None:
    if not ids:
        raise BadInput("choose deliveries first", "ids")
    if len(ids) > MOST:
        raise BadInput("choose fewer deliveries at once", "ids")


def _underway(runtime: Runtime, found: StaffDelivery) -> list[Standing]:
    if found.state is DeliveryState.UNKNOWN:
        return [Standing(Holds.SETTLING, found.due_at)]
    channel = runtime.channels.get(found.channel)
    if found.state is DeliveryState.SENT and channel and channel.capabilities.receipts:
        return [Standing(Holds.RECEIPT)]
    return []


def _waiting(runtime: Runtime, found: StaffDelivery, before: Obstacles, spent: int, at: datetime) -> list[Standing]:
    """Why a due delivery has not left, what decides most first."""
    channel = runtime.channels.get(found.channel)
    if channel is None:
        return [Standing(Holds.CHANNEL)]
    standings = []
    if before.stopped:
        standings.append(Standing(Holds.STOP))
    hold = pacing.held(runtime.settings, channel, at, spent)
    if hold and found.urgent >= outbox.FIRST_BULK:
        standings.append(Standing(Holds.QUIET if hold.reason == pacing.QUIET else Holds.BUDGET, hold.until))
    if before.behind:
        standings.append(Standing(Holds.TURN))
    if found.reason in subscribers.ASIDE_REASONS:
        standings.append(Standing(Holds.SUBSCRIBER))
    elif found.due_at > at:
        carrier = found.reason in ("throttled", "misconfigured", "later")
        standings.append(Standing(Holds.CARRIER if carrier else Holds.TIME, found.due_at))
    return standings or [Standing(Holds.TIME)]
