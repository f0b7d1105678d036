"""The lines that staff are alarmed on: one an account, proved by a code."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.schema_outgoing import AlarmSubject, ToldBy
from store.accounts import Account, Role
from store.citizens import address_place
from store.database import Transaction
from store.dialect import upsert
from store.tables_citizens import addresses, keys
from store.tables_staff import accounts, alarms
from store.vault import Vault

COLUMNS = ("address_id", "code_hash", "tries", "sent", "sent_at", "expires_at", "proved_at")


# Of what an account may be told, by its role; who never chose is told of all of it.
OFFERED: Mapping[Role, tuple[AlarmSubject, ...]] = {
    Role.ADMINISTRATOR: (AlarmSubject.INCIDENTS, AlarmSubject.ESCALATIONS),
    Role.MODERATOR: (AlarmSubject.INCIDENTS, AlarmSubject.ESCALATIONS),
    Role.OFFICER: (AlarmSubject.REMINDERS, AlarmSubject.ESCALATIONS),
    Role.VIEWER: (),
}


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """Where one of the staff is told; an address of the settings has no account. `subjects` is of what, and `told_by`
    how he is told of cases."""

    address_id: str
    scheme: str
    language: str | None
    account: Account | None = None
    subjects: tuple[AlarmSubject, ...] = ()
    told_by: ToldBy = ToldBy.TEXT


@dataclass(frozen=True, slots=True)
class Alarm:
    """The line of one account, proved or waiting for its code. `sent` counts the codes of the day that began then.

    `hears` is of what it is told, None while nobody chose, and `told_by` how it is told of cases.
    """

    account_id: str
    address_id: str
    urn: str | None = field(repr=False)
    code_hash: str
    tries: int
    sent: int
    sent_at: datetime
    expires_at: datetime
    proved_at: datetime | None
    hears: tuple[str, ...] | None = None
    told_by: ToldBy = ToldBy.TEXT


async def lines(connection: AsyncConnection, *subjects: AlarmSubject) -> Sequence[AlarmLine]:
    """The proved lines of all staff who are told of one of some subjects, without those that said STOP."""
    wanted = (
        select(accounts, alarms.c.hears, alarms.c.told_by, addresses.c.id.label("address_id"), addresses.c.scheme)
        .add_columns(addresses.c.language.label("line_language"))
        .join(alarms, alarms.c.account_id == accounts.c.id)
        .join(addresses, addresses.c.id == alarms.c.address_id)
        .where(alarms.c.proved_at.is_not(None), addresses.c.stopped_at.is_(None), accounts.c.disabled_at.is_(None))
        .order_by(accounts.c.name)
    )
    known = [_line(row) for row in await connection.execute(wanted)]
    return [line for line in known if set(line.subjects) & set(subjects)]


def heard(role: Role, hears: Collection[str] | None) -> tuple[AlarmSubject, ...]:
    """Of what an account is told: what it chose of what its role is offered, or all of that."""
    return tuple(one for one in OFFERED[role] if hears is None or one in hears)


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
        hears=None if row.hears is None else tuple(row.hears),
        told_by=ToldBy(row.told_by),
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


async def choose(
    transaction: Transaction, account_id: str, subjects: Collection[AlarmSubject], told_by: ToldBy = ToldBy.TEXT
) -> None:
    """Tell an account of these subjects alone, and of cases in this way, whichever its line is."""
    mine = update(alarms).where(alarms.c.account_id == account_id)
    await transaction.connection.execute(mine.values(hears=sorted(subjects), told_by=told_by))


async def remove(transaction: Transaction, account_id: str, at: datetime) -> bool:
    """Tell this account nothing any more, and say whether it was told anything; how many codes it asked for today stays
    known."""
    mine = update(alarms).where(alarms.c.account_id == account_id)
    told = await transaction.connection.execute(mine.where(alarms.c.proved_at.is_not(None)).values(proved_at=None))
    await transaction.connection.execute(mine.values(expires_at=at))
    return told.rowcount > 0


def _line(row: Row[Any]) -> AlarmLine:
    account = Account(row.id, row.name, Role(row.role), row.department, row.head)
    language = row.language or row.line_language
    hears = heard(account.role, row.hears)
    return AlarmLine(row.address_id, row.scheme, language, account, hears, ToldBy(row.told_by))
