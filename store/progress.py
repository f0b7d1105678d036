"""How broadcasts stand, for staff: what was counted before, how far they came, what became of each delivery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.errors import NotFound
from gateway.schema_outgoing import DeliveryState
from store.broadcasts import UNSETTLED, WAITING, BroadcastState, Told
from store.tables_broadcasts import broadcasts
from store.tables_deliveries import attempts, deliveries
from store.tables_posts import posts

# Over how many seconds a channel's pace is measured.
PACE_OVER = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """One broadcast: `added` of the `expected` (None: not counted yet) have their delivery, `cost` is in segments."""

    id: str
    post_id: str
    ticket: str
    told: Told
    state: BroadcastState
    reason: str | None
    expected: int | None
    added: int
    cost: int | None
    agreed_by: str | None
    created_at: datetime
    due_at: datetime
    expires_at: datetime | None
    expanded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the deliveries of one broadcast: by channel and state, and why some did not arrive.

    `seconds` is how long the rest takes at the pace of the last minute; None when nothing moves.
    """

    channels: Mapping[str, Mapping[DeliveryState, int]] = field(default_factory=dict)
    reasons: Sequence[tuple[DeliveryState, str | None, int]] = ()
    seconds: int | None = None

    @property
    def states(self) -> dict[DeliveryState, int]:
        """How many deliveries of all channels are in each state."""
        return {state: sum(counts.get(state, 0) for counts in self.channels.values()) for state in DeliveryState}


async def newest(connection: AsyncConnection, limit: int, state: BroadcastState | None = None) -> list[Standing]:
    """The newest broadcasts, of one state or of all."""
    wanted = _standing().order_by(broadcasts.c.created_at.desc()).limit(limit)
    wanted = wanted if state is None else wanted.where(broadcasts.c.state == state)
    return [_read(row) for row in await connection.execute(wanted)]


async def of_posts(connection: AsyncConnection, post_ids: Sequence[str]) -> list[Standing]:
    """The broadcasts of some posts, oldest first."""
    wanted = _standing().where(broadcasts.c.post_id.in_(post_ids)).order_by(broadcasts.c.id)
    return [_read(row) for row in await connection.execute(wanted)]


async def asking(connection: AsyncConnection) -> int:
    """How many broadcasts wait for a yes to their cost."""
    wanted = select(func.count()).where(broadcasts.c.state == BroadcastState.ASKING)
    return (await connection.execute(wanted)).scalar_one()


async def one(connection: AsyncConnection, broadcast_id: str) -> tuple[Standing, Account]:
    """A broadcast with all that became of it. Raises `NotFound`."""
    row = (await connection.execute(_standing().where(broadcasts.c.id == broadcast_id))).first()
    if row is None:
        raise NotFound("there is no such broadcast")
    standing = _read(row)
    channels: dict[str, dict[DeliveryState, int]] = {}
    of_it = deliveries.c.broadcast_id == broadcast_id
    counted = select(deliveries.c.channel, deliveries.c.state, func.count()).where(of_it)
    for channel, state, number in await connection.execute(counted.group_by(deliveries.c.channel, deliveries.c.state)):
        channels.setdefault(channel, {})[DeliveryState(state)] = number
    lost = deliveries.c.state.in_([DeliveryState.FAILED, DeliveryState.DROPPED])
    why = select(deliveries.c.state, deliveries.c.reason, func.count()).where(of_it, lost)
    why = why.group_by(deliveries.c.state, deliveries.c.reason)
    reasons = sorted(
        ((DeliveryState(state), reason, number) for state, reason, number in await connection.execute(why)),
        key=lambda known: -known[2],
    )
    return standing, Account(channels, reasons, await _seconds(connection, standing, channels))


async def _seconds(
    connection: AsyncConnection, standing: Standing, channels: Mapping[str, Mapping[DeliveryState, int]]
) -> int | None:
    """How long the rest takes at the pace of the last minute."""
    if standing.state not in (BroadcastState.OPEN, BroadcastState.EXPANDED):
        return None
    open_states = (*WAITING, *UNSETTLED)
    left = {name: sum(counts.get(state, 0) for state in open_states) for name, counts in channels.items()}
    rest = sum(left.values()) + max(0, (standing.expected or 0) - standing.added)
    busy = [name for name, number in left.items() if number]
    if not rest or not busy:
        return None
    since = clock.now() - timedelta(seconds=PACE_OVER)
    ended = select(func.count()).where(attempts.c.channel.in_(busy), attempts.c.ended_at >= since)
    done = (await connection.execute(ended)).scalar_one()
    return max(1, round(rest * PACE_OVER / done)) if done else None


def _standing() -> Select[Any]:
    thread = posts.alias("thread")
    return (
        select(broadcasts, thread.c.ticket)
        .join(posts, posts.c.id == broadcasts.c.post_id)
        .join(thread, thread.c.id == posts.c.thread_id)
    )


def _read(row: Any) -> Standing:
    return Standing(
        id=row.id,
        post_id=row.post_id,
        ticket=row.ticket,
        told=Told(row.event),
        state=BroadcastState(row.state),
        reason=row.reason,
        expected=row.expected,
        added=row.added,
        cost=row.cost,
        agreed_by=row.agreed_by,
        created_at=row.created_at,
        due_at=row.due_at,
        expires_at=row.expires_at,
        expanded_at=row.expanded_at,
    )
