"""Two steps into the console: codes by RFC 6238, recovery codes, and what cannot be guessed, repeated, gone around."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from itsdangerous import URLSafeTimedSerializer

from gateway import clock
from gateway.web import entering, passwords, second_factor
from store import accounts
from store.accounts import Role
from tests.web.conftest import PASSWORD, World
from tests.web.people_world import HERE, actions, code, press, read, set_up_factor, shown

MOMENT = datetime(2026, 3, 2, 8, 0, 10, tzinfo=UTC)
# RFC 6238, appendix B, the last six digits of SHA-1.
VECTORS = [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]


@pytest.fixture(autouse=True)
def still() -> Iterator[None]:
    """The clock stands, so that no step ends within a test; `wait` moves it."""
    clock.replace(now=lambda: MOMENT)
    yield
    clock.replace()


def wait(seconds: float) -> None:
    later = clock.now() + timedelta(seconds=seconds)
    clock.replace(now=lambda: later)


async def log_out(world: World) -> None:
    await press(world, "/console/logout")


async def second_step(world: World, typed: str, onward: str = "/console") -> int:
    form = {"csrf": await world.form_token("/login/code"), "code": typed, "next": onward}
    response = await world.client.post("/login/code", data=form, allow_redirects=False)
    return response.status


async def is_in(world: World) -> bool:
    return (await world.client.get("/console", allow_redirects=False)).status == 200


@pytest.mark.parametrize(("seconds", "digits"), VECTORS)
def test_codes_are_those_of_the_standard(seconds: int, digits: str) -> None:
    secret = base64.b32encode(b"12345678901234567890").decode()
    at = datetime.fromtimestamp(seconds, UTC)
    step = second_factor.step_of(secret, f" {digits[:3]} {digits[3:]} ", at)
    assert step == seconds // 30
    assert second_factor.step_of(secret, digits, at + timedelta(seconds=30)) == step, "a clock may be a little late"
    assert second_factor.step_of(secret, digits, at + timedelta(seconds=90)) is None
    assert second_factor.step_of(secret, "", at) is None
    assert second_factor.step_of(secret, "٢٨٧٠٨٢", at) is None


async def test_a_password_alone_opens_nothing_then(world: World) -> None:
    await world.account(Role.MODERATOR)
    await world.log_in("moderator")
    page = await read(world, HERE)
    assert "data:image/svg" not in page
    secret, codes = await set_up_factor(world)
    assert len(codes) == second_factor.RECOVERY_CODES == len(set(codes))
    assert secret not in await read(world, HERE), "what is set up is not shown again"
    await log_out(world)
    form = {"name": "moderator", "password": PASSWORD, "csrf": await world.form_token("/login"), "next": "/console"}
    response = await world.client.post("/login", data=form, allow_redirects=False)
    assert response.headers["Location"] == "/login/code?next=/console"
    assert response.cookies["everyline_step"]["httponly"]
    assert not await is_in(world)
    assert await second_step(world, "000000") == 422
    assert not await is_in(world)
    assert await second_step(world, code(secret)) == 303
    assert await is_in(world)
    done = [action for _, action, _ in await actions(world)]
    assert done == ["login", "second factor set up", "logout", "login failed", "login"]


async def test_a_code_is_taken_once(world: World) -> None:
    await world.account(Role.MODERATOR)
    await world.log_in("moderator")
    secret, _ = await set_up_factor(world)
    await log_out(world)
    await world.log_in("moderator")
    assert await second_step(world, code(secret, -1)) == 422, "it was used to set up"
    used = code(secret)
    assert await second_step(world, used) == 303
    await log_out(world)
    await world.log_in("moderator")
    assert await second_step(world, used) == 422
    wait(30)
    assert await second_step(world, used) == 422
    assert await second_step(world, code(secret)) == 303


async def test_a_recovery_code_works_once_however_it_is_typed(world: World) -> None:
    await world.account(Role.MODERATOR)
    await world.log_in("moderator")
    _, codes = await set_up_factor(world)
    for typed, status in ((codes[0], 303), (codes[0], 422), (codes[1].upper().replace("-", " "), 303)):
        if await is_in(world):
            await log_out(world)
        await world.log_in("moderator")
        assert await second_step(world, typed) == status
    assert "8 recovery codes left" in await read(world, HERE)
    assert [one for one in await actions(world) if one[1] == "recovery code used"] != []


async def test_new_recovery_codes_end_the_old_ones(world: World) -> None:
    await world.account(Role.MODERATOR)
    await world.log_in("moderator")
    _, old = await set_up_factor(world)
    refused = await press(world, f"{HERE}/codes", HERE, current="wrong password")
    assert refused.status == 422
    renewed = await (await press(world, f"{HERE}/codes", HERE, current=PASSWORD)).text()
    assert not any(one in renewed for one in old)
    await log_out(world)
    await world.log_in("moderator")
    assert await second_step(world, old[0]) == 422


async def test_guesses_lock_the_account_and_a_right_password_does_not_forget_them(world: World) -> None:
    await world.account(Role.MODERATOR)
    await world.log_in("moderator")
    secret, _ = await set_up_factor(world)
    await log_out(world)
    for _ in range(world.runtime.settings.accounts.tries):
        assert await world.log_in("moderator") == 303
        await second_step(world, "000000")
    assert await world.log_in("moderator") == 401
    wait(world.runtime.settings.accounts.lock_minutes * 60 + 1)
    assert await world.log_in("moderator") == 303
    assert await second_step(world, code(secret)) == 303


@pytest.mark.parametrize("way", ["none", "for another password", "forged", "new password"])
async def test_the_second_step_needs_the_first(world: World, way: str) -> None:
    account = await world.account(Role.MODERATOR)
    await world.log_in("moderator")
    secret, _ = await set_up_factor(world)
    await log_out(world)
    await world.log_in("moderator")
    form = {"csrf": await world.form_token("/login/code"), "code": code(secret)}
    url = world.client.make_url("/")
    if way == "none":
        world.client.session.cookie_jar.clear(lambda morsel: morsel.key == "everyline_step")
    elif way == "forged":
        world.client.session.cookie_jar.update_cookies({"everyline_step": "WyJhIiwiYiJd.aaaaaa.bbbb"}, url)
    elif way == "new password":
        hashed = await passwords.hashed(world.runtime, "another long password")
        await world.runtime.database.write(lambda tx: accounts.set_password(tx, account.id, hashed))
    else:
        signer = URLSafeTimedSerializer(world.runtime.vault.lookup("signing:step"), salt="step")
        old = signer.dumps([account.id, "0" * 16])
        world.client.session.cookie_jar.update_cookies({"everyline_step": old}, url)
    response = await world.client.post("/login/code", data=form, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "/login")
    assert not await is_in(world)


async def test_it_is_given_up_with_the_password_only(world: World) -> None:
    await world.account(Role.MODERATOR)
    await world.log_in("moderator")
    await set_up_factor(world)
    assert (await press(world, HERE, current=PASSWORD)).status == 422, "there is one already"
    assert (await press(world, f"{HERE}/remove", HERE, current="wrong password")).status == 422
    assert (await press(world, f"{HERE}/remove", HERE, current=PASSWORD)).status == 303
    await log_out(world)
    assert await world.log_in("moderator") == 303
    assert await is_in(world)


async def test_a_first_code_that_is_wrong_turns_nothing_on(world: World) -> None:
    await world.account(Role.MODERATOR)
    await world.log_in("moderator")
    await press(world, HERE, current=PASSWORD)
    assert (await press(world, f"{HERE}/confirm", HERE, code="000000")).status == 422
    assert "data:image/svg" in await read(world, HERE)
    await log_out(world)
    await world.log_in("moderator")
    assert await is_in(world)


async def test_a_role_that_must_have_one_gets_no_further_without(world: World) -> None:
    settings = world.runtime.settings
    accounts_settings = settings.accounts.model_copy(update={"second_factor_for": ("moderator",)})
    world.runtime.settings = settings.model_copy(update={"accounts": accounts_settings})
    await world.account(Role.MODERATOR)
    await world.account(Role.VIEWER)
    await world.log_in("moderator")
    response = await world.client.get("/console", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, HERE)
    assert (await world.client.get("/api/v1/console/queue")).status == 403
    token = await world.form_token(HERE)
    posted = await world.client.post("/console/posts/1/decision", data={"csrf": token}, allow_redirects=False)
    assert posted.status == 403
    await press(world, HERE, HERE, current=PASSWORD)
    secret = shown(await read(world, HERE), "secret").replace(" ", "")
    await press(world, f"{HERE}/confirm", HERE, code=code(secret))
    assert await is_in(world)
    await log_out(world)
    await world.log_in("viewer")
    assert await is_in(world)


async def test_the_second_step_must_come_soon(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.account(Role.MODERATOR)
    await world.log_in("moderator")
    await set_up_factor(world)
    await log_out(world)
    await world.log_in("moderator")
    assert (await world.client.get("/login/code")).status == 200
    monkeypatch.setattr(entering, "STEP_SECONDS", -1)
    assert (await world.client.get("/login/code", allow_redirects=False)).status == 303
