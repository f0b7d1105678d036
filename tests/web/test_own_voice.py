"""Being heard oneself on the radio: agreed to in the form, allowed by staff, taken back by either, by plain forms."""

import pytest
from aiohttp import ClientSession, CookieJar, FormData
from pytest_aiohttp.plugin import AiohttpClient

from gateway.journey import media
from gateway.runtime import Runtime
from store import history, posts_for_staff
from store.accounts import Role
from store.posts_for_staff import StaffPost
from tests.casework.radio_world import humming, wav
from tests.channels.public_site import open_site
from tests.web.conftest import World
from tests.web.test_media_console import log_in, press

ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
async def world(runtime: Runtime, aiohttp_client: AiohttpClient) -> World:
    return await open_site(runtime, aiohttp_client)


async def say(world: World, client: ClientSession, **ticked: str) -> StaffPost:
    """Send a voice note by the form."""
    base = str(world.client.make_url("")).rstrip("/")
    page = await (await client.get(f"{base}/new", headers=ENGLISH)).text()
    assert "My own voice may be heard on the radio" in page
    hidden = {
        name: page.split(f'name="{name}" value="')[1].split('"')[0] for name in ("csrf", "form_id") if name in page
    }
    form = FormData({**hidden, "text": "the pipe is leaking", **ticked})
    form.add_field("media", wav(humming(200, 1.0, 8000), 8000), filename="note.wav", content_type="audio/wav")
    answer = await client.post(f"{base}/new", data=form, headers=ENGLISH, allow_redirects=False)
    assert answer.status == 303, await answer.text()
    while await media.work_on_due(world.runtime):
        pass
    return await look(world, answer.headers["Location"].split("/posts/")[1].split("?")[0])


async def look(world: World, ticket: str) -> StaffPost:
    async with world.runtime.database.reading() as connection:
        return (await posts_for_staff.thread(connection, ticket))[0]


async def test_nobody_agrees_by_saying_nothing(world: World) -> None:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
        assert not (await say(world, client)).own_voice
    await log_in(world, Role.MODERATOR)
    assert "agreed to be heard" not in await (await world.client.get("/console?lang=en")).text()


async def test_staff_see_it_allow_it_and_take_it_back(world: World) -> None:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
        said = await say(world, client, own_voice="1")
    assert said.own_voice
    assert not said.media[0].on_air
    await log_in(world, Role.MODERATOR)
    page = await (await world.client.get(f"/console/posts/{said.ticket}?lang=en")).text()
    assert "agreed to be heard on the radio" in page
    file = said.media[0].id
    for allowed in ("1", "0", "1"):
        assert (await press(world, f"/console/media/{file}/air", allowed=allowed)).status == 303
        assert (await look(world, said.ticket)).media[0].on_air is (allowed == "1")
    assert "may be heard" in await (await world.client.get(f"/console/posts/{said.ticket}?lang=en")).text()
    assert (await press(world, f"/console/posts/{said.id}/voice")).status == 303
    assert not (await look(world, said.ticket)).own_voice
    assert (await press(world, f"/console/media/{file}/air", allowed="1")).status == 409
    async with world.runtime.database.reading() as connection:
        done = (await history.of_thread(connection, world.runtime.vault, [said.id]))[said.id]
    assert [(one.actor, one.action) for one in done][-2:] == [("mo", "voice_allowed"), ("mo", "voice_taken_back")]


async def test_its_author_takes_it_back_and_nobody_else(world: World) -> None:
    base = str(world.client.make_url("")).rstrip("/")

    async def take_back(client: ClientSession, post_id: str) -> int:
        page = await (await client.get(f"{base}/new", headers=ENGLISH)).text()
        form = {"csrf": page.split('name="csrf" value="')[1].split('"')[0]}
        return (await client.post(f"{base}/me/posts/{post_id}/voice", data=form, allow_redirects=False)).status

    async with (
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as author,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as stranger,
    ):
        said = await say(world, author, own_voice="1")
        await say(world, stranger)
        assert "You agreed that your own voice" in await (await author.get(f"{base}/me", headers=ENGLISH)).text()
        assert await take_back(stranger, said.id) == 404
        assert (await look(world, said.ticket)).own_voice
        assert await take_back(author, said.id) == 303
        assert not (await look(world, said.ticket)).own_voice
        assert "You agreed" not in await (await author.get(f"{base}/me", headers=ENGLISH)).text()
