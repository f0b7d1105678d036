"""Staff accounts: who they are, what they may, and what a login is checked against.

Only a hash of a password is kept, made by the caller.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.errors import Conflict, NotFound
from store.database import Transaction
from store.dialect import hold_back, insert_new
from store.tables_cases import cases
from store.tables_staff import accounts, alarms, invitations, recovery_codes, second_factors, sessions

# What PostgreSQL's processes wait for before they change who administers.
_ADMINISTRATORS = "administrators"


class Role(StrEnum):
    """What an account is there for: to do all, to decide, to answer, only to look (`web.access` says what each may)."""

    ADMINISTRATOR = "administrator"
    MODERATOR = "moderator"
    OFFICER = "officer"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody of the staff; an officer may be bound to one department, and be its head."""

    id: str
    name: str
    role: Role
    department: str | None = None
    head: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What a login is checked against. Without a password, or disabled, nobody comes in by it."""

    account: Account
    password_hash: str
    locked_until: datetime | None
    disabled_at: datetime | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """An account as administrators see it: how it stands, and when it was last used."""

    account: Account
    created_at: datetime
    disabled_at: datetime | None
    locked_until: datetime | None
    invited_until: datetime | None
    has_password: bool
    second_factor: bool
    seen_at: datetime | None


async def add(
    transaction: Transaction,
    name: str,
    role: Role,
    password_hash: str,
    department: str | None = None,
    *,
    head: bool = False,
) -> Account:
    """Make an account. Raises `Conflict` when the name is taken."""
    account = Account(clock.new_id(), name, role, department, head)
    row = {
        "id": account.id,
        "name": name,
        "role": role,
        "department": department,
        "head": head,
        "password_hash": password_hash,
        "created_at": clock.now(),
    }
    connection = transaction.connection
    await connection.execute(insert_new(connection, accounts, ["name"]), row)
    kept = (await connection.execute(select(accounts.c.id).where(accounts.c.name == name))).scalar_one()
    if kept != account.id:
        raise Conflict("somebody has this name already")
    return account


async def add_first(transaction: Transaction, name: str, password_hash: str) -> Account:
    """Make the first administrator. Raises `NotFound` when there is one: then nothing is left to set up."""
    await hold_back(transaction.connection, [_ADMINISTRATORS])
    if await has_administrator(transaction.connection):
        raise NotFound("there is an administrator already")
    return await add(transaction, name, Role.ADMINISTRATOR, password_hash)


async def has_administrator(connection: AsyncConnection) -> bool:
    """Whether anybody can administer this gateway."""
    wanted = select(accounts.c.id).where(accounts.c.role == Role.ADMINISTRATOR).limit(1)
    return (await connection.execute(wanted)).first() is not None


async def everybody(connection: AsyncConnection) -> list[Member]:
    """All accounts by name, with how they stand."""
    seen = select(sessions.c.account_id, func.max(sessions.c.seen_at).label("seen_at")).group_by(sessions.c.account_id)
    latest = seen.subquery("latest")
    wanted = (
        select(accounts, invitations.c.expires_at, second_factors.c.confirmed_at, latest.c.seen_at)
        .outerjoin(invitations, invitations.c.account_id == accounts.c.id)
        .outerjoin(second_factors, second_factors.c.account_id == accounts.c.id)
        .outerjoin(latest, latest.c.account_id == accounts.c.id)
        .order_by(accounts.c.name)
    )
    return [
        Member(
            account=_account(row),
            created_at=row.created_at,
            disabled_at=row.disabled_at,
            locked_until=row.locked_until,
            invited_until=row.expires_at,
            has_password=bool(row.password_hash),
            second_factor=row.confirmed_at is not None,
            seen_at=row.seen_at,
        )
        for row in await connection.execute(wanted)
    ]


async def named(connection: AsyncConnection, name: str) -> Credentials | None:
    """What a login under a name is checked against, or None when there is no such name."""
    return _credentials((await connection.execute(select(accounts).where(accounts.c.name == name))).first())


async def by_id(connection: AsyncConnection, account_id: str) -> Credentials:
    """The same by id. Raises `NotFound`."""
    found = _credentials((await connection.execute(select(accounts).where(accounts.c.id == account_id))).first())
    if found is None:
        raise NotFound("there is no such account")
    return found


async def set_password(transaction: Transaction, account_id: str, password_hash: str) -> None:
    """Change a password (empty: none until a new one is chosen), unlock the account, end its sessions and tokens."""
    await renew_password(transaction, account_id, password_hash)
    await _end_all(transaction, account_id)


async def renew_password(transaction: Transaction, account_id: str, password_hash: str) -> None:
    """Change a password and unlock the account; whoever is logged in stays so."""
    values = {"password_hash": password_hash, "failures": 0, "locked_until": None}
    await transaction.connection.execute(update(accounts).where(accounts.c.id == account_id).values(**values))


async def set_language(transaction: Transaction, account_id: str, language: str | None) -> None:
    """Choose the language of the console, or none."""
    await transaction.connection.execute(update(accounts).where(accounts.c.id == account_id).values(language=language))


async def of_department(connection: AsyncConnection, department: str) -> list[Account]:
    """The officers of a department who work here, by name."""
    mine = (accounts.c.role == Role.OFFICER, accounts.c.department == department, accounts.c.disabled_at.is_(None))
    return [_account(row) for row in await connection.execute(select(accounts).where(*mine).order_by(accounts.c.name))]


async def headed(connection: AsyncConnection) -> Collection[str]:
    """The departments whose head works here."""
    heads = (accounts.c.head.is_(True), accounts.c.department.is_not(None), accounts.c.disabled_at.is_(None))
    return set((await connection.execute(select(accounts.c.department).where(*heads))).scalars())


async def set_role(
    transaction: Transaction, account_id: str, role: Role, department: str | None, *, head: bool = False
) -> None:
    """Change what an account may. Raises `NotFound`, and `Conflict` when nobody could administer any more.

    Who leaves a department leaves its cases to the others.
    """
    await hold_back(transaction.connection, [_ADMINISTRATORS])
    known = await by_id(transaction.connection, account_id)
    if known.account.role is Role.ADMINISTRATOR and role is not Role.ADMINISTRATOR:
        await _not_the_last(transaction.connection, account_id)
    if known.account.department != department or known.account.role is not role:
        await _leave_cases(transaction.connection, account_id)
    values = {"role": role, "department": department, "head": head}
    await transaction.connection.execute(update(accounts).where(accounts.c.id == account_id).values(**values))


async def disable(transaction: Transaction, account_id: str, at: datetime) -> None:
    """Shut an account and end its sessions and tokens. Raises `NotFound`, and `Conflict` for the last administrator."""
    await hold_back(transaction.connection, [_ADMINISTRATORS])
    known = await by_id(transaction.connection, account_id)
    if known.account.role is Role.ADMINISTRATOR:
        await _not_the_last(transaction.connection, account_id)
    await transaction.connection.execute(update(accounts).where(accounts.c.id == account_id).values(disabled_at=at))
    await _leave_cases(transaction.connection, account_id)
    # Neither a link nor an alarm reaches whoever does not work here any more.
    for table in (invitations, alarms):
        await transaction.connection.execute(delete(table).where(table.c.account_id == account_id))
    await _end_all(transaction, account_id)


async def enable(transaction: Transaction, account_id: str) -> None:
    """Open a shut account again, and unlock it."""
    values = {"disabled_at": None, "failures": 0, "locked_until": None}
    await transaction.connection.execute(update(accounts).where(accounts.c.id == account_id).values(**values))


async def remove(transaction: Transaction, account_id: str) -> None:
    """Remove an account with all that hangs on it; what it did stays under its name."""
    await _end_all(transaction, account_id)
    await _leave_cases(transaction.connection, account_id)
    for table in (alarms, invitations, recovery_codes, second_factors):
        await transaction.connection.execute(delete(table).where(table.c.account_id == account_id))
    await transaction.connection.execute(delete(accounts).where(accounts.c.id == account_id))


async def failed(transaction: Transaction, account_id: str, tries: int, locked_until: datetime) -> bool:
    """Count one wrong password; the `tries`-th locks the account until a moment, and that gives true."""
    connection, mine = transaction.connection, accounts.c.id == account_id
    await connection.execute(update(accounts).where(mine).values(failures=accounts.c.failures + 1))
    failures = (await connection.execute(select(accounts.c.failures).where(mine))).scalar() or 0
    if failures < tries:
        return False
    await connection.execute(update(accounts).where(mine).values(failures=0, locked_until=locked_until))
    return True


async def succeeded(transaction: Transaction, account_id: str, at: datetime) -> bool:
    """Forget the wrong passwords after a right one.

    False when the account was locked, shut or removed while the password was being checked: guesses sent side by side
    must not outrun the lock.
    """
    free = (accounts.c.locked_until.is_(None)) | (accounts.c.locked_until <= at)
    opened = (
        update(accounts)
        .where(accounts.c.id == account_id, accounts.c.disabled_at.is_(None), free)
        .values(failures=0, locked_until=None)
    )
    return (await transaction.connection.execute(opened)).rowcount == 1


async def _not_the_last(connection: AsyncConnection, account_id: str) -> None:
    """Somebody else must be able to administer: enabled, and with a password."""
    others = select(accounts.c.id).where(
        accounts.c.role == Role.ADMINISTRATOR,
        accounts.c.id != account_id,
        accounts.c.disabled_at.is_(None),
        accounts.c.password_hash != "",
    )
    if (await connection.execute(others.limit(1))).first() is None:
        raise Conflict("nobody else could administer then; make another administrator first")


async def _leave_cases(connection: AsyncConnection, account_id: str) -> None:
    await connection.execute(update(cases).where(cases.c.officer == account_id).values(officer=None))


async def _end_all(transaction: Transaction, account_id: str) -> None:
    await transaction.connection.execute(delete(sessions).where(sessions.c.account_id == account_id))


def _credentials(row: Row[Any] | None) -> Credentials | None:
    if row is None:
        return None
    return Credentials(_account(row), row.password_hash, row.locked_until, row.disabled_at, row.language)


def _account(row: Row[Any]) -> Account:
    return Account(row.id, row.name, Role(row.role), row.department, row.head)
