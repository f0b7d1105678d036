"""An answer is judged as people do it: by a tap in the chat, and by a button of a page without JavaScript."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Watched
from tests.browser.test_first_journey import make_administrator
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(240)]

WORDS = "the street lamp at 14 Elm Street is dark"
ANSWER = "It has a new bulb since this morning."
PHONE = {"width": 390, "height": 844}
PICTURE = Path(__file__).parents[2] / "gateway/simulator/pictures/lamp.jpg"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var") as started:
        yield started


async def answer(console: Page, gateway: Gateway, ticket: str) -> None:
    """Publish a report and answer it with a photo, on the staff's page of it."""
    await console.goto(f"{gateway.url}/console/posts/{ticket}")
    await console.get_by_role("button", name="Publish").click()
    await expect(console.locator("header").get_by_text("Published", exact=True)).to_be_visible()
    await console.locator("#department").select_option("roads")
    await console.get_by_label("Answer", exact=True).fill(ANSWER)
    await console.get_by_label("Photos").set_input_files(PICTURE)
    await console.get_by_role("button", name="Answer", exact=True).click()
    await expect(console.locator(".words").filter(has_text=ANSWER)).to_be_visible()


async def test_a_tap_in_the_chat_opens_the_case_again_and_another_takes_that_back(
    gateway: Gateway, browser: Browser, english: Watched
) -> None:
    console = await make_administrator(english, gateway)
    citizen = Watched(await browser.new_context(locale="en-US", viewport=PHONE))  # type: ignore[arg-type]  # a size
    chat = await citizen.open(f"{gateway.url}/chat")
    await expect(chat.get_by_text("Connected", exact=True)).to_be_visible()
    await chat.get_by_label("Your message").fill(WORDS)
    await chat.get_by_role("button", name="Send").click()
    letters = chat.get_by_role("log")
    receipt = letters.locator(".letter.ours", has_text="received, ticket")
    ticket = (await receipt.get_by_role("link").inner_text()).strip()
    await answer(console, gateway, ticket)
    told = letters.locator(".letter.ours", has_text=ANSWER)
    await told.get_by_role("button", name="1 of 5 stars").click()
    await expect(letters.get_by_text(f"{ticket} is open again")).to_be_visible()
    await console.goto(f"{gateway.url}/console/inbox?mark=bad")
    await expect(console.get_by_text(WORDS)).to_be_visible()
    await told.get_by_role("button", name="5 of 5 stars").click()
    await expect(letters.get_by_text(f"{ticket} is closed again")).to_be_visible()
    page = await citizen.open(f"{gateway.url}/posts/{ticket}")
    await expect(page.get_by_role("img", name="5 of 5 stars")).to_be_visible()
    assert citizen.complaints == []
    await citizen.context.close()


async def test_a_button_of_a_page_closes_it_without_javascript(
    gateway: Gateway, browser: Browser, english: Watched
) -> None:
    console = await make_administrator(english, gateway)
    context = await browser.new_context(locale="en-US", viewport=PHONE, java_script_enabled=False)  # type: ignore[arg-type]
    citizen = Watched(context)
    page = await citizen.open(f"{gateway.url}/new")
    await page.locator("textarea[name=text]").fill(WORDS)
    await page.locator("main form button").last.click()
    ticket = re.findall(r"/posts/(\d{8})", page.url)[0]
    await answer(console, gateway, ticket)
    await page.goto(f"{gateway.url}/posts/{ticket}")
    await page.get_by_role("link", name="Is this your report?").click()
    await expect(page.get_by_text(ANSWER)).to_be_visible()
    await page.get_by_role("button", name="5 of 5 stars").click()
    await expect(page.get_by_text("Your mark is noted")).to_be_visible()
    await page.goto(f"{gateway.url}/posts/{ticket}")
    await expect(page.get_by_role("img", name="5 of 5 stars")).to_be_visible()
    assert citizen.complaints == []
    await context.close()
