"""An answer begun with a template in a real browser: read before it is put in, put in where the cursor is, edited."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Watched
from tests.browser.test_first_journey import make_administrator
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(120)]

TEXT = "Your report {ticket} is with {department}; they are on their way to {place}."


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var") as started:
        yield started


async def test_a_template_is_read_put_in_and_edited(gateway: Gateway, english: Watched) -> None:
    page = await make_administrator(english, gateway)
    said = await english.context.request.post(f"{gateway.url}/api/v1/posts", data={"text": "the lamp is dark"})
    ticket = (await said.json())["ticket"]
    await page.get_by_role("link", name="Answer templates").click()
    await page.get_by_role("link", name="New template").first.click()
    await page.get_by_label("Department").select_option("roads")
    await page.get_by_label("Name of the template").fill("On our way")
    await page.get_by_label("Text").fill(TEXT)
    await page.get_by_role("button", name="Save").click()
    await page.goto(f"{gateway.url}/console/posts/{ticket}")
    await page.get_by_text("Answer before the post is decided").click()
    await page.get_by_label("Department").select_option("roads")
    filled = f"Your report {ticket} is with Roads; they are on their way to {{place}}."
    await page.get_by_label("Template").select_option(label="On our way")
    await expect(page.locator("[data-preview]")).to_have_text(filled)
    answer = page.get_by_label("Answer", exact=True)
    await answer.fill("Dear neighbour, ")
    await answer.press("End")
    await page.get_by_role("button", name="Insert").click()
    await expect(answer).to_have_value(f"Dear neighbour, {filled}")
    await expect(page.locator("[data-left-open]")).to_contain_text("place")
    await answer.fill(f"Dear neighbour, {filled}".replace("{place}", "Elm Street"))
    await expect(page.locator("[data-left-open]")).to_be_hidden()
    await page.get_by_role("button", name="Answer", exact=True).click()
    await expect(page.locator(".words").filter(has_text="on their way to Elm Street")).to_be_visible()
    await page.get_by_label("Internal note").fill("checked by telephone")
    await page.get_by_role("button", name="Add the note").click()
    await expect(page.locator("#story")).to_contain_text("checked by telephone")
