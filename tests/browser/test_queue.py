"""The moderators' queue by keyboard alone, with colleagues, and with what arrives while somebody reads."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.conftest import Watched
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(240)]

PASSWORD = "correct horse battery"
THINGS = (
    "the lamp at the church is dark",
    "rubbish lies behind the old school",
    "a dog barks all night in Elm Street",
    "the swing in the park squeaks loudly",
    "water stands on the road to the mill",
    "no bus came to the station this morning",
    "the bench by the river is broken",
    "somebody painted the wall of the library",
    "the drain at the market smells terrible",
    "a branch hangs over the cycle path",
)
URGENT = "fire in the school, people trapped"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var", EVERYLINE_GATEWAY__BROADCAST__UNDO_SECONDS="600") as started:
        yield started


async def say(window: Watched, gateway: Gateway, *texts: str) -> None:
    """Reports by the public API."""
    for text in texts:
        answer = await window.context.request.post(f"{gateway.url}/api/v1/posts", data={"text": text})
        assert answer.status == 202, await answer.text()


async def as_administrator(window: Watched, gateway: Gateway) -> Page:
    page = await window.open(gateway.setup_link)
    await page.get_by_label("Name").fill("anna")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Make the account").click()
    await page.wait_for_url("**/console")
    return page


async def test_ten_posts_by_keyboard_in_under_a_minute(gateway: Gateway, english: Watched) -> None:
    console = await as_administrator(english, gateway)
    await say(english, gateway, *THINGS)
    rows = console.locator("#queue article")
    await expect(rows).to_have_count(10)
    await console.reload()
    await expect(console.locator("article[aria-current] > .words")).to_have_text(THINGS[0])
    decided = console.locator("#queue article.decided")
    began = time.monotonic()
    for number, key in enumerate("pprphpprpp"):
        await expect(console.locator("article[aria-current] > .words")).to_have_text(THINGS[number])
        await console.keyboard.press(key)
        if key in "rh":
            await expect(console.locator("#why")).to_be_visible()
            await console.keyboard.press("5")
            await expect(console.locator("#why")).to_be_hidden()
        await expect(decided).to_have_count(number + 1)
    assert time.monotonic() - began < 60
    await expect(rows.filter(has_text="Not published")).to_have_count(2)
    await expect(rows.filter(has_text="On hold")).to_have_count(1)
    # The last decision is taken back by one key, and stands where it was.
    await console.keyboard.press("u")
    await expect(decided).to_have_count(9)
    await expect(console.locator("article[aria-current] > .words")).to_have_text(THINGS[9])


async def test_keys_keep_out_of_the_way(gateway: Gateway, english: Watched) -> None:
    console = await as_administrator(english, gateway)
    await say(english, gateway, *THINGS[:3])
    await expect(console.locator("#queue article")).to_have_count(3)
    decided = console.locator("#queue article.decided")
    first = console.locator("article[aria-current]")
    # Typing is typing.
    await first.get_by_placeholder("Note to the author").click()
    await console.keyboard.type("prhxu?")
    await expect(first.get_by_placeholder("Note to the author")).to_have_value("prhxu?")
    await expect(console.locator("dialog[open]")).to_have_count(0)
    await first.focus()
    # With a modifier, held down, or while an input method composes, a key is not ours.
    for keys in ("Control+p", "Alt+p", "Shift+p"):
        await console.keyboard.press(keys)
    await console.evaluate(
        """for (const more of [{isComposing: true}, {repeat: true}, {key: "Process", code: "KeyQ"}])
             document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "p", bubbles: true, ...more}))"""
    )
    await expect(decided).to_have_count(0)
    # An input method that is on and composes nothing hides the letter, but not the key.
    await console.evaluate(
        """document.activeElement.dispatchEvent(
             new KeyboardEvent("keydown", {key: "Process", code: "KeyJ", bubbles: true, cancelable: true}))"""
    )
    await expect(console.locator("article[aria-current] > .words")).to_have_text(THINGS[1])
    await console.keyboard.press("?")
    await expect(console.locator("#keys")).to_be_visible()
    await console.keyboard.press("p")
    await console.keyboard.press("Escape")
    await expect(console.locator("#keys")).to_be_hidden()
    await expect(decided).to_have_count(0)
    # Escape leaves a reason unchosen, and brings one back to where one was.
    await console.keyboard.press("r")
    await expect(console.locator("#why")).to_be_visible()
    await console.keyboard.press("Escape")
    await console.keyboard.press("p")
    await expect(decided).to_have_count(1)
    await expect(decided).to_contain_text(THINGS[1])


async def test_several_are_decided_and_undone_together(gateway: Gateway, english: Watched) -> None:
    console = await as_administrator(english, gateway)
    await say(english, gateway, *THINGS[:4])
    await expect(console.locator("#queue article")).to_have_count(4)
    for key in ("x", "j", "x", "j", "x"):
        await console.keyboard.press(key)
    await expect(console.get_by_text("3 chosen")).to_be_visible()
    await console.keyboard.press("r")
    await console.keyboard.press("3")
    await expect(console.locator("#results li")).to_have_count(3)
    await expect(console.locator("#queue article.decided")).to_have_count(3)
    await console.keyboard.press("u")
    await expect(console.locator("#queue article.decided")).to_have_count(0)
    await expect(console.locator("#results")).to_have_count(0)


async def test_an_answer_that_comes_late_takes_back_no_undo(gateway: Gateway, english: Watched) -> None:
    console = await as_administrator(english, gateway)
    await say(english, gateway, *THINGS[:2])
    await expect(console.locator("#queue article")).to_have_count(2)
    held, undone = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        """The first rows asked for after the decision arrive when it is undone."""
        answer = await route.fetch()
        if not held.is_set() and "Published" in await answer.text():
            held.set()
            await undone.wait()
        await route.fulfill(response=answer)

    await console.route("**/console/queue/rows?ids=*", late)
    await console.keyboard.press("a")
    await console.keyboard.press("p")
    await expect(console.locator("#results li")).to_have_count(2)
    await held.wait()
    await console.keyboard.press("u")
    await expect(console.locator("#results")).to_have_count(0)
    await expect(console.locator("#queue article.decided")).to_have_count(0)
    undone.set()
    # The late answer is there when the next question is answered.
    await say(english, gateway, THINGS[2])
    await expect(console.locator("#queue article")).to_have_count(3)
    await expect(console.locator("#queue article.decided")).to_have_count(0)
    await console.unroute_all(behavior="wait")


async def test_what_is_chosen_stays_chosen_when_its_row_is_drawn_anew(gateway: Gateway, english: Watched) -> None:
    console = await as_administrator(english, gateway)
    await say(english, gateway, *THINGS[:2])
    await expect(console.locator("#queue article")).to_have_count(2)
    await console.keyboard.press("x")
    await expect(console.get_by_text("1 chosen")).to_be_visible()
    await console.evaluate("redraw(rowsOf().map((row) => row.dataset.post))")
    await expect(console.locator("#queue input[name=post]:checked")).to_have_count(1)
    await expect(console.get_by_text("1 chosen")).to_be_visible()


async def test_the_text_is_edited_beside_what_came(gateway: Gateway, english: Watched) -> None:
    console = await as_administrator(english, gateway)
    await say(english, gateway, "call 13800138000 about the leek in the pipe")
    await expect(console.locator("#queue article")).to_have_count(1)
    await console.keyboard.press("e")
    await expect(console.locator(".versions mark")).to_have_text("138****8000")
    await expect(console.locator(".edit textarea")).to_be_focused()
    await console.locator(".edit textarea").fill("call 138****8000 about the leak in the pipe")
    await console.keyboard.press("Control+Enter")
    await expect(console.locator("#queue article.decided > .words")).to_contain_text("the leak in")
    await console.keyboard.press("u")
    await expect(console.locator("#queue article.decided")).to_have_count(0)
    await console.keyboard.press("e")
    await expect(console.locator(".versions ins")).to_have_text("leak")


async def test_what_happens_meanwhile_moves_nothing(gateway: Gateway, browser: Browser, english: Watched) -> None:
    console = await as_administrator(english, gateway)
    await say(english, gateway, *THINGS[:3])
    await expect(console.locator("#queue article")).to_have_count(3)
    await console.keyboard.press("j")
    current = console.locator("article[aria-current]")
    before = await current.bounding_box()
    # New ones come at the end; an emergency waits behind a bar.
    await say(english, gateway, THINGS[3], URGENT)
    await expect(console.locator("#queue article > .words")).to_have_text([*THINGS[:4]])
    await expect(console.get_by_text("1 emergency came: show it")).to_be_visible()
    # A colleague decides one: it greys out in place, with his name.
    other = await english.context.new_page()
    await other.goto(f"{gateway.url}/console")
    colleague = other.locator("#queue article", has_text=THINGS[0])
    await colleague.click()
    await other.keyboard.press("p")
    gone = console.locator("#queue article.decided")
    await expect(gone).to_have_count(1)
    await expect(gone).to_contain_text("anna")
    await expect(current.locator("> .words")).to_have_text(THINGS[1])
    after = await current.bounding_box()
    assert before
    assert after
    assert abs(after["y"] - before["y"]) < 1
    await console.keyboard.press("n")
    await expect(console.locator("article[aria-current] > .words")).to_have_text(URGENT)
