"""The chat as people use it: said in one window, decided in another, read without a reload; with photo and voice."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.browser.conftest import ARGUMENTS, CHROMIUM, Watched
from tests.browser.test_first_journey import make_administrator
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(240)]

WORDS = "water pipe leaking on north street number 27"
PHONE = {"width": 390, "height": 844}
SECONDS = 1000
MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
# The smallest picture there is: one red point.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c4944415408d763f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var") as started:
        yield started


@pytest.fixture
async def speaking() -> AsyncIterator[Browser]:
    """Chromium with a microphone that hears a beep."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *MICROPHONE])
        yield chromium
        await chromium.close()


@pytest.fixture
async def citizen(gateway: Gateway, speaking: Browser) -> AsyncIterator[Watched]:
    """A citizen's phone; at the end it must have had nothing to complain about."""
    context = await speaking.new_context(locale="en-US", viewport=PHONE, permissions=["microphone"])  # type: ignore[arg-type]  # a size
    window = Watched(context)
    yield window
    await window.context.close()
    assert window.complaints == []


async def say(chat: Page, words: str) -> None:
    await chat.get_by_label("Your message").fill(words)
    await chat.get_by_role("button", name="Send").click()


async def ready(chat: Page) -> None:
    await expect(chat.get_by_text("Connected", exact=True)).to_be_visible()


async def test_a_conversation_with_the_city(gateway: Gateway, english: Watched, citizen: Watched) -> None:
    console = await make_administrator(english, gateway)
    chat = await citizen.open(f"{gateway.url}/chat")
    letters = chat.get_by_role("log")
    await ready(chat)

    # Said, accepted, answered with a ticket that leads to its page.
    await say(chat, WORDS)
    await expect(letters.locator(".letter.own", has_text=WORDS).get_by_title("Accepted")).to_be_visible()
    receipt = letters.locator(".letter.ours", has_text="received, ticket")
    await expect(receipt.get_by_role("link")).to_have_attribute("href", re.compile(r"^/posts/\d{8}$"))
    ticket = (await receipt.get_by_role("link").inner_text()).strip()

    # Staff see that it was read, and that the author is typing; their decision appears without a reload.
    await console.goto(f"{gateway.url}/console/posts/{ticket}")
    await expect(console.get_by_text("✓ seen")).to_be_visible()
    await chat.get_by_label("Your message").press_sequentially("I can also say that", delay=20)
    await expect(console.get_by_text("The author is typing")).to_be_visible()
    await console.get_by_role("button", name="Publish").click()
    await expect(letters.get_by_text(f"your report {ticket} is published")).to_be_visible()
    await expect(chat.locator(f"#p-{ticket}")).to_have_count(1)

    # What is half written and what was said survive a reload.
    await chat.reload()
    await ready(chat)
    await expect(chat.get_by_label("Your message")).to_have_value("I can also say that")
    await expect(letters.locator(".letter.own")).to_have_count(1)
    await chat.get_by_role("button", name=re.compile("How does it stand")).click()
    await expect(letters.get_by_text(re.compile(f"{ticket}: published"))).to_be_visible()


async def test_a_photo_and_a_voice_note(gateway: Gateway, citizen: Watched) -> None:
    chat = await citizen.open(f"{gateway.url}/chat")
    await ready(chat)
    await chat.get_by_label("Photo or sound").set_input_files(
        {"name": "leak.png", "mimeType": "image/png", "buffer": PICTURE}
    )
    await chat.get_by_role("button", name="Record", exact=True).click()
    await expect(chat.get_by_role("button", name=re.compile("Recording… 1 s"))).to_be_visible()
    await chat.get_by_role("button", name=re.compile("Recording")).click()
    await expect(chat.locator("[data-attached] li")).to_have_count(2)
    await chat.get_by_label("Your message").fill("this is how it looks and sounds")
    await chat.get_by_role("button", name="Send").click()
    letter = chat.locator(".letter.own", has_text="this is how it looks")
    await expect(letter.locator("img")).to_be_visible()
    assert await letter.locator("img").evaluate("image => image.complete && image.naturalWidth") == 1
    heard = await citizen.context.request.get(gateway.url + str(await letter.locator("audio").get_attribute("src")))
    assert heard.headers["content-type"].startswith("audio/webm")
    assert len(await heard.body()) > 1000
    await expect(chat.locator(".letter.ours", has_text="ticket")).to_be_visible()


async def test_what_is_written_without_a_connection_is_sent_when_there_is_one(
    gateway: Gateway, speaking: Browser
) -> None:
    context = await speaking.new_context(locale="en-US", viewport=PHONE)  # type: ignore[arg-type]  # a size
    chat = await context.new_page()
    await chat.goto(f"{gateway.url}/chat")
    await ready(chat)
    await gateway.kill()
    await expect(chat.get_by_role("status").get_by_text("No connection.")).to_be_visible()
    await say(chat, WORDS)
    await expect(chat.get_by_text("Waits for the connection")).to_be_visible()
    await gateway.start()
    await expect(chat.locator(".letter.own", has_text=WORDS).get_by_title("Accepted")).to_be_visible(
        timeout=40 * SECONDS
    )
    await expect(chat.locator(".letter.own")).to_have_count(1)
    await expect(chat.locator(".pending")).to_have_count(0)
    await context.close()


async def test_it_works_without_a_script_too(gateway: Gateway, speaking: Browser) -> None:
    context: BrowserContext = await speaking.new_context(locale="en-US", java_script_enabled=False)
    chat = await context.new_page()
    await chat.goto(f"{gateway.url}/chat")
    await say(chat, WORDS)
    await expect(chat.get_by_text(re.compile("received, ticket"))).to_be_visible()
    await chat.get_by_role("button", name="Help", exact=True).click()
    await expect(chat.get_by_text(re.compile("write what is wrong and where, and you get a ticket"))).to_be_visible()
    await context.close()
