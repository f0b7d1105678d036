"""The console's pages of broadcasts, the undo button, and the end of what is published."""

import re
from datetime import timedelta

import pytest
from aiohttp import ClientResponse

from gateway import clock
from gateway.journey import moderation
from gateway.journey.intake import Intake
from gateway.schema import Action, State
from store import audit, changes, progress
from store.accounts import Role
from store.progress import Standing
from tests.conftest import broadcasting_as, settle_down
from tests.journey.test_intake import BORIS, CLARA, message
from tests.web.conftest import World


@pytest.fixture
async def moderator(world: World) -> World:
    """Somebody who decides, reading English."""
    await world.account(Role.MODERATOR, "mo")
    await world.log_in("mo")
    await world.client.get("/console?lang=en")
    return world


async def followed(world: World, **settings: float) -> Standing:
    """A published post with two followers by text, expanded and delivered as far as it goes; its broadcast."""
    world.runtime.settings = broadcasting_as(world.runtime.settings, **settings)
    for follower in (BORIS, CLARA):
        await Intake(world.runtime).take(message("FOLLOW ALL", follower))
    taken = await world.published("water pipe leaking")
    await settle_down(world.runtime)
    assert taken.post_id
    async with world.runtime.database.reading() as connection:
        return (await progress.of_posts(connection, [taken.post_id]))[-1]


async def press(world: World, standing: Standing, action: str) -> ClientResponse:
    csrf = await world.form_token("/login")
    path = f"/console/broadcasts/{standing.id}/{action}"
    return await world.client.post(path, data={"csrf": csrf}, allow_redirects=False)


def figures(page: str) -> list[int]:
    """The bottom line of the table, whose last figure is the sum of the others."""
    foot = page.split("<tfoot>")[1].split("</tfoot>")[0]
    return [int(number) for number in re.findall(r'figure">(\d+)<', foot)]


async def test_the_pages_show_numbers_that_add_up(moderator: World) -> None:
    assert "No broadcasts here yet." in await (await moderator.client.get("/console/broadcasts")).text()
    standing = await followed(moderator)
    listed = await (await moderator.client.get("/console/broadcasts?state=expanded")).text()
    assert standing.id in listed
    assert "3 / 3" in listed
    assert standing.id not in await (await moderator.client.get("/console/broadcasts?state=paused")).text()
    page = await (await moderator.client.get(f"/console/broadcasts/{standing.id}")).text()
    *parts, together = figures(page)
    assert sum(parts) == together == 3
    assert "3 of about 3" in page
    assert (await moderator.client.get(f"/console/broadcasts/{'0' * 32}")).status == 404
    assert (await moderator.client.get("/console/broadcasts?state=odd")).status == 422


async def test_a_broadcast_is_paused_resumed_and_stopped_by_its_buttons(moderator: World) -> None:
    standing = await followed(moderator)
    assert (await press(moderator, standing, "pause")).status == 303
    page = await (await moderator.client.get(f"/console/broadcasts/{standing.id}")).text()
    assert "Go on" in page
    assert "Pause" not in page
    assert (await press(moderator, standing, "pause")).status == 409
    assert (await press(moderator, standing, "resume")).status == 303
    await settle_down(moderator.runtime)
    assert (await press(moderator, standing, "stop")).status == 303
    assert (await press(moderator, standing, "explode")).status == 404
    async with moderator.runtime.database.reading() as connection:
        done = [trace.action for trace in await audit.traces(connection)]
    assert {"broadcast pause", "broadcast resume", "broadcast stop"} <= set(done)


