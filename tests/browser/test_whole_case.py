"""A case from a text of a few words to its mark: found where it is, answered by its department, judged, and counted."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Watched
from tests.browser.test_first_journey import SOON, make_administrator, text
from tests.process.gateway import Gateway, running
from tests.process.test_start import run

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(240)]

WORDS = "人民路12号路灯坏了"
ANSWER = "路灯已修好，今晚恢复照明。"
PASSWORD = "long enough pw"
expect.set_options(timeout=SOON)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var") as started:
        yield started


@pytest.fixture
async def officer(browser: Browser, gateway: Gateway, tmp_path: Path) -> AsyncIterator[Page]:
    """The console of an officer of the roads, in a browser of his own."""
    account = ("user", "add", "lei", "--role", "officer", "--department", "roads", "--password-stdin")
    code, _, complaint = await run(*account, typed=f"{PASSWORD}\n", EVERYLINE_DATA=str(tmp_path / "var"))
    assert code == 0, complaint
    window = Watched(await browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900}))
    page = await window.open(f"{gateway.url}/login")
    await page.get_by_label("Name").fill("lei")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    yield page
    await window.context.close()
    assert window.complaints == []


async def test_a_few_words_become_a_case_that_is_answered_judged_and_counted(
    gateway: Gateway, english: Watched, officer: Page
) -> None:
    console = await make_administrator(english, gateway)
    handsets = await english.open(gateway.handsets)
    author, follower = (handsets.locator("article.phone").nth(number) for number in range(2))
    await text(follower, "FOLLOW ALL")
    await expect(follower.get_by_text("everything that is published")).to_be_visible()

    # Its place, its category and its department are found in the words, and a moderator publishes it.
    await text(author, WORDS)
    row = console.locator("#queue article")
    await expect(row).to_contain_text("人民路12号")
    await expect(row).to_contain_text("Roads and lights")
    await expect(row).to_contain_text("Roads")
    ticket = (await row.locator("a.ticket").inner_text()).replace(" ", "")
    await row.get_by_role("button", name="Publish").click()
    await expect(author.get_by_text(re.compile(f"{ticket}.*/posts/{ticket}"))).to_be_visible()
    portal = await english.open(f"{gateway.url}/posts/{ticket}")
    await expect(portal.locator("main")).to_contain_text("With the department")

    # Its officer finds it in the inbox, accepts it and answers.
    await officer.goto(f"{gateway.url}/console/inbox?progress=open")
    await officer.locator("a.ticket").first.click()
    await expect(officer.locator("#case")).to_contain_text("Roads")
    await officer.locator("#case").get_by_role("button", name="Accept").click()
    await expect(officer.locator("#case")).to_contain_text("Accepted")
    await officer.get_by_label("Answer", exact=True).fill(ANSWER)
    await officer.get_by_role("button", name="Answer", exact=True).click()
    await expect(officer.locator("#case")).to_contain_text("Answered")

    # The answer is everywhere: with its author and the follower, on the page, in the feeds and for programs.
    await expect(author.get_by_text(re.compile(ANSWER))).to_be_visible()
    await expect(follower.get_by_text(re.compile(f"{ticket}.*{ANSWER}"))).to_be_visible()
    await portal.reload()
    await expect(portal.locator("main")).to_contain_text(ANSWER)
    for path in ("/feeds/posts.atom", "/feeds/posts.rss", "/feeds/posts.json"):
        said = await english.context.request.get(gateway.url + path)
        assert ANSWER in await said.text(), path
    told = await (await english.context.request.get(f"{gateway.url}/api/v1/posts/{ticket}")).json()
    assert [one["text"] for one in told["answers"]] == [ANSWER]
    assert (told["category"], told["department"], told["place"]["name"]) == ("roads", "roads", "人民路12号")

    # "5" by text closes it with a mark, and the league table shows it.
    await text(author, "5")
    await expect(author.get_by_text(re.compile("谢谢|感谢"))).to_be_visible()
    await officer.reload()
    await expect(officer.locator("#case")).to_contain_text("Closed")
    await expect(officer.locator("#case")).to_contain_text("★★★★★")
    await expect_counted(english, gateway)


async def expect_counted(english: Watched, gateway: Gateway) -> None:
    """The department's numbers of the month that runs: one report, answered in time, solved, and fully satisfied."""
    page = await english.open(f"{gateway.url}/departments")
    await page.get_by_role("link", name="How departments are doing").first.click()
    league = page.locator("main")
    async for _ in _again(page):
        if "Roads" in await league.inner_text():
            break
    await page.get_by_role("link", name="Roads").first.click()
    await expect(league).to_contain_text("1 of 1")


async def _again(page: Page) -> AsyncIterator[int]:
    """Reload until it is there; months are counted by the clock."""
    for number in range(60):
        yield number
        await page.wait_for_timeout(500)
        await page.reload()
    pytest.fail("the league table shows nothing")
