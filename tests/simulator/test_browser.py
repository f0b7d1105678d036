"""The page in a real browser: texting, calling, reloading; without an error and without a request to elsewhere."""

import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from playwright.async_api import ConsoleMessage, Error, Page, Request, async_playwright, expect

from gateway.simulator.app import Simulator
from gateway.simulator.samples import samples
from gateway.simulator.sound import pcm_of
from speech.telephone import pcm_to_ulaw
from tests.simulator.conftest import CITIZEN, TinyGateway
from tests.simulator.streaming import Line, connect
from tests.simulator.test_calls import tone

CHROMIUM = Path("/usr/bin/chromium")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGS += ["--disable-component-update", "--disable-sync"]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
INSIDE = """phone => [...phone.querySelectorAll(".write *")].every(
    one => one.getBoundingClientRect().right <= phone.getBoundingClientRect().right)"""
ANSWER = "/hooks/voice_twilio/answer"

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")]


@pytest.fixture
async def window(simulator: Simulator) -> AsyncIterator[Page]:
    """A phone-sized window on the English page; at the end nothing may have gone wrong or elsewhere."""
    wrong: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            wrong.append(message.text)

    def fail(error: Error) -> None:
        wrong.append(str(error))

    def watch(request: Request) -> None:
        if not request.url.startswith(simulator.url):
            wrong.append(request.url)

    async with async_playwright() as player:
        browser = await player.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = await browser.new_page(viewport={"width": 390, "height": 800})
        page.on("console", hear)
        page.on("pageerror", fail)
        page.on("request", watch)
        await page.goto(f"{simulator.url}/?lang=en")
        yield page
        await browser.close()
    assert wrong == []


async def test_a_conversation_is_seen_live_and_after_a_reload(
    simulator: Simulator, api: ClientSession, window: Page
) -> None:
    phone = window.locator(".phone").first
    await expect(phone.locator(".messages")).to_have_text("No messages yet. Write to the city below.")
    await phone.locator("textarea").fill("<b>Light</b> out")
    await phone.locator("textarea").press("Enter")
    await expect(phone.locator(".mine .state")).to_have_text("the gateway has it")
    async with api.post("Messages.json", data={"To": CITIZEN, "From": simulator.number, "Body": "Thank you"}):
        await expect(phone.locator(".theirs .bubble")).to_have_text("Thank you")
    await window.reload()
    await expect(phone.locator(".bubble")).to_have_text(["<b>Light</b> out", "Thank you"])
    assert await window.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_photos_are_chosen_taken_back_sent_and_seen(
    simulator: Simulator, tiny: TinyGateway, window: Page, tmp_path: Path
) -> None:
    own = tmp_path / "own.png"
    own.write_bytes(PNG)
    phone = window.locator(".phone").first
    await phone.get_by_role("button", name="Attach photos or sound").click()
    await phone.locator(".pick input").set_input_files([own])
    await phone.get_by_role("button", name="A hole in the road").click()
    await phone.get_by_role("button", name="A street light that is out").click()
    await phone.get_by_role("button", name="Remove A street light that is out").click()
    assert await window.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await phone.evaluate(INSIDE), "nothing is cut off at the edge"
    await phone.get_by_role("button", name="Send").click()
    await expect(phone.locator(".mine .state")).to_have_text("the gateway has it")
    await expect(phone.locator(".mine .photo img")).to_have_count(2)
    await expect(phone.locator(".chosen")).to_be_hidden()
    seen = "images => images.every(image => image.complete && image.naturalWidth > 0)"
    await window.wait_for_function(f"({seen})([...document.querySelectorAll('.mine .photo img')])")
    (told,) = tiny.at("/hooks/sms_twilio/inbound")
    assert [told.form["NumMedia"], told.form["MediaContentType0"]] == ["2", "image/png"]


async def test_a_gateway_that_is_away_is_said(simulator: Simulator, window: Page, unused_tcp_port: int) -> None:
    simulator.gateway_url = f"http://127.0.0.1:{unused_tcp_port}"
    phone = window.locator(".phone").first
    await phone.locator("textarea").fill("Anybody there?")
    await phone.locator("textarea").press("Enter")
    await expect(phone.locator(".mine .state")).to_have_text("the gateway did not take it; the carrier keeps it")


