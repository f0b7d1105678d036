"""The first whole journey, as people take it: text, call and form come in as one kind of post and go out everywhere."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import Watched
from tests.browser.handset import Handset
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(240)]

WORDS = "water pipe leaking on north street number 27"
# Something else each: the same said twice would be one row of the queue.
CALL_WORDS = "the road light is broken at main street number 4"
FORM_WORDS = "the drain at the market is blocked and water stands on the road"
ANSWER = "A crew comes this evening."
SECONDS = 1000
# It takes a moment; the rest is patience with a busy machine.
SOON = 30 * SECONDS


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var") as started:
        yield started


async def make_administrator(window: Watched, gateway: Gateway) -> Page:
    console = await window.open(gateway.setup_link)
    await console.get_by_label("Name").fill("anna")
    await console.get_by_label("Password").fill("correct horse battery")
    await console.get_by_role("button", name="Make the account").click()
    await console.wait_for_url("**/console")
    await expect(console.get_by_text("Nothing waits")).to_be_visible()
    return console


async def text(phone: Locator, words: str) -> None:
    await phone.get_by_role("textbox").first.fill(words)
    await phone.get_by_role("button", name="Send").click()


async def call(handset: Handset, sample: str) -> None:
    """Call the hotline, choose English and a report, say it, and keep what was understood."""
    await handset.call()
    await handset.press("21")
    await handset.line_has_spoken()
    await handset.say(sample)
    await handset.press("#")
    await handset.line_has_spoken()
    await handset.press("1")
    await handset.line_has_spoken()
    await handset.hang_up()


async def fill_form(window: Watched, gateway: Gateway, phone: Locator, number: str, words: str = FORM_WORDS) -> str:
    """Send the form with a contact and prove the contact by the code on its handset; gives the ticket."""
    form = await window.open(f"{gateway.url}/new")
    await form.get_by_label("What is wrong, and where?").fill(words)
    await form.get_by_label("Mobile number").fill(number)
    await form.get_by_role("button", name="Send").click()
    await expect(form.get_by_role("heading", name="Received")).to_be_visible()
    await expect(phone.get_by_text(re.compile(r"your code is \d{6}"))).to_be_visible(timeout=SOON)
    told = await phone.get_by_text(re.compile(r"your code is \d{6}")).inner_text()
    code = re.search(r"your code is (\d{6})", told)
    assert code
    await form.get_by_label("Code of 6 digits").fill(code[1])
    await form.get_by_role("button", name="Confirm").click()
    await expect(form.get_by_text("Confirmed.")).to_be_visible()
    ticket = re.search(r"/posts/(\d{8})", form.url)
    assert ticket
    return ticket[1]


async def words_in(queue: Locator) -> dict[str, str]:
    """What the queue shows, by its tickets."""
    # Rows out of sight are not drawn, and have no inner text.
    articles = await queue.locator("article").all()
    tickets = [(await one.locator("a.ticket").first.text_content() or "").replace(" ", "") for one in articles]
    said = [(await one.locator(":scope > .words").text_content() or "").strip() for one in articles]
    return dict(zip(tickets, said, strict=True))


async def test_one_line_in_every_line_out(gateway: Gateway, english: Watched) -> None:
    console = await make_administrator(english, gateway)
    portal = await english.open(gateway.url)
    handsets = await english.open(gateway.handsets)
    texting, following, calling = (handsets.locator("article.phone").nth(number) for number in range(3))
    await text(following, "FOLLOW ALL")
    await expect(following.get_by_text("everything that is published")).to_be_visible()

    # In: by text, by form, by call; each is in the queue within a moment, without a reload.
    queue = console.locator("#queue")
    await text(texting, WORDS)
    await expect(queue.locator("article")).to_have_count(1)
    by_form = await fill_form(english, gateway, calling, "138 0013 8003")
    await expect(queue.locator("article")).to_have_count(2)
    await call(Handset(handsets, 2), "the road light is broken at main street number four")
    await expect(queue.locator("article")).to_have_count(3)
    said = await words_in(queue)
    assert sorted(said.values()) == sorted((WORDS, CALL_WORDS, FORM_WORDS))
    assert said[by_form] == FORM_WORDS
    tickets = list(said)

    # Out: each is on the portal live, in the three feeds, with its author and with the follower.
    for left in (2, 1, 0):
        await queue.get_by_role("button", name="Publish").first.click()
        await expect(console.locator("#queue article:not(.decided)")).to_have_count(left)
    await expect(portal.locator("#timeline article")).to_have_count(3)
    for ticket, words in said.items():
        await expect(portal.locator(f"#p-{ticket}")).to_contain_text(words)
        await expect(following.get_by_text(re.compile(f"{ticket}.*{words}"))).to_be_visible(timeout=SOON)
    for author, number in ((texting, 1), (calling, 2)):
        told = author.get_by_text(re.compile(r"your report \d{8} is published"))
        await expect(told).to_have_count(number)
    await expect_in_feeds(english, gateway, tickets)

    # The department answers once, and is heard in all the same places.
    await console.goto(f"{gateway.url}/console/posts/{by_form}")
    await console.locator("#department").select_option("water")
    await console.get_by_label("Answer", exact=True).fill(ANSWER)
    await console.get_by_role("button", name="Answer").click()
    await expect(portal.locator(f"#p-{by_form}")).to_contain_text(ANSWER)
    await expect(calling.get_by_text(re.compile(f"Water, on {by_form}: {ANSWER}"))).to_be_visible(timeout=SOON)
    await expect(following.get_by_text(re.compile(f"{by_form}.*{ANSWER}"))).to_be_visible(timeout=SOON)
    await expect_in_feeds(english, gateway, [ANSWER])
    await expect(console.locator("#story .chip.delivered").first).to_be_visible(timeout=SOON)

    # STATUS tells it to anybody, and STOP stops it.
    await text(texting, f"STATUS {by_form}")
    await expect(texting.get_by_text(re.compile(f"{by_form}: published. Water answered: {ANSWER}"))).to_be_visible()
    await text(following, "STOP")
    await expect(following.get_by_text(re.compile("no more messages"))).to_be_visible()
    await text(texting, "the lamp at the park is broken")
    await expect(texting.get_by_text(re.compile("added to your report"))).to_be_visible()
    await text(texting, "NEW")
    await expect(texting.get_by_text(re.compile("a report of its own now"))).to_be_visible()
    await console.goto(f"{gateway.url}/console")
    await console.get_by_role("button", name="Publish").click()
    await expect(portal.locator("#timeline article")).to_have_count(4)
    await expect(texting.get_by_text(re.compile("is published"))).to_have_count(2)
    await expect(following.get_by_text(re.compile("lamp at the park"))).to_have_count(0)


async def expect_in_feeds(window: Watched, gateway: Gateway, parts: list[str]) -> None:
    for ending in ("atom", "rss", "json"):
        answer = await window.context.request.get(f"{gateway.url}/feeds/posts.{ending}")
        assert answer.status == 200
        body = await answer.text()
        assert all(part in body for part in parts), (ending, parts)
