"""Whose case it is, what is late, who is told of it: in the console, and by program."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from channels.base import Surroundings
from gateway import clock
from gateway.casework import reminding
from gateway.schema_outgoing import AlarmSubject
from store import accounts, alarms, citizens
from store.accounts import Role
from store.database import Transaction
from tests.casework.test_duty_alarms import Ringing
from tests.web.conftest import World
from tests.web.people_world import actions, press, read

DAY = 86_400
LAMP = "人民路12号的路灯坏了"


@pytest.fixture
async def officer(world: World) -> World:
    """The application with an officer logged in who has a colleague, and somebody of another department."""
    await world.account(Role.OFFICER, "of", "roads")
    await world.account(Role.OFFICER, "li", "roads")
    await world.account(Role.OFFICER, "wa", "water")
    await world.log_in("of")
    return world


async def give(world: World, ticket: str | None, officer: str, status: int = 303) -> str:
    path = f"/console/posts/{ticket}"
    response = await press(world, f"{path}/officer", path, officer=officer)
    assert response.status == status, await response.text()
    return await response.text()


async def test_a_case_is_taken_given_and_given_back(officer: World) -> None:
    taken = await officer.published(LAMP)
    page, mine = f"/console/posts/{taken.ticket}", "/console/inbox?progress=open&officer=me"
    row, nobodys = f'href="{page}"', "/console/inbox?officer=nobody"
    assert "Assign to me" in await read(officer, page)
    assert row not in await read(officer, mine)
    assert row in await read(officer, nobodys)
    await give(officer, taken.ticket, "of")
    shown = await read(officer, page)
    assert "Assign to me" not in shown
    assert "gave the case to" in shown
    assert row in await read(officer, mine)
    assert row not in await read(officer, nobodys)
    await give(officer, taken.ticket, "li")
    assert row not in await read(officer, mine)
    assert "choose an officer of the department" in await give(officer, taken.ticket, "wa", 422)
    await give(officer, taken.ticket, "")
    assert "gave the case back to the whole department" in await read(officer, page)
    await officer.log_in("wa")
    await give(officer, taken.ticket, "wa", 403)
    assert "Assign to a person" not in await read(officer, page)


async def test_a_shared_filter_of_ones_own_is_everybodys_own(officer: World) -> None:
    taken = await officer.published(LAMP)
    await give(officer, taken.ticket, "of")
    shared = {"name": "mine", "shared": "1", "query": "officer=me"}
    assert (await press(officer, "/console/inbox/filters", "/console/inbox?officer=me", **shared)).status == 303
    assert str(taken.ticket) in (await read(officer, "/console/inbox?officer=me")).replace(" ", "")
    await officer.log_in("li")
    page = await read(officer, "/console/inbox?officer=me")
    assert "Shared by others" in page
    assert f"/console/posts/{taken.ticket}" not in page


async def test_a_program_gives_a_case_and_asks_what_is_late(world: World, later: Callable[[float], None]) -> None:
    taken = await world.published(LAMP)
    await world.account(Role.OFFICER, "li", "roads")
    roads, water = await world.token(Role.OFFICER, "roads"), await world.token(Role.OFFICER, "water")
    moderator, path = await world.token(Role.MODERATOR), f"/api/v1/console/posts/{taken.ticket}"

    async def send(token: dict[str, str], status: int, name: Any = "li") -> None:
        response = await world.client.post(f"{path}/officer", json={"officer": name}, headers=token)
        assert response.status == status, await response.text()

    await send(water, 403)
    await send(roads, 422, "nobody")
    await send(roads, 422, "")
    await send(moderator, 200)
    assert (await (await world.client.get(path, headers=roads)).json())["officer"] == "li"
    found = await (await world.client.get("/api/v1/console/inbox?officer=me", headers=moderator)).json()
    assert found["items"] == []
    await send(moderator, 200, None)
    later(40 * DAY)
    await reminding.send_due(world.runtime)
    listed = await (await world.client.get("/api/v1/console/overdue", headers=roads)).json()
    assert [(one["ticket"], one["level"]) for one in listed["answer"]] == [(taken.ticket, "public")]
    assert [(one["ticket"], one["level"]) for one in listed["acknowledge"]] == [(taken.ticket, "supervisor")]
    assert listed["accept"] == []
    listed = await (await world.client.get("/api/v1/console/overdue", headers=water)).json()
    assert listed == {"accept": [], "acknowledge": [], "answer": []}
    # An officer of a department sees what is late in those below it, as in the inbox.
    known = world.runtime.settings.departments
    below = tuple(one.model_copy(update={"parent": "water"}) if one.slug == "roads" else one for one in known)
    world.runtime.settings = world.runtime.settings.replaced({"departments": below})
    listed = await (await world.client.get("/api/v1/console/overdue", headers=water)).json()
    assert [one["ticket"] for one in listed["answer"]] == [taken.ticket]


@pytest.mark.parametrize(("language", "nothing"), [("en", "Nothing is overdue here."), ("zh", "没有逾期事项")])
async def test_the_page_says_what_is_late_and_where_a_supervisor_decides(
    world: World, later: Callable[[float], None], language: str, nothing: str
) -> None:
    taken = await world.published(LAMP)
    await world.account(Role.MODERATOR, "su")
    await world.log_in("su")
    headers = {"Accept-Language": language}
    page = await (await world.client.get(f"/console/overdue?lang={language}", headers=headers)).text()
    assert page.count(nothing) == 3
    form = {"step": "pass_on", "text": "a pipe", "department": "water"}
    ticket_page = f"/console/posts/{taken.ticket}"
    assert (await press(world, f"{ticket_page}/case", ticket_page, **form)).status == 303
    later(5 * DAY)
    await world.log_in("su")
    page = await (await world.client.get(f"/console/overdue?lang={language}", headers=headers)).text()
    assert page.count(f"{ticket_page}#case") == 1, "not taken over, and not late yet"
    later(35 * DAY)
    await world.log_in("su")
    page = await (await world.client.get(f"/console/overdue?lang={language}", headers=headers)).text()
    assert page.count(f"{ticket_page}#case") == 2


async def test_the_card_shows_what_was_told(world: World, later: Callable[[float], None]) -> None:
    taken = await world.published(LAMP)
    later(40 * DAY)
    await reminding.send_due(world.runtime)
    await world.account(Role.MODERATOR, "su")
    await world.log_in("su")
    page = await read(world, f"/console/posts/{taken.ticket}")
    assert "Reminders so far" in page
    assert "no line told" in page
    assert "late: on the public list" in page


def ticked(page: str) -> dict[str, bool]:
    """Which subjects stand on the page of an account, and which of them are chosen."""
    return {name: bool(chosen) for name, chosen in re.findall(r'name="subject" value="(\w+)"( checked)?', page)}


def ways(page: str) -> dict[str, bool]:
    """How one may be told of cases, and what is chosen."""
    return {name: bool(chosen) for name, chosen in re.findall(r'name="told_by" value="(\w+)"( checked)?', page)}


async def test_somebody_chooses_what_to_be_told_of(officer: World) -> None:
    account = "/console/account"
    page = await read(officer, account)
    assert 'name="subject"' not in page, "without a line there is nothing to choose"

    async def prove(transaction: Transaction) -> str:
        known = await accounts.named(transaction.connection, "of")
        assert known
        vault, at, own = officer.runtime.vault, clock.now(), known.account.id
        line = await citizens.enter(transaction, vault, "tel:+8613800138000", language="en", at=at, owned=False)
        await alarms.ask(transaction, own, line.id, code_hash="x", sent=1, sent_at=at, expires_at=at)
        await alarms.prove(transaction, own, at)
        return own

    own = await officer.runtime.database.write(prove)
    assert ticked(await read(officer, account)) == {"reminders": True, "escalations": True}
    page = await read(officer, account)
    assert ways(page) == {"text": True, "console": False}, "nothing calls"
    chosen = await press(officer, f"{account}/alarm/subjects", account, subject="reminders", told_by="console")
    assert chosen.status == 303
    assert ticked(await read(officer, account)) == {"reminders": True, "escalations": False}
    assert ways(await read(officer, account)) == {"text": False, "console": True}
    for form in ({"subject": "incidents", "told_by": "text"}, {"told_by": "call"}, {"told_by": "pigeon"}, {}):
        assert (await press(officer, f"{account}/alarm/subjects", account, **form)).status == 422
    async with officer.runtime.database.reading() as connection:
        known = await alarms.of_account(connection, officer.runtime.vault, own)
        assert known
        assert known.hears == (AlarmSubject.REMINDERS,)
        assert await alarms.lines(connection, AlarmSubject.ESCALATIONS, AlarmSubject.INCIDENTS) == []
    assert ("of", "alarm subjects chosen", "of") in await actions(officer)
    assert (await press(officer, f"{account}/alarm/subjects", account, told_by="text")).status == 303
    assert ticked(await read(officer, account)) == {"reminders": False, "escalations": False}
    around = officer.runtime.channels["texting"]
    officer.runtime.channels["ringing"] = Ringing(Ringing.Settings(), Surroundings(around.city, around.http))
    assert (await press(officer, f"{account}/alarm/subjects", account, told_by="call")).status == 303
    assert ways(await read(officer, account)) == {"text": False, "call": True, "console": False}
    del officer.runtime.channels["ringing"]
    page = await read(officer, account)
    assert ways(page) == {"text": True, "console": False}
    assert "until it can, you get texts" in page


async def test_an_officer_is_made_head_of_the_department(world: World) -> None:
    await world.account(Role.ADMINISTRATOR, "chief")
    await world.log_in("chief")
    made = await world.account(Role.OFFICER, "li", "roads")
    page = f"/console/users/{made.id}"
    form = {"role": "officer", "department": "roads", "head": "1"}
    assert (await press(world, f"{page}/role", page, **form)).status == 303
    assert "Head of the department" in await read(world, page)
    assert "(head)" in await read(world, "/console/users")
    refused = await press(world, f"{page}/role", page, role="officer", department="", head="1")
    assert "only an officer of one department can be its head" in await refused.text()
    headers = await world.token(Role.ADMINISTRATOR)
    body = {"action": "role", "role": "officer", "department": "roads"}
    path = f"/api/v1/console/users/{made.id}/change"
    assert (await (await world.client.post(path, json=body, headers=headers)).json())["head"] is False
    made_by_program = {"name": "wu", "role": "officer", "department": "roads", "head": True}
    told = await world.client.post("/api/v1/console/users", json=made_by_program, headers=headers)
    assert (await told.json())["head"] is True
