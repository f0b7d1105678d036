"""The console's page of routing rules: tried on past posts, saved, undone; by its form and by the API."""

import re

import pytest

from gateway.journey import in_force
from gateway.journey.intake import Intake
from store.accounts import Role
from tests.journey.test_intake import message
from tests.web.conftest import World
from tests.web.test_answer_templates import logged_in, send

RULE = {"name": "lamps in the east", "words": "路灯\nstreet lamp", "place": "城东区", "department": "police"}


@pytest.fixture
async def desk(world: World) -> World:
    """A moderator before the rules as they were shipped, and three posts."""
    await in_force.begin(world.runtime)
    for text in ("人民路12号路灯坏了", "中山路路灯坏了", "暖气不热"):
        await Intake(world.runtime).take(message(text, None))
    return await logged_in(world, Role.MODERATOR)


async def page(world: World, path: str = "/console/routing") -> str:
    response = await world.client.get(path)
    assert response.status == 200
    return await response.text()


def first_rule(page: str) -> str:
    return str(re.findall(r'href="/console/routing/([0-9a-f]{32})"', page)[0])


def proof_in(page: str) -> str:
    return str(re.findall(r'name="proof" value="([0-9a-f]{64})"', page)[0])


@pytest.mark.parametrize(
    ("role", "status"), [(Role.ADMINISTRATOR, 200), (Role.MODERATOR, 200), (Role.OFFICER, 403), (Role.VIEWER, 403)]
)
async def test_they_are_for_those_who_decide(world: World, role: Role, status: int) -> None:
    await logged_in(world, role)
    for path in ("/console/routing", "/console/routing/new", "/api/v1/console/routing"):
        assert (await world.client.get(path)).status == status
    await send(world, "/console/routing/new", 200 if status == 200 else 403, **RULE, act="try")


async def test_a_rule_is_tried_then_saved_and_undone(desk: World) -> None:
    shown = await page(desk)
    assert "roads by words" in shown
    before = first_rule(shown)
    tried = await send(desk, "/console/routing/new", 200, **RULE, before=before, act="try")
    assert "Of the last 3 posts, 1 would go elsewhere." in re.sub(r"\s+", " ", tried)
    assert "人民路12号路灯坏了" in tried
    assert "中山路路灯坏了" not in tried
    assert "lamps in the east" not in await page(desk), "trying changes nothing"
    saving = {"before": before, "act": "save", "proof": proof_in(tried)}
    there = await send(desk, "/console/routing/new", 303, **RULE, **saving)
    saved = await page(desk, there)
    assert "“lamps in the east” is in force." in saved
    assert saved.index("lamps in the east</a>") < saved.index("water by words</a>")
    assert "Chengdong District" in saved
    assert desk.runtime.settings.rules[0].name == "lamps in the east"
    await send(desk, f"/console/routing/{there.partition('=')[2]}/undo")
    assert desk.runtime.settings.rules[0].name == "water by words"


async def test_a_rule_is_retired_after_it_was_shown_what_that_changes(desk: World) -> None:
    shown = await page(desk)
    roads = str(re.findall(r'href="/console/routing/([0-9a-f]{32})">roads by words', shown)[0])
    tried = await send(desk, f"/console/routing/{roads}", 200, act="try-retire")
    assert "Without this rule" in tried
    assert "2 would go elsewhere" in tried
    await send(desk, f"/console/routing/{roads}", act="retire", version="1", proof=proof_in(tried))
    assert "roads by words" not in {rule.name for rule in desk.runtime.settings.rules}
    gone = await page(desk, f"/console/routing/{roads}")
    assert "This rule is retired" in gone


async def test_what_was_not_tried_as_it_is_is_tried_and_not_saved(desk: World) -> None:
    before = first_rule(await page(desk))
    untried = await send(desk, "/console/routing/new", 409, **RULE, before=before, act="save")
    assert "this was not tried yet as it is" in untried
    assert "1 would go elsewhere" in untried, "the trial is shown at once"
    other = {**RULE, "department": "water", "proof": proof_in(untried)}
    changed = await send(desk, "/console/routing/new", 409, **other, before=before, act="save")
    assert 'value="water" selected' in changed, "nothing typed is lost"
    assert "lamps in the east" not in await page(desk)
    await send(desk, "/console/routing/new", 303, **{**other, "proof": proof_in(changed)}, before=before, act="save")
    rule = first_rule(await page(desk))
    refused = await send(desk, f"/console/routing/{rule}", 409, act="retire", version="1")
    assert "Without this rule" in refused


