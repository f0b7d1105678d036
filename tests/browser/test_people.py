"""Staff come in and mind their account in a real browser: by two steps without JavaScript, and on a phone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pyotp
import pytest
from playwright.async_api import Browser, Page

from tests.browser.conftest import Watched
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(300)]

PASSWORD = "a long password"


@asynccontextmanager
async def window(browser: Browser, **options: object) -> AsyncIterator[Watched]:
    """A window that must have had nothing to complain about."""
    watched = Watched(await browser.new_context(locale="en-US", **options))  # type: ignore[arg-type]
    yield watched
    await watched.context.close()
    assert watched.complaints == []


async def set_up(page: Page, gateway: Gateway) -> None:
    """Make the first administrator by the link the gateway printed."""
    link = next(word for word in gateway.said.split() if "/setup/" in word)
    await page.goto(gateway.url + urlsplit(link).path)
    await page.get_by_label("Name").fill("chief")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Make the account").click()


async def test_two_steps_without_javascript_and_accounts_on_a_phone(tmp_path: Path, browser: Browser) -> None:
    async with running(tmp_path / "var") as gateway:
        async with window(browser, java_script_enabled=False, viewport={"width": 1280, "height": 900}) as plain:
            page = await plain.open(gateway.url + "/login")
            await set_up(page, gateway)
            await page.goto(gateway.url + "/console/account/second-factor")
            await page.get_by_label("Password now").fill(PASSWORD)
            await page.get_by_role("button", name="Begin").click()
            secret = (await page.locator("#secret").inner_text()).replace(" ", "")
            picture = page.get_by_alt_text("QR code of the key below")
            box = await picture.bounding_box()
            assert box
            assert box["width"] > 200
            await page.get_by_label("Code").fill(pyotp.TOTP(secret).now())
            await page.get_by_role("button", name="Turn it on").click()
            code = (await page.locator(".codes code").all_inner_texts())[0]
            await page.get_by_role("button", name="Log out").click()
            await page.get_by_label("Name").fill("chief")
            await page.get_by_label("Password").fill(PASSWORD)
            await page.get_by_role("button", name="Log in").click()
            await page.get_by_label("Code").fill(code)
            await page.get_by_role("button", name="Log in").click()
            assert urlsplit(page.url).path == "/console"
            state = await plain.context.storage_state()
        async with window(browser, storage_state=state, viewport={"width": 390, "height": 844}) as phone:
            page = await phone.open(gateway.url + "/console/users")
            await page.locator("#name").fill("李娜")
            await page.get_by_role("button", name="Make the account and its link").click()
            assert "/setup/" in await page.locator("#link").inner_text()
            for path in ("users", "account", "account/second-factor", "audit", "settings"):
                await page.goto(f"{gateway.url}/console/{path}")
                sideways = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert sideways <= 0, path
