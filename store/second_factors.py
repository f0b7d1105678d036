"""Second factors of staff: the sealed secrets of their one-time codes, and the hashes of their recovery codes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Transaction
from store.dialect import insert_new
from store.tables_staff import recovery_codes, second_factors
from store.vault import Vault


@dataclass(frozen=True, slots=True, repr=False)
class Factor:
    """An account's second factor: its secret in the clear, since when it counts, how many recovery codes are left."""

    secret: str
    confirmed_at: datetime | None
    left: int


async def of_account(connection: AsyncConnection, vault: Vault, account_id: str) -> Factor | None:
    """What an account has, or began to set up."""
    row = (await connection.execute(select(second_factors).where(second_factors.c.account_id == account_id))).first()
    if row is None:
        return None
    codes = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.account_id == account_id)
    left = (await connection.execute(codes)).scalar_one()
    return Factor(vault.open(row.sealed, _place(account_id)).decode(), row.confirmed_at, left)


async def begin(transaction: Transaction, vault: Vault, account_id: str, secret: str, at: datetime) -> bool:
    """Keep a new secret, which does not count yet; false when the account has one that counts."""
    unproved = (second_factors.c.account_id == account_id) & second_factors.c.confirmed_at.is_(None)
    await transaction.connection.execute(delete(second_factors).where(unproved))
    sealed = vault.seal(secret.encode(), _place(account_id))
    row = {"account_id": account_id, "sealed": sealed, "created_at": at}
    made = await transaction.connection.execute(insert_new(transaction.connection, second_factors, ["account_id"]), row)
    return made.rowcount == 1


async def confirm(
    transaction: Transaction, account_id: str, step: int, code_hashes: Iterable[str], at: datetime
) -> bool:
    """Let a secret count from now on, proved by the code of a time step; false when it counted already."""
    fresh = (second_factors.c.account_id == account_id) & second_factors.c.confirmed_at.is_(None)
    confirmed = update(second_factors).where(fresh).values(confirmed_at=at, step=step)
    if (await transaction.connection.execute(confirmed)).rowcount != 1:
        return False
    await replace_codes(transaction, account_id, code_hashes)
    return True


async def use_step(transaction: Transaction, account_id: str, step: int) -> bool:
    """Take the code of a time step; false when one of that step or a later one was taken already."""
    unused = (second_factors.c.account_id == account_id) & (second_factors.c.step < step)
    return (await transaction.connection.execute(update(second_factors).where(unused).values(step=step))).rowcount == 1


async def use_code(transaction: Transaction, account_id: str, code_hash: str) -> bool:
    """Take a recovery code; false when there is no such code any more."""
    code = (recovery_codes.c.account_id == account_id) & (recovery_codes.c.code_hash == code_hash)
    return (await transaction.connection.execute(delete(recovery_codes).where(code))).rowcount == 1


async def replace_codes(transaction: Transaction, account_id: str, code_hashes: Iterable[str]) -> None:
    """Put new recovery codes in place of all that were there."""
    await transaction.connection.execute(delete(recovery_codes).where(recovery_codes.c.account_id == account_id))
    rows = [{"account_id": account_id, "code_hash": code_hash} for code_hash in code_hashes]
    if rows:
        await transaction.connection.execute(recovery_codes.insert(), rows)


async def remove(transaction: Transaction, account_id: str) -> bool:
    """Take the second factor from an account; false when it had none."""
    await transaction.connection.execute(delete(recovery_codes).where(recovery_codes.c.account_id == account_id))
    done = await transaction.connection.execute(delete(second_factors).where(second_factors.c.account_id == account_id))
    return done.rowcount == 1


def _place(account_id: str) -> str:
    return f"second_factors.sealed:{account_id}"
