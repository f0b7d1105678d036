"""Somebody speaks, staff make a bulletin, and everybody listens: by chapters, without end, and without JavaScript."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.browser.test_people import set_up, window
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(300)]

SAID = "The street lamp in front of 14 Elm Street has been dark for a week."
BULLETIN, LIVE = "document.querySelector('[data-bulletin] audio')", "document.querySelector('aside audio')"


async def test_a_bulletin_is_made_heard_and_read(tmp_path: Path, browser: Browser) -> None:
    async with (
        running(tmp_path / "var") as gateway,
        window(browser, viewport={"width": 1280, "height": 900}) as watched,
    ):
        page = await watched.open(gateway.url + "/new")
        await page.get_by_label("What is it about?").or_(page.locator("[name=text]")).first.fill(SAID)
        await page.get_by_role("button", name="Send").click()
        await set_up(page, gateway)
        await page.goto(gateway.url + "/console")
        await page.get_by_role("button", name="Publish").first.click()
        await page.locator(".row.decided").wait_for()
        await page.goto(gateway.url + "/console/bulletins")
        await page.get_by_role("button", name="Make one now").click()
        await page.get_by_role("status").wait_for()
        await _on_air(page, gateway)
        assert SAID in await page.locator(".chapters").inner_text()
        await page.locator("[data-seek]").nth(1).click()
        start = float(await page.locator("[data-seek]").nth(1).get_attribute("data-seek") or 0)
        await _until(page, f"{BULLETIN}.currentTime > {start}")
        await page.locator("[data-chapter][aria-current]").nth(0).wait_for()
        assert SAID in await page.locator("[data-chapter][aria-current]").inner_text()
        await page.evaluate(f"{LIVE}.play()")
        await _until(page, f"{LIVE}.currentTime > 0.5")
        assert await page.evaluate(f"{BULLETIN}.paused")
        await page.goto("about:blank")
        async with window(browser, java_script_enabled=False, viewport={"width": 390, "height": 844}) as plain:
            page = await plain.open(gateway.url + "/radio")
            href = await page.locator(".chapter").nth(1).get_attribute("href") or ""
            assert "#t=" in href
            answer = await page.request.get(gateway.url + href.partition("#")[0])
            assert (answer.status, answer.headers["content-type"]) == (200, "audio/mpeg")


async def _on_air(page: Page, gateway: Gateway) -> None:
    """Look at the radio until it can be heard; the test's own time limit ends a vain wait."""
    await page.goto(gateway.url + "/radio?language=en")
    while not await page.locator("[data-seek]").count():
        await page.wait_for_timeout(500)
        await page.reload()


async def _until(page: Page, expression: str) -> None:
    """Wait for something the page's own policy lets nobody wait for in it."""
    while not await page.evaluate(expression):
        await page.wait_for_timeout(100)
