"""Saved filters: one's own and those shared, once under each name."""

import pytest

from gateway.errors import BadInput, Conflict, NotFound
from store import accounts, inbox_filters
from store.accounts import Account, Role
from store.database import Database


async def make(database: Database, name: str) -> Account:
    return await database.write(lambda tx: accounts.add(tx, name, Role.MODERATOR, "hash"))


async def names(database: Database, account: Account) -> list[tuple[str, str]]:
    async with database.reading() as connection:
        return [(one.owner, one.name) for one in await inbox_filters.of_account(connection, account.id)]


async def test_ones_own_come_first_then_what_others_share(database: Database) -> None:
    anna, bo = await make(database, "anna"), await make(database, "bo")
    for account, name, shared in ((bo, "apples", True), (bo, "secret", False), (anna, "zebras", False)):
        await database.write(
            lambda tx, a=account, n=name, s=shared: inbox_filters.add(tx, a.id, n, s, {"state": "held"})  # type: ignore[misc]
        )
    assert await names(database, anna) == [("anna", "zebras"), ("bo", "apples")]
    assert await names(database, bo) == [("bo", "apples"), ("bo", "secret")]


async def test_a_name_is_once_for_each_account(database: Database) -> None:
    anna, bo = await make(database, "anna"), await make(database, "bo")
    first = await database.write(lambda tx: inbox_filters.add(tx, anna.id, "x", False, {}))
    await database.write(lambda tx: inbox_filters.add(tx, bo.id, "x", False, {}))
    with pytest.raises(Conflict):
        await database.write(lambda tx: inbox_filters.add(tx, anna.id, "x", True, {}))
    second = await database.write(lambda tx: inbox_filters.add(tx, anna.id, "y", False, {}))
    async with database.reading() as connection:
        known = await inbox_filters.one(connection, second)
    with pytest.raises(Conflict):
        await database.write(lambda tx: inbox_filters.change(tx, known, name="x"))
    await database.write(lambda tx: inbox_filters.change(tx, known, name="y", shared=True, query={"state": "held"}))
    async with database.reading() as connection:
        changed = await inbox_filters.one(connection, second)
    assert (changed.name, changed.shared, changed.query) == ("y", True, {"state": "held"})
    await database.write(lambda tx: inbox_filters.remove(tx, first))
    async with database.reading() as connection:
        with pytest.raises(NotFound):
            await inbox_filters.one(connection, first)


async def test_nobody_keeps_more_than_can_be_read(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_filters, "MOST", 1)
    anna = await make(database, "anna")
    await database.write(lambda tx: inbox_filters.add(tx, anna.id, "x", False, {}))
    with pytest.raises(BadInput):
        await database.write(lambda tx: inbox_filters.add(tx, anna.id, "y", False, {}))


async def test_they_go_with_their_account(database: Database) -> None:
    anna, bo = await make(database, "anna"), await make(database, "bo")
    await database.write(lambda tx: inbox_filters.add(tx, anna.id, "x", True, {}))
    assert await names(database, bo) == [("anna", "x")]
    await database.write(lambda tx: accounts.remove(tx, anna.id))
    assert await names(database, bo) == []
