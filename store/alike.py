"""Posts that say the same: found by their gists, grouped under the first, regrouped when that one is decided."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema import State
from store.database import Transaction
from store.dialect import insert_new
from store.tables_posts import posts
from store.tables_search import gists

_WAITING = (State.PENDING, State.HELD)


async def waiting(connection: AsyncConnection, first_id: str, limit: int) -> list[str]:
    """The posts of a group that nobody decided yet, oldest first, without the first itself."""
    return list((await connection.execute(_members(first_id).limit(limit))).scalars())


async def regroup(transaction: Transaction, first_id: str) -> None:
    """The first of a group is decided: those still waiting, and all that come, stay one row under the next of them.

    When none waits, what says the same from now on begins a new group.
    """
    connection = transaction.connection
    next_id = (await connection.execute(_members(first_id).limit(1))).scalar()
    if next_id is None:
        await connection.execute(delete(gists).where(gists.c.post_id == first_id))
        return
    await connection.execute(update(gists).where(gists.c.post_id == first_id).values(post_id=next_id))
    rest = update(posts).where(posts.c.group_id == first_id, posts.c.state.in_(_WAITING), posts.c.id != next_id)
    await connection.execute(rest.values(group_id=next_id))
    await connection.execute(update(posts).where(posts.c.id == next_id).values(group_id=None))


async def begin(transaction: Transaction, first_id: str, found_by: Sequence[int], at: datetime) -> None:
    """Have what says the same found with a post again, but where another's group took its place."""
    rows = [{"gist": gist, "post_id": first_id, "created_at": at} for gist in found_by]
    if rows:
        await transaction.connection.execute(insert_new(transaction.connection, gists, ["gist"]), rows)


async def forget_old(transaction: Transaction, before: datetime) -> int:
    """Forget what texts said before a moment; gives how many."""
    return (await transaction.connection.execute(delete(gists).where(gists.c.created_at < before))).rowcount


def _members(first_id: str) -> Select[Any]:
    wanted = select(posts.c.id).where(posts.c.group_id == first_id, posts.c.state.in_(_WAITING))
    return wanted.order_by(posts.c.created_at, posts.c.id)
