"""Faults of channels: opened once for each cause, updated while they last, closed when they are over."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from store.database import Transaction
from store.dialect import insert_new
from store.tables_channels import incidents


@dataclass(frozen=True, slots=True)
class Incident:
    """One fault. `seen` counts the looks that found it, `told` are the channels by which operators heard of it."""

    id: str
    channel: str
    cause: str
    detail: Mapping[str, Any]
    seen: int
    told: tuple[str, ...]
    told_at: datetime | None
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None


async def open_new(
    transaction: Transaction, channel: str, cause: str, detail: Mapping[str, Any], at: datetime
) -> Incident | None:
    """Open an incident; None when another process opened the same meanwhile."""
    connection, made = transaction.connection, clock.new_id()
    row = {"id": made, "channel": channel, "cause": cause, "detail": dict(detail), "seen": 1, "told": []}
    times = {"opened_at": at, "updated_at": at}
    statement = insert_new(connection, incidents, ["channel", "cause"], incidents.c.closed_at.is_(None))
    await connection.execute(statement, row | times)
    transaction.wake("queue")
    kept = (await connection.execute(select(incidents).where(incidents.c.id == made))).first()
    return _incident(kept) if kept else None


async def see(transaction: Transaction, incident_id: str, detail: Mapping[str, Any], at: datetime) -> None:
    """It was found again."""
    again = update(incidents).where(incidents.c.id == incident_id)
    await transaction.connection.execute(again.values(detail=dict(detail), seen=incidents.c.seen + 1, updated_at=at))


async def tell(transaction: Transaction, incident_id: str, told: Collection[str], at: datetime) -> None:
    """Note by which channels operators were told."""
    noted = update(incidents).where(incidents.c.id == incident_id)
    await transaction.connection.execute(noted.values(told=sorted(told), told_at=at))


async def close(transaction: Transaction, incident_id: str, at: datetime) -> None:
    """It is over."""
    over = update(incidents).where(incidents.c.id == incident_id, incidents.c.closed_at.is_(None))
    await transaction.connection.execute(over.values(closed_at=at))
    transaction.wake("queue")


async def open_now(connection: AsyncConnection) -> Sequence[Incident]:
    """All that are open, oldest first."""
    wanted = select(incidents).where(incidents.c.closed_at.is_(None)).order_by(incidents.c.opened_at)
    return await _all(connection, wanted)


async def lately(connection: AsyncConnection, limit: int, channel: str | None = None) -> Sequence[Incident]:
    """The open ones and the newest of those that are over: open first, then newest first."""
    wanted = select(incidents).order_by(incidents.c.opened_at.desc()).limit(limit)
    if channel:
        wanted = wanted.where(incidents.c.channel == channel)
    newest = await _all(connection, wanted)
    standing = [one for one in await open_now(connection) if channel in (None, one.channel)]
    return [*reversed(standing), *(one for one in newest if one.closed_at)]


async def open_numbers(connection: AsyncConnection) -> Mapping[str, int]:
    """How many are open, by channel."""
    wanted = select(incidents.c.channel, func.count()).where(incidents.c.closed_at.is_(None))
    return {row[0]: row[1] for row in await connection.execute(wanted.group_by(incidents.c.channel))}


async def forget(transaction: Transaction, before: datetime) -> None:
    """Delete what is long over."""
    old = delete(incidents).where(incidents.c.opened_at < before, incidents.c.closed_at.is_not(None))
    await transaction.connection.execute(old)


async def _all(connection: AsyncConnection, wanted: Select[Any]) -> Sequence[Incident]:
    return [_incident(row) for row in await connection.execute(wanted)]


def _incident(row: Row[Any]) -> Incident:
    return Incident(
        id=row.id,
        channel=row.channel,
        cause=row.cause,
        detail=dict(row.detail),
        seen=row.seen,
        told=tuple(row.told),
        told_at=row.told_at,
        opened_at=row.opened_at,
        updated_at=row.updated_at,
        closed_at=row.closed_at,
    )
