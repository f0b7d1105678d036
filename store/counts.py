"""What happens on each channel, for the operators: from its rows where an index leads to it, else from its tallies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.schema_outgoing import PRIORITY_RANK, DeliveryState, ReceiptStatus
from store import tallies
from store.tables_deliveries import attempts, deliveries, receipts
from store.tables_posts import incoming
from store.tallies import Span, Tally

COUNTED = (DeliveryState.DUE, DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.FAILED)
# Counting a million rows for every look at a page would cost more than it tells.
MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Activity:
    """One channel at a glance: times are UTC, `depth` is what waits to be sent (counted up to `MOST_COUNTED`)."""

    last_in: datetime | None = None
    last_out: datetime | None = None
    depth: int = 0
    oldest_due: datetime | None = None
    failed: int = 0
    unknown: int = 0
    errors_last_hour: int = 0


async def activity(connection: AsyncConnection, channels: list[str]) -> Mapping[str, Activity]:
    """Each of these channels' activity."""
    lately = await tallies.since(connection, Span.MINUTE, clock.now() - timedelta(hours=1))
    found = {}
    for channel in channels:
        hour = sum(lately.get(channel, {}).values(), Tally())
        errors = hour.failed + hour.later + hour.unknown
        found[channel] = replace(await _of_one(connection, channel), errors_last_hour=errors)
    return found


async def waits(
    connection: AsyncConnection, channel: str, since: datetime, limit: int
) -> tuple[Sequence[timedelta], Sequence[timedelta]]:
    """How long the last deliveries took from being written to being sent, and to being confirmed by a receipt."""
    ends = select(attempts.c.delivery_id, attempts.c.ended_at).where(
        attempts.c.channel == channel,
        attempts.c.ended_at >= since,
        attempts.c.outcome.in_([DeliveryState.SENT, DeliveryState.DELIVERED]),
    )
    ended = ends.order_by(attempts.c.ended_at.desc()).limit(limit).subquery()
    sent = select(deliveries.c.created_at, ended.c.ended_at).join(ended, ended.c.delivery_id == deliveries.c.id)
    told = select(receipts.c.carrier_id, receipts.c.at).where(
        receipts.c.channel == channel, receipts.c.at >= since, receipts.c.status == ReceiptStatus.DELIVERED
    )
    confirmed = told.order_by(receipts.c.at.desc()).limit(limit).subquery()
    same = (deliveries.c.channel == channel) & (deliveries.c.carrier_id == confirmed.c.carrier_id)
    delivered = select(deliveries.c.created_at, confirmed.c.at).join(confirmed, same)
    return await _between(connection, sent), await _between(connection, delivered)


async def _between(connection: AsyncConnection, wanted: Select[datetime, datetime]) -> list[timedelta]:
    return [row[1] - row[0] for row in await connection.execute(wanted)]


async def _of_one(connection: AsyncConnection, channel: str) -> Activity:
    parts = [
        select(func.max(incoming.c.taken_at)).where(incoming.c.channel == channel),
        select(func.max(attempts.c.ended_at)).where(attempts.c.channel == channel),
        *(_number(channel, state) for state in COUNTED),
        *(_oldest_due(channel, rank) for rank in PRIORITY_RANK.values()),
    ]
    row = (await connection.execute(select(*(part.scalar_subquery() for part in parts)))).one()
    due, sending, unknown, failed = row[2:6]
    return Activity(
        last_in=row[0],
        last_out=row[1],
        depth=due + sending,
        oldest_due=min((at for at in row[6:] if at), default=None),
        failed=failed,
        unknown=unknown,
    )


def _number(channel: str, state: DeliveryState) -> Select[int]:
    """How many of a state, counted no further than anybody reads."""
    these = select(deliveries.c.id).where(deliveries.c.channel == channel, deliveries.c.state == state)
    return select(func.count()).select_from(these.limit(MOST_COUNTED).subquery())


def _oldest_due(channel: str, rank: int) -> Select[datetime | None]:
    """When the oldest of one priority was due: the index leads to it without reading the others."""
    these = select(func.min(deliveries.c.due_at)).where(deliveries.c.channel == channel)
    return these.where(deliveries.c.state == DeliveryState.DUE, deliveries.c.priority == rank)
