"""Kept pages: drawn once, right at once after each change, and never anybody's own."""

import asyncio
from datetime import timedelta

import pytest
from aiohttp import web
from pytest_aiohttp.plugin import AiohttpClient

from gateway import clock
from gateway.casework import cases
from gateway.journey import automatic
from gateway.journey.automatic import Mode
from gateway.runtime import Runtime
from gateway.settings import Settings
from gateway.web import kept_pages
from gateway.web.kept_pages import KeptPages
from gateway.web.keys import DRAWING
from store import events
from store.accounts import Role
from store.database import Database
from store.wakeups import Wakeups
from tests.channels.public_site import open_site
from tests.web.conftest import PASSWORD, World

KEY = ("/", "en", "")


@pytest.fixture
async def world(runtime: Runtime, aiohttp_client: AiohttpClient) -> World:
    return await open_site(runtime, aiohttp_client)


@pytest.fixture
def drawn(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates of whole pages, as they are drawn."""
    names: list[str] = []
    drawing = world.app[DRAWING]
    draw = drawing.draw

    def noting(language: str, template: str, values: object) -> str:
        names.append(template)
        return draw(language, template, values)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(drawing, "draw", noting)
    return names


async def text(world: World, path: str, **headers: str) -> str:
    return await (await world.client.get(path, headers=headers)).text()


async def test_a_page_is_drawn_once_for_all(world: World, drawn: list[str]) -> None:
    taken = await world.published("the drain is blocked")
    for path, template in (("/", "home.html"), (f"/posts/{taken.ticket}", "post.html")):
        first = await text(world, path)
        assert await text(world, path) == first
        assert "the drain is blocked" in first
        assert drawn.count(template) == 1


async def test_the_kept_rules_say_which_mode_is_in_force(world: World, drawn: list[str]) -> None:
    by_hand = "Every post is read by a moderator before it is published"
    for _ in range(2):
        assert by_hand in await text(world, "/rules")
    assert drawn.count("rules.html") == 1, "it is a kept page"
    await automatic.switch(world.runtime, Mode.CLEAN, actor="ad")
    changed = await text(world, "/rules")
    assert "A rule publishes some posts at once" in changed
    assert by_hand not in changed
    await automatic.switch(world.runtime, Mode.BY_HAND, actor="ad")
    assert by_hand in await text(world, "/rules")


async def test_many_who_ask_at_once_wait_for_one_drawing(world: World, drawn: list[str]) -> None:
    await text(world, "/")
    await world.published("the drain is blocked")
    drawn.clear()
    pages = await asyncio.gather(*(text(world, "/") for _ in range(10)))
    assert len(set(pages)) == 1
    assert drawn.count("home.html") == 1


async def test_a_carrier_is_asked_for_no_language(world: World) -> None:
    assert (await world.client.get("/hooks/nobody")).status == 404


async def test_an_answer_that_never_ends_is_waited_for_by_nobody(world: World) -> None:
    async with world.client.get("/live") as one, world.client.get("/live") as other:
        assert (one.status, other.status) == (200, 200)


async def test_a_change_is_seen_by_the_next_who_asks(world: World) -> None:
    assert "Nothing has been published" in await text(world, "/")
    taken = await world.published("the drain is blocked")
    assert taken.ticket
    post = f"/posts/{taken.ticket}"
    assert "the drain is blocked" in await text(world, "/")
    assert "the drain is blocked" in await text(world, post)
    await cases.answer(world.runtime, taken.ticket, "A crew is coming", "water", actor="of")
    assert "A crew is coming" in await text(world, "/")
    assert "A crew is coming" in await text(world, post)
    await world.withdraw(taken)
    assert "the drain is blocked" not in await text(world, "/")
    assert "the drain is blocked" not in await text(world, post)


async def test_each_language_has_its_own(world: World) -> None:
    for _ in range(2):
        assert 'lang="en"' in await text(world, "/")
        assert 'lang="zh-Hans"' in await text(world, "/", **{"Accept-Language": "zh"})


async def test_each_theme_has_its_own(world: World, drawn: list[str]) -> None:
    for _ in range(2):
        assert '"color-scheme" content="dark"' in await text(world, "/", Cookie="theme=dark")
        assert '"color-scheme" content="light dark"' in await text(world, "/")
    assert drawn.count("home.html") == 2


async def test_it_is_packed_and_not_sent_twice(world: World) -> None:
    first = await world.client.get("/")
    assert first.headers["Content-Encoding"] == "gzip"
    assert {"Accept-Language", "Accept-Encoding", "Cookie"} <= set(first.headers["Vary"].split(", "))
    assert first.headers["Cache-Control"] == "no-cache"
    plain = await world.client.get("/", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert await plain.text() == await first.text()
    again = await world.client.get("/", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")
    await world.published("the drain is blocked")
    changed = await world.client.get("/", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status == 200


async def test_it_holds_nothing_of_anybody(world: World) -> None:
    taken = await world.published("the drain is blocked")
    for path in ("/", f"/posts/{taken.ticket}"):
        for _ in range(2):
            response = await world.client.get(path)
            assert "Set-Cookie" not in response.headers
            assert 'name="csrf"' not in await response.text()


async def test_staff_get_their_own_and_leave_nothing_of_it(world: World, drawn: list[str]) -> None:
    await world.account(Role.MODERATOR, "mo")
    await world.log_in("mo", PASSWORD)
    assert 'href="/console">Console' in await text(world, "/")
    world.client.session.cookie_jar.clear()
    assert 'href="/console">Console' not in await text(world, "/")
    assert drawn.count("home.html") == 2


async def test_an_unknown_cookie_may_change_a_page(world: World, drawn: list[str]) -> None:
    for _ in range(2):
        await text(world, "/", Cookie="something=else")
    assert drawn.count("home.html") == 2


async def test_how_a_post_stands_that_is_not_public_is_drawn_each_time(world: World, drawn: list[str]) -> None:
    taken = await world.say("the drain is blocked")
    for _ in range(2):
        await text(world, f"/posts/{taken.ticket}")
    assert drawn.count("post.html") == 2


def made(size: int = 10) -> web.Response:
    return web.Response(body=bytes(size), content_type="text/html")


def test_what_was_begun_before_a_change_is_not_kept() -> None:
    wakeups = Wakeups()
    pages = KeptPages(wakeups)
    generation = pages.generation()
    wakeups.ring(["events"])
    assert pages.keep(KEY, made(), generation) is None
    assert pages.keep(KEY, made(), pages.generation())
    assert pages.find(KEY)
    wakeups.ring(["media"])
    assert pages.find(KEY) is None


def test_what_was_asked_for_longest_ago_makes_room() -> None:
    pages = KeptPages(Wakeups(), most_bytes=3000)
    for number in range(3):
        assert pages.keep((f"/posts/{number}", "en", ""), made(900), 0)
        pages.find(("/posts/0", "en", ""))
    assert pages.keep(("/posts/3", "en", ""), made(900), 0)
    assert [bool(pages.find((f"/posts/{number}", "en", ""))) for number in range(4)] == [True, False, True, True]


def test_nothing_is_kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = KeptPages(Wakeups())
    assert pages.keep(KEY, made(), 0)
    later = clock.now() + kept_pages.LASTS + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert pages.find(KEY) is None


class TestSeveralProcesses:
    @pytest.fixture
    def backend(self) -> str:
        return "postgresql"

    async def test_what_another_process_publishes_drops_what_is_kept(
        self, database: Database, settings: Settings
    ) -> None:
        other = Database(settings.database_url)
        await other.open(serving=True)
        try:
            pages, heard = KeptPages(other.wakeups), other.wakeups.bell("events")
            # Until the other listens for sure, nothing is to be concluded from silence.
            while not await heard.wait(0.2):
                await database.write(lambda tx: events.add(tx, events.Happening.POST, "0" * 32))
            assert pages.keep(KEY, made(), pages.generation())
            await database.write(lambda tx: events.add(tx, events.Happening.POST, "0" * 32))
            assert await heard.wait(20)
            while pages.find(KEY):  # an earlier notice may have been heard just before it was kept
                assert await heard.wait(20)
        finally:
            await other.close()


async def test_pages_that_are_not_kept_are_packed_unless_they_hold_a_token(world: World) -> None:
    await world.published("the drain is blocked")
    raw = {"Accept-Encoding": "gzip", "Cookie": "other=1"}
    for path, packed in (("/", True), ("/search?q=drain", True), ("/new", False), ("/me", False), ("/login", False)):
        async with world.client.get(path, headers=raw) as response:
            text = await response.text()
            assert ("Content-Encoding" in response.headers) is packed, path
            assert ('name="csrf"' in text) is not packed, path
            assert ("Accept-Encoding" in response.headers.get("Vary", "")) is packed, path
    async with world.client.get("/search?q=drain", headers={"Accept-Encoding": "identity"}) as response:
        assert "Content-Encoding" not in response.headers
        assert "the" in await response.text()
