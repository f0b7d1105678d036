"""What each channel did, by the minute and by the hour: small numbers added up in memory and written together."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Transaction
from store.dialect import add_up
from store.tables_channels import tallies


class Span(StrEnum):
    """What a tally covers."""

    MINUTE = "minute"
    HOUR = "hour"


@dataclass(frozen=True, slots=True)
class Tally:
    """Messages in; attempts by their end; deliveries confirmed later; unsigned requests; connections that broke."""

    received: int = 0
    sent: int = 0
    delivered: int = 0
    later: int = 0
    unknown: int = 0
    failed: int = 0
    unsigned: int = 0
    broken: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, name) + getattr(other, name) for name in FIELDS))

    @property
    def attempts(self) -> int:
        """Attempts that ended, however they did."""
        return self.sent + self.later + self.unknown + self.failed


FIELDS = tuple(field.name for field in fields(Tally))
Tallies = Mapping[datetime, Tally]


def begin(span: Span, at: datetime) -> datetime:
    """The beginning of the minute or hour of a moment."""
    whole = at.replace(second=0, microsecond=0)
    return whole if span is Span.MINUTE else whole.replace(minute=0)


async def add(transaction: Transaction, found: Mapping[tuple[datetime, str], Tally]) -> None:
    """Add what was counted, by minute and channel, to the minutes and to their hours."""
    hours: defaultdict[tuple[datetime, str], Tally] = defaultdict(Tally)
    for (minute, channel), tally in found.items():
        hours[begin(Span.HOUR, minute), channel] += tally
    rows = [
        {"span": span, "at": at, "channel": channel} | {name: getattr(tally, name) for name in FIELDS}
        for span, counted in ((Span.MINUTE, found), (Span.HOUR, hours))
        # In one order, lest two processes wait for each other.
        for (at, channel), tally in sorted(counted.items())
    ]
    if rows:
        statement = add_up(transaction.connection, tallies, ["span", "at", "channel"], FIELDS)
        await transaction.connection.execute(statement, rows)


async def since(connection: AsyncConnection, span: Span, at: datetime) -> Mapping[str, Tallies]:
    """The tallies of all channels from a moment on, by channel and in order."""
    wanted = select(tallies).where(tallies.c.span == span, tallies.c.at >= at).order_by(tallies.c.at)
    found: defaultdict[str, dict[datetime, Tally]] = defaultdict(dict)
    for row in await connection.execute(wanted):
        found[row.channel][row.at] = Tally(*(getattr(row, name) for name in FIELDS))
    return found


async def received(connection: AsyncConnection, hours: Sequence[datetime]) -> Mapping[tuple[str, datetime], int]:
    """How much came in during some hours, by channel and hour; hours without any message are left out."""
    wanted = select(tallies.c.channel, tallies.c.at, tallies.c.received)
    wanted = wanted.where(tallies.c.span == Span.HOUR, tallies.c.at.in_(hours), tallies.c.received > 0)
    return {(row.channel, row.at): row.received for row in await connection.execute(wanted)}


async def forget(transaction: Transaction, at: datetime, days: int) -> None:
    """Delete minutes older than two days and hours older than `days`."""
    for span, kept in ((Span.MINUTE, timedelta(days=2)), (Span.HOUR, timedelta(days=days))):
        old = delete(tallies).where(tallies.c.span == span, tallies.c.at < at - kept)
        await transaction.connection.execute(old)