async def test_a_call_by_hand(simulator: Simulator, tiny: TinyGateway, window: Page) -> None:
    gather = '<Gather action="next" numDigits="1" timeout="30"><Say>Press 2</Say></Gather>'
    tiny.answers |= {ANSWER: [f"<Response>{gather}</Response>"]}
    tiny.answers["/hooks/voice_twilio/next"] = ['<Response><Say>Two</Say><Pause length="60"/></Response>']
    phone = window.locator(".phone").first
    await phone.locator("summary").click()
    await phone.get_by_role("button", name="Call", exact=True).click()
    await expect(phone.locator(".log .say")).to_have_text("Line says: Press 2")
    await phone.get_by_role("button", name="Key 2").click()
    await expect(phone.locator(".log .pause")).to_be_visible()
    await phone.get_by_role("button", name="Hang up").click()
    await expect(phone.locator(".log .end")).to_have_text("The caller hung up")
    await expect(phone.get_by_role("button", name="Call", exact=True)).to_be_visible()


HEARD = """number => {
    const { context, earpiece } = drawn.get(number).sound;
    const meter = new AnalyserNode(context);
    earpiece.connect(meter);
    const wave = new Float32Array(meter.fftSize);
    return new Promise(done => {
        const look = () => {
            meter.getFloatTimeDomainData(wave);
            if (Math.max(...wave) > 0.2) done(true); else setTimeout(look, 20);
        };
        look();
    });
}"""


async def test_a_streamed_call_by_hand(simulator: Simulator, tiny: TinyGateway, line: Line, window: Page) -> None:
    """The line is heard, keys and a sample get there, and without a microphone the rest works."""
    connect(tiny)
    phone = window.locator(".phone").first
    await phone.locator("summary").click()
    await phone.get_by_role("button", name="Call", exact=True).click()
    await line.begun.wait()
    await expect(phone.get_by_role("button", name="Listen")).to_have_attribute("aria-pressed", "true")
    await expect(phone.locator(".line-voice")).not_to_have_class(re.compile("speaks"))
    await line.plays(pcm_to_ulaw(pcm_of(tone(30, level=16000))), "played")
    await expect(phone.locator(".line-voice")).to_have_class(re.compile("speaks"))
    assert await window.evaluate(HEARD, CITIZEN)
    await phone.get_by_role("button", name="Key 7").click()
    assert (await line.until("dtmf"))[0]["dtmf"]["digit"] == "7"
    await line.says("clear")
    await expect(phone.locator(".line-voice")).not_to_have_class(re.compile("speaks"))
    sample = next(sample for sample in samples().values() if sample.language == "en")
    await phone.get_by_label("What the caller says").select_option(label=sample.text)
    await phone.get_by_role("button", name="Say it").click()
    await expect(phone.locator(".own-voice")).to_have_class(re.compile("speaks"))
    await expect(phone.locator(".own-voice")).not_to_have_class(re.compile("speaks"), timeout=20_000)
    heard = b"".join(base64.b64decode(one["media"]["payload"]) for one in line.events("media"))
    assert pcm_to_ulaw(pcm_of(sample.path.read_bytes())) in heard
    await phone.get_by_role("button", name="Speak").click()
    await expect(window.get_by_role("alert")).to_have_text(re.compile("microphone"))
    await phone.get_by_role("button", name="Hang up").click()
    await expect(phone.locator(".log .end")).to_have_text("The caller hung up")
    await line.ended.wait()
    assert await window.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_switching_off_and_adding_a_phone(simulator: Simulator, window: Page) -> None:
    phone = window.locator(".phone").first
    await phone.get_by_role("button", name="Switch off").click()
    await expect(phone.locator(".off-note")).to_be_visible()
    assert not simulator.handset(CITIZEN).on
    await window.get_by_label("Number of another phone").fill("+86 138 0013 8007")
    await window.get_by_role("button", name="Add a phone").click()
    await expect(window.locator(".phone .number")).to_have_count(4)
    await expect(window.locator(".phone .number").last).to_have_text("+8613800138007")
