from datetime import datetime, timedelta

import pytest

from gateway import clock
from gateway.errors import Conflict, NotFound
from store import accounts, audit, sessions
from store.accounts import Account, Role
from store.database import Database
from store.sessions import Scope, SessionKind

TRIES = 3


async def make(database: Database, name: str = "li", role: Role = Role.MODERATOR) -> Account:
    return await database.write(lambda transaction: accounts.add(transaction, name, role, "hash", "water"))


async def open_one(database: Database, account: Account, kind: SessionKind, secret: str, until: datetime) -> str:
    if kind is SessionKind.TOKEN:
        return await database.write(lambda tx: sessions.open_token(tx, account.id, secret, until, scopes=[Scope.READ]))
    return await database.write(lambda tx: sessions.open_cookie(tx, account.id, secret, until))


async def test_an_account_is_found_by_its_name_with_all_it_was_made_of(database: Database) -> None:
    made = await make(database)
    async with database.reading() as connection:
        found = await accounts.named(connection, "li")
        assert found is not None
        assert (found.account, found.password_hash, found.locked_until) == (made, "hash", None)
        assert await accounts.named(connection, "nobody") is None
        everybody = await accounts.everybody(connection)
        assert [member.account for member in everybody] == [Account(made.id, "li", Role.MODERATOR, "water")]


async def test_a_name_is_given_once(database: Database) -> None:
    await make(database)
    with pytest.raises(Conflict):
        await make(database, role=Role.ADMINISTRATOR)
    async with database.reading() as connection:
        assert not await accounts.has_administrator(connection)


async def test_only_the_first_administrator_can_be_set_up(database: Database) -> None:
    await make(database, "officer", Role.OFFICER)
    first = await database.write(lambda transaction: accounts.add_first(transaction, "first", "hash"))
    assert first.role is Role.ADMINISTRATOR
    with pytest.raises(NotFound):
        await database.write(lambda transaction: accounts.add_first(transaction, "second", "hash"))


async def test_the_last_try_locks_and_a_right_password_forgets_the_wrong_ones(database: Database) -> None:
    account, until = await make(database), clock.now() + timedelta(minutes=15)

    async def fail() -> bool:
        return await database.write(lambda transaction: accounts.failed(transaction, account.id, TRIES, until))

    async def succeed(at: datetime) -> bool:
        return await database.write(lambda transaction: accounts.succeeded(transaction, account.id, at))

    assert [await fail(), await fail()] == [False, False]
    assert await succeed(clock.now())
    assert [await fail(), await fail(), await fail()] == [False, False, True]
    assert not await succeed(clock.now()), "a right password must not open a locked account"
    assert await succeed(until)
    assert [await fail(), await fail()] == [False, False]


@pytest.mark.parametrize("kind", list(SessionKind))
async def test_a_session_is_known_by_the_hash_of_its_secret_until_it_ends(
    database: Database, kind: SessionKind
) -> None:
    account, at = await make(database), clock.now()
    session_id = await open_one(database, account, kind, "hashed", at + timedelta(hours=1))
    async with database.reading() as connection:
        found = await sessions.find(connection, "hashed", at)
        assert found is not None
        assert (found.id, found.kind, found.account) == (session_id, kind, account)
        assert await sessions.find(connection, "other", at) is None
        assert await sessions.find(connection, "hashed", at + timedelta(hours=1)) is None
    await database.write(lambda transaction: sessions.end(transaction, account.id, session_id))
    async with database.reading() as connection:
        assert await sessions.find(connection, "hashed", at) is None


@pytest.mark.parametrize("removed", [True, False], ids=["removed", "new password"])
async def test_sessions_end_with_the_account_and_with_its_password(database: Database, removed: bool) -> None:
    account, until = await make(database), clock.now() + timedelta(hours=1)
    for kind in SessionKind:
        await open_one(database, account, kind, f"secret-{kind}", until)
    if removed:
        await database.write(lambda transaction: accounts.remove(transaction, account.id))
    else:
        await database.write(lambda transaction: accounts.set_password(transaction, account.id, "new"))
    async with database.reading() as connection:
        assert [await sessions.find(connection, f"secret-{kind}", clock.now()) for kind in SessionKind] == [None] * 2
        found = await accounts.named(connection, "li")
        assert (found and found.password_hash) == (None if removed else "new")


async def test_a_new_password_unlocks(database: Database) -> None:
    account, until = await make(database), clock.now() + timedelta(hours=1)
    await database.write(lambda transaction: accounts.failed(transaction, account.id, 1, until))
    await database.write(lambda transaction: accounts.set_password(transaction, account.id, "new"))
    assert await database.write(lambda transaction: accounts.succeeded(transaction, account.id, clock.now()))


async def test_sweeping_takes_what_has_expired_only(database: Database) -> None:
    account, at = await make(database), clock.now()
    for number, hours in enumerate((-1, 0, 1)):
        await open_one(database, account, SessionKind.COOKIE, f"secret{number}", at + timedelta(hours=hours))
    assert await database.write(lambda transaction: sessions.sweep(transaction, at)) == 2
    async with database.reading() as connection:
        assert await sessions.find(connection, "secret2", at) is not None


async def test_the_audit_is_read_newest_first(database: Database) -> None:
    await database.write(lambda transaction: audit.note(transaction, "li", "login"))
    await database.write(lambda transaction: audit.note(transaction, "wang", "user added", "zhao"))
    async with database.reading() as connection:
        found = await audit.traces(connection, limit=10)
    assert [(trace.actor, trace.action, trace.target) for trace in found] == [
        ("wang", "user added", "zhao"),
        ("li", "login", None),
    ]
