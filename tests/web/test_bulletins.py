"""The console's page of the radio's bulletins, and the same for programs."""

import pytest

from gateway.casework import airing, bulletins
from gateway.runtime import Runtime
from store.accounts import Role
from tests.casework.radio_world import Humming, Mute
from tests.web.conftest import World

PAGE = "/console/bulletins"
API = "/api/v1/console/bulletins"


@pytest.fixture(autouse=True)
def voice(runtime: Runtime) -> None:
    runtime.synthesiser = Humming()


async def enter(world: World, role: Role = Role.MODERATOR) -> None:
    await world.account(role)
    assert await world.log_in(role.value) == 303


async def shown(world: World) -> str:
    return await (await world.client.get(PAGE, headers={"Accept-Language": "en"})).text()


async def act(world: World, path: str) -> str:
    form = {"csrf": await world.form_token(PAGE)}
    response = await world.client.post(path, data=form, headers={"Accept-Language": "en"})
    assert response.status == 200
    return await response.text()


async def test_a_bulletin_by_hand_is_made_heard_of_and_taken_off_the_air(world: World) -> None:
    await enter(world)
    assert "There are no bulletins yet" in await shown(world)
    await world.published("water pipe leaking at the mill")
    page = await act(world, PAGE)
    assert "It is on the air in a few seconds" in page
    assert page.count("Being spoken") == 2
    assert "water pipe leaking at the mill" in page
    await airing.speak_due(world.runtime)
    page = await shown(world)
    assert page.count(">On the air<") == 2
    [one] = await bulletins.newest(world.runtime, "en", 1)
    page = await act(world, f"{PAGE}/{one.id}/withdraw")
    assert "It is off the air" in page
    assert page.count(">Taken off the air<") == 1
    page = await act(world, f"{PAGE}/{one.id}/restore")
    assert page.count(">On the air<") == 2
    page = await act(world, f"{PAGE}/{one.id}/anew")
    assert page.count(">Being spoken<") == 1


async def test_what_cannot_be_done_is_said(world: World) -> None:
    await enter(world)
    await world.published("water pipe leaking")
    [one, _] = await bulletins.make_now(world.runtime, actor="mo")
    form = {"csrf": await world.form_token(PAGE)}
    response = await world.client.post(
        f"{PAGE}/{one}/restore", data=form, headers={"Accept-Language": "en"}, allow_redirects=False
    )
    assert response.status == 409
    assert "this bulletin was not withdrawn" in await response.text()


async def test_what_is_not_true_any_more_is_not_shown(world: World) -> None:
    await enter(world)
    taken = await world.published("water pipe leaking at the mill")
    await bulletins.make_now(world.runtime, actor="mo")
    await airing.speak_due(world.runtime)
    await world.withdraw(taken)
    page = await shown(world)
    assert "leaking" not in page
    assert page.count(">Being spoken<") == 2


async def test_who_may_only_read_sees_no_buttons(world: World) -> None:
    await world.published("water pipe leaking")
    await bulletins.make_now(world.runtime, actor="mo")
    await enter(world, Role.VIEWER)
    page = await shown(world)
    assert "water pipe leaking" in page
    assert "Make one now" not in page
    assert "/withdraw" not in page


async def test_a_voice_that_failed_is_shown(world: World) -> None:
    world.runtime.synthesiser = Mute()
    await world.published("water pipe leaking")
    await bulletins.make_now(world.runtime, actor="mo")
    for _ in range(airing.TRIES):
        await airing.speak_due(world.runtime)
    await enter(world)
    page = await shown(world)
    assert "Could not be spoken" in page
    assert "the voice has gone" in page


async def test_the_same_for_programs(world: World) -> None:
    headers = await world.token(Role.MODERATOR)
    taken = await world.published("water pipe leaking at the mill")
    response = await world.client.post(API, headers=headers)
    assert response.status == 201
    assert len((await response.json())["ids"]) == 2
    await airing.speak_due(world.runtime)
    items = (await (await world.client.get(API, headers=headers)).json())["items"]
    one = next(item for item in items if item["language"] == "en")
    assert (one["state"], one["edition"], one["made_by"][:9]) == ("ready", "now", "moderator")
    assert one["sound"]["bytes"] > 1000
    assert [part["ticket"] for part in one["parts"]] == [None, taken.ticket, None]
    assert one["parts"][1]["text"].endswith("water pipe leaking at the mill")
    for act, status in (("withdraw", 200), ("anew", 409), ("restore", 200), ("anew", 200), ("burn", 404)):
        assert (await world.client.post(f"{API}/{one['id']}/{act}", headers=headers)).status == status, act
    assert (await world.client.post(f"{API}/{'0' * 32}/anew", headers=headers)).status == 404
