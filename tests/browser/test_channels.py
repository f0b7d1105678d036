"""The operators' pages in a real browser: well, paused by hand, turned away while isolated, and well again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Watched
from tests.browser.test_first_journey import make_administrator
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(120)]


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var") as started:
        yield started


async def test_an_operator_switches_a_channel_and_sees_it(gateway: Gateway, english: Watched) -> None:
    page = await make_administrator(english, gateway)
    await page.get_by_role("link", name="Channels").click()
    await expect(page.get_by_text("channels are simulated")).to_be_visible()
    await page.get_by_role("link", name="Text message").click()
    await expect(page.get_by_text("None of a carrier")).to_be_visible()
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("Nothing is sent. What comes in is taken.")).to_be_visible()
    wall = await english.open(f"{gateway.url}/console/channels")
    await expect(wall.get_by_text("1 channel is held by hand")).to_be_visible()
    await page.get_by_role("button", name="Resume").click()
    # The wall is nobody's to reload: it follows by itself.
    await expect(wall.get_by_text("channels are simulated")).to_be_visible()


async def test_what_is_isolated_turns_away_and_takes_again(gateway: Gateway, english: Watched) -> None:
    page = await make_administrator(english, gateway)
    saying = english.context.request
    words = {"text": "the street lamp at the corner is dark"}
    await page.goto(f"{gateway.url}/console/channels/web_form")
    await page.get_by_role("button", name="Isolate").click()
    await expect(page.locator(".condition")).to_contain_text("isolated")
    refused = await saying.post(f"{gateway.url}/api/v1/posts", data=words)
    assert (refused.status, refused.headers["retry-after"]) == (503, "60")
    await page.get_by_role("button", name="Resume").click()
    await expect(page.locator(".condition")).to_contain_text("works")
    assert (await saying.post(f"{gateway.url}/api/v1/posts", data=words)).status == 202
