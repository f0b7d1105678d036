"""Somebody's own page, as a phone shows it and without JavaScript: two lines become one person, and that one leaves."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.conftest import Watched
from tests.browser.test_first_journey import SOON, make_administrator, text
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(240)]

NUMBER = "138 0013 8001"
TEXTED = "the lamp at the park is broken, call 13900139000"
WRITTEN = "water pipe leaking on north street"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var") as started:
        yield started


@pytest.fixture
async def small(browser: Browser) -> AsyncIterator[Watched]:
    """A phone's browser that runs no scripts."""
    screen = {"width": 390, "height": 844}
    window = Watched(await browser.new_context(locale="en-US", viewport=screen, java_script_enabled=False))  # type: ignore[arg-type]
    yield window
    await window.context.close()
    assert window.complaints == []


async def new_code(phone: Locator, *known: str) -> str:
    """The code a handset got beside those that are known."""
    told = phone.get_by_text(re.compile(r"your code is \d{6}"))
    await expect(told).to_have_count(len(known) + 1, timeout=SOON)
    found: list[str] = re.findall(r"your code is (\d{6})", "\n".join(await told.all_inner_texts()))
    return next((code for code in found if code not in known), found[0])


async def type_code(page: Page, code: str) -> None:
    await page.get_by_label("Code of 6 digits").fill(code)
    await page.get_by_role("button", name="Confirm").click()


async def fits(page: Page) -> None:
    """Nothing is wider than the screen."""
    box = await page.locator("body").bounding_box()
    assert box
    assert box["width"] <= 390
    for card in await page.locator("main .card, main .post, main .notice").all():
        inside = await card.bounding_box()
        assert inside
        assert inside["x"] + inside["width"] <= 390


async def test_two_lines_become_one_person_and_leave(gateway: Gateway, english: Watched, small: Watched) -> None:
    console = await make_administrator(english, gateway)
    handsets = await english.open(gateway.handsets)
    phone = handsets.locator("article.phone").first
    await text(phone, TEXTED)
    await expect(phone.get_by_text(re.compile("received, ticket"))).to_be_visible(timeout=SOON)

    # A newcomer is told what the page is for; then he says something, and it is there.
    me = await small.open(f"{gateway.url}/me")
    await expect(me.get_by_text("Nothing was said in this browser yet.")).to_be_visible()
    await fits(me)
    await me.goto(f"{gateway.url}/new")
    await me.get_by_label("What is wrong, and where?").fill(WRITTEN)
    await me.get_by_role("button", name="Send").click()
    await me.get_by_role("link", name="Me", exact=True).click()
    await expect(me.get_by_text(WRITTEN)).to_be_visible()
    await expect(me.get_by_text(TEXTED)).to_have_count(0)

    # Linked by a code, the phone brings what it texted: in his own words, while nobody else may read them.
    await me.get_by_label("Mobile number").fill(NUMBER)
    await me.get_by_role("button", name="Send me a code").click()
    await expect(me.get_by_text("We sent a code to 138****8001.")).to_be_visible()
    code = await new_code(phone)
    await type_code(me, code)
    await expect(me.get_by_text("Linked.")).to_be_visible()
    await expect(me.get_by_text(TEXTED)).to_be_visible()
    lines = me.locator("#lines")
    await expect(lines.get_by_text("This browser", exact=True)).to_be_visible()
    await expect(lines.get_by_text("138****8001")).to_be_visible()
    await fits(me)

    # His name stands beside what is published.
    await me.get_by_label("Shown name").fill("Lin")
    await me.locator("#name").get_by_role("button", name="Save").click()
    await console.goto(f"{gateway.url}/console")
    await console.get_by_role("button", name="Publish").first.click()
    await expect(console.locator("#queue article:not(.decided)")).to_have_count(1)
    portal = await english.open(gateway.url)
    await expect(portal.locator("#timeline article").first).to_contain_text("Lin")

    # Muted and unmuted, unlinked and linked again: all by plain forms.
    await lines.get_by_role("button", name="Mute").first.click()
    await expect(me.get_by_text("Muted. It hears only")).to_be_visible()
    await lines.get_by_role("button", name="Unmute").click()
    await lines.get_by_role("link", name="Unlink").click()
    await me.get_by_role("button", name="Unlink").click()
    await expect(me.get_by_text("Unlinked.")).to_be_visible()
    await expect(me.get_by_text("the lamp at the park")).to_have_count(0)
    await me.get_by_label("Mobile number").fill(NUMBER)
    await me.get_by_role("button", name="Send me a code").click()
    await type_code(me, await new_code(phone, code))
    await expect(me.get_by_text("the lamp at the park")).to_be_visible()

    # Everything taken away, then erased, everywhere.
    await me.get_by_role("link", name="Take everything with you").click()
    async with me.expect_download() as waiting:
        await me.get_by_role("button", name="Download").click()
    document = json.loads(Path(await (await waiting.value).path()).read_text())
    assert {post["words"] for post in document["posts"]} == {TEXTED, WRITTEN}
    await me.get_by_role("link", name="Back").click()
    await me.get_by_role("link", name="Erase everything about you").click()
    await fits(me)
    await me.get_by_label("Type ERASE").fill("erase")
    await me.get_by_role("button", name="Erase everything about me").click()
    await expect(me.get_by_role("heading", name="Erased")).to_be_visible()
    await expect(portal.locator("#timeline article")).to_have_count(0)
    await me.get_by_role("link", name="Me", exact=True).click()
    await expect(me.get_by_text("Nothing was said in this browser yet.")).to_be_visible()
