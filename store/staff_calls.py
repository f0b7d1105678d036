"""Whom of the staff the gateway is about to call with news of a case, and what it reads to him."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, update

from gateway import clock
from store.database import Transaction
from store.tables_reminders import staff_calls


@dataclass(frozen=True, slots=True)
class StaffCall:
    """One call to somebody. Of one that was `lost` nobody knows whether it was placed: its process ended meanwhile."""

    id: str
    account_id: str
    phrase: str
    values: Mapping[str, Any]
    urgent: bool
    lost: bool


async def add(
    transaction: Transaction, account_id: str, phrase: str, values: Mapping[str, Any], *, urgent: bool, at: datetime
) -> None:
    """Have somebody called."""
    row = {
        "id": clock.new_id(),
        "account_id": account_id,
        "phrase": phrase,
        "values": dict(values),
        "urgent": urgent,
        "created_at": at,
    }
    await transaction.connection.execute(staff_calls.insert(), row)


async def claim(transaction: Transaction, at: datetime, lost_before: datetime, limit: int) -> Sequence[StaffCall]:
    """The calls to be placed now, the oldest first, and those that were claimed before a moment and lost; nobody else
    gets them meanwhile."""
    connection = transaction.connection
    wanted = (
        select(staff_calls)
        .where(or_(staff_calls.c.rung_at.is_(None), staff_calls.c.rung_at <= lost_before))
        .order_by(staff_calls.c.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = (await connection.execute(wanted)).all()
    mine = update(staff_calls).where(staff_calls.c.id.in_([row.id for row in rows]))
    if rows:
        await connection.execute(mine.values(rung_at=at))
    return [
        StaffCall(row.id, row.account_id, row.phrase, row.values, row.urgent, row.rung_at is not None) for row in rows
    ]


async def end(transaction: Transaction, call_id: str) -> bool:
    """Forget a call that is placed, or told otherwise; false when somebody did."""
    done = await transaction.connection.execute(delete(staff_calls).where(staff_calls.c.id == call_id))
    return bool(done.rowcount)
