"""A category becomes sensitive: what is public in it is counted, and withdrawn or not as the administrator says."""

import re

import pytest

from gateway.casework import organising
from gateway.journey import in_force
from gateway.journey.intake import Intake
from gateway.journey.moderation import decide
from gateway.schema import Action
from store import audit, deliveries, history
from store.accounts import Role
from store.organisation import Kind
from tests.conftest import settle_down
from tests.journey.test_intake import ANNA, BORIS, message
from tests.web.conftest import World
from tests.web.test_organisation import API, PATH, page, send, shown

ROADS = {"name_zh": "道路照明", "name_en": "Roads and lights", "department": "roads", "deadline": "normal"}
ASKS = "say what becomes of what is public in it"


@pytest.fixture(autouse=True)
async def console(world: World) -> None:
    """The store keeps what is shipped, a category stands below another, and an administrator is logged in."""
    await in_force.begin(world.runtime)
    await world.account(Role.ADMINISTRATOR, "root")
    await world.log_in("root")
    await world.client.get("/console?lang=en")
    lights = {"slug": "lights", "name": {"zh": "路灯", "en": "Lights"}, "parent": "roads", "department": "roads"}
    await organising.add(world.runtime, Kind.CATEGORY, organising.unit(Kind.CATEGORY, lights), "root")


async def public_post(world: World, category: str, text: str = "the lamp is out", sender: str = ANNA) -> str:
    """Its id."""
    taken = await Intake(world.runtime).take(message(text, sender, category=category, commands=False))
    assert taken.post_id
    await decide(world.runtime, taken.post_id, Action.PUBLISH, actor="mo")
    return taken.post_id


async def mark(world: World, status: int = 303, **more: str) -> str:
    version = re.findall(r'name="version" value="(\d+)"', await page(world, f"{PATH}/categories/roads"))[0]
    return await send(world, f"{PATH}/categories/roads", status, ROADS, version=version, sensitive="1", **more)


async def undo(world: World, location: str) -> None:
    change = re.findall(r"done=(\d+)", location)[0]
    await send(world, f"{PATH}/changes/{change}/undo")


async def actions(world: World, post_id: str) -> list[str]:
    async with world.runtime.database.reading() as connection:
        last = await history.last(connection, post_id)
        traces = await audit.traces(connection, audit.Wanted(actor="root"))
    assert last
    return [last.action, *(trace.action for trace in traces if trace.action.startswith("category"))]


async def test_who_marks_a_category_is_asked_what_becomes_of_what_is_public(world: World) -> None:
    await public_post(world, "roads")
    await public_post(world, "lights", "a lamp flickers", BORIS)
    assert "2 posts are public in it" in await page(world, f"{PATH}/categories/roads")
    text = await mark(world, 422)
    assert ASKS in text
    assert 'name="sensitive" value="1" checked' in text, "nothing typed is lost"
    assert len(await shown(world)) == 2
    assert not world.runtime.settings.categories[1].sensitive


async def test_what_is_public_stays_public_when_it_is_to(world: World) -> None:
    await public_post(world, "lights")
    await mark(world, public="keep")
    assert len(await shown(world)) == 1
    text = await page(world, f"{PATH}/categories/roads")
    assert "1 post is public in it" in text
    assert f"{PATH}/categories/roads/withdraw" in text, "and it can be withdrawn later"
    location = await send(world, f"{PATH}/categories/roads/withdraw")
    assert await shown(world) == []
    assert "public posts withdrawn" in await page(world, location)


async def test_what_is_withdrawn_is_taken_back_everywhere_and_audited(world: World) -> None:
    await Intake(world.runtime).take(message("FOLLOW ALL", BORIS))
    post_id = await public_post(world, "lights")
    private = (await Intake(world.runtime).take(message("PRIVATE a hole", ANNA, category="roads"))).post_id
    await settle_down(world.runtime)
    await mark(world, public="withdraw")
    await settle_down(world.runtime)
    assert await shown(world) == []
    async with world.runtime.database.reading() as connection:
        told = {one.phrase for one in await deliveries.of_posts(connection, [post_id])}
    assert {"follower_withdrawn", "kept_for_category"} <= told
    assert private
    done = await actions(world, post_id)
    assert done[0] == "withheld"
    assert {"category changed", "category withdrawn"} <= set(done)
    assert "withdrew it with all of its category" in await page(world, f"/console/posts/{post_id}")


async def test_a_withdrawal_is_undone_but_for_what_was_touched_since(world: World) -> None:
    touched, left = await public_post(world, "roads"), await public_post(world, "lights", "a lamp flickers", BORIS)
    location = await mark(world, public="withdraw")
    await decide(world.runtime, touched, Action.WITHDRAW, actor="mo", reason="personal")
    await undo(world, location)
    assert len(await shown(world)) == 1
    assert (await actions(world, left))[0] == "shown_again"
    assert (await actions(world, touched))[0] == Action.WITHDRAW
    assert world.runtime.settings.categories[1].sensitive, "that is a change of its own"
    await public_post(world, "lights", "another lamp")
    assert len(await shown(world)) == 1, "what comes later is kept private"


async def test_nothing_is_asked_where_nothing_is_public(world: World) -> None:
    assert "public in it" not in await page(world, f"{PATH}/categories/roads")
    await mark(world)
    assert world.runtime.settings.categories[1].sensitive
    assert "its posts are not kept private" in await send(world, f"{PATH}/categories/water/withdraw", 409)
    assert "nothing is public in it" in await send(world, f"{PATH}/categories/roads/withdraw", 409)


async def test_a_category_put_below_a_sensitive_one_asks_too(world: World) -> None:
    await mark(world)
    await public_post(world, "water")
    form = {"name_zh": "供水排水", "name_en": "Water and drains", "department": "water", "deadline": "normal"}
    text = await send(world, f"{PATH}/categories/water", 422, form, version="1", parent="roads")
    assert ASKS in text
    await send(world, f"{PATH}/categories/water", 303, form, version="1", parent="roads", public="withdraw")
    assert await shown(world) == []


async def test_programs_are_asked_the_same(world: World) -> None:
    await public_post(world, "lights")
    headers = {"X-CSRF-Token": await world.form_token("/console")}
    body = {"slug": "roads", "name": {"zh": "道路照明", "en": "Roads"}, "department": "roads", "version": 1}
    body |= {"sensitive": True}
    path = f"{API}/categories/roads/change"
    refused = await world.client.post(path, json=body, headers=headers)
    assert refused.status == 422
    assert "public" in await refused.text()
    assert (await world.client.post(path, json={**body, "public": "keep"}, headers=headers)).status == 200
    assert len(await shown(world)) == 1
    done = await world.client.post(f"{API}/categories/roads/withdraw", headers=headers)
    assert done.status == 200
    assert await shown(world) == []
    change = (await done.json())["change"]
    assert (await world.client.post(f"{API}/changes/{change}/undo", headers=headers)).status == 200
    assert len(await shown(world)) == 1
