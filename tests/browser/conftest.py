"""A browser that talks to this machine only, and notes whatever a page complains about."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Response, async_playwright, expect

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
# What is expected comes at once, but on a busy machine much later than the five seconds that are usual.
expect.set_options(timeout=30_000)


@dataclass
class Watched:
    """One window of the browser, with everything it complained about: console, policy violations, failed requests."""

    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    async def open(self, url: str) -> Page:
        """A new page at an address."""
        page = await self.context.new_page()
        page.on("console", lambda said: self._note(said.type in ("error", "warning"), f"{page.url}: {said.text}"))
        page.on("pageerror", lambda error: self._note(True, f"{page.url}: {error}"))
        page.on("response", self._answered)
        await page.goto(url)
        return page

    def _answered(self, response: Response) -> None:
        self._note(response.status >= 400, f"{response.status} {response.url}")

    def _note(self, bad: bool, complaint: str) -> None:
        if bad:
            self.complaints.append(complaint)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Headless Chromium, from the system."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        await chromium.close()


@pytest.fixture
async def english(browser: Browser) -> AsyncIterator[Watched]:
    """A desktop window of somebody who reads English; at the end it must have had nothing to complain about.

    Ask for it after the gateway: it is closed first, for a page whose gateway goes away complains rightly.
    """
    window = Watched(await browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900}))
    yield window
    await window.context.close()
    assert window.complaints == []
