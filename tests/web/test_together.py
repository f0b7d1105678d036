"""Joining and separating in the console: by form, by the page's script and by programs."""

from typing import Any

import pytest

from gateway import clock
from gateway.casework import cases
from gateway.journey import indexing
from gateway.schema import State
from gateway.schema_incoming import Incoming, Taken
from store import posts_for_staff
from store.accounts import Role
from store.posts_for_staff import StaffPost
from tests.conftest import broadcasting_as
from tests.web.conftest import World
from tests.web.test_console import logged_in, page
from tests.web.test_queue import post

LAMP, DARK = "the lamp at the old church is dark since monday", "the lamp at the old church has been dark since monday"
PLAIN = {"Accept": "text/html"}


@pytest.fixture
async def moderator(world: World) -> World:
    world.runtime.settings = broadcasting_as(world.runtime.settings, undo_seconds=600.0)
    return await logged_in(world, Role.MODERATOR)


async def two(world: World) -> tuple[Taken, Taken]:
    one = await world.published(LAMP)
    other = await world.say(DARK + "!")
    while await indexing.some(world.runtime):
        pass
    return one, other


async def first_of(world: World, taken: Taken) -> StaffPost:
    async with world.runtime.database.reading() as connection:
        return (await posts_for_staff.thread(connection, taken.ticket or ""))[0]


async def test_the_queue_says_what_a_report_is_probably_about_and_joins_it(moderator: World) -> None:
    one, other = await two(moderator)
    row = (await page(moderator, "/console")).split(f'id="q-{other.post_id}"')[1].split("</article>")[0]
    likely = row.split('class="likely"')[1]
    assert f'name="into" value="{one.ticket}"' in likely
    told = await post(moderator, f"/console/posts/{other.post_id}/join", {"into": one.ticket, "back": "/console"})
    assert told["seconds"] > 500
    assert "decided" in told["html"].split("data-mark")[0]
    assert (await first_of(moderator, other)).state is State.REJECTED
    back = await post(moderator, f"/console/posts/{other.post_id}/undo", {})
    assert "decided" not in back["html"].split("data-mark")[0]
    assert (await first_of(moderator, other)).state is State.PENDING


async def test_a_row_is_drawn_anew_when_something_like_it_is_found(moderator: World) -> None:
    await moderator.published(LAMP)
    other = await moderator.say(DARK)
    asked = {"ids": other.post_id or "", "since": "2026-01-01T00:00:00Z"}
    before = await post(moderator, "/console/queue/marks", asked)
    while await indexing.some(moderator.runtime):
        pass
    after = await post(moderator, "/console/queue/marks", asked)
    assert before["marks"] != after["marks"]


async def test_both_pages_say_what_is_joined_and_separate_it(moderator: World) -> None:
    one, other = await two(moderator)
    path = f"/console/posts/{other.post_id}/join"
    await post(moderator, path, {"into": one.ticket, "back": f"/console/posts/{other.ticket}"}, 303, PLAIN)
    main = (await page(moderator, f"/console/posts/{one.ticket}")).split('id="together"')[1].split("</section>")[0]
    assert "2 people reported this." in main
    assert DARK in main
    joined = await page(moderator, f"/console/posts/{other.ticket}")
    assert f'href="/console/posts/{one.ticket}"' in joined.split('id="together"')[1]
    assert "joined to it the report" in await page(moderator, f"/console/posts/{one.ticket}")
    await post(moderator, f"/console/posts/{other.post_id}/separate", {}, 303, PLAIN)
    assert (await first_of(moderator, other)).state is State.PENDING
    assert "2 people" not in await page(moderator, f"/console/posts/{one.ticket}")


