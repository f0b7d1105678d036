"""One-time links by which somebody of the staff chooses a password. Only the hash of a link's secret is kept."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import NotFound
from store import accounts
from store.accounts import Credentials
from store.database import Transaction
from store.dialect import upsert
from store.tables_staff import invitations


async def invite(transaction: Transaction, account_id: str, secret_hash: str, expires_at: datetime) -> None:
    """Make the link of an account; an earlier one is good no more."""
    row = {"account_id": account_id, "secret_hash": secret_hash, "expires_at": expires_at}
    statement = upsert(transaction.connection, invitations, ["account_id"], ["secret_hash", "expires_at"])
    await transaction.connection.execute(statement, row)


async def invited(connection: AsyncConnection, secret_hash: str, at: datetime) -> Credentials | None:
    """Whose link a secret is of, while it is good."""
    wanted = select(invitations.c.account_id).where(
        invitations.c.secret_hash == secret_hash, invitations.c.expires_at > at
    )
    account_id = (await connection.execute(wanted)).scalar()
    return await accounts.by_id(connection, account_id) if account_id else None


async def accept(transaction: Transaction, secret_hash: str, at: datetime) -> Credentials:
    """Use a link up; gives whose it was. Raises `NotFound` for one that is not good any more."""
    known = await invited(transaction.connection, secret_hash, at)
    used = delete(invitations).where(invitations.c.secret_hash == secret_hash, invitations.c.expires_at > at)
    # Asked by what was deleted: of two who open the link at once, one is first.
    if known is None or (await transaction.connection.execute(used)).rowcount != 1:
        raise NotFound("this link is not good any more")
    return known
