"""Links, second factors, sessions and the audit as they are kept, on both databases."""

import asyncio
from datetime import datetime, timedelta
from functools import partial

import pytest

from gateway import clock
from gateway.errors import Conflict, NotFound
from store import accounts, alarms, audit, citizens, history, invitations, second_factors, sessions
from store.accounts import Account, Role
from store.audit import Wanted
from store.database import Database, Transaction
from store.sessions import Scope
from store.vault import Vault

VAULT = Vault(bytes(32))


async def make(database: Database, name: str = "li", role: Role = Role.MODERATOR, password: str = "hash") -> Account:
    return await database.write(lambda tx: accounts.add(tx, name, role, password))


async def invite(database: Database, account: Account, secret_hash: str) -> None:
    until = clock.now() + timedelta(hours=1)
    await database.write(lambda tx: invitations.invite(tx, account.id, secret_hash, until))


async def test_a_link_is_one_account_s_newest_and_used_once(database: Database) -> None:
    account, other, at = await make(database), await make(database, "wang"), clock.now()
    await invite(database, account, "first")
    await invite(database, other, "other")
    await invite(database, account, "second")
    async with database.reading() as connection:
        assert await invitations.invited(connection, "first", at) is None
        found = await invitations.invited(connection, "second", at)
        assert found
        assert found.account == account
        assert await invitations.invited(connection, "second", at + timedelta(hours=2)) is None
    tries = [database.write(lambda tx: invitations.accept(tx, "second", at)) for _ in range(2)]
    ends = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["Credentials", "NotFound"]
    async with database.reading() as connection:
        assert await invitations.invited(connection, "other", at) is not None


async def begin(database: Database, account: Account, secret: str) -> bool:
    return await database.write(lambda tx: second_factors.begin(tx, VAULT, account.id, secret, clock.now()))


async def open_one(database: Database, account: Account, secret: str) -> str:
    until = clock.now() + timedelta(hours=1)
    return await database.write(
        lambda tx: sessions.open_cookie(tx, account.id, secret, until, device="Firefox", network="10.0/16")
    )


async def confirmed(database: Database, account: Account, *codes: str) -> None:
    await begin(database, account, "SECRET")
    assert await database.write(lambda tx: second_factors.confirm(tx, account.id, 100, codes, clock.now()))


async def test_a_secret_counts_once_proved_and_is_replaced_until_then(database: Database) -> None:
    account = await make(database)
    for secret in ("ONE", "TWO"):
        assert await begin(database, account, secret)
    async with database.reading() as connection:
        factor = await second_factors.of_account(connection, VAULT, account.id)
    assert factor
    assert (factor.secret, factor.confirmed_at, factor.left) == ("TWO", None, 0)
    assert await database.write(lambda tx: second_factors.confirm(tx, account.id, 100, ["a", "b"], clock.now()))
    assert not await database.write(lambda tx: second_factors.confirm(tx, account.id, 101, ["c"], clock.now()))
    assert not await begin(database, account, "THREE")
    async with database.reading() as connection:
        factor = await second_factors.of_account(connection, VAULT, account.id)
        assert factor
        assert (factor.secret, factor.left) == ("TWO", 2)
        assert await second_factors.of_account(connection, VAULT, "nobody") is None


async def test_of_two_who_bring_the_same_code_one_is_let_in(database: Database) -> None:
    account = await make(database)
    await confirmed(database, account, "code")
    steps = [database.write(lambda tx: second_factors.use_step(tx, account.id, 101)) for _ in range(2)]
    assert sorted(await asyncio.gather(*steps)) == [False, True]
    assert not await database.write(lambda tx: second_factors.use_step(tx, account.id, 100))
    codes = [database.write(lambda tx: second_factors.use_code(tx, account.id, "code")) for _ in range(2)]
    assert sorted(await asyncio.gather(*codes)) == [False, True]


async def test_a_recovery_code_is_its_account_s(database: Database) -> None:
    account, other = await make(database), await make(database, "wang")
    await confirmed(database, account, "code")
    assert not await database.write(lambda tx: second_factors.use_code(tx, other.id, "code"))
    await database.write(lambda tx: second_factors.replace_codes(tx, account.id, ["new"]))
    assert not await database.write(lambda tx: second_factors.use_code(tx, account.id, "code"))
    assert await database.write(lambda tx: second_factors.remove(tx, account.id))
    assert not await database.write(lambda tx: second_factors.use_code(tx, account.id, "new"))
    assert not await database.write(lambda tx: second_factors.remove(tx, account.id))


async def test_an_account_goes_with_all_that_hangs_on_it(database: Database) -> None:
    account, until = await make(database), clock.now() + timedelta(hours=1)
    await confirmed(database, account, "code")
    await invite(database, account, "link")
    await database.write(lambda tx: sessions.open_cookie(tx, account.id, "cookie", until))
    await database.write(lambda tx: accounts.remove(tx, account.id))
    async with database.reading() as connection:
        assert await accounts.everybody(connection) == []
        with pytest.raises(NotFound):
            await accounts.by_id(connection, account.id)


