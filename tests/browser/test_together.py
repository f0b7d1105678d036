"""Reports about the same thing in a browser: offered while somebody writes, joined by one tap, and by one key."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Watched
from tests.browser.test_queue import as_administrator, say
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(240)]

LEAK, SAME = "water pipe leaking on north street number 27", "A pipe on North Street 27 is leaking water"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var", EVERYLINE_GATEWAY__BROADCAST__UNDO_SECONDS="600") as started:
        yield started


async def test_the_same_is_offered_while_somebody_writes_and_joined_by_one_key(
    gateway: Gateway, english: Watched
) -> None:
    console = await as_administrator(english, gateway)
    await say(english, gateway, LEAK)
    row = console.locator("#queue article")
    await expect(row).to_have_count(1)
    await row.get_by_role("button", name="Publish").click()
    await expect(console.locator("#queue article.decided")).to_have_count(1)

    form = await english.open(f"{gateway.url}/new")
    await form.get_by_label("What is wrong, and where?").press_sequentially(SAME)
    offer = form.locator("section.offered")
    await expect(offer).to_contain_text(LEAK)
    await form.get_by_role("button", name="Yes, it is this: add me").click()
    await form.wait_for_url("**/posts/*?joined=1")
    await expect(form.locator(".reporters")).to_have_text("2 people reported this")
    await expect(form.get_by_role("status")).to_contain_text("You are counted among those who reported this")

    await say(english, gateway, SAME)
    likely = console.locator("#queue article:not(.decided) .likely")
    await expect(likely).to_contain_text(LEAK)
    await console.locator("#queue article:not(.decided) .words").first.click()
    await console.keyboard.press("m")
    await expect(console.locator("#queue article.decided")).to_have_count(2)
    await expect(console.locator("#queue article.decided").last).to_contain_text("Not published")
    await form.goto(form.url.partition("?")[0])
    await expect(form.locator(".reporters")).to_have_text("3 people reported this")
    # And the last decision is taken back by one key.
    await console.keyboard.press("u")
    await expect(console.locator("#queue article.decided")).to_have_count(1)
    await form.reload()
    await expect(form.locator(".reporters")).to_have_text("2 people reported this")
