"""Somebody calls, and staff read along without touching the page."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import expect

from gateway import clock
from store import calls
from store.calls import Call, Words
from tests.browser.conftest import Watched
from tests.browser.demo_calls import LINE, beside
from tests.browser.test_first_journey import make_administrator
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(120)]
# Another process looks every few seconds even when nothing wakes it.
SOON = 20_000


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var") as started:
        yield started


async def test_a_call_comes_grows_and_ends(gateway: Gateway, english: Watched, tmp_path: Path) -> None:
    page = await make_administrator(english, gateway)
    await page.get_by_role("link", name="Calls").click()
    await expect(page.get_by_text("Nobody is calling just now.")).to_be_visible()
    at = clock.now()
    call = Call(
        id=clock.new_id(),
        channel="voice_twilio",
        external_id="CA1",
        line=LINE,
        language="en",
        live=True,
        step="speaking",
        begun_at=at,
        changed_at=at,
        lease_until=at + timedelta(hours=1),
        holder="beside",
    )
    async with beside(tmp_path / "var") as (database, vault):

        async def stands(**values: object) -> None:
            nonlocal call
            call = replace(call, **values, changed_at=clock.now())  # type: ignore[arg-type]
            await database.write(lambda tx: calls.write(tx, vault, [call]))

        await database.write(lambda tx: calls.begin(tx, vault, call, 10))
        card = page.locator(f"#call-{call.id}")
        await expect(card).to_contain_text("speaking", timeout=SOON)
        await expect(card.get_by_text("Nothing has been said yet.")).to_be_visible()
        await expect(page.get_by_text("Nobody is calling just now.")).to_be_hidden()
        await stands(words=Words(partial="the lamp"))
        await expect(card.locator("[data-partial]")).to_have_text("the lamp", timeout=SOON)
        await stands(words=Words(("the lamp is dark",), "and"), ticket="12345670")
        await expect(card.locator("[data-settled]")).to_contain_text("the lamp is dark", timeout=SOON)
        link = card.get_by_role("link", name="1234 5670")
        await link.focus()
        await stands(step="confirming", words=Words(("the lamp is dark", "and wet")))
        await expect(card).to_contain_text("confirming", timeout=SOON)
        await expect(link).to_be_focused()
        await stands(ended_at=clock.now(), how="hung_up")
        await expect(card).to_contain_text("hung up", timeout=SOON)
        await expect(page.locator("[data-number]")).to_have_text("0")
    await page.reload()
    await expect(page.locator("[data-ended]").get_by_text("the lamp is dark")).to_be_visible()
    await expect(page.get_by_text("Nobody is calling just now.")).to_be_visible()
