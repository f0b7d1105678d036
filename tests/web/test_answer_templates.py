"""Templates of answers: kept by those they belong to, picked when answering, and edited before they leave."""

import csv
import io
import re
from typing import Any

import pytest

from store import posts_for_staff
from store.accounts import Role
from tests.web.conftest import World

TEXT = "{ticket}: {department} is on its way to {place}."


async def logged_in(world: World, role: Role, department: str | None = None) -> World:
    await world.account(role, "mo", department)
    await world.log_in("mo")
    await world.client.get("/console?lang=en")
    return world


async def send(world: World, path: str, status: int = 303, **form: str) -> str:
    form["csrf"] = await world.form_token("/console")
    response = await world.client.post(path, data=form, allow_redirects=False)
    assert response.status == status, await response.text()
    return response.headers.get("Location", "") or await response.text()


async def made(world: World, text: str = TEXT, department: str = "water", language: str = "en") -> str:
    await send(world, "/console/templates", department=department, language=language, name="On our way", text=text)
    page = await (await world.client.get("/console/templates")).text()
    return str(re.findall(r'href="/console/templates/([0-9a-f]{32})"', page)[0])


@pytest.mark.parametrize(
    ("role", "status"), [(Role.ADMINISTRATOR, 200), (Role.OFFICER, 200), (Role.MODERATOR, 403), (Role.VIEWER, 403)]
)
async def test_they_are_for_those_who_answer(world: World, role: Role, status: int) -> None:
    await logged_in(world, role)
    for path in ("/console/templates", "/console/templates/new", "/console/templates/changes.csv"):
        assert (await world.client.get(path)).status == status
    assert ('href="/console/templates"' in await (await world.client.get("/console")).text()) is (status == 200)
    await send(
        world,
        "/console/templates",
        303 if status == 200 else 403,
        department="water",
        language="en",
        name="n",
        text="t",
    )


async def test_an_officer_keeps_his_departments_and_sees_no_others(world: World) -> None:
    await logged_in(world, Role.ADMINISTRATOR)
    roads, every = await made(world, department="roads"), await made(world, department="")
    await world.account(Role.OFFICER, "of", "water")
    await world.log_in("of")
    for one in (roads, every):
        assert (await world.client.get(f"/console/templates/{one}")).status == 403
        await send(world, f"/console/templates/{one}/remove", 403)
    await send(world, "/console/templates", 403, department="roads", language="en", name="n", text="t")
    own = await made(world)
    await send(
        world, f"/console/templates/{own}", 403, department="roads", language="en", name="n", text="t", version="1"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Dear {nobody}", "There is no field {nobody}."),
        ("Dear {ticket.real}", "There is no field {ticket.real}."),
        ("{ticket!r}", "There is no field {ticket!r}."),
        ("{ticket:>99999999}", "There is no field {ticket:&gt;99999999}."),
        ("{}", "There is no field {}."),
        ("one { alone", "a brace stands alone"),
        (" ", "write an answer"),
        ("x" * 4001, "this is too long"),
    ],
)
async def test_what_cannot_be_filled_in_is_refused_and_nothing_lost(world: World, text: str, said: str) -> None:
    await logged_in(world, Role.ADMINISTRATOR)
    page = await send(world, "/console/templates", 422, department="", language="en", name="kept", text=text)
    assert said in page
    assert 'value="kept"' in page
    assert "There are no templates yet." in await (await world.client.get("/console/templates")).text()


async def test_a_preview_keeps_nothing(world: World) -> None:
    await logged_in(world, Role.ADMINISTRATOR)
    page = await send(
        world, "/console/templates", 200, department="water", language="en", name="n", text=TEXT + " {{x}}", preview="1"
    )
    assert "48217053: Water is on its way to 27 Hill Street. {x}</p>" in page
    assert "There are no templates yet." in await (await world.client.get("/console/templates")).text()


