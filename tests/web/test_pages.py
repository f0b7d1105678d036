import pytest

from gateway import clock
from gateway.web import entering
from gateway.web.app import LOGINS_A_MINUTE
from gateway.web.entrance import inside
from gateway.web.keys import SETUP
from store.accounts import Role
from tests.web.conftest import PASSWORD, World

ENGLISH = {"Accept-Language": "en"}


async def page(world: World, path: str, status: int = 200) -> str:
    response = await world.client.get(path, headers=ENGLISH)
    assert response.status == status
    return await response.text()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/departments", "Who answers what"),
        ("/rules", "somebody"),
        ("/privacy", "90 days"),
        ("/follow", "/feeds/posts.atom"),
        ("/login", "For staff of the city"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_pages_are_there_in_both_languages(world: World, path: str, words: str, language: str) -> None:
    response = await world.client.get(path, headers={"Accept-Language": language})
    text = await response.text()
    assert response.status == 200
    assert (words in text) or language == "zh"
    assert text.count("<h1") == 1


async def test_staff_log_in_and_out(world: World) -> None:
    await world.account(Role.VIEWER, "vera")
    assert await world.log_in("vera") == 303
    console = await page(world, "/console")
    assert "vera" in console
    response = await world.client.get("/login", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "/console")
    form = {"csrf": await world.form_token("/console")}
    assert (await world.client.post("/console/logout", data=form, allow_redirects=False)).status == 303
    assert (await world.client.get("/console", allow_redirects=False)).headers["Location"] == "/login?next=/console"


@pytest.mark.parametrize(
    ("name", "password"), [("vera", "not-this-one"), ("nobody", PASSWORD), ("", ""), ("x" * 500, "guess-1")]
)
async def test_a_wrong_login_says_neither_which(world: World, name: str, password: str) -> None:
    await world.account(Role.VIEWER, "vera")
    form = {"name": name, "password": password, "csrf": await world.form_token("/login")}
    response = await world.client.post("/login", data=form, headers=ENGLISH, allow_redirects=False)
    text = await response.text()
    assert response.status == 401
    assert 'role="alert"><p>name or password is wrong' in text
    assert password not in text or not password


async def test_logging_in_needs_our_own_form(world: World) -> None:
    await world.account(Role.VIEWER, "vera")
    response = await world.client.post("/login", data={"name": "vera", "password": PASSWORD}, allow_redirects=False)
    assert response.status == 403
    assert (await world.client.get("/console", allow_redirects=False)).status == 303


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ("/console/channels", "/console/channels"),
        ("", "/console"),
        ("https://evil.example", "/console"),
        ("//evil.example", "/console"),
        ("/\\evil.example", "/console"),
        ("/a\nb", "/console"),
        ("console", "/console"),
    ],
)
def test_after_logging_in_one_staysinside(asked: str, where: str) -> None:
    assert inside(asked) == where


async def test_the_first_administrator_is_made_once(world: World) -> None:
    link = world.app[SETUP].link("")
    form = {"csrf": await world.form_token(link), "name": "anna", "password": PASSWORD}
    response = await world.client.post(link, data=form, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "/console")
    assert "Administrator" in await page(world, "/console")
    assert not await entering.setup_is_open(world.runtime)
    await page(world, link, 404)
    assert (await world.client.post(link, data=form, allow_redirects=False)).status == 404


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [("anna", "short", "this password is too short or too long"), ("", PASSWORD, "give a name")],
)
async def test_setting_up_says_what_is_wrong(world: World, name: str, password: str, words: str) -> None:
    link = world.app[SETUP].link("")
    form = {"csrf": await world.form_token(link), "name": name, "password": password}
    response = await world.client.post(link, data=form, headers=ENGLISH)
    assert response.status == 422
    assert words in await response.text()
    assert await entering.setup_is_open(world.runtime)


async def test_a_guessed_setup_link_is_nothing(world: World) -> None:
    await page(world, "/setup/guessed", 404)


async def test_one_network_may_not_guess_for_ever(world: World) -> None:
    moment = clock.now()
    clock.replace(now=lambda: moment)
    try:
        tried = [await world.log_in(f"nobody{number}") for number in range(LOGINS_A_MINUTE + 1)]
    finally:
        clock.replace()
    assert tried[-1] == 429
    assert set(tried[:-1]) == {401}
