"""A citizen speaks, staff read along word by word, and the answer is heard by calling again, and in the next bulletin.

Two people call: one speaks into the microphone, one has a sample said. What the line says to them is taken from the
page's own socket and given to the same recogniser that writes callers down, so that it is heard and not only sent.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import feedparser
import pytest
from playwright.async_api import Page, WebSocket, async_playwright, expect

from speech.live import Ears
from tests.browser.conftest import ARGUMENTS, CHROMIUM, Watched
from tests.browser.handset import Handset
from tests.browser.test_chat import ready, say
from tests.browser.test_first_journey import make_administrator
from tests.process.gateway import Gateway, running
from tests.speech.test_recogniser import DEMO, TYPED, model

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(420)]

SPOKEN = "003-en-gb-scotland-michael"
SPOKEN_WORDS = TYPED["en"][SPOKEN]
SAMPLE = "loud noise at the park"
# Words that the small model knows, though not this voice: it must hear most of them.
ANSWER = "the road light at the school is broken"
HEARD = {"road", "light", "school", "broken"}
SOON = 60_000


class Ear:
    """What the line says to one page's caller."""

    def __init__(self, page: Page) -> None:
        self._pcm = bytearray()
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda data: self._pcm.extend(data if isinstance(data, bytes) else b""))

    def begin(self) -> None:
        """Forget what was said until now."""
        self._pcm.clear()

    async def words(self) -> set[str]:
        """The words of what was said since."""
        ears = Ears(1, 1)
        hearing = await ears.open(model(), 8000)
        try:
            for start in range(0, len(self._pcm) // 2 * 2, 3200):
                await hearing.feed(bytes(self._pcm[start : start + 3200]))
            return set((await hearing.finish()).text.split())
        finally:
            hearing.close()
            await ears.stop()


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var") as started:
        yield started


@asynccontextmanager
async def speaking_window() -> AsyncIterator[Watched]:
    """A window whose microphone hears a recording, once."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    sound = DEMO / f"en/utterances/{SPOKEN}-16k.wav"
    pretended = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={sound}%noloop",
    ]
    async with async_playwright() as player:
        browser = await player.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *pretended])
        made = Watched(await browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900}))
        yield made
        await browser.close()
    assert made.complaints == []


async def test_what_is_spoken_is_read_published_answered_and_heard(gateway: Gateway) -> None:
    async with speaking_window() as window:
        console = await make_administrator(window, gateway)
        board = await window.open(f"{gateway.url}/console/calls")
        portal = await window.open(gateway.url)
        chat = await window.open(f"{gateway.url}/chat")
        await ready(chat)
        await say(chat, "FOLLOW ALL")
        await expect(chat.get_by_text("everything that is published")).to_be_visible()

        # By microphone: the words grow in the console while they are spoken.
        caller = Handset(await window.open(gateway.handsets), 0)
        grown = asyncio.create_task(growth(board))
        await report(caller, by_microphone=True)
        assert [len(words) for words in await grown] == sorted({len(words) for words in await grown})
        assert len(await grown) >= 2, "the words came all at once"
        assert (await grown)[-1] == SPOKEN_WORDS
        # By a sample, from another number.
        other_page = await window.open(gateway.handsets)
        other, ear = Handset(other_page, 1), Ear(other_page)
        await report(other, by_microphone=False)

        # Published, it is on the portal, in the feeds and in the chat.
        queue = console.locator("#queue")
        for words in (SPOKEN_WORDS, SAMPLE):
            row = queue.locator("article", has_text=words)
            await expect(row).to_have_count(1, timeout=SOON)
            ticket = (await row.locator("a.ticket").inner_text()).replace(" ", "")
            await row.get_by_role("button", name="Publish").click()
            await expect(portal.locator(f"#p-{ticket}")).to_contain_text(words, timeout=SOON)
            # As a message to its follower; the city's timeline beside it has the words too.
            message = chat.get_by_text(re.compile(f"{ticket}.*{words}"))
            await expect(message).to_be_visible(timeout=SOON)
            for ending in ("atom", "rss", "json"):
                feed = await window.context.request.get(f"{gateway.url}/feeds/posts.{ending}")
                assert words in await feed.text()

        # Answered, it is heard by whoever calls again and keys the ticket.
        await console.goto(f"{gateway.url}/console/posts/{ticket}")
        await console.locator("#department").select_option("police")
        await console.get_by_label("Answer", exact=True).fill(ANSWER)
        await console.get_by_role("button", name="Answer", exact=True).click()
        await expect(portal.locator(f"#p-{ticket}")).to_contain_text(ANSWER, timeout=SOON)
        await other.call()
        await other.press("22")
        await other.line_has_spoken()
        ear.begin()
        await other.press(ticket)
        # As its author he is asked for a mark with it.
        await expect(board.locator("[data-calls] .call", has_text="judging an answer")).to_have_count(1, timeout=SOON)
        await other.line_has_spoken()
        assert len(HEARD & await ear.words()) >= 3
        await other.hang_up()

        # And in the next bulletin: as a podcast, and by menu 3.
        await console.goto(f"{gateway.url}/console/bulletins")
        await console.get_by_role("button", name="Make one now").click()
        await expect(console.get_by_role("status").first).to_be_visible()
        assert ANSWER in await podcast(window, gateway)
        await other.call()
        ear.begin()
        await other.press("23")
        await other.line_has_spoken()
        assert len(HEARD & await ear.words()) >= 3
        await other.hang_up()


async def report(handset: Handset, *, by_microphone: bool) -> None:
    """In English, leave a report after the tone, and keep what the line understood."""
    await handset.call()
    await handset.press("21")
    await handset.line_has_spoken()
    if by_microphone:
        await handset.speak()
    else:
        await handset.say(SAMPLE)
        await handset.press("#")
    await handset.line_has_spoken()
    await handset.press("1")
    await handset.line_has_spoken()
    await handset.hang_up()


async def growth(board: Page) -> list[str]:
    """The words of the only call as they grow on staff's page, each state once, until all are there."""
    seen: list[str] = []
    words = board.locator("[data-calls] .heard").first
    while not seen or seen[-1] != SPOKEN_WORDS:
        await asyncio.sleep(0.1)
        if await words.count() and (now := " ".join((await words.inner_text()).split())) and now not in seen:
            seen.append(now)
    return seen


async def podcast(window: Watched, gateway: Gateway) -> str:
    """What the newest bulletin of the podcast tells, once it can be heard; its sound is there too."""
    while True:
        feed = await window.context.request.get(f"{gateway.url}/feeds/radio.rss?language=en")
        read = feedparser.parse(await feed.body())
        if read.entries:
            break
        await asyncio.sleep(0.5)
    newest = read.entries[0]
    sound = await window.context.request.get(newest.enclosures[0].href, headers={"Range": "bytes=0-999"})
    assert (sound.status, sound.headers["content-type"]) == (206, "audio/mpeg")
    return str(newest.get("content", [{}])[0].get("value", "")) + str(newest.get("summary", ""))
