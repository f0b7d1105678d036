"""Staff accounts, their sessions and tokens, and the audit of who did what with them.

Only hashes are kept: of passwords (made by the caller) and of the secrets of sessions and tokens (SHA-256, as they are
random themselves).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.errors import Conflict, NotFound
from store.database import Transaction
from store.dialect import hold_back, insert_new
from store.tables import accounts, audit, sessions


class Role(StrEnum):
    """What an account may do: all; decide; answer; only look."""

    ADMINISTRATOR = "administrator"
    MODERATOR = "moderator"
    OFFICER = "officer"
    VIEWER = "viewer"


class SessionKind(StrEnum):
    """Whose secret it is: a browser's cookie or a program's token."""

    COOKIE = "cookie"
    TOKEN = "token"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody of the staff; an officer may be bound to one department."""

    id: str
    name: str
    role: Role
    department: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What a login is checked against."""

    account: Account
    password_hash: str
    locked_until: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """A running session or token, and whose it is."""

    id: str
    kind: SessionKind
    account: Account


@dataclass(frozen=True, slots=True)
class Trace:
    """One line of the audit."""

    at: datetime
    actor: str
    action: str
    target: str | None


async def add(
    transaction: Transaction, name: str, role: Role, password_hash: str, department: str | None = None
) -> Account:
    """Make an account. Raises `Conflict` when the name is taken."""
    account = Account(clock.new_id(), name, role, department)
    row = {
        "id": account.id,
        "name": name,
        "role": role,
        "department": department,
        "password_hash": password_hash,
        "created_at": clock.now(),
    }
    connection = transaction.connection
    await connection.execute(insert_new(connection, accounts, ["name"]), row)
    kept = (await connection.execute(select(accounts.c.id).where(accounts.c.name == name))).scalar_one()
    if kept != account.id:
        raise Conflict(f"there is already an account {name}")
    return account


async def add_first(transaction: Transaction, name: str, password_hash: str) -> Account:
    """Make the first administrator. Raises `NotFound` when there is one: then nothing is left to set up."""
    await hold_back(transaction.connection, ["first administrator"])
    if await has_administrator(transaction.connection):
        raise NotFound("there is an administrator already")
    return await add(transaction, name, Role.ADMINISTRATOR, password_hash)


async def has_administrator(connection: AsyncConnection) -> bool:
    """Whether anybody can administer this gateway."""
    wanted = select(accounts.c.id).where(accounts.c.role == Role.ADMINISTRATOR).limit(1)
    return (await connection.execute(wanted)).first() is not None


async def everybody(connection: AsyncConnection) -> list[Account]:
    """All accounts by name."""
    return [_account(row) for row in await connection.execute(select(accounts).order_by(accounts.c.name))]


async def named(connection: AsyncConnection, name: str) -> Credentials | None:
    """What a login under a name is checked against, or None when there is no such name."""
    row = (await connection.execute(select(accounts).where(accounts.c.name == name))).first()
    return None if row is None else Credentials(_account(row), row.password_hash, row.locked_until)


async def set_password(transaction: Transaction, account_id: str, password_hash: str) -> None:
    """Change a password, unlock the account, and end all its sessions and tokens."""
    changed = update(accounts).where(accounts.c.id == account_id)
    values = {"password_hash": password_hash, "failures": 0, "locked_until": None}
    await transaction.connection.execute(changed.values(**values))
    await _end_all(transaction, account_id)


async def remove(transaction: Transaction, account_id: str) -> None:
    """Remove an account with its sessions and tokens; what it did stays under its name."""
    await _end_all(transaction, account_id)
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

    False when the account was locked or removed while the password was being checked: guesses sent side by side must
    not outrun the lock.
    """
    free = (accounts.c.locked_until.is_(None)) | (accounts.c.locked_until <= at)
    opened = update(accounts).where(accounts.c.id == account_id, free).values(failures=0, locked_until=None)
    return (await transaction.connection.execute(opened)).rowcount == 1


async def open_session(
    transaction: Transaction, account_id: str, kind: SessionKind, secret_hash: str, expires_at: datetime
) -> str:
    """Keep the hash of a new session's or token's secret; gives its id."""
    row = {
        "id": clock.new_id(),
        "account_id": account_id,
        "kind": kind,
        "secret_hash": secret_hash,
        "created_at": clock.now(),
        "expires_at": expires_at,
    }
    await transaction.connection.execute(sessions.insert(), row)
    return str(row["id"])


async def session(connection: AsyncConnection, secret_hash: str, at: datetime) -> Session | None:
    """The session or token of a secret, unless it has expired."""
    wanted = (
        select(accounts, sessions.c.id.label("session_id"), sessions.c.kind)
        .join(sessions, sessions.c.account_id == accounts.c.id)
        .where(sessions.c.secret_hash == secret_hash, sessions.c.expires_at > at)
    )
    row = (await connection.execute(wanted)).first()
    return None if row is None else Session(row.session_id, SessionKind(row.kind), _account(row))


async def close_session(transaction: Transaction, session_id: str) -> None:
    """End one session."""
    await transaction.connection.execute(delete(sessions).where(sessions.c.id == session_id))


async def sweep_sessions(transaction: Transaction, at: datetime) -> int:
    """Remove what has expired; gives how many."""
    done = await transaction.connection.execute(delete(sessions).where(sessions.c.expires_at <= at))
    return done.rowcount


async def note(transaction: Transaction, actor: str, action: str, target: str | None = None) -> None:
    """Add one line to the audit: `actor` and `target` are account names or ids, never what a citizen said."""
    row = {"at": clock.now(), "actor": actor, "action": action, "target": target}
    await transaction.connection.execute(audit.insert(), row)


async def note_each(transaction: Transaction, actor: str, action: str, targets: Iterable[str]) -> None:
    """Add one line for each target."""
    rows = [{"at": clock.now(), "actor": actor, "action": action, "target": target} for target in targets]
    if rows:
        await transaction.connection.execute(audit.insert(), rows)


async def traces(connection: AsyncConnection, limit: int = 100) -> Sequence[Trace]:
    """The newest lines of the audit, newest first."""
    rows = await connection.execute(select(audit).order_by(audit.c.id.desc()).limit(limit))
    return [Trace(row.at, row.actor, row.action, row.target) for row in rows]


async def _end_all(transaction: Transaction, account_id: str) -> None:
    await transaction.connection.execute(delete(sessions).where(sessions.c.account_id == account_id))


def _account(row: Row[Any]) -> Account:
    return Account(row.id, row.name, Role(row.role), row.department)
