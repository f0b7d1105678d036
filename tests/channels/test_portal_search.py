"""The page of search."""

import re

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from gateway.runtime import Runtime
from tests.channels.public_site import answered, open_site
from tests.web.conftest import World


@pytest.fixture
async def world(runtime: Runtime, aiohttp_client: AiohttpClient) -> World:
    return await open_site(runtime, aiohttp_client)


async def page(world: World, query: str, status: int = 200) -> str:
    response = await world.client.get(f"/search{query}", allow_redirects=False)
    assert response.status == status
    return await response.text()


async def test_search_begins_with_how_to(world: World) -> None:
    assert "How to search" in await page(world, "")
    assert "怎样搜索" in await page(world, "?lang=zh")


async def test_what_is_found_is_marked_and_nothing_of_it_is_markup(world: World) -> None:
    await world.published("the <b>drain</b> is blocked & <script>smells")
    found = await page(world, "?q=drain%20script")
    assert "&lt;b&gt;<mark>drain</mark>&lt;/b&gt;" in found
    assert "&lt;<mark>script</mark>&gt;smells" in found
    assert "How to search" not in found


async def test_what_was_typed_stands_in_the_page_as_words(world: World) -> None:
    found = await page(world, '?q="><script>alert(1)</script>')
    assert "<script>alert" not in found
    assert 'value="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"' in found
    assert "Nothing was found" in found


async def test_an_answer_that_has_it_is_shown(world: World) -> None:
    await answered(world, "water pipe leaking", "抢修队已出发")
    assert "<mark>抢修</mark>队已出发" in await page(world, "?q=抢修")


async def test_a_ticket_leads_to_its_post_also_before_it_is_published(world: World) -> None:
    taken = await world.say("the bridge is closed")
    assert taken.ticket
    response = await world.client.get(f"/search?q={taken.ticket[:4]}+{taken.ticket[4:]}", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, f"/posts/{taken.ticket}")


async def test_pages_go_on_with_what_was_asked(world: World) -> None:
    for number in range(21):
        await world.published(f"drain {number:02} blocked")
    first = await page(world, "?q=drain&kind=report")
    assert first.count("<mark>drain</mark>") == 20
    onward = re.search(r'href="\?([^"]+)" rel="next"', first)
    assert onward
    query = onward[1].replace("&amp;", "&")
    assert "kind=report" in query
    second = await page(world, f"?{query}")
    assert second.count("<mark>drain</mark>") == 1
    assert "00" in second


async def test_nothing_found_offers_what_does_find_something(world: World) -> None:
    await world.published("the drain is blocked")
    found = await page(world, "?q=drain+elephant")
    assert 'href="/search?q=drain"' in found
    assert 'href="/search?q=elephant"' not in found


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (f"?q={'x' * 201}", "a search has at most 200 characters"),
        ("?q=x&since=yesterday", "a day as 2026-01-31"),
        ("?q=x&cursor=nonsense", "this cursor was not given by us"),
        ("?progress=nonsense", "none of the choices"),
    ],
)
async def test_what_cannot_be_asked_is_said_and_nothing_typed_is_lost(world: World, query: str, words: str) -> None:
    text = await page(world, query, 422)
    assert words in text
    assert "Nothing was found" not in text
    if "q=x" in query:
        assert 'value="x' in text


async def test_home_leads_to_search(world: World) -> None:
    home = await (await world.client.get("/")).text()
    assert '<form action="/search"' in home