async def test_it_is_changed_taken_away_put_back_and_accounted_for(world: World) -> None:
    await logged_in(world, Role.ADMINISTRATOR)
    one = await made(world)
    form: dict[str, Any] = {"department": "water", "language": "en", "name": "=1+1", "text": "second"}
    await send(world, f"/console/templates/{one}", **form, version="1")
    await send(world, f"/console/templates/{one}", 409, **form, version="1")
    assert await send(world, f"/console/templates/{one}/remove") == f"/console/templates?removed={one}"
    assert "Put it back" in await (await world.client.get(f"/console/templates?removed={one}")).text()
    await send(world, f"/console/templates/{one}/restore")
    response = await world.client.get("/console/templates/changes.csv")
    assert response.content_type == "text/csv"
    rows = list(csv.DictReader(io.StringIO((await response.text()).removeprefix("\ufeff"))))
    assert [row["action"] for row in rows] == ["put back", "removed", "changed", "added"]
    assert [row["text"] for row in rows] == ["second", "second", "second", TEXT]
    assert rows[0]["name"] == "'=1+1"


async def test_one_is_put_into_the_answer_and_edited_before_it_leaves(world: World) -> None:
    await logged_in(world, Role.OFFICER, "water")
    template, taken = await made(world), await world.published("water pipe leaking")
    path = f"/console/posts/{taken.ticket}"
    assert f'<option value="{template}">On our way</option>' in await (await world.client.get(path)).text()
    answer: dict[str, Any] = {"department": "water", "template": template}
    filled = f"{taken.ticket}: Water is on its way to {{place}}."
    page = await send(world, f"{path}/answers", 200, **answer, text="Dear neighbour,", insert="1")
    assert f"Dear neighbour,\n\n{filled}</textarea>" in page
    plain = await world.client.get(f"{path}/templates/{template}?department=water")
    assert (await plain.text(), plain.headers["X-Left-Open"]) == (filled, "place")
    refused = await send(world, f"{path}/answers", 422, **answer, text=filled)
    assert "a field in braces is not filled in yet" in refused
    assert f"{filled}</textarea>" in refused
    await send(world, f"{path}/answers", **answer, text=filled.replace("{place}", "Hill Street"))
    assert taken.ticket
    async with world.runtime.database.reading() as connection:
        [_, sent] = await posts_for_staff.thread(connection, taken.ticket)
    assert sent.text == f"{taken.ticket}: Water is on its way to Hill Street."


async def test_no_template_and_anothers_are_refused(world: World) -> None:
    await logged_in(world, Role.ADMINISTRATOR)
    roads, taken = await made(world, department="roads"), await world.published("a lamp is out")
    path = f"/console/posts/{taken.ticket}"
    page = await send(world, f"{path}/answers", 422, department="", template="", text="mine", insert="1")
    assert "choose a template first" in page
    assert "mine</textarea>" in page
    await world.account(Role.OFFICER, "of", "water")
    await world.log_in("of")
    assert (await world.client.get(f"{path}/templates/{roads}")).status == 404
    assert (await world.client.get(f"{path}/templates/{roads}?department=roads")).status == 403


async def test_programs_have_the_same(world: World) -> None:
    headers = await world.token(Role.OFFICER, "water")
    url = "/api/v1/console/templates"
    body = {"department": "water", "language": "en", "name": "n", "text": TEXT}
    wrong = await world.client.post(url, json={**body, "text": "{nobody}"}, headers=headers)
    assert (wrong.status, (await wrong.json())["detail"][:28]) == (422, "there is no field {nobody}; ")
    answer = await world.client.post(url, json=body, headers=headers)
    assert answer.status == 201
    one = (await answer.json())["id"]
    changed = await world.client.post(f"{url}/{one}/change", json={**body, "name": "m", "version": 1}, headers=headers)
    assert changed.status == 200
    stale = await world.client.post(f"{url}/{one}/change", json={**body, "version": 1}, headers=headers)
    assert stale.status == 409
    assert [item["name"] for item in (await (await world.client.get(url, headers=headers)).json())["items"]] == ["m"]
    assert (await world.client.delete(f"{url}/{one}", headers=headers)).status == 204
    assert (await (await world.client.get(url, headers=headers)).json())["items"] == []
