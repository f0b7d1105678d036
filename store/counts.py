"""What happens on each channel, counted from its rows, for the operators."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.schema import DeliveryState
from store.tables import attempts, deliveries, incoming


@dataclass(frozen=True, slots=True)
class Activity:
    """One channel at a glance: times are UTC, `depth` is what waits to be sent."""

    last_in: datetime | None = None
    last_out: datetime | None = None
    depth: int = 0
    oldest_due: datetime | None = None
    failed: int = 0
    unknown: int = 0
    errors_last_hour: int = 0


async def activity(connection: AsyncConnection, channels: list[str]) -> Mapping[str, Activity]:
    """Each of these channels' activity."""
    found = {}
    for channel in channels:
        found[channel] = await _of_one(connection, channel)
    return found


async def _of_one(connection: AsyncConnection, channel: str) -> Activity:
    last_in = select(func.max(incoming.c.taken_at)).where(incoming.c.channel == channel)
    last_out = select(func.max(attempts.c.ended_at)).where(attempts.c.channel == channel)
    lately = attempts.c.ended_at >= clock.now() - timedelta(hours=1)
    errors = select(func.count()).where(
        attempts.c.channel == channel,
        lately,
        attempts.c.outcome.in_([DeliveryState.FAILED, DeliveryState.DUE, DeliveryState.UNKNOWN]),
    )
    row = (
        await connection.execute(
            select(last_in.scalar_subquery(), last_out.scalar_subquery(), errors.scalar_subquery())
        )
    ).one()
    standing = Activity(last_in=row[0], last_out=row[1], errors_last_hour=row[2])
    open_states = [DeliveryState.DUE, DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.FAILED]
    wanted = (
        select(deliveries.c.state, func.count().label("number"), func.min(deliveries.c.due_at).label("oldest"))
        .where(deliveries.c.channel == channel, deliveries.c.state.in_(open_states))
        .group_by(deliveries.c.state)
    )
    for state, number, oldest in await connection.execute(wanted):
        if state == DeliveryState.FAILED:
            standing = replace(standing, failed=number)
        elif state == DeliveryState.UNKNOWN:
            standing = replace(standing, unknown=number)
        elif state == DeliveryState.DUE:
            standing = replace(standing, depth=standing.depth + number, oldest_due=oldest)
        else:
            standing = replace(standing, depth=standing.depth + number)
    return standing
