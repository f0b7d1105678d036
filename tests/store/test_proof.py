"""A process with another master key than its database was sealed with keeps nothing."""

import pytest

from gateway import clock
from gateway.errors import WrongKey
from store import proof
from store.database import Database
from store.vault import Vault


async def test_the_first_key_is_the_right_one_and_any_other_is_refused(database: Database) -> None:
    for _ in range(2):
        await database.write(lambda tx: proof.prove(tx, Vault(bytes(32)), clock.now()))
    with pytest.raises(WrongKey, match="EVERYLINE_KEY_FILE"):
        await database.write(lambda tx: proof.prove(tx, Vault(b"1" * 32), clock.now()))
    await database.write(lambda tx: proof.prove(tx, Vault(bytes(32)), clock.now()))
