"""The audit: one line for each act of staff, and of rules that stand for them. Lines are only ever added."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from store.database import Transaction
from store.tables_staff import audit

# Beyond every line, for a question that begins with the newest.
_END = 2**62


@dataclass(frozen=True, slots=True)
class Trace:
    """One line: who did what, when, and to what (an account's name, a post's id, a delivery's number)."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines: all that is given must fit. `until` is the first moment that is too late."""

    actor: str | None = None
    action: str | None = None
    targets: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None


async def note(transaction: Transaction, actor: str, action: str, target: str | None = None) -> None:
    """Add one line: `actor` and `target` are account names or ids, never what a citizen said."""
    row = {"at": clock.now(), "actor": actor, "action": action, "target": target}
    await transaction.connection.execute(audit.insert(), row)


async def note_each(transaction: Transaction, actor: str, action: str, targets: Iterable[str]) -> None:
    """Add one line for each target."""
    rows = [{"at": clock.now(), "actor": actor, "action": action, "target": target} for target in targets]
    if rows:
        await transaction.connection.execute(audit.insert(), rows)


async def traces(
    connection: AsyncConnection, wanted: Wanted | None = None, *, limit: int = 100, before: int | None = None
) -> list[Trace]:
    """The newest lines that fit, newest first; of those before a line's id, when one is given."""
    wanted = wanted or Wanted()
    fits = [audit.c.id < (before or _END)]
    if wanted.actor is not None:
        fits.append(audit.c.actor == wanted.actor)
    if wanted.action is not None:
        fits.append(audit.c.action == wanted.action)
    if wanted.targets is not None:
        fits.append(audit.c.target.in_(wanted.targets))
    if wanted.since is not None:
        fits.append(audit.c.at >= wanted.since)
    if wanted.until is not None:
        fits.append(audit.c.at < wanted.until)
    found = select(audit).where(*fits).order_by(audit.c.id.desc()).limit(limit)
    return [Trace(row.id, row.at, row.actor, row.action, row.target) for row in await connection.execute(found)]
