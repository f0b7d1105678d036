"""The lines that staff are alarmed on: one an account, proved by a code."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.citizens import address_place
from store.database import Transaction
from store.dialect import upsert
from store.tables import addresses, alarms, keys
from store.vault import Vault

COLUMNS = ("address_id", "code_hash", "tries", "sent", "sent_at", "expires_at", "proved_at")


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """Where one operator is told."""

    address_id: str
    scheme: str
    language: str | None


@dataclass(frozen=True, slots=True)
class Alarm:
    """The line of one account, proved or waiting for its code. `sent` counts the codes of the day that began then."""

    account_id: str
    address_id: str
    urn: str | None = field(repr=False)
    code_hash: str
    tries: int
    sent: int
    sent_at: datetime
    expires_at: datetime
    proved_at: datetime | None


async def lines(connection: AsyncConnection) -> Sequence[AlarmLine]:
    """The proved lines of all staff, without those that said STOP."""
    wanted = (
        select(addresses.c.id, addresses.c.scheme, addresses.c.language)
        .join(alarms, alarms.c.address_id == addresses.c.id)
        .where(alarms.c.proved_at.is_not(None), addresses.c.stopped_at.is_(None))
    )
    return [AlarmLine(row.id, row.scheme, row.language) for row in await connection.execute(wanted)]


async def of_account(connection: AsyncConnection, vault: Vault, account_id: str) -> Alarm | None:
    """The line of an account."""
    wanted = (
        select(alarms, addresses.c.sealed, addresses.c.key_id, keys.c.wrapped)
        .join(addresses, addresses.c.id == alarms.c.address_id)
        .join(keys, keys.c.id == addresses.c.key_id)
        .where(alarms.c.account_id == account_id)
    )
    row = (await connection.execute(wanted)).first()
    if row is None:
        return None
    urn = None
    if row.wrapped:
        key = vault.unwrap(row.key_id, row.wrapped)
        urn = vault.open(row.sealed, address_place(row.address_id), key).decode()
    return Alarm(
        account_id=row.account_id,
        address_id=row.address_id,
        urn=urn,
        code_hash=row.code_hash,
        tries=row.tries,
        sent=row.sent,
        sent_at=row.sent_at,
        expires_at=row.expires_at,
        proved_at=row.proved_at,
    )


async def ask(
    transaction: Transaction,
    account_id: str,
    address_id: str,
    *,
    code_hash: str,
    sent: int,
    sent_at: datetime,
    expires_at: datetime,
) -> None:
    """Note the code that was sent to prove a line, in place of the account's line before."""
    row = {
        "account_id": account_id,
        "address_id": address_id,
        "code_hash": code_hash,
        "tries": 0,
        "sent": sent,
        "sent_at": sent_at,
        "expires_at": expires_at,
        "proved_at": None,
    }
    await transaction.connection.execute(upsert(transaction.connection, alarms, ["account_id"], COLUMNS), row)


async def count_try(transaction: Transaction, account_id: str) -> None:
    """One more wrong code."""
    mine = update(alarms).where(alarms.c.account_id == account_id)
    await transaction.connection.execute(mine.values(tries=alarms.c.tries + 1))


async def prove(transaction: Transaction, account_id: str, at: datetime) -> None:
    """The code was right."""
    mine = update(alarms).where(alarms.c.account_id == account_id)
    await transaction.connection.execute(mine.values(proved_at=at))


async def remove(transaction: Transaction, account_id: str, at: datetime) -> bool:
    """Tell this account nothing any more, and say whether it was told anything; how many codes it asked for today stays
    known."""
    mine = update(alarms).where(alarms.c.account_id == account_id)
    told = await transaction.connection.execute(mine.where(alarms.c.proved_at.is_not(None)).values(proved_at=None))
    await transaction.connection.execute(mine.values(expires_at=at))
    return told.rowcount > 0
