"""Small sealed values that channels ask to be kept: the state of a call, how far a poll came."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Transaction
from store.dialect import upsert
from store.tables_channels import kept
from store.vault import Vault

# How much is looked through at once.
PIECE = 500


async def keep(
    transaction: Transaction, vault: Vault, channel: str, name: str, value: Mapping[str, Any], until: datetime
) -> None:
    """Keep a value under a name, in place of what was there."""
    sealed = vault.seal(json.dumps(value).encode(), _place(channel, name))
    row = {"channel": channel, "name": name, "sealed": sealed, "expires_at": until}
    statement = upsert(transaction.connection, kept, ["channel", "name"], ["sealed", "expires_at"])
    await transaction.connection.execute(statement, row)


async def recall(
    connection: AsyncConnection, vault: Vault, channel: str, name: str, at: datetime
) -> Mapping[str, Any] | None:
    """What was kept under a name, unless its time is over."""
    wanted = select(kept.c.sealed).where(kept.c.channel == channel, kept.c.name == name, kept.c.expires_at > at)
    sealed = (await connection.execute(wanted)).scalar()
    if sealed is None:
        return None
    value: Mapping[str, Any] = json.loads(vault.open(sealed, _place(channel, name)))
    return value


async def forget_old(transaction: Transaction, at: datetime) -> int:
    """Delete what nobody needs any more; gives how many."""
    return (await transaction.connection.execute(delete(kept).where(kept.c.expires_at <= at))).rowcount


async def naming(connection: AsyncConnection, vault: Vault, names: Sequence[str]) -> list[tuple[str, str]]:
    """The channels and names of what is kept that speaks of any of some addresses; all of a day is looked through."""
    found: list[tuple[str, str]] = []
    at, looked = ("", ""), PIECE
    while looked == PIECE:
        after = tuple_(kept.c.channel, kept.c.name) > at
        wanted = select(kept).where(after).order_by(kept.c.channel, kept.c.name).limit(PIECE)
        rows = (await connection.execute(wanted)).all()
        looked = len(rows)
        for row in rows:
            said = vault.open(row.sealed, _place(row.channel, row.name)).decode()
            at = (row.channel, row.name)
            if any(name in said or name in row.name for name in names):
                found.append(at)
    return found


async def forget(transaction: Transaction, values: Sequence[tuple[str, str]]) -> None:
    """Delete some of what is kept, by channel and name."""
    for channel, name in values:
        gone = delete(kept).where(kept.c.channel == channel, kept.c.name == name)
        await transaction.connection.execute(gone)


def _place(channel: str, name: str) -> str:
    return f"kept.sealed:{channel}:{name}"