@pytest.mark.parametrize("way", ["disable", "role"])
async def test_somebody_can_always_administer(database: Database, way: str) -> None:
    first = await make(database, "first", Role.ADMINISTRATOR)
    await make(database, "invited", Role.ADMINISTRATOR, "")

    async def lose(account: Account) -> None:
        if way == "disable":
            await database.write(lambda tx: accounts.disable(tx, account.id, clock.now()))
        else:
            await database.write(lambda tx: accounts.set_role(tx, account.id, Role.VIEWER, None))

    with pytest.raises(Conflict):
        await lose(first)
    second = await make(database, "second", Role.ADMINISTRATOR)
    ends = await asyncio.gather(lose(first), lose(second), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["Conflict", "NoneType"]
    with pytest.raises(NotFound):
        await database.write(lambda tx: accounts.set_role(tx, "nobody", Role.VIEWER, None))


async def test_members_are_told_how_they_stand(database: Database) -> None:
    account, at = await make(database), clock.now()
    await confirmed(database, account)
    for number in range(2):
        opened = await open_one(database, account, f"s{number}")
        await database.write(partial(sessions.touch, session_id=opened, at=at + timedelta(minutes=number)))
    shut = await make(database, "wang", Role.VIEWER, "")
    await invite(database, shut, "link")
    async with database.reading() as connection:
        one, other = await accounts.everybody(connection)
    assert (one.account, one.second_factor, one.has_password, one.disabled_at) == (account, True, True, None)
    assert one.seen_at == at + timedelta(minutes=1)
    assert (other.second_factor, other.has_password, other.seen_at) == (False, False, None)
    assert other.invited_until


async def test_sessions_end_one_by_one_and_all_but_one(database: Database) -> None:
    account, other, at = await make(database), await make(database, "wang"), clock.now()
    until = at + timedelta(hours=1)
    own, *rest = [await open_one(database, account, name) for name in ("a", "b", "c")]
    token = await database.write(
        lambda tx: sessions.open_token(tx, account.id, "t", until, scopes=[Scope.READ, Scope.ADMIN], label="counter")
    )
    with pytest.raises(NotFound):
        await database.write(lambda tx: sessions.end(tx, other.id, rest[0]))
    assert (await database.write(lambda tx: sessions.end(tx, account.id, rest[0]))).device == "Firefox"
    assert await database.write(lambda tx: sessions.end_others(tx, account.id, own)) == 1
    async with database.reading() as connection:
        left = await sessions.of_account(connection, account.id, at)
        assert {one.id for one in left} == {own, token}
        assert next(one.scopes for one in left if one.id == token) == ["admin", "read"]
        assert await sessions.of_account(connection, account.id, until + timedelta(minutes=1)) == []
        found = await sessions.find(connection, "t", at)
        assert found
        assert found.scopes == frozenset({Scope.READ, Scope.ADMIN})
        cookie = await sessions.find(connection, "a", at)
        assert cookie
        assert cookie.scopes is None


async def test_a_shut_account_s_sessions_open_nothing(database: Database) -> None:
    await make(database, "chief", Role.ADMINISTRATOR)
    account, until = await make(database), clock.now() + timedelta(hours=1)
    await database.write(lambda tx: sessions.open_cookie(tx, account.id, "before", until))
    await database.write(lambda tx: accounts.disable(tx, account.id, clock.now()))
    await database.write(lambda tx: sessions.open_cookie(tx, account.id, "after", until))
    async with database.reading() as connection:
        assert [await sessions.find(connection, name, clock.now()) for name in ("before", "after")] == [None, None]
    assert not await database.write(lambda tx: accounts.succeeded(tx, account.id, clock.now()))
    await database.write(lambda tx: accounts.enable(tx, account.id))
    async with database.reading() as connection:
        assert await sessions.find(connection, "after", clock.now()) is not None


async def test_whoever_is_shut_out_is_not_alarmed_any_more(database: Database) -> None:
    await make(database, "chief", Role.ADMINISTRATOR)
    account, at = await make(database), clock.now()
    await database.write(lambda tx: _alarm(tx, account, at))
    async with database.reading() as connection:
        assert await alarms.of_account(connection, VAULT, account.id) is not None
    await database.write(lambda tx: accounts.disable(tx, account.id, at))
    async with database.reading() as connection:
        assert await alarms.of_account(connection, VAULT, account.id) is None


async def _alarm(transaction: Transaction, account: Account, at: datetime) -> None:
    line = await citizens.enter(transaction, VAULT, "tel:+8613800138001", language="en", at=at, owned=False)
    await alarms.ask(
        transaction, account.id, line.id, code_hash="hash", sent=1, sent_at=at, expires_at=at + timedelta(hours=1)
    )


async def test_the_audit_is_asked_by_all_at_once(database: Database) -> None:
    at = clock.now()
    for number in range(4):
        clock.replace(now=partial(datetime.__add__, at, timedelta(hours=number)))
        actor, target = ("li", "wang")[number % 2], f"t{number // 2}"
        await database.write(partial(audit.note, actor=actor, action="token made", target=target))
    clock.replace()
    wanted = [
        (Wanted(actor="li"), [2, 0]),
        (Wanted(targets=["t1", "t7"]), [3, 2]),
        (Wanted(targets=[]), []),
        (Wanted(action="token made", since=at + timedelta(hours=1), until=at + timedelta(hours=3)), [2, 1]),
        (Wanted(actor="wang", action="token made", targets=["t0"]), [1]),
        (Wanted(action="login"), []),
    ]
    async with database.reading() as connection:
        every = await audit.traces(connection)
        order = [one.id for one in reversed(every)]
        for asked, numbers in wanted:
            assert [order.index(one.id) for one in await audit.traces(connection, asked)] == numbers
        assert [one.id for one in await audit.traces(connection, before=order[2], limit=1)] == [order[1]]


@pytest.mark.parametrize(("actor", "noted"), [("li", ["post reject"]), ("rule", []), ("author", [])])
async def test_what_staff_do_to_posts_stands_in_the_audit(database: Database, actor: str, noted: list[str]) -> None:
    post = clock.new_id()
    await database.write(lambda tx: history.add(tx, history.entry(post, actor, "reject")))
    async with database.reading() as connection:
        assert [one.action for one in await audit.traces(connection, Wanted(targets=[post]))] == noted
