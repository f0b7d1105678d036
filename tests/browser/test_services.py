"""A service from a word nobody answers to its answer: asked in the chat, written in the console, asked again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Watched
from tests.browser.handset import Handset
from tests.browser.test_first_journey import make_administrator
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(300)]

SOON = 60_000


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var") as started:
        yield started


async def ask(chat: Page, words: str, answer: str) -> None:
    await chat.get_by_label("Your message").fill(words)
    await chat.get_by_role("button", name="Send").click()
    await expect(chat.get_by_role("log").locator(".letter.ours", has_text=answer)).to_be_visible(timeout=SOON)


async def test_a_word_in_vain_becomes_an_entry_that_answers_it(gateway: Gateway, english: Watched) -> None:
    console = await make_administrator(english, gateway)
    chat = await english.open(f"{gateway.url}/chat")
    await expect(chat.get_by_text("Connected", exact=True)).to_be_visible()
    await ask(chat, "INFO kayak", "we found no service for this word")

    # One press from the word to its entry; how it reads is seen before anybody is told.
    await console.goto(f"{gateway.url}/console/services/words")
    await console.get_by_role("link", name="Write the entry").click()
    await expect(console.get_by_label("Title").first).to_have_value("Kayak")
    await console.get_by_label("Text", exact=True).first.fill("Boats are lent at the lake from 9 to 18.")
    await console.get_by_role("button", name="Preview").click()
    await expect(console.locator("#preview")).to_contain_text("Kayak. Boats are lent at the lake from 9 to 18.")
    await expect(console.locator("#preview")).to_contain_text("paid")
    await console.get_by_role("button", name="Save and publish").click()
    await expect(console.get_by_text("Saved.")).to_be_visible()

    await ask(chat, "info kayaks", "Boats are lent at the lake")
    public = await english.open(f"{gateway.url}/services?q=kayak")
    await public.get_by_role("link", name="Kayak").click()
    await expect(public.locator(".said")).to_have_text("Boats are lent at the lake from 9 to 18.")

    # On the phone it stands under key 1 of key 4.
    handset = Handset(await english.open(gateway.handsets), 0)
    await handset.call()
    await handset.press("24")
    await handset.line_has_spoken()
    await handset.press("1")
    await handset.line_has_spoken()
    await handset.hang_up()

    await console.goto(f"{gateway.url}/console/services/words")
    await expect(console.get_by_text("Every word that was asked for has an entry.")).to_be_visible()
    # What was given is counted: in the chat, on the page and on the phone; the latter two a few seconds later.
    await console.get_by_role("link", name="Entries").click()
    given = console.get_by_role("row", name="Kayak").get_by_role("cell").nth(4)
    while await given.inner_text() != "3":
        await console.reload()
