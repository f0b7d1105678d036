"""The steps of a case in the console, by form and by program, and what the public sees of the clock."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.casework import reminding
from store import changes, posts_for_staff
from store.accounts import Role
from tests.web.conftest import World

DAY = 86_400


async def page(world: World, path: str) -> str:
    response = await world.client.get(path, headers={"Accept-Language": "en"})
    assert response.status == 200, await response.text()
    return await response.text()


async def press(world: World, ticket: str, status: int = 303, **form: str) -> str:
    path = f"/console/posts/{ticket}"
    form["csrf"] = await world.form_token(path)
    response = await world.client.post(
        f"{path}/case", data=form, allow_redirects=False, headers={"Accept-Language": "en"}
    )
    assert response.status == status, await response.text()
    return await response.text()


async def test_an_officer_takes_the_steps_of_his_departments_case(world: World) -> None:
    taken = await world.published("人民路12号的路灯坏了")
    await world.account(Role.OFFICER, "of", "roads")
    await world.log_in("of")
    ticket = taken.ticket or ""
    shown = await page(world, f"/console/posts/{ticket}")
    assert "To be accepted by" in shown
    assert "Give to a department" not in shown
    await press(world, ticket, step="accept")
    assert "To be accepted by" not in await page(world, f"/console/posts/{ticket}")
    post = await (await world.client.get(f"/api/v1/posts/{ticket}")).json()
    assert post["progress"] == "accepted"
    kept = await press(world, ticket, 422, step="pass_on", text="it is a <pipe>", department="roads")
    assert "it is a &lt;pipe&gt;</textarea>" in kept
    await press(world, ticket, step="pass_on", text="it is a pipe", department="water")
    shown = await page(world, f"/console/posts/{ticket}")
    assert "asked to pass it on to" in shown
    assert "it is a pipe" in shown
    await press(world, ticket, 409, step="begin")
    await press(world, ticket, 403, step="accept")
    await press(world, ticket, 422, step="nothing")


async def test_a_program_takes_a_step(world: World) -> None:
    taken = await world.published("人民路12号的路灯坏了")
    path = f"/api/v1/console/posts/{taken.ticket}/case"

    async def send(token: dict[str, str], status: int, **body: Any) -> None:
        response = await world.client.post(path, json=body, headers=token)
        assert response.status == status, await response.text()

    moderator, viewer = await world.token(Role.MODERATOR), await world.token(Role.VIEWER)
    await send(viewer, 403, step="accept")
    await send(moderator, 422, step="fly")
    await send(moderator, 422, step="ask")
    await send(moderator, 200, step="assign", department="water")
    post = await (await world.client.get(f"/api/v1/posts/{taken.ticket}")).json()
    assert (post["department"], post["progress"]) == ("water", "assigned")
    assert post["due_at"]
    await send(moderator, 200, step="ask", text="which one?")
    post = await (await world.client.get(f"/api/v1/posts/{taken.ticket}")).json()
    assert (post["progress"], post["due_at"]) == ("waiting", None)


@pytest.mark.parametrize(("language", "nothing"), [("en", "No answer is late."), ("zh", "没有逾期")])
async def test_everybody_sees_what_is_late(
    world: World, later: Callable[[float], None], language: str, nothing: str
) -> None:
    taken = await world.published("人民路12号的路灯坏了")
    private = await world.published("我家门口的路灯坏了", private=True)
    path = f"/departments?lang={language}"
    assert nothing in await page(world, path)
    later(40 * DAY)
    await reminding.send_due(world.runtime)
    listed = await page(world, path)
    assert f"/posts/{taken.ticket}" in listed
    assert f"/posts/{private.ticket}" not in listed
    assert nothing not in listed


async def test_the_rules_say_how_long_departments_have(world: World) -> None:
    text = await page(world, "/rules")
    assert "usually 7 working days" in text
    assert "08:30-12:00, 13:30-17:30" in text


async def test_the_inbox_finds_what_is_late_and_what_would_be_passed_on(
    world: World, later: Callable[[float], None]
) -> None:
    taken = await world.published("人民路12号的路灯坏了")
    row, late = f"/console/posts/{taken.ticket}", "/console/inbox?late=yes"
    await world.account(Role.OFFICER, "of", "roads")
    await world.account(Role.OFFICER, "wa", "water")
    await world.log_in("of")
    assert row in await page(world, "/console/inbox")
    assert row not in await page(world, late)
    await press(world, taken.ticket or "", step="pass_on", text="it is a pipe", department="water")
    await world.log_in("wa")
    assert row in await page(world, "/console/inbox")
    later(40 * DAY)
    await world.log_in("wa")
    assert row in await page(world, late)


async def test_nobody_answers_for_another_department(world: World) -> None:
    taken = await world.published("人民路12号的路灯坏了")
    roads, water = await world.token(Role.OFFICER, "roads"), await world.token(Role.OFFICER, "water")
    path = f"/api/v1/console/posts/{taken.ticket}"
    body = {"text": "已修好。", "department": "water"}
    assert (await world.client.post(f"{path}/answers", json=body, headers=water)).status == 403
    handed = {"step": "pass_on", "department": "water", "text": "it is a pipe"}
    assert (await world.client.post(f"{path}/case", json=handed, headers=roads)).status == 200
    assert (await world.client.post(f"{path}/answers", json=body, headers=water)).status == 201


async def test_who_would_be_given_a_private_case_may_read_it(world: World) -> None:
    taken = await world.published("我家门口的路灯坏了", private=True)
    roads, water = await world.token(Role.OFFICER, "roads"), await world.token(Role.OFFICER, "water")
    path = f"/api/v1/console/posts/{taken.ticket}"
    assert (await world.client.get(path, headers=water)).status == 403
    handed = {"step": "pass_on", "department": "water", "text": "it is a pipe"}
    assert (await world.client.post(f"{path}/case", json=handed, headers=roads)).status == 200
    assert (await world.client.get(path, headers=water)).status == 200
    assert (await world.client.post(f"{path}/case", json={"step": "accept"}, headers=water)).status == 200


async def test_what_is_said_in_calls_is_not_for_officers_of_one_department(world: World) -> None:
    officer, all_of_them = await world.token(Role.OFFICER, "roads"), await world.token(Role.OFFICER)
    assert (await world.client.get("/api/v1/console/calls", headers=officer)).status == 403
    assert (await world.client.get("/api/v1/console/calls", headers=all_of_them)).status == 200
    await world.account(Role.OFFICER, "of", "roads")
    await world.log_in("of")
    for path in ("/console/calls", "/console/calls/live"):
        assert (await world.client.get(path)).status == 403
    assert "/console/calls" not in await page(world, "/console/inbox")


async def test_an_officer_sees_of_what_says_the_same_only_what_he_may_read(world: World) -> None:
    taken = await world.published("人民路12号的路灯坏了")
    alike = await world.say("人民路12号的路灯坏了!")
    async with world.runtime.database.reading() as connection:
        (first,) = await posts_for_staff.thread(connection, taken.ticket or "")
    await world.runtime.database.write(
        lambda transaction: changes.apply(transaction, alike.post_id or "", group_id=first.id)
    )
    path = f"/console/posts/{taken.ticket}"
    await world.account(Role.OFFICER, "of", "water")
    await world.log_in("of")
    assert str(alike.ticket) not in (await page(world, path)).replace(" ", "")
    await world.account(Role.MODERATOR, "mo")
    await world.log_in("mo")
    assert str(alike.ticket) in (await page(world, path)).replace(" ", "")
