"""Administrators make, change and shut accounts; whoever is invited chooses a password by a link that works once."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from gateway import clock
from store import accounts
from store.accounts import Account, Member, Role
from tests.web.conftest import PASSWORD, World
from tests.web.people_world import ENGLISH, actions, press, read, set_up_factor, shown

USERS = "/console/users"


@pytest.fixture
async def chief(world: World) -> World:
    """The application with an administrator logged in."""
    await world.account(Role.ADMINISTRATOR, "chief")
    await world.log_in("chief")
    return world


async def member(world: World, name: str) -> Member:
    async with world.runtime.database.reading() as connection:
        return next(one for one in await accounts.everybody(connection) if one.account.name == name)


async def invite(world: World, name: str = "li", role: str = "moderator", department: str = "") -> str:
    """The path of the link that the page shows once."""
    response = await press(world, USERS, USERS, name=name, role=role, department=department)
    assert response.status == 200
    return urlsplit(shown(await response.text(), "link")).path


async def choose(world: World, link: str, password: str = PASSWORD) -> int:
    """Open a link in another browser."""
    world.client.session.cookie_jar.clear()
    response = await world.client.post(
        link, data={"csrf": await world.form_token(link), "password": password}, allow_redirects=False
    )
    return response.status


async def test_a_user_is_invited_and_chooses_a_password(chief: World) -> None:
    link = await invite(chief, "李娜", "officer", "water")
    assert "invited" in await read(chief, USERS)
    assert (await member(chief, "李娜")).account.department == "water"
    assert link not in await read(chief, f"{USERS}/{(await member(chief, '李娜')).account.id}"), "it is shown once"
    assert await choose(chief, link, "short") == 422
    assert await choose(chief, link) == 303
    console = await read(chief, "/console/inbox")  # the queue is not for officers of one department
    assert "<strong>李娜</strong>" in console
    assert "Department officer" in console
    chief.client.session.cookie_jar.clear()
    assert (await chief.client.get(link)).status == 404
    assert await chief.log_in("李娜") == 303
    assert ("chief", "user added", "李娜") in await actions(chief)
    assert ("李娜", "password chosen", None) in await actions(chief)


async def test_a_link_ends_with_its_time_and_with_a_newer_one(chief: World) -> None:
    link = await invite(chief)
    person = (await member(chief, "li")).account.id
    response = await press(chief, f"{USERS}/{person}/reset", f"{USERS}/{person}")
    newer = urlsplit(shown(await response.text(), "link")).path
    assert (await chief.client.get(link)).status == 404
    later = clock.now() + timedelta(hours=chief.runtime.settings.accounts.invitation_hours, seconds=1)
    assert (await chief.client.get(newer)).status == 200
    clock.replace(now=lambda: later)
    try:
        assert (await chief.client.get(newer)).status == 404
    finally:
        clock.replace()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": "", "role": "viewer"}, "give a name"),
        ({"name": "chief", "role": "viewer"}, "somebody has this name already"),
        ({"name": "li", "role": "king"}, "choose a role"),
        ({"name": "li", "role": "viewer", "department": "water"}, "only an officer belongs to a department"),
        ({"name": "li", "role": "officer", "department": "mars"}, "there is no department"),
    ],
)
async def test_what_cannot_be_made_is_said_and_nothing_typed_is_lost(
    chief: World, form: dict[str, str], words: str
) -> None:
    response = await press(chief, USERS, USERS, **form)
    assert response.status in (409, 422)
    page = await response.text()
    assert words in page
    assert f'value="{form["name"]}"' in page
    assert [name for _, name, _ in await actions(chief)] == ["login"]


async def test_a_role_is_changed_and_counts_at_once(chief: World) -> None:
    made = await chief.account(Role.VIEWER, "li")
    form = {"role": "officer", "department": "roads"}
    assert (await press(chief, f"{USERS}/{made.id}/role", f"{USERS}/{made.id}", **form)).status == 303
    assert (await member(chief, "li")).account == Account(made.id, "li", Role.OFFICER, "roads")
    assert ("chief", "role officer", "li") in await actions(chief)


async def test_a_disabled_user_is_out_at_once_and_back_when_enabled(chief: World) -> None:
    made = await chief.account(Role.VIEWER, "li")
    cookies = chief.client.session.cookie_jar.filter_cookies(chief.client.make_url("/"))
    chief.client.session.cookie_jar.clear()
    await chief.log_in("li")
    theirs = chief.client.session.cookie_jar.filter_cookies(chief.client.make_url("/"))
    chief.client.session.cookie_jar.update_cookies(cookies, chief.client.make_url("/"))
    page = f"{USERS}/{made.id}"
    assert (await press(chief, f"{page}/disable", page)).status == 303
    assert "disabled" in await read(chief, page)
    chief.client.session.cookie_jar.update_cookies(theirs, chief.client.make_url("/"))
    assert (await chief.client.get("/console", allow_redirects=False)).status == 303
    assert await chief.log_in("li") == 401
    chief.client.session.cookie_jar.update_cookies(cookies, chief.client.make_url("/"))
    assert (await press(chief, f"{page}/reset", page)).status == 409, "no link for somebody who is shut out"
    assert (await press(chief, f"{page}/enable", page)).status == 303
    assert await chief.log_in("li") == 303


async def test_a_reset_password_is_void_at_once(chief: World) -> None:
    made = await chief.account(Role.VIEWER, "li")
    page = f"{USERS}/{made.id}"
    response = await press(chief, f"{page}/reset", page)
    link = urlsplit(shown(await response.text(), "link")).path
    assert await choose(chief, link, "another long password") == 303
    chief.client.session.cookie_jar.clear()
    assert await chief.log_in("li") == 401
    assert await chief.log_in("li", "another long password") == 303


async def test_a_reset_does_not_go_around_the_second_factor(chief: World) -> None:
    made = await chief.account(Role.VIEWER, "li")
    chief.client.session.cookie_jar.clear()
    await chief.log_in("li")
    await set_up_factor(chief)
    chief.client.session.cookie_jar.clear()
    await chief.log_in("chief")
    page = f"{USERS}/{made.id}"
    response = await press(chief, f"{page}/reset", page)
    link = urlsplit(shown(await response.text(), "link")).path
    assert await choose(chief, link) == 303
    assert (await chief.client.get("/console", allow_redirects=False)).status == 303
    chief.client.session.cookie_jar.clear()
    await chief.log_in("chief")
    assert (await press(chief, f"{page}/second-factor", page)).status == 303
    assert (await press(chief, f"{page}/second-factor", page)).status == 409
    chief.client.session.cookie_jar.clear()
    await chief.log_in("li")
    assert (await chief.client.get("/console", allow_redirects=False)).status == 200


@pytest.mark.parametrize("action", ["role", "disable", "reset", "second-factor"])
async def test_nobody_does_it_to_themselves(chief: World, action: str) -> None:
    own = (await member(chief, "chief")).account.id
    response = await press(chief, f"{USERS}/{own}/{action}", USERS, role="viewer")
    assert response.status == 409
    assert (await member(chief, "chief")).account.role is Role.ADMINISTRATOR
    assert f"/console/users/{own}/" not in await read(chief, f"{USERS}/{own}"), "no button for it either"


async def test_what_is_not_there_is_said(chief: World) -> None:
    await read(chief, f"{USERS}/{'0' * 32}", 404)
    own = (await member(chief, "chief")).account.id
    assert (await press(chief, f"{USERS}/{own}/explode", USERS)).status == 404
    assert (await press(chief, f"{USERS}/{'0' * 32}/disable", USERS)).status == 404


async def test_programs_do_the_same(chief: World) -> None:
    headers = await chief.token(Role.ADMINISTRATOR)
    path = "/api/v1/console/users"
    made = await chief.client.post(path, json={"name": "li", "role": "officer", "department": "water"}, headers=headers)
    assert made.status == 201
    told = await made.json()
    assert (told["name"], told["role"], told["department"], told["has_password"]) == ("li", "officer", "water", False)
    assert (await chief.client.get(urlsplit(told["link"]).path)).status == 200
    change = f"{path}/{told['id']}/change"
    changed = await chief.client.post(change, json={"action": "role", "role": "viewer"}, headers=headers)
    assert (await changed.json())["role"] == "viewer"
    shut = await chief.client.post(change, json={"action": "disable"}, headers=headers)
    assert (await shut.json())["disabled_at"]
    assert (await chief.client.post(change, json={"action": "explode"}, headers=headers)).status == 422
    assert (await chief.client.post(path, json={"name": "li", "role": "viewer"}, headers=headers)).status == 409
    items = (await (await chief.client.get(path, headers=headers)).json())["items"]
    assert {"chief", "li"} <= {one["name"] for one in items}
    assert "password" not in str({key for one in items for key in one} - {"has_password"})


async def test_the_page_names_who_did_what(chief: World) -> None:
    made = await chief.account(Role.VIEWER, "li")
    chief.client.session.cookie_jar.clear()
    await chief.client.get("/login", headers={**ENGLISH, "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140"})
    await chief.log_in("li")
    chief.client.session.cookie_jar.clear()
    await chief.log_in("chief")
    page = await read(chief, f"{USERS}/{made.id}")
    assert "logged in" in page
    assert "127.0.0.0/16" in page
