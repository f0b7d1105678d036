"""The one question that a line was asked last and may still answer."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete

from gateway import clock
from store.database import Transaction
from store.dialect import insert_new
from store.tables_citizens import questions


async def put(transaction: Transaction, address_ids: Collection[str], kind: str, post_id: str, until: datetime) -> None:
    """Ask lines about a post; those that have an open question already keep that."""
    over = delete(questions).where(questions.c.address_id.in_(address_ids), questions.c.expires_at <= clock.now())
    await transaction.connection.execute(over)
    rows = [
        {"address_id": address_id, "kind": kind, "post_id": post_id, "options": [], "expires_at": until}
        for address_id in address_ids
    ]
    if rows:
        await transaction.connection.execute(insert_new(transaction.connection, questions, ["address_id"]), rows)
