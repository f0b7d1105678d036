"""A case from a text of a few words to its mark: found where it is, answered by its department, judged, and counted.

And two reports of one thing, by hotline and form, that become one case.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.conftest import Watched
from tests.browser.handset import Handset
from tests.browser.test_chat import ready, say
from tests.browser.test_first_journey import CALL_WORDS, call, fill_form, make_administrator, text
from tests.process.gateway import Gateway, running
from tests.process.test_start import run

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(240)]

WORDS = "人民路12号路灯坏了"
ANSWER = "路灯已修好，今晚恢复照明。"
PASSWORD = "long enough pw"
SAMPLE = "the road light is broken at main street number four"
SAME = "The road light at Main Street number 4 is broken"
MENDED = "The light is mended since this morning."
# Departments are counted by the clock, every 20 seconds or so: a page is read again until it shows the newest count.
GLANCE, GLANCES = 2_000, 60


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
    chat = await english.open(f"{gateway.url}/chat")
    await ready(chat)
    await say(chat, "FOLLOW ALL")
    await expect(chat.get_by_text("everything that is published")).to_be_visible()

    # Its place, its category and its department are found in the words, and a moderator publishes it.
    await text(author, WORDS)
    row = console.locator("#queue article")
    await expect(row).to_contain_text("人民路12号")
    await expect(row).to_contain_text("Roads and lights")
    await expect(row).to_contain_text("goes to: Roads")
    ticket = await publish(row)
    await expect(author.get_by_text(re.compile(f"{ticket}.*/posts/{ticket}"))).to_be_visible()
    portal = await english.open(f"{gateway.url}/posts/{ticket}")
    await expect(portal.locator("main")).to_contain_text("With the department")

    # Its officer finds it in the inbox, accepts it and answers.
    await officer.goto(f"{gateway.url}/console/inbox?progress=open")
    await officer.locator(f"a.ticket[href$='{ticket}']").first.click()
    await expect(officer.locator("#case")).to_contain_text("Roads")
    await officer.locator("#case").get_by_role("button", name="Accept").click()
    await expect(officer.locator("#case")).to_contain_text("Accepted")
    await officer.get_by_label("Answer", exact=True).fill(ANSWER)
    await officer.get_by_role("button", name="Answer", exact=True).click()
    await expect(officer.locator("#case")).to_contain_text("Answered")

    # The answer is everywhere: with its author and all who follow, on the page, in the feeds and for programs.
    await expect(author.get_by_text(re.compile(ANSWER))).to_be_visible()
    await expect(follower.get_by_text(re.compile(f"{ticket}.*{ANSWER}"))).to_be_visible()
    await expect(chat.get_by_role("log").get_by_text(ANSWER)).to_be_visible()
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
    await expect(author.get_by_text(re.compile(f"感谢您的评价。{ticket} 已记录评分并结案"))).to_be_visible()
    await officer.reload()
    await expect(officer.locator("#case")).to_contain_text("Closed")
    await expect(officer.locator("#case")).to_contain_text("★★★★★")
    league = await english.open(f"{gateway.url}/departments")
    await league.get_by_role("link", name="How departments are doing").first.click()
    roads = league.locator("ol.league > li", has=league.get_by_role("link", name="Roads", exact=True))
    await read_until(roads, "5 stars, 1 mark")
    await expect(roads).to_contain_text("1 of 1 answered, 1 in time")
    await expect(roads.locator(".rank")).to_have_text("1")

    # Its points lead down to the report.
    await roads.get_by_role("link", name="Roads", exact=True).click()
    await expect(league.locator("#solved")).to_contain_text("for 1 it is: 100 %")
    await expect(league.locator("#satisfied")).to_contain_text("5 on average")
    await league.get_by_role("link", name="All reports that count").click()
    await expect(league.locator(f"a[href$='{ticket}']").first).to_contain_text(WORDS)


async def test_a_call_and_a_form_about_one_thing_are_joined_and_answered_once(
    gateway: Gateway, english: Watched, officer: Page
) -> None:
    console = await make_administrator(english, gateway)
    handsets = await english.open(gateway.handsets)
    caller, writer = (handsets.locator("article.phone").nth(number) for number in (0, 2))
    await call(Handset(handsets, 0), SAMPLE)
    written = await fill_form(english, gateway, writer, "138 0013 8003", SAME)
    rows = console.locator("#queue article")
    await expect(rows).to_have_count(2)
    called = await publish(rows.filter(has_text=CALL_WORDS))
    await expect(caller.get_by_text(re.compile(f"{called} is published"))).to_be_visible()

    # On the page of the written one the call is found, and it is joined to that by one button.
    await console.goto(f"{gateway.url}/console/posts/{written}")
    similar = console.locator("section.similar li", has_text=CALL_WORDS)
    await similar.get_by_role("button", name="Join to this one").click()
    await expect(console.get_by_text("This report was joined to")).to_be_visible()
    portal = await english.open(f"{gateway.url}/posts/{written}")
    await read_until(portal.locator(".reporters"), "2 people reported this")
    assert portal.url.endswith(f"/posts/{called}")

    # Its officer has one case of it and answers once, and both read that on their phones, once.
    await officer.goto(f"{gateway.url}/console/inbox?progress=open")
    await expect(officer.locator(f"a.ticket[href$='{written}']")).to_have_count(0)
    await officer.locator(f"a.ticket[href$='{called}']").first.click()
    await officer.get_by_label("Answer", exact=True).fill(MENDED)
    await officer.get_by_role("button", name="Answer", exact=True).click()
    await expect(officer.locator("#case")).to_contain_text("Answered")
    for author in (caller, writer):
        await expect(author.get_by_text(re.compile(MENDED))).to_have_count(1)
    await portal.reload()
    await expect(portal.locator("main")).to_contain_text(MENDED)

    # It is one report by which its department is judged.
    await portal.goto(f"{gateway.url}/assessment")
    roads = portal.locator("ol.league > li", has=portal.get_by_role("link", name="Roads", exact=True))
    await read_until(roads, "1 of 1 answered, 1 in time")


async def publish(row: Locator) -> str:
    """Publish a report of the queue; gives its ticket."""
    ticket = (await row.locator("a.ticket").first.inner_text()).replace(" ", "")
    await row.get_by_role("button", name="Publish").click()
    return ticket


async def read_until(shown: Locator, words: str) -> None:
    """Read a page again and again until something on it says what it should."""
    for _ in range(GLANCES):
        try:
            await expect(shown).to_contain_text(words, timeout=GLANCE)
        except AssertionError:
            await shown.page.reload()
        else:
            return
    await expect(shown).to_contain_text(words)