async def test_what_cannot_be_taken_stands_there_again(desk: World) -> None:
    faulty = await send(desk, "/console/routing/new", 422, **{**RULE, "place": "Atlantis"}, act="try")
    assert "the gazetteer has no such place" in faulty
    assert 'value="Atlantis"' in faulty
    assert "street lamp" in faulty
    stale = first_rule(await page(desk))
    tried = await send(desk, f"/console/routing/{stale}", 200, act="try-retire")
    await send(desk, f"/console/routing/{stale}", act="retire", version="1", proof=proof_in(tried))
    twice = await send(desk, f"/console/routing/{stale}", 409, act="retire", version="1")
    assert "somebody changed this meanwhile" in twice


async def test_programs_do_the_same(desk: World) -> None:
    headers = {"X-CSRF-Token": await desk.form_token("/console")}
    items = (await (await desk.client.get("/api/v1/console/routing")).json())["items"]
    assert items[0]["name"] == "water by words"
    body = {"name": "east", "words": ["路灯"], "place": "chengdong", "department": "police", "before": items[0]["id"]}
    tried = await desk.client.post("/api/v1/console/routing/trial", json=body, headers=headers)
    told = await tried.json()
    assert (tried.status, told["posts"], told["elsewhere"]) == (200, 3, 1)
    assert told["moved"][0]["then"]["department"] == "police"
    untried = await desk.client.post("/api/v1/console/routing", json=body, headers=headers)
    assert untried.status == 409
    proven = {**body, "proof": told["proof"]}
    made = await desk.client.post("/api/v1/console/routing", json=proven, headers=headers)
    rule_id = (await made.json())["id"]
    assert made.status == 201
    path, other = f"/api/v1/console/routing/{rule_id}", {**proven, "department": "water"}
    assert (await desk.client.post(f"{path}/change", json=other, headers=headers)).status == 409
    tried = await desk.client.post("/api/v1/console/routing/trial", json={**other, "id": rule_id}, headers=headers)
    other["proof"] = (await tried.json())["proof"]
    assert (await desk.client.post(f"{path}/change", json=other, headers=headers)).status == 200
    assert desk.runtime.settings.rules[0].department == "water"
    assert (await desk.client.delete(path, headers=headers)).status == 409
    without = await (await desk.client.post(f"{path}/trial", headers=headers)).json()
    assert (without["posts"], without["elsewhere"]) == (3, 1)
    assert (await desk.client.delete(f"{path}?proof={without['proof']}", headers=headers)).status == 204
    assert desk.runtime.settings.rules[0].name == "water by words"
    bad = await desk.client.post("/api/v1/console/routing", json={**body, "department": "nobody"}, headers=headers)
    assert (bad.status, (await bad.json())["field"]) == (422, "department")


async def test_a_moderator_changes_where_a_post_is(desk: World) -> None:
    taken = await Intake(desk.runtime).take(message("人民路12号路灯坏了，又来", None))
    path = f"/console/posts/{taken.ticket}"
    assert "found in the words" in await page(desk, path)
    await send(desk, f"{path}/place", 303, place="中山路8号")
    moved = await page(desk, path)
    assert "中山路8号" in moved
    assert "set by staff" in moved
    assert "changed where it belongs" in moved
    headers = {"X-CSRF-Token": await desk.form_token("/console")}
    put = await desk.client.post(f"/api/v1{path}/place", json={"place": "南京路"}, headers=headers)
    assert put.status == 200
    assert "南京路" in await page(desk, path)
    await send(desk, f"{path}/place", 422, place="x" * 201)


async def test_officers_and_viewers_do_not_move_posts(world: World) -> None:
    taken = await Intake(world.runtime).take(message("人民路12号路灯坏了", None))
    await logged_in(world, Role.VIEWER)
    await send(world, f"/console/posts/{taken.ticket}/place", 403, place="中山路8号")
