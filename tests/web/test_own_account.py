"""One's own account: password, language, sessions and tokens, ended when one says so."""

import pytest

from gateway.web import devices
from store.accounts import Role
from tests.web.conftest import PASSWORD, World
from tests.web.people_world import actions, press, read, shown

HERE = "/console/account"


@pytest.fixture
async def moderator(world: World) -> World:
    """The application with a moderator logged in."""
    await world.account(Role.MODERATOR, "mo")
    await world.log_in("mo")
    return world


async def elsewhere(world: World) -> dict[str, str]:
    """The cookie of another session of the same person; this browser keeps its own."""
    jar, url = world.client.session.cookie_jar, world.client.make_url("/")
    own = jar.filter_cookies(url)
    jar.clear()
    await world.log_in("mo")
    cookie = jar.filter_cookies(url)["everyline_session"].value
    jar.update_cookies(own, url)
    return {"Cookie": f"everyline_session={cookie}"}


async def opens(world: World, headers: dict[str, str]) -> bool:
    jar, url = world.client.session.cookie_jar, world.client.make_url("/")
    own = jar.filter_cookies(url)
    jar.clear()
    response = await world.client.get("/console", headers=headers, allow_redirects=False)
    jar.update_cookies(own, url)
    return response.status == 200


async def make_token(world: World, *scopes: str, **form: str) -> str:
    data = {"label": "counter", "days": "30", "current": PASSWORD, **form}
    response = await press(world, f"{HERE}/tokens", scope=list(scopes), **data)
    assert response.status == 200
    return shown(await response.text(), "token")


async def test_a_new_password_ends_all_other_sessions(moderator: World) -> None:
    other = await elsewhere(moderator)
    assert await opens(moderator, other)
    refused = await press(moderator, f"{HERE}/password", current="wrong password", password="another long one")
    assert refused.status == 422
    assert "this is not your password" in await refused.text()
    short = await press(moderator, f"{HERE}/password", current=PASSWORD, password="short")
    assert short.status == 422
    good = await press(moderator, f"{HERE}/password", current=PASSWORD, password="another long one")
    assert good.headers["Location"] == f"{HERE}?done=password"
    assert not await opens(moderator, other)
    assert "All other sessions are ended" in await read(moderator, f"{HERE}?done=password")
    moderator.client.session.cookie_jar.clear()
    assert await moderator.log_in("mo") == 401
    assert await moderator.log_in("mo", "another long one") == 303


async def test_guessing_at_an_open_screen_locks_too(moderator: World) -> None:
    for _ in range(moderator.runtime.settings.accounts.tries):
        await press(moderator, f"{HERE}/password", current="wrong password", password="another long one")
    refused = await press(moderator, f"{HERE}/password", current=PASSWORD, password="another long one")
    assert refused.status == 422
    assert ("mo", "locked", None) in await actions(moderator)


async def test_the_language_goes_where_one_logs_in(moderator: World) -> None:
    await press(moderator, f"{HERE}/language", language="zh")
    assert 'lang="zh-Hans"' in await read(moderator, HERE)
    moderator.client.session.cookie_jar.clear()
    await moderator.log_in("mo")
    assert '<html lang="zh-Hans"' in await read(moderator, HERE)
    await press(moderator, f"{HERE}/language", language="")
    assert '<html lang="en"' in await read(moderator, HERE)


async def test_sessions_are_listed_and_ended(moderator: World) -> None:
    others = [await elsewhere(moderator) for _ in range(3)]
    page = await read(moderator, HERE)
    assert page.count("127.0.0.0/16") == 4
    assert page.count("this one") == 1
    ids = [part.split("/")[0] for part in page.split("/console/account/sessions/")[1:]]
    own = page.split("this one")[1].split("/console/account/sessions/")[1].split("/")[0]
    first = next(one for one in ids if one not in (own, "others"))
    assert (await press(moderator, f"{HERE}/sessions/{first}/end")).status == 303
    assert sum([await opens(moderator, one) for one in others]) == 2
    assert (await press(moderator, f"{HERE}/sessions/{first}/end")).status == 404
    assert (await press(moderator, f"{HERE}/sessions/others/end")).status == 303
    assert not any([await opens(moderator, one) for one in others])
    ended = await press(moderator, f"{HERE}/sessions/{own}/end")
    assert ended.headers["Location"] == "/login"
    assert (await moderator.client.get("/console", allow_redirects=False)).status == 303


