"""Two people call the hotline from the handsets at once: one by microphone in Chinese, one by a sample in English."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from tests.browser.conftest import ARGUMENTS, CHROMIUM, Watched
from tests.browser.handset import Handset
from tests.browser.test_first_journey import make_administrator
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(300)]

SPOKEN = Path(__file__).parents[2] / "gateway/simulator/demo_speech/zh/utterances/000-cmn-latn-pinyin-m4-16k.wav"
SPOKEN_WORDS = "人民路3号路灯坏了"
SAMPLE, SAMPLE_WORDS = "loud noise at the park", "loud noise at the park"
PRETENDED = [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    f"--use-file-for-fake-audio-capture={SPOKEN}%noloop",
]
SOON = 60_000


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var") as started:
        yield started


@pytest.fixture
async def window(gateway: Gateway) -> AsyncIterator[Watched]:
    """A window whose microphone hears a recording, once."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    async with async_playwright() as player:
        browser = await player.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *PRETENDED])
        made = Watched(await browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900}))
        yield made
        await browser.close()
    assert made.complaints == []


async def test_two_people_call_and_are_understood(gateway: Gateway, window: Watched) -> None:
    console = await make_administrator(window, gateway)
    # Each has a page and so a mouse of their own.
    speaking = Handset(await window.open(gateway.handsets), 0)
    playing = Handset(await window.open(gateway.handsets), 1)
    await asyncio.gather(by_microphone(speaking), by_sample(playing))
    queue = console.locator("#queue")
    for words in (SPOKEN_WORDS, SAMPLE_WORDS):
        await expect(queue.locator("article", has_text=words)).to_have_count(1, timeout=SOON)
    for handset in (speaking, playing):
        await expect(handset.phone.locator(".theirs .bubble")).to_have_count(1, timeout=SOON)


async def by_microphone(handset: Handset) -> None:
    """Speak after the tone until the line answers by itself, and keep what it understood."""
    await handset.call()
    await handset.press("11")
    await handset.line_has_spoken()
    await handset.speak()
    await handset.line_has_spoken()
    await handset.press("1")
    await handset.line_has_spoken()
    await handset.hang_up()


async def by_sample(handset: Handset) -> None:
    """Say a sample after the tone, end it with #, and keep what the line understood."""
    await handset.call()
    await handset.press("21")
    await handset.line_has_spoken()
    await handset.say(SAMPLE)
    await handset.press("#")
    await handset.line_has_spoken()
    await handset.press("1")
    await handset.line_has_spoken()
    await handset.hang_up()
