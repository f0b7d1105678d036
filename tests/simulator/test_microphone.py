"""A person speaks into the page's microphone, and the line hears it word for word: Chromium's pretended one."""

import base64
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from gateway.simulator.app import Simulator
from gateway.simulator.samples import Sample, samples
from gateway.simulator.sound import wav_of
from gateway.workers import Workers
from speech.models import Models
from speech.recogniser import transcribe
from speech.telephone import ulaw_to_pcm
from tests.simulator.conftest import TinyGateway
from tests.simulator.streaming import Line, connect
from tests.simulator.test_browser import ARGS, CHROMIUM

DEMO = Path(__file__).parents[2] / "gateway/simulator/demo_speech"
PRETENDED = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
TYPED = {
    "en-001-en-f4": "water pipe leaking on north street number 27",
    "zh-000-cmn-latn-pinyin-m4": "人民路3号路灯坏了",
}

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")]


@pytest.mark.parametrize("name", TYPED)
async def test_what_is_spoken_arrives_word_for_word(
    simulator: Simulator, tiny: TinyGateway, line: Line, name: str
) -> None:
    sample = samples()[name]
    connect(tiny)
    spoken = sample.path.with_name(sample.path.name.replace("-8k", "-16k"))
    args = [*ARGS, *PRETENDED, f"--use-file-for-fake-audio-capture={spoken}%noloop"]
    async with async_playwright() as player:
        browser = await player.chromium.launch(executable_path=CHROMIUM, args=args)
        page = await browser.new_page()
        await page.goto(f"{simulator.url}/?lang=en")
        phone = page.locator(".phone").first
        await phone.locator("summary").click()
        await phone.get_by_role("button", name="Call", exact=True).click()
        await line.begun.wait()
        await phone.get_by_role("button", name="Speak").click()
        await expect(phone.locator(".own-voice.speaks")).to_be_visible()
        await expect(phone.locator(".own-voice:not(.speaks)")).to_be_visible(timeout=20_000)
        await phone.get_by_role("button", name="Hang up").click()
        await line.ended.wait()
        await browser.close()
    assert await words(line, sample) == TYPED[name]


async def words(line: Line, sample: Sample) -> str:
    """What a recogniser makes of what came."""
    heard = b"".join(base64.b64decode(one["media"]["payload"]) for one in line.events("media"))
    model = Models(DEMO / "nothing", DEMO).find(sample.language, demo=True)
    assert model
    workers = Workers(1)
    try:
        return (await transcribe(workers, model, wav_of(ulaw_to_pcm(heard)), timeout=60)).text
    finally:
        await workers.stop()
