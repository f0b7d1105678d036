"""Who has which post open: whoever opened it first holds it, as long as he is heard of."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Transaction
from store.dialect import upsert
from store.tables_moderation import claims

# The topic that tells every process that somebody opened or left a post.
CLAIMED = "queue"


async def open_post(transaction: Transaction, post_id: str, account: str, at: datetime, until: datetime) -> None:
    """Note that somebody has a post open, or still has; others hear of it when it is news."""
    connection, this = transaction.connection, (claims.c.post_id == post_id) & (claims.c.account == account)
    still = await connection.execute(update(claims).where(this, claims.c.until > at).values(until=until))
    if still.rowcount:
        return
    row = {"post_id": post_id, "account": account, "since": at, "until": until}
    await connection.execute(upsert(connection, claims, ["post_id", "account"], ["since", "until"]), row)
    transaction.wake(CLAIMED)


async def leave(transaction: Transaction, post_id: str, account: str) -> None:
    """Note that somebody has it open no more."""
    gone = await transaction.connection.execute(
        delete(claims).where(claims.c.post_id == post_id, claims.c.account == account)
    )
    if gone.rowcount:
        transaction.wake(CLAIMED)


async def at_work(connection: AsyncConnection, post_ids: Collection[str], at: datetime) -> Mapping[str, list[str]]:
    """Who has posts open, by post: first whoever holds it."""
    wanted = select(claims.c.post_id, claims.c.account).where(claims.c.post_id.in_(post_ids), claims.c.until > at)
    found: dict[str, list[str]] = {}
    for row in await connection.execute(wanted.order_by(claims.c.since, claims.c.account)):
        found.setdefault(row.post_id, []).append(row.account)
    return found


async def forget(transaction: Transaction, at: datetime) -> int:
    """Delete the claims that ran out; gives how many."""
    return (await transaction.connection.execute(delete(claims).where(claims.c.until <= at))).rowcount
