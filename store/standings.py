"""What is known of each channel beside its counts, and whether a person has paused or isolated it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Transaction
from store.dialect import upsert
from store.tables_channels import standings, switches

# The topic that tells every process that a channel was paused, isolated or resumed.
SWITCHED = "switches"


class Position(StrEnum):
    """What a person set a channel to: nothing is sent; or nothing is taken in."""

    PAUSED = "paused"
    ISOLATED = "isolated"


@dataclass(frozen=True, slots=True)
class Switch:
    """Who set a channel to a position, and when."""

    position: Position
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """The parts as they were noted last; times in them are RFC 3339. None: never noted."""

    credentials: Mapping[str, Any] | None = None
    breaker: Mapping[str, Any] | None = None
    unsigned: Mapping[str, Any] | None = None
    figures: Mapping[str, Any] | None = None


async def note(transaction: Transaction, part: str, values: Mapping[str, Mapping[str, Any]]) -> None:
    """Note one part (a field of `Standing`) of some channels, in place of what was known of it."""
    if values:
        statement = upsert(transaction.connection, standings, ["channel"], [part])
        rows = [{"channel": channel, part: value} for channel, value in sorted(values.items())]
        await transaction.connection.execute(statement, rows)


async def known(connection: AsyncConnection) -> Mapping[str, Standing]:
    """What is known of every channel."""
    rows = await connection.execute(select(standings))
    return {row.channel: Standing(row.credentials, row.breaker, row.unsigned, row.figures) for row in rows}


async def switch(transaction: Transaction, channel: str, position: Position | None, actor: str, at: datetime) -> bool:
    """Pause or isolate a channel, or (None) let it run; false when it stood so already. All processes are told."""
    connection, this = transaction.connection, switches.c.channel == channel
    before = (await connection.execute(select(switches.c.position).where(this))).scalar()
    if before == position:
        return False
    await connection.execute(delete(switches).where(this))
    if position:
        row = {"channel": channel, "position": position, "actor": actor, "at": at}
        await connection.execute(switches.insert(), row)
    transaction.wake(SWITCHED, "queue")
    return True


async def switched(connection: AsyncConnection) -> Mapping[str, Switch]:
    """The channels that do not simply run."""
    rows = await connection.execute(select(switches))
    return {row.channel: Switch(Position(row.position), row.actor, row.at) for row in rows}