@pytest.mark.parametrize(
    ("typed", "status", "fault"),
    [
        ("1234", 422, "type the ticket of the other report"),
        ("12345678", 422, "there is no such ticket"),
        ("itself", 422, "choose another report than this one"),
        ("waiting", 409, "a report can only be joined to one that is public"),
    ],
)
async def test_what_cannot_be_joined_is_said_and_stays_typed(
    moderator: World, typed: str, status: int, fault: str
) -> None:
    other = await moderator.say(DARK)
    waiting = await moderator.say("rubbish lies behind the school")
    into = {"itself": other.ticket, "waiting": waiting.ticket}.get(typed, typed)
    fields = {"into": into, "back": f"/console/posts/{other.ticket}"}
    text = await post(moderator, f"/console/posts/{other.post_id}/join", fields, status, PLAIN)
    assert fault in text
    assert f'value="{into}"' in text
    told = await post(moderator, f"/console/posts/{other.post_id}/join", fields, status)
    assert told["fault"] == fault


async def test_a_program_joins_and_separates(world: World) -> None:
    one, other = await two(world)
    token = await world.token(Role.MODERATOR)
    path = f"/api/v1/console/posts/{other.ticket}"

    async def send(act: str, status: int, headers: dict[str, str] = token, **body: Any) -> Any:
        response = await world.client.post(f"{path}/{act}", json=body, headers=headers)
        assert response.status == status, await response.text()
        return await response.json()

    await send("join", 403, await world.token(Role.OFFICER, "roads"), into=one.ticket)
    await send("join", 422, into="lamp")
    assert await send("join", 200, into=one.ticket) == {"ticket": one.ticket}
    await send("join", 409, into=one.ticket)
    shown = await (await world.client.get(f"/api/v1/posts/{other.ticket}")).json()
    assert (shown["ticket"], shown["reporters"]) == (one.ticket, 2)
    assert await send("separate", 200) == {"ticket": other.ticket}
    await send("separate", 409)
    await send("put-back", 409)


async def test_a_joined_report_cannot_be_answered_by_itself(world: World) -> None:
    one, other = await two(world)
    token = await world.token(Role.MODERATOR)
    await world.client.post(f"/api/v1/console/posts/{other.ticket}/join", json={"into": one.ticket}, headers=token)
    answer = {"text": "done", "department": "roads"}
    officer = await world.token(Role.ADMINISTRATOR)
    path = f"/api/v1/console/posts/{other.ticket}/answers"
    response = await world.client.post(path, json=answer, headers=officer)
    assert response.status == 409
    assert "answer that one" in await response.text()


async def test_a_followup_becomes_a_report_and_goes_back(moderator: World) -> None:
    one = await moderator.published(LAMP)
    added = await moderator.desk.take(
        Incoming("form", clock.new_id(), "a bench is broken too", clock.now(), thread=one.ticket, commands=False)
    )
    path = f"/console/posts/{added.post_id}"
    assert f'action="{path}/separate"' in await page(moderator, f"/console/posts/{one.ticket}")
    await post(moderator, f"{path}/separate", {}, 303, PLAIN)
    async with moderator.runtime.database.reading() as connection:
        own = (await posts_for_staff.thread(connection, added.post_id or ""))[0]
    assert own.ticket != one.ticket
    assert f'action="{path}/put-back"' in await page(moderator, f"/console/posts/{own.ticket}")
    await post(moderator, f"{path}/put-back", {}, 303, PLAIN)
    assert "a bench is broken too" in await page(moderator, f"/console/posts/{one.ticket}")


async def test_the_answer_of_one_is_read_under_the_ticket_of_the_other(world: World) -> None:
    one, other = await two(world)
    token = await world.token(Role.MODERATOR)
    await world.client.post(f"/api/v1/console/posts/{other.ticket}/join", json={"into": one.ticket}, headers=token)
    await cases.answer(world.runtime, one.ticket or "", "The lamp shines again.", "roads", actor="of")
    shown = await (await world.client.get(f"/api/v1/posts/{other.ticket}")).json()
    assert [answer["text"] for answer in shown["answers"]] == ["The lamp shines again."]
