import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway import clock
from gateway.errors import NotAllowed, NotLoggedIn
from gateway.web import auth, entering, passwords
from gateway.web.keys import SETUP
from store import accounts, audit, sessions
from store.accounts import Account, Role
from tests.web.conftest import PASSWORD, World


async def traces(world: World) -> list[tuple[str, str]]:
    async with world.runtime.database.reading() as connection:
        return [(trace.actor, trace.action) for trace in reversed(await audit.traces(connection))]


async def test_logging_in_gives_a_session_cookie_that_scripts_cannot_read(world: World) -> None:
    await world.account(Role.MODERATOR)
    form = {"name": "moderator", "password": PASSWORD, "next": "/console", "csrf": await world.form_token("/login")}
    response = await world.client.post("/login", data=form, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "/console")
    cookie = response.cookies["everyline_session"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert (await world.client.get("/console")).status == 200
    async with world.runtime.database.reading() as connection:
        assert await sessions.find(connection, cookie.value, clock.now()) is None, "the secret itself is not kept"
        assert await sessions.find(connection, auth.digest(cookie.value), clock.now()) is not None


@pytest.mark.parametrize(("name", "password"), [("moderator", "wrong password"), ("nobody", PASSWORD)])
async def test_a_wrong_name_and_a_wrong_password_read_the_same(world: World, name: str, password: str) -> None:
    await world.account(Role.MODERATOR)
    with pytest.raises(NotLoggedIn, match="name or password is wrong"):
        await passwords.prove(world.runtime, name, password)
    assert await world.log_in(name, password) == 401
    assert (await world.client.get("/console", allow_redirects=False)).status == 303


async def lock(world: World, name: str = "moderator") -> None:
    for _ in range(world.runtime.settings.accounts.tries):
        with pytest.raises(NotLoggedIn):
            await passwords.prove(world.runtime, name, "wrong password")


async def test_too_many_wrong_passwords_lock_the_account_for_a_while(world: World) -> None:
    await world.account(Role.MODERATOR)
    await lock(world)
    with pytest.raises(NotLoggedIn):
        await passwords.prove(world.runtime, "moderator", PASSWORD)
    assert ("moderator", "locked") in await traces(world)
    later = clock.now() + timedelta(minutes=world.runtime.settings.accounts.lock_minutes, seconds=1)
    clock.replace(now=lambda: later)
    try:
        assert await passwords.prove(world.runtime, "moderator", PASSWORD)
    finally:
        clock.replace()


async def test_guesses_sent_side_by_side_do_not_outrun_the_lock(world: World) -> None:
    await world.account(Role.MODERATOR)
    guesses = ["wrong password"] * (world.runtime.settings.accounts.tries + 3)
    found = await asyncio.gather(
        *(passwords.prove(world.runtime, "moderator", guess) for guess in guesses), return_exceptions=True
    )
    assert all(isinstance(one, NotLoggedIn) for one in found)
    with pytest.raises(NotLoggedIn):
        await passwords.prove(world.runtime, "moderator", PASSWORD)


async def test_an_account_locked_after_its_password_was_checked_is_not_let_in(world: World) -> None:
    account = await world.account(Role.MODERATOR)
    known = await passwords.prove(world.runtime, "moderator", PASSWORD)
    until = clock.now() + timedelta(minutes=1)
    await world.runtime.database.write(lambda tx: accounts.failed(tx, account.id, 1, until))
    assert not await world.runtime.database.write(lambda tx: accounts.succeeded(tx, known.account.id, clock.now()))
    assert await world.log_in("moderator") == 401


@pytest.mark.parametrize("name", ["nobody", "locked", "disabled", "invited", "moderator"])
async def test_no_answer_tells_which_names_exist(world: World, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The same words, status and work for all of them."""
    await world.account(Role.MODERATOR)
    await world.account(Role.MODERATOR, "locked")
    await lock(world, "locked")
    shut = await world.account(Role.MODERATOR, "disabled")
    await world.account(Role.ADMINISTRATOR, "admin")
    await world.runtime.database.write(lambda tx: accounts.disable(tx, shut.id, clock.now()))
    await world.runtime.database.write(lambda tx: accounts.add(tx, "invited", Role.VIEWER, ""))
    checked: list[str] = []

    async def remember(password_hash: str, password: str) -> bool:
        checked.append(password_hash)
        return False

    monkeypatch.setattr(passwords, "_matches", remember)
    form = {"name": name, "password": PASSWORD, "csrf": await world.form_token("/login")}
    response = await world.client.post("/login", data=form, headers={"Accept-Language": "en"}, allow_redirects=False)
    assert response.status == 401
    assert "name or password is wrong" in await response.text()
    assert "Retry-After" not in response.headers
    assert [hashed.split("$")[1:4] for hashed in checked] == [["argon2id", "v=19", "m=19456,t=2,p=1"]]


async def test_a_session_ends_by_logging_out_and_by_time(world: World) -> None:
    await world.account(Role.VIEWER)
    assert await world.log_in("viewer") == 303
    later = clock.now() + timedelta(hours=world.runtime.settings.accounts.session_hours, seconds=1)
    clock.replace(now=lambda: later)
    try:
        assert (await world.client.get("/console", allow_redirects=False)).status == 303
    finally:
        clock.replace()
    secret = world.client.session.cookie_jar.filter_cookies(world.client.make_url("/"))["everyline_session"].value
    token = await world.form_token("/console")
    await world.client.post("/console/logout", data={"csrf": token}, allow_redirects=False)
    kept = {"Cookie": f"everyline_session={secret}"}
    world.client.session.cookie_jar.clear()
    assert (await world.client.get("/console", headers=kept, allow_redirects=False)).status == 303
    assert [action for _, action in await traces(world)] == ["login", "logout"]


async def test_the_setup_link_works_once_and_for_one_of_two(world: World) -> None:
    link = world.app[SETUP].link("")
    assert (await world.client.get("/setup/guessed")).status == 404
    token = await world.form_token(link)
    forms = [{"name": name, "password": PASSWORD, "csrf": token} for name in ("first", "second")]
    answers = await asyncio.gather(*(world.client.post(link, data=form, allow_redirects=False) for form in forms))
    assert sorted(answer.status for answer in answers) == [303, 404]
    async with world.runtime.database.reading() as connection:
        made = await accounts.everybody(connection)
    assert [member.account.role for member in made] == [Role.ADMINISTRATOR]
    assert (await world.client.get(link)).status == 404
    assert (await world.client.get("/console", allow_redirects=False)).status == 200


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("", PASSWORD),
        ("x" * 65, PASSWORD),
        ("a\nb", PASSWORD),
        ("rule", PASSWORD),
        ("first", "short"),
        ("first", "x" * 201),
    ],
)
async def test_setup_refuses_what_cannot_be_used(world: World, name: str, password: str) -> None:
    link = world.app[SETUP].link("")
    form = {"name": name, "password": password, "csrf": await world.form_token(link)}
    assert (await world.client.post(link, data=form)).status == 422
    assert await entering.setup_is_open(world.runtime)


@pytest.mark.parametrize(
    ("role", "needed", "may"),
    [
        (Role.ADMINISTRATOR, Role.MODERATOR, True),
        (Role.MODERATOR, Role.MODERATOR, True),
        (Role.OFFICER, Role.MODERATOR, False),
        (Role.VIEWER, Role.OFFICER, False),
    ],
)
async def test_each_role_may_what_it_may(world: World, role: Role, needed: Role, may: bool) -> None:
    path = {Role.MODERATOR: "decision", Role.OFFICER: "answers"}[needed]
    headers = await world.token(role)
    response = await world.client.post(f"/api/v1/console/posts/12345678/{path}", json={}, headers=headers)
    assert (response.status == 403) is not may


@pytest.mark.parametrize(
    ("own", "asked", "may"), [("water", "water", True), ("water", "roads", False), (None, "roads", True)]
)
def test_an_officer_answers_for_his_own_department(own: str | None, asked: str, may: bool) -> None:
    account = Account("id", "li", Role.OFFICER, own)
    if may:
        assert auth.answers_as(account, asked) == asked
    else:
        with pytest.raises(NotAllowed):
            auth.answers_as(account, asked)


async def test_a_token_opens_the_api_until_it_expires_and_is_no_cookie(world: World) -> None:
    headers = await world.token(Role.VIEWER)
    assert (await world.client.get("/api/v1/console/queue", headers=headers)).status == 200
    secret = headers["Authorization"].removeprefix("Bearer ")
    as_cookie = {"Cookie": f"everyline_session={secret}"}
    assert (await world.client.get("/api/v1/console/queue", headers=as_cookie)).status == 401
    wrong = {"Authorization": "Bearer guessed"}
    assert (await world.client.get("/api/v1/console/queue", headers=wrong)).status == 401
    later = clock.now() + timedelta(days=world.runtime.settings.accounts.token_days, seconds=1)
    clock.replace(now=lambda: later)
    try:
        assert (await world.client.get("/api/v1/console/queue", headers=headers)).status == 401
    finally:
        clock.replace()


FORM_FAULTS: dict[str, Callable[[str], dict[str, str]]] = {
    "no token": lambda token: {},
    "a made-up token": lambda token: {"csrf": "made.up.token"},
    "a changed token": lambda token: {"csrf": token[:-2] + ("AA" if token[-2:] != "AA" else "BB")},
}


@pytest.mark.parametrize("fault", FORM_FAULTS)
async def test_a_form_without_its_token_changes_nothing(world: World, fault: str) -> None:
    await world.account(Role.MODERATOR)
    form = {"name": "moderator", "password": PASSWORD, "next": "/console"}
    form |= FORM_FAULTS[fault](await world.form_token("/login"))
    response = await world.client.post("/login", data=form, allow_redirects=False)
    assert response.status == 403
    assert "everyline_session" not in response.cookies


async def test_a_form_is_bound_to_its_browser_and_its_site(world: World) -> None:
    await world.account(Role.MODERATOR)
    form = {"name": "moderator", "password": PASSWORD, "next": "/console", "csrf": await world.form_token("/login")}
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert (await world.client.post("/login", data=form, headers=elsewhere, allow_redirects=False)).status == 403
    kept = world.client.session.cookie_jar.filter_cookies(world.client.make_url("/"))
    world.client.session.cookie_jar.clear()
    assert (await world.client.post("/login", data=form, allow_redirects=False)).status == 403
    world.client.session.cookie_jar.update_cookies(kept, world.client.make_url("/"))
    assert (await world.client.post("/login", data=form, allow_redirects=False)).status == 303


async def test_an_old_form_has_expired(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.account(Role.MODERATOR)
    form = {"name": "moderator", "password": PASSWORD, "next": "/console", "csrf": await world.form_token("/login")}
    monkeypatch.setattr(auth, "FORM_SECONDS", -1)
    assert (await world.client.post("/login", data=form, allow_redirects=False)).status == 403


async def test_a_visitor_keeps_its_name_and_cannot_choose_one(world: World) -> None:
    first = await world.client.get("/login")
    cookie = first.cookies[auth.VISITOR_COOKIE]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    again = await world.client.get("/login")
    assert auth.VISITOR_COOKIE not in again.cookies
    world.client.session.cookie_jar.clear()
    forged = await world.client.get("/login", headers={"Cookie": f"{auth.VISITOR_COOKIE}={'a' * 32}"})
    assert forged.cookies[auth.VISITOR_COOKIE].value != cookie.value
