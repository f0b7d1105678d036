"""What others reported is offered to whoever writes the same on the site: while he writes, and as a step without it."""

import re

import pytest
from aiohttp import ClientResponse, FormData
from pytest_aiohttp.plugin import AiohttpClient

from gateway.journey import indexing, moderation
from gateway.runtime import Runtime
from gateway.schema import Action, State
from gateway.schema_incoming import Taken
from store import waiting
from tests.channels.public_site import open_site
from tests.channels.test_web_form import blank, send
from tests.web.conftest import World

LEAK, SAME = "water pipe leaking on north street number 27", "A pipe on North Street 27 is leaking water"


@pytest.fixture
async def world(runtime: Runtime, aiohttp_client: AiohttpClient) -> World:
    return await open_site(runtime, aiohttp_client)


@pytest.fixture
async def leak(world: World) -> Taken:
    taken = await world.published(LEAK)
    while await indexing.some(world.runtime):
        pass
    return taken


async def waits(world: World) -> list[str]:
    async with world.runtime.database.reading() as connection:
        return [post.text for post in await waiting.queue(connection)]


def hidden_of(text: str) -> list[tuple[str, str]]:
    return re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text.split('action="/new"')[1])


async def again(world: World, page: str, **typed: str) -> ClientResponse:
    """Send the page that offers, with all its hidden fields."""
    return await world.client.post("/new", data=FormData([*hidden_of(page), *typed.items()]), allow_redirects=False)


async def test_before_it_is_sent_the_same_is_shown(world: World, leak: Taken) -> None:
    response = await send(world, await blank(world), text=SAME, place="North Street")
    page = await response.text()
    assert response.status == 200
    assert "Nothing has been sent yet" in page
    assert LEAK in page
    assert f'name="join" value="{leak.ticket}"' in page
    assert SAME in page, "and what was typed is still there"
    assert await waits(world) == []


async def test_one_tap_adds_oneself(world: World, leak: Taken) -> None:
    page = await (await send(world, await blank(world), text=SAME)).text()
    joined = await again(world, page, text=SAME, join=leak.ticket or "")
    assert joined.headers["Location"] == f"/posts/{leak.ticket}?joined=1"
    assert await waits(world) == [], "and nothing else is made of it"
    shown = await (await world.client.get(joined.headers["Location"])).text()
    assert "You are counted among those who reported this" in shown
    assert "2 people reported this" in shown
    assert (await world.desk.post(leak.ticket or "")).reporters == 2


async def test_who_means_something_else_sends_his_own(world: World, leak: Taken) -> None:
    page = await (await send(world, await blank(world), text=SAME)).text()
    assert "No, it is something else: send mine" in page
    sent = await again(world, page, text=SAME)
    assert sent.status == 303
    assert await waits(world) == [SAME]


@pytest.mark.parametrize("private", ["1", ""])
async def test_what_is_unlike_or_private_is_taken_at_once(world: World, leak: Taken, private: str) -> None:
    text = SAME if private else "a dog barks all night long in the park"
    sent = await send(world, await blank(world), text=text, private=private)
    assert sent.status == 303


async def test_files_are_never_lost_by_asking(world: World, leak: Taken) -> None:
    form = FormData({**(await blank(world)), "text": SAME})
    form.add_field("media", b"\x89PNG\r\n\x1a\n" + b"0" * 64, filename="a.png", content_type="image/png")
    sent = await world.client.post("/new", data=form, allow_redirects=False)
    assert sent.status in (303, 422), await sent.text()
    assert "Nothing was sent yet. Others" not in await sent.text()


async def test_while_somebody_writes_the_page_asks_for_the_same(world: World, leak: Taken) -> None:
    token = (await blank(world))["csrf"]
    found = await world.client.post("/new/offered", data={"csrf": token, "text": SAME})
    part = await found.text()
    assert found.status == 200
    assert f'name="join" value="{leak.ticket}"' in part
    assert "<html" not in part
    for words in ("a dog barks all night long", "", "x" * 5000):
        nothing = await world.client.post("/new/offered", data={"csrf": token, "text": words})
        assert (nothing.status, (await nothing.text()).strip()) == (200, "")
    for degrees in ("nan", "inf", "-1e308", "x"):
        typed = {"csrf": token, "text": SAME, "lat": degrees, "lon": degrees}
        found = await world.client.post("/new/offered", data=typed)
        assert found.status == 200, degrees
        assert f'name="join" value="{leak.ticket}"' in await found.text()
    assert (await world.client.post("/new/offered", data={"text": SAME})).status == 403


async def test_looking_is_not_counted_as_sending(world: World, leak: Taken) -> None:
    token = (await blank(world))["csrf"]
    for _ in range(3):
        await world.client.post("/new/offered", data={"csrf": token, "text": SAME})
    assert await waits(world) == []


async def join_page(world: World, ticket: str | None) -> tuple[int, dict[str, str]]:
    response = await world.client.get(f"/posts/{ticket}/join")
    text = await response.text()
    return response.status, dict(
        re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text.partition('class="narrow"')[2])
    )


async def test_me_too_on_the_page_of_a_post(world: World, leak: Taken) -> None:
    assert f'href="/posts/{leak.ticket}/join"' in await (await world.client.get(f"/posts/{leak.ticket}")).text()
    _, hidden = await join_page(world, leak.ticket)
    for _ in range(2):
        done = await world.client.post(f"/posts/{leak.ticket}/join", data=hidden, allow_redirects=False)
        assert done.headers["Location"] == f"/posts/{leak.ticket}?joined=1"
    assert (await world.desk.post(leak.ticket or "")).reporters == 2, "tapped twice, counted once"


async def test_what_is_not_public_is_joined_by_nobody(world: World, leak: Taken) -> None:
    _, hidden = await join_page(world, leak.ticket)
    page = await (await send(world, await blank(world), text=SAME)).text()
    await moderation.decide(world.runtime, leak.post_id or "", Action.WITHDRAW, actor="mo", reason="unclear")
    assert (await join_page(world, leak.ticket))[0] == 409
    assert (await world.client.post(f"/posts/{leak.ticket}/join", data=hidden, allow_redirects=False)).status == 409
    late = await again(world, page, text=SAME, join=leak.ticket or "")
    assert late.status == 409
    text = await late.text()
    assert "not public any more" in text
    assert SAME in text, "nothing typed is lost"
    assert (await world.desk.post(leak.ticket or "")).state is State.WITHDRAWN
