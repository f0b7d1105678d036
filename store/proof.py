"""Proof that a process has the master key its database is sealed with.

A key of its own lies wrapped among the keys, made by whoever came first. With another key file a process would seal
what the others cannot open, and find no address they know; so it is refused before it keeps anything.
"""

from datetime import datetime

from sqlalchemy import select

from gateway.errors import VaultError, WrongKey
from store.database import Transaction
from store.dialect import insert_new
from store.tables_citizens import keys
from store.vault import Vault

# The id of the key that proves it; no citizen's.
PROOF = "0" * 32


async def prove(transaction: Transaction, vault: Vault, at: datetime) -> None:
    """Open what the first process sealed, or be the first. Raises `WrongKey` under another master key."""
    connection = transaction.connection
    row = {"id": PROOF, "citizen_id": None, "wrapped": vault.new_key(PROOF).wrapped, "created_at": at}
    await connection.execute(insert_new(connection, keys, ["id"]), row)
    wrapped = (await connection.execute(select(keys.c.wrapped).where(keys.c.id == PROOF))).scalar_one()
    try:
        vault.unwrap(PROOF, wrapped)
    except VaultError as error:
        raise WrongKey(
            "this database is sealed with another master key: give all its processes the same file (EVERYLINE_KEY_FILE)"
        ) from error
