"""One citizen, three media: a report with photos and a voice note, the chat that goes on with it, and his own page."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.browser.conftest import ARGUMENTS, CHROMIUM, Watched
from tests.browser.test_first_journey import SOON, make_administrator
from tests.browser.test_me import new_code, type_code
from tests.browser.test_rich_input import FAKED, record, ticket_of
from tests.journey.test_media import photo_taken
from tests.journey.test_photos import picture, written
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(240)]

WORDS, MORE = "the pipe at the school is leaking", "the water reaches the road by now"
NUMBER = "138 0013 8001"
PHONE: dict[str, Any] = {"locale": "en-US", "viewport": {"width": 390, "height": 844}, "has_touch": True}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var") as started:
        yield started


@pytest.fixture
async def citizen(gateway: Gateway) -> AsyncIterator[Watched]:
    """A telephone's browser with a microphone; at the end it must have had nothing to complain about."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    async with async_playwright() as playwright:
        chromium: Browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *FAKED])
        window = Watched(await chromium.new_context(**PHONE, permissions=["microphone"]))
        yield window
        await window.context.close()
        await chromium.close()
    assert window.complaints == []


async def test_form_then_chat_then_all_lines_in_one_place(
    gateway: Gateway, english: Watched, citizen: Watched, tmp_path: Path
) -> None:
    console = await make_administrator(english, gateway)
    handsets = await english.open(gateway.handsets)
    for name, data in (("lamp.jpg", photo_taken()), ("street.png", written(picture((900, 1200)), "PNG"))):
        (tmp_path / name).write_bytes(data)

    # A report from the telephone's screen: two photos and a voice note.
    form = await citizen.open(f"{gateway.url}/new")
    await form.get_by_label("What is wrong, and where?").fill(WORDS)
    await form.get_by_label("Photos", exact=True).set_input_files([tmp_path / "lamp.jpg", tmp_path / "street.png"])
    await record(form)
    await form.get_by_role("button", name="Send").click()
    await expect(form.get_by_role("heading", name="Received")).to_be_visible()
    ticket = ticket_of(form)

    # The chat of the same browser knows the report, and goes on with it.
    chat = await citizen.open(f"{gateway.url}/chat")
    await expect(chat.get_by_role("log").get_by_text(WORDS)).to_be_visible()
    await expect(chat.get_by_text("Connected", exact=True)).to_be_visible()
    await chat.get_by_label("Your message").fill(MORE)
    await chat.get_by_role("button", name="Send").click()
    added = chat.get_by_role("log").get_by_text(re.compile("added to your report"))
    await expect(added).to_contain_text(ticket, timeout=SOON)

    # Staff see one thread: the report with its files, and what was added.
    await console.goto(f"{gateway.url}/console/posts/{ticket}")
    await expect(console.locator(".thumb img")).to_have_count(2, timeout=SOON)
    await expect(console.locator("main audio")).to_have_count(1, timeout=SOON)
    await expect(console.locator("p.words", has_text=MORE)).to_be_visible()

    # Linked by the code that came to the phone, both lines stand on one page, with the one thread.
    me = await citizen.open(f"{gateway.url}/me")
    await me.get_by_label("Mobile number").fill(NUMBER)
    await me.get_by_role("button", name="Send me a code").click()
    await expect(me.get_by_text("We sent a code to 138****8001.")).to_be_visible()
    await type_code(me, await new_code(handsets.locator("article.phone").first))
    await expect(me.get_by_text("Linked.")).to_be_visible()
    lines = me.locator("#lines")
    await expect(lines.get_by_text("This browser", exact=True)).to_be_visible()
    await expect(lines.get_by_text("138****8001")).to_be_visible()
    await expect(me.get_by_text(WORDS)).to_have_count(1)
    await expect(me.get_by_text(MORE)).to_have_count(1)

    # And from the linked phone the same report is asked for without its number.
    phone = handsets.locator("article.phone").first
    await phone.get_by_role("textbox").first.fill("STATUS")
    await phone.get_by_role("button", name="Send").click()
    await expect(phone.get_by_text(re.compile(f"{ticket}: waiting for review"))).to_be_visible(timeout=SOON)