async def test_nobody_ends_what_is_somebody_else_s(moderator: World) -> None:
    await moderator.account(Role.VIEWER, "vera")
    jar, url = moderator.client.session.cookie_jar, moderator.client.make_url("/")
    own = jar.filter_cookies(url)
    jar.clear()
    await moderator.log_in("vera")
    page = await read(moderator, HERE)
    theirs = page.split("/console/account/sessions/")[1].split("/")[0]
    cookie = {"Cookie": f"everyline_session={jar.filter_cookies(url)['everyline_session'].value}"}
    jar.update_cookies(own, url)
    assert (await press(moderator, f"{HERE}/sessions/{theirs}/end")).status == 404
    assert await opens(moderator, cookie)


async def test_a_token_is_shown_once_used_and_ended(moderator: World) -> None:
    token = await make_token(moderator, "read")
    assert token not in await read(moderator, HERE)
    headers = {"Authorization": f"Bearer {token}"}
    assert "never" in await read(moderator, HERE)
    assert (await moderator.client.get("/api/v1/console/queue", headers=headers)).status == 200
    page = await read(moderator, HERE)
    assert "counter" in page
    assert "never" not in page
    refused = await moderator.client.post("/api/v1/console/deliveries/again", json={"ids": [1]}, headers=headers)
    assert refused.status == 403
    assert (await refused.json())["detail"] == "this token lacks the scope operate"
    row = page.split("counter")[1]
    token_id = row.split("/console/account/sessions/")[1].split("/")[0]
    await press(moderator, f"{HERE}/sessions/{token_id}/end")
    assert (await moderator.client.get("/api/v1/console/queue", headers=headers)).status == 401
    assert [action for _, action, _ in await actions(moderator)] == ["login", "token made", "token ended"]


async def test_a_token_may_no_more_than_its_owner(moderator: World) -> None:
    token = await make_token(moderator, "read", "admin")
    headers = {"Authorization": f"Bearer {token}"}
    assert (await moderator.client.get("/api/v1/console/users", headers=headers)).status == 403
    page = await read(moderator, HERE)
    assert 'value="admin"' not in page


@pytest.mark.parametrize(
    ("scopes", "form", "words"),
    [
        (["read"], {"label": " "}, "say what the token is for"),
        (["read"], {"days": "0"}, "give a number of days that is allowed"),
        (["read"], {"days": "9999"}, "give a number of days that is allowed"),
        (["read"], {"days": "x"}, "give a number of days that is allowed"),
        (["admin"], {}, "choose what the token may do"),
        ([], {}, "choose what the token may do"),
        (["read"], {"current": "wrong password"}, "this is not your password"),
    ],
)
async def test_a_token_that_cannot_be_made_is_said_why(
    moderator: World, scopes: list[str], form: dict[str, str], words: str
) -> None:
    data = {"label": "counter", "days": "30", "current": PASSWORD, **form}
    response = await press(moderator, f"{HERE}/tokens", scope=scopes, **data)
    page = await response.text()
    assert response.status == 422
    assert words in page
    assert f'value="{data["days"]}"' in page
    assert 'id="token"' not in page


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 "
            "Safari/537.36 Edg/142.0.0.0",
            "Edge, Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/19.0 Mobile/15E148 Safari/604.1",
            "Safari, iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 "
            "Mobile Safari/537.36",
            "Chrome, Android",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
        ("x" * 500, "x" * 64),
        ("", None),
        ("\x07\t", None),
    ],
)
def test_devices_are_told_apart_roughly(agent: str, device: str | None) -> None:
    assert devices.device(agent) == device
