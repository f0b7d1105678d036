"""Sessions of browsers and tokens of programs. Only the hash of a secret is kept (SHA-256, as it is random itself)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.errors import NotFound
from store.accounts import Account, Role
from store.database import Transaction
from store.tables_staff import accounts, second_factors, sessions


class SessionKind(StrEnum):
    """Whose secret it is: a browser's cookie or a program's token."""

    COOKIE = "cookie"
    TOKEN = "token"  # noqa: S105


class Scope(StrEnum):
    """What a token may be used for, within what its account may: read, answer, decide, run the lines, administer."""

    READ = "read"
    POST = "post"
    MODERATE = "moderate"
    OPERATE = "operate"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Session:
    """A running session or token, and whose it is. `scopes` is None for a browser: it may all that its account may."""

    id: str
    kind: SessionKind
    account: Account
    scopes: frozenset[Scope] | None
    second_factor: bool
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A session or token as its owner sees it; `network` is coarse."""

    id: str
    kind: SessionKind
    label: str | None
    scopes: Sequence[str] | None
    device: str | None
    network: str | None
    created_at: datetime
    seen_at: datetime | None
    expires_at: datetime


async def open_cookie(
    transaction: Transaction,
    account_id: str,
    secret_hash: str,
    expires_at: datetime,
    *,
    device: str | None = None,
    network: str | None = None,
) -> str:
    """Keep the hash of a browser's new secret; gives the session's id."""
    return await _open(
        transaction, account_id, SessionKind.COOKIE, secret_hash, expires_at, device=device, network=network
    )


async def open_token(
    transaction: Transaction,
    account_id: str,
    secret_hash: str,
    expires_at: datetime,
    *,
    scopes: Collection[Scope],
    label: str | None = None,
) -> str:
    """Keep the hash of a program's new token; gives its id."""
    return await _open(
        transaction, account_id, SessionKind.TOKEN, secret_hash, expires_at, scopes=sorted(scopes), label=label
    )


async def find(connection: AsyncConnection, secret_hash: str, at: datetime) -> Session | None:
    """The session or token of a secret, unless it has expired or its account is shut."""
    wanted = (
        select(
            accounts,
            sessions.c.id.label("session_id"),
            sessions.c.kind,
            sessions.c.scopes,
            sessions.c.seen_at,
            second_factors.c.confirmed_at,
        )
        .join(sessions, sessions.c.account_id == accounts.c.id)
        .outerjoin(second_factors, second_factors.c.account_id == accounts.c.id)
        .where(sessions.c.secret_hash == secret_hash, sessions.c.expires_at > at, accounts.c.disabled_at.is_(None))
    )
    row = (await connection.execute(wanted)).first()
    if row is None:
        return None
    return Session(
        id=row.session_id,
        kind=SessionKind(row.kind),
        account=Account(row.id, row.name, Role(row.role), row.department, row.head),
        scopes=None if row.scopes is None else frozenset(map(Scope, row.scopes)),
        second_factor=row.confirmed_at is not None,
        seen_at=row.seen_at,
    )


async def of_account(connection: AsyncConnection, account_id: str, at: datetime) -> list[Listed]:
    """All that run of an account, the last used first."""
    wanted = select(sessions).where(sessions.c.account_id == account_id, sessions.c.expires_at > at)
    found = [_listed(row) for row in await connection.execute(wanted)]
    return sorted(found, key=lambda one: one.seen_at or one.created_at, reverse=True)


async def touch(transaction: Transaction, session_id: str, at: datetime) -> None:
    """Remember when one was last used."""
    await transaction.connection.execute(update(sessions).where(sessions.c.id == session_id).values(seen_at=at))


async def end(transaction: Transaction, account_id: str, session_id: str) -> Listed:
    """End one of an account's own; gives what it was. Raises `NotFound`."""
    own = (sessions.c.id == session_id) & (sessions.c.account_id == account_id)
    row = (await transaction.connection.execute(select(sessions).where(own))).first()
    if row is None:
        raise NotFound("this session has ended already")
    await transaction.connection.execute(delete(sessions).where(own))
    return _listed(row)


async def end_others(transaction: Transaction, account_id: str, session_id: str | None) -> int:
    """End the sessions of an account's browsers but one; gives how many. Tokens stay."""
    others = delete(sessions).where(sessions.c.account_id == account_id, sessions.c.kind == SessionKind.COOKIE)
    done = await transaction.connection.execute(others.where(sessions.c.id != (session_id or "")))
    return done.rowcount


async def sweep(transaction: Transaction, at: datetime) -> int:
    """Remove what has expired; gives how many."""
    done = await transaction.connection.execute(delete(sessions).where(sessions.c.expires_at <= at))
    return done.rowcount


async def _open(
    transaction: Transaction,
    account_id: str,
    kind: SessionKind,
    secret_hash: str,
    expires_at: datetime,
    **more: Any,
) -> str:
    row = {
        "id": clock.new_id(),
        "account_id": account_id,
        "kind": kind,
        "secret_hash": secret_hash,
        "created_at": clock.now(),
        "expires_at": expires_at,
        **more,
    }
    await transaction.connection.execute(sessions.insert(), row)
    return str(row["id"])


def _listed(row: Row[Any]) -> Listed:
    return Listed(
        id=row.id,
        kind=SessionKind(row.kind),
        label=row.label,
        scopes=row.scopes,
        device=row.device,
        network=row.network,
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
    )