async def test_only_an_administrator_agrees_to_a_cost(moderator: World) -> None:
    standing = await followed(moderator, ask_above=0)
    assert "1 broadcast waits for a yes" in await (await moderator.client.get("/console/broadcasts")).text()
    page = await (await moderator.client.get(f"/console/broadcasts/{standing.id}")).text()
    assert "It would cost about 2 segments, more than 0" in page
    assert "Yes, send it" not in page
    assert (await press(moderator, standing, "agree")).status == 403
    headers = await moderator.token(Role.ADMINISTRATOR)
    path = f"/api/v1/console/broadcasts/{standing.id}"
    assert (await (await moderator.client.get(path, headers=headers)).json())["state"] == "asking"
    answer = await moderator.client.post(f"{path}/change", json={"action": "agree"}, headers=headers)
    assert (await answer.json())["state"] == "open"
    await settle_down(moderator.runtime)
    shown = await (await moderator.client.get(path, headers=headers)).json()
    assert (shown["state"], sum(shown["states"].values())) == ("expanded", 3)
    listed = await (await moderator.client.get("/api/v1/console/broadcasts", headers=headers)).json()
    assert [one["id"] for one in listed["items"]] == [standing.id]
    again = await moderator.client.post(f"{path}/change", json={"action": "agree"}, headers=headers)
    assert again.status == 409


async def test_viewers_look_and_change_nothing(world: World) -> None:
    await world.account(Role.VIEWER, "vi")
    await world.log_in("vi")
    standing = await followed(world)
    page = await (await world.client.get(f"/console/broadcasts/{standing.id}")).text()
    assert "<button" not in page.split("</main>")[0].split("<main")[1]
    assert (await press(world, standing, "pause")).status == 403


async def test_a_decision_is_undone_from_the_queue(moderator: World) -> None:
    moderator.runtime.settings = broadcasting_as(moderator.runtime.settings, undo_seconds=20.0)
    taken = await moderator.say("water pipe leaking")
    assert taken.post_id
    form = {"csrf": await moderator.form_token("/console"), "action": "publish"}
    answer = await moderator.client.post(f"/console/posts/{taken.post_id}/decision", data=form)
    page = await answer.text()
    assert "It can be undone for" in page
    assert "It can be undone for" not in await (await moderator.client.get("/console")).text()
    assert "It can be undone for" in await (await moderator.client.get(f"/console/posts/{taken.ticket}")).text()
    undone = await moderator.client.post(f"/console/posts/{taken.post_id}/undo", data=form)
    assert taken.post_id in await undone.text(), "it waits again"
    async with moderator.runtime.database.reading() as connection:
        assert (await changes.load(connection, taken.post_id)).state is State.PENDING
    late = await moderator.client.post(f"/console/posts/{taken.post_id}/undo", data=form)
    assert late.status == 409
    assert "it is too late to undo this" in (await late.text()).lower()


async def test_a_decision_is_undone_by_the_api(world: World) -> None:
    world.runtime.settings = broadcasting_as(world.runtime.settings, undo_seconds=20.0)
    taken, headers = await world.say("water pipe leaking"), await world.token(Role.MODERATOR)
    assert taken.post_id
    await moderation.decide(world.runtime, taken.post_id, Action.REJECT, actor="mo", reason="unclear")
    path = f"/api/v1/console/posts/{taken.post_id}/undo"
    assert (await (await world.client.post(path, headers=headers)).json())["version"] == 3
    assert (await world.client.post(path, headers=headers)).status == 409


@pytest.mark.parametrize(
    ("ends", "day", "status", "hours"),
    [
        ("", "", 303, None),
        ("tonight", "", 303, 24),
        ("day", "+2", 303, 72),
        ("day", "-2", 422, None),
        ("day", "x", 422, None),
    ],
)
async def test_the_end_is_chosen_when_publishing(
    moderator: World, ends: str, day: str, status: int, hours: int | None
) -> None:
    taken = await moderator.say("the bridge is closed tonight")
    assert taken.post_id
    zone = moderator.runtime.settings.city.zone
    today = clock.now().astimezone(zone).date()
    last = (today + timedelta(days=int(day))).isoformat() if day[:1] in "+-" and day else day
    form = {"csrf": await moderator.form_token("/console"), "action": "publish", "ends": ends, "last_day": last}
    path = f"/console/posts/{taken.post_id}/decision"
    assert (await moderator.client.post(path, data=form, allow_redirects=False)).status == status
    if status == 303:
        async with moderator.runtime.database.reading() as connection:
            [known] = await progress.of_posts(connection, [taken.post_id])
        if hours is None:
            assert known.expires_at is None
        else:
            assert known.expires_at
            local = known.expires_at.astimezone(zone)
            assert (local.hour, local.date() - today) == (0, timedelta(hours=hours))
