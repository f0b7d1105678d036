"""Departments and categories kept in the console, and what everybody sees of them at once."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.casework import handling, organising, services
from gateway.journey import in_force
from gateway.journey.intake import Intake
from gateway.schema_cases import CaseStep
from store import audit
from store.accounts import Account, Role
from store.organisation import Kind
from tests.casework.service_world import METER, published, typed
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, message
from tests.web.conftest import World
from tests.web.organisation_forms import CATEGORY, DEPARTMENT

ENGLISH = {"Accept-Language": "en"}
PATH = "/console/organisation"
API = "/api/v1/console/organisation"


@pytest.fixture(autouse=True)
async def console(world: World) -> None:
    """The store keeps what is shipped, and an administrator is logged in."""
    await in_force.begin(world.runtime)
    await world.account(Role.ADMINISTRATOR, "root")
    await world.log_in("root")
    await world.client.get("/console?lang=en")


async def send(world: World, path: str, status: int = 303, form: Mapping[str, str] | None = None, **more: str) -> str:
    sent = {**(form or {}), **more, "csrf": await world.form_token("/console")}
    response = await world.client.post(path, data=sent, allow_redirects=False)
    text = await response.text()
    assert response.status == status, text
    return response.headers.get("Location", "") or text


async def page(world: World, path: str, status: int = 200) -> str:
    response = await world.client.get(path, headers=ENGLISH)
    assert response.status == status
    return await response.text()


def listed(text: str, kind: str) -> list[str]:
    return re.findall(rf'<li id="{kind}-([a-z-]+)" class="depth', text)


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", "", text))


async def shown(world: World) -> list[str]:
    """The tickets that everybody reads."""
    return [one["ticket"] for one in (await (await world.client.get("/api/v1/posts")).json())["items"]]


async def undo_last(world: World, kinds: str, slug: str, status: int = 303) -> str:
    text = await page(world, f"{PATH}/{kinds}/{slug}")
    last = re.findall(r"changes/(\d+)/undo", text)[0]
    return await send(world, f"{PATH}/changes/{last}/undo", status)


async def test_a_department_is_added_and_known_everywhere_at_once(world: World) -> None:
    assert "Drains" not in await page(world, "/departments")
    location = await send(world, f"{PATH}/departments", form=DEPARTMENT)
    assert "Drains" in await page(world, location)
    made = next(one for one in world.runtime.settings.departments if one.slug == "drains")
    assert made.hours == ("mon-fri 08:30-17:30", "sat 00:00-24:00")
    assert made.places == ("北区", "南区")
    assert "Drains" in await page(world, "/departments")
    shown = await page(world, "/departments/drains")
    for words in ("+86 571 8700 1234", "drains@city.example", "1 Hill Street", "Mon–Fri 08:30–17:30", "北区, 南区"):
        assert words in shown
    assert 'href="/departments/drains"' in await page(world, "/departments/water")
    async with world.runtime.database.reading() as connection:
        last = (await audit.traces(connection, limit=1))[0]
    assert (last.actor, last.action, last.target) == ("root", "department added", "drains")


@pytest.mark.parametrize(
    ("kinds", "wrong", "said"),
    [
        ("departments", {"slug": "Drains!"}, "use small letters"),
        ("departments", {"slug": "new"}, "choose another short name"),
        ("departments", {"slug": "water", "parent": ""}, "this short name is taken"),
        ("departments", {"name_en": ""}, "give a name of at most 64 characters"),
        ("departments", {"name_en": "WATER"}, "there is one of this name already"),
        ("departments", {"parent": "nobody"}, "choose one of the list"),
        ("departments", {"phone": "call us"}, "this is no telephone number"),
        ("departments", {"email": "nobody"}, "this is no e-mail address"),
        ("departments", {"website": "javascript:alert(1)"}, "give an address that begins with https://"),
        ("departments", {"end_0": "07:30"}, "duty must end after it begins"),
        ("departments", {"begin_0": ""}, "give the days, and when duty begins and ends"),
        ("departments", {"places": "x" * 65}, "a place has at most 64 characters"),
        ("categories", {"department": "nobody"}, "choose a department"),
        ("categories", {"deadline": "never"}, "choose one of the list"),
    ],
)
async def test_what_cannot_be_is_said_and_nothing_lost(
    world: World, kinds: str, wrong: dict[str, str], said: str
) -> None:
    form = (DEPARTMENT if kinds == "departments" else CATEGORY) | wrong
    text = await send(world, f"{PATH}/{kinds}", 409 if "taken" in said else 422, form)
    assert said in text
    assert f'value="{form["name_zh"]}"' in text
    assert form["slug"] not in {one.slug for one in world.runtime.settings.departments if one.slug != "water"}


async def test_one_is_changed_and_a_second_one_too_late(world: World) -> None:
    form = {"name_zh": "水务", "name_en": "Waterworks", "parent": "", "version": "1"}
    await send(world, f"{PATH}/departments/water", form=form)
    assert "Waterworks" in await page(world, "/departments")
    assert "somebody changed this meanwhile" in await send(world, f"{PATH}/departments/water", 409, form)
    text = await page(world, f"{PATH}/departments/water")
    assert "changed: name" in plain(text)
    await undo_last(world, "departments", "water")
    assert "Waterworks" not in await page(world, "/departments")


async def test_a_tree_has_no_circles(world: World) -> None:
    await send(world, f"{PATH}/departments", form=DEPARTMENT)
    form = {"name_zh": "水务局", "name_en": "Water", "version": "1"}
    for parent in ("drains", "water"):
        text = await send(world, f"{PATH}/departments/water", 422, form, parent=parent)
        assert "it may not stand under itself" in text or "choose one of the list" in text


async def test_their_order_is_changed_among_siblings(world: World) -> None:
    await send(world, f"{PATH}/departments", form=DEPARTMENT)
    before = listed(await page(world, PATH), "department")
    assert before[:3] == ["water", "drains", "roads"], "a child stands below its parent"
    await send(world, f"{PATH}/departments/roads/up")
    assert listed(await page(world, PATH), "department")[:3] == ["roads", "water", "drains"]
    assert [one.slug for one in world.runtime.settings.departments][:2] == ["roads", "water"]
    await send(world, f"{PATH}/departments/roads/up", 409)
    await undo_last(world, "departments", "roads")
    assert listed(await page(world, PATH), "department") == before
    await send(world, f"{PATH}/departments/drains/down", 409)


async def test_what_others_depend_on_is_not_retired(world: World) -> None:
    text = await send(world, f"{PATH}/departments/water/retire", 409)
    assert "1 category: Water and drains" in plain(text)
    taken = await world.published("water pipe leaking")
    await send(world, f"{PATH}/departments", form=DEPARTMENT)
    text = plain(await page(world, f"{PATH}/departments/water"))
    assert "1 open report" in text
    assert "1 below it: Drains" in text
    assert taken.ticket


async def test_a_department_that_citizens_are_sent_to_is_not_retired(world: World, texting: Texting) -> None:
    made = organising.unit(Kind.DEPARTMENT, {"slug": "drains", "name": {"zh": "排水处", "en": "Drains"}})
    await organising.add(world.runtime, Kind.DEPARTMENT, made, "root")
    boss = Account("9" * 32, "root", Role.ADMINISTRATOR)
    known = await published(world.runtime, typed(METER, department="drains"), boss)
    text = await send(world, f"{PATH}/departments/drains/retire", 409)
    assert "1 service that citizens are given" in text
    assert "水表过户" in text
    await services.take(world.runtime, boss, known.id, services.Step.RETIRE)
    await send(world, f"{PATH}/departments/drains/retire")
    assert "Water meter" in await page(world, "/console/services?state=retired"), "it is not lost"
    await Intake(world.runtime).take(message("INFO meter", ANNA))
    await settle_down(world.runtime)
    [said] = texting.to(ANNA)
    assert "we found no service for this word" in said


async def test_one_is_retired_keeps_its_name_and_is_restored(world: World) -> None:
    await send(world, f"{PATH}/departments", form=DEPARTMENT)
    location = await send(world, f"{PATH}/departments/drains/retire")
    assert "Drains" not in await page(world, "/departments")
    assert "This department is no more" in await page(world, "/departments/drains")
    assert "Drains" in await page(world, location)
    await send(world, f"{PATH}/departments/drains/retire", 409)
    await send(world, f"{PATH}/departments/drains/restore")
    assert "Drains" in await page(world, "/departments")
    await undo_last(world, "departments", "drains")
    assert "Drains" not in await page(world, "/departments")
    await undo_last(world, "departments", "drains")
    assert "Drains" in await page(world, "/departments"), "what was undone is done again"


async def test_undoing_is_refused_when_something_else_was_changed(world: World) -> None:
    location = await send(world, f"{PATH}/departments", form=DEPARTMENT)
    first = re.findall(r"done=(\d+)", location)[0]
    await send(world, f"{PATH}/departments/drains/retire")
    assert "something else was changed since" in await send(world, f"{PATH}/changes/{first}/undo", 409)
    await send(world, f"{PATH}/changes/{10**17}/undo", 404)


async def test_a_category_is_made_sensitive_and_chosen_on_the_page_of_a_post(world: World) -> None:
    await send(world, f"{PATH}/categories", form=CATEGORY)
    assert "kept private" in await page(world, PATH)
    known = (await (await world.client.get("/api/v1/categories")).json())["items"]
    assert {one["slug"] for one in known if one["sensitive"]} == {"officials"}
    taken = await world.published("the clerk shouted at me")
    assert taken.ticket in await shown(world)
    await send(world, f"/console/posts/{taken.ticket}/category", category="officials", version="2")
    assert taken.ticket not in await shown(world)
    assert "changed the category: Officials" in re.sub(
        "<[^>]*>", "", await page(world, f"/console/posts/{taken.ticket}")
    )
    text = await page(world, "/departments/police")
    assert "Of these 1 open and 0 answered are private" in text
    assert "the clerk" not in text
    await send(world, f"/console/posts/{taken.ticket}/category", 409, category="roads", version="2")
    await send(world, f"/console/posts/{taken.ticket}/category", 422, category="nonsense")


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.OFFICER, Role.VIEWER])
async def test_they_are_for_administrators(world: World, role: Role) -> None:
    headers = await world.token(role)
    for path in (API, f"{API}/departments/water/changes"):
        assert (await world.client.get(path, headers=headers)).status == 403
    assert (await world.client.post(f"{API}/departments/water/up", headers=headers)).status == 403


async def test_programs_keep_them_too(world: World) -> None:
    headers = await world.token(Role.ADMINISTRATOR)

    async def post(path: str, status: int, body: Any = None) -> Any:
        response = await world.client.post(API + path, json=body, headers=headers)
        assert response.status == status, await response.text()
        return await response.json()

    unit = {"slug": "parks", "name": {"zh": "园林局", "en": "Parks"}, "hours": ["mon-fri 09:00-17:00"]}
    made = await post("/departments", 201, unit)
    assert made["slug"] == "parks"
    await post("/departments", 409, unit)
    await post("/departments/parks/change", 422, unit)
    await post("/departments/parks/change", 200, unit | {"parent": "environment", "version": 1})
    await post("/departments/water/change", 422, unit | {"version": 1})
    await post("/categories", 201, {"slug": "trees", "name": {"zh": "树木", "en": "Trees"}, "department": "parks"})
    assert (await post("/departments/parks/retire", 409))["detail"]
    await post("/categories/trees/retire", 200)
    retired = await post("/departments/parks/retire", 200)
    listed = await (await world.client.get("/api/v1/departments")).json()
    assert "parks" not in {one["slug"] for one in listed["items"]}
    assert (await post(f"/changes/{retired['change']}/undo", 200))["slug"] == "parks"
    listed = await (await world.client.get("/api/v1/departments")).json()
    parks = next(one for one in listed["items"] if one["slug"] == "parks")
    assert (parks["parent"], parks["hours"], parks["open"]) == ("environment", ["mon-fri 09:00-17:00"], 0)
    all_of_them = await (await world.client.get(API, headers=headers)).json()
    assert next(one for one in all_of_them["categories"] if one["slug"] == "trees")["retired_at"]
    became = await (await world.client.get(f"{API}/departments/parks/changes", headers=headers)).json()
    assert [one["action"] for one in became["items"]] == ["undone", "retired", "changed", "added"]


async def test_an_officer_sees_the_departments_below_his(world: World) -> None:
    await send(world, f"{PATH}/departments", form=DEPARTMENT)
    taken = await world.published("the cellar smells", private=True)
    wanted = handling.Wanted(CaseStep.ASSIGN, "drains")
    await handling.take(world.runtime, taken.ticket or "", wanted, await world.account(Role.MODERATOR, "mo"))
    for department, status in (("water", 200), ("drains", 200), ("roads", 403)):
        headers = await world.token(Role.OFFICER, department)
        path = f"/api/v1/console/posts/{taken.ticket}"
        assert (await world.client.get(path, headers=headers)).status == status
        found = await (await world.client.get("/api/v1/console/inbox", headers=headers)).json()
        assert (taken.ticket in {one["ticket"] for one in found["items"]}) is (status == 200)
