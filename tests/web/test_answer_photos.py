"""Photos on a department's answer: looked at and made safe like everybody's, shown where the answer is, never lost."""

import re
from typing import Any

import pytest
from aiohttp import FormData

from gateway.casework import cases
from gateway.journey import media, moderation
from gateway.schema import Action
from gateway.schema_incoming import Taken
from store import posts_for_staff
from store.accounts import Role
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, message
from tests.journey.test_media import photo_taken, recorded
from tests.web.conftest import World
from tests.web.test_me import Browser, Open, another, browser, world

__all__ = ["another", "browser", "world"]
TEXT, ANSWER = "the lamp at the park is broken", "It has a new bulb, see the photo."


async def reported(world: World, *, private: bool = False) -> Taken:
    taken = await world.desk.take(message(TEXT, ANNA, private=private))
    await moderation.decide(world.runtime, str(taken.post_id), Action.PUBLISH, actor="mo")
    return taken


def form(*files: bytes, kind: str = "image/jpeg", **fields: str) -> FormData:
    data = FormData({"text": ANSWER, "department": "roads", **fields})
    for number, file in enumerate(files):
        data.add_field("media", file, filename=f"{number}.jpg", content_type=kind)
    return data


async def bring(world: World) -> None:
    while await media.work_on_due(world.runtime):
        pass


async def answered(world: World, taken: Taken, *files: bytes) -> None:
    """Answer by a program, with photos."""
    token = await world.token(Role.ADMINISTRATOR)
    path = f"/api/v1/console/posts/{taken.ticket}/answers"
    response = await world.client.post(path, data=form(*files), headers=token)
    assert response.status == 201, await response.text()
    await bring(world)
    await settle_down(world.runtime)


async def public(world: World, taken: Taken) -> dict[str, Any]:
    found: dict[str, Any] = await (await world.client.get(f"/api/v1/posts/{taken.ticket}")).json()
    return found


async def test_a_photo_is_shown_under_the_answer_and_its_address_is_texted(world: World, texting: Texting) -> None:
    taken = await reported(world)
    await answered(world, taken, photo_taken())
    post = await public(world, taken)
    [file] = post["answers"][0]["media"]
    assert file["type"] == "image/jpeg"
    assert post["media"] == []
    shown = await world.client.get(file["url"])
    assert shown.status == 200
    assert b"GPS" not in await shown.read()
    page = await (await world.client.get(f"/posts/{taken.ticket}")).text()
    assert f'src="{file["preview"]}"' in page
    [told] = [text for text in texting.to(ANNA) if ANSWER in text]
    assert f"Photos (1): http://127.0.0.1:8080/posts/{taken.ticket}" in told


async def test_where_an_officer_took_it_is_not_said_of_the_answer(world: World) -> None:
    taken = await reported(world)
    await answered(world, taken, photo_taken())
    async with world.runtime.database.reading() as connection:
        places = [post.place.lat for post in await posts_for_staff.thread(connection, str(taken.ticket))]
    assert places == [None, None]


async def test_the_officers_form_takes_photos_and_keeps_the_words_when_one_is_bad(world: World) -> None:
    taken = await reported(world)
    await world.account(Role.OFFICER, "of", "roads")
    await world.log_in("of")
    page = await (await world.client.get(f"/console/posts/{taken.ticket}?lang=en")).text()
    assert 'enctype="multipart/form-data"' in page
    token = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
    path = f"/console/posts/{taken.ticket}/answers"
    for bad, why in ((b"no photo at all", "only photos and sound are taken"), (recorded(), "only photos can be added")):
        response = await world.client.post(path, data=form(bad, csrf=token), allow_redirects=False)
        assert response.status == 422
        told = await response.text()
        assert why in told
        assert ANSWER in told
    # Larger than forms without files may be.
    large = photo_taken() + bytes(2 * 1024 * 1024)
    response = await world.client.post(path, data=form(large, csrf=token), allow_redirects=False)
    assert response.status == 303, await response.text()
    await bring(world)
    assert len((await public(world, taken))["answers"][0]["media"]) == 1


async def test_a_form_with_files_that_is_not_our_own_is_refused(world: World) -> None:
    taken = await reported(world)
    await world.account(Role.OFFICER, "of", "roads")
    await world.log_in("of")
    path = f"/console/posts/{taken.ticket}/answers"
    for data in (form(photo_taken()), form(photo_taken(), csrf="made up")):
        assert (await world.client.post(path, data=data, allow_redirects=False)).status == 403
    assert (await public(world, taken))["answers"] == []


async def test_too_many_are_refused_and_nothing_is_answered(world: World) -> None:
    taken, token = await reported(world), await world.token(Role.OFFICER, "roads")
    most = world.runtime.settings.media.most_files
    path = f"/api/v1/console/posts/{taken.ticket}/answers"
    response = await world.client.post(path, data=form(*[photo_taken()] * (most + 1)), headers=token)
    assert response.status == 422
    assert (await response.json())["field"] == "media"
    assert (await public(world, taken))["answers"] == []


async def test_a_private_answers_photo_is_for_who_was_answered(
    world: World, browser: Browser, another: Open, texting: Texting
) -> None:
    taken = await browser.say(TEXT, private=True)
    await moderation.decide(world.runtime, str(taken.post_id), Action.PUBLISH, actor="mo")
    await answered(world, taken, photo_taken())
    found = re.findall(r"/media/[0-9a-f]{32}", await browser.get())
    assert found
    assert (await browser.client.get(found[0])).status == 200
    async with another() as stranger:
        assert (await stranger.client.get(found[0])).status == 404
        await stranger.say("another lamp")
        assert (await stranger.client.get(found[0])).status == 404


@pytest.mark.parametrize("private", [False, True])
async def test_the_address_of_photos_is_where_its_author_may_see_them(
    world: World, texting: Texting, private: bool
) -> None:
    taken = await reported(world, private=private)
    await answered(world, taken, photo_taken())
    [told] = [text for text in texting.to(ANNA) if ANSWER in text]
    assert ("/me" in told) is private


async def test_an_answer_without_photos_says_nothing_of_any(world: World, texting: Texting) -> None:
    taken = await reported(world)
    await cases.answer(world.runtime, str(taken.ticket), ANSWER, "roads", actor="of")
    await settle_down(world.runtime)
    assert not any("Photos" in text for text in texting.to(ANNA))
