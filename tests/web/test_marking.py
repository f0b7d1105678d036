"""What authors think of an answer, on the site: one touch without JavaScript, stars for all, a list for staff."""

import re
from typing import Any

import pytest

from gateway.casework import cases
from gateway.journey import moderation
from gateway.schema import Action
from gateway.schema_cases import Progress
from gateway.schema_incoming import Taken
from store import cases as case_rows
from store import marks
from store.accounts import Role
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, message
from tests.web.conftest import World
from tests.web.test_me import ENGLISH, Browser, Open, another, browser, world

__all__ = ["another", "browser", "world"]
TEXT, ANSWER = "the lamp at the park is broken", "It has a new bulb since this morning."


async def answered(browser: Browser, text: str = TEXT, *, private: bool = False) -> Taken:
    """A report of this browser with an answer."""
    taken = await browser.say(text, private=private)
    await moderation.decide(browser.world.runtime, str(taken.post_id), Action.PUBLISH, actor="mo")
    await cases.answer(browser.world.runtime, str(taken.ticket), ANSWER, "roads", actor="of")
    return taken


async def progress(world: World, taken: Taken) -> Progress:
    async with world.runtime.database.reading() as connection:
        return (await case_rows.load(connection, str(taken.post_id))).progress


async def test_the_posts_page_leads_to_one_touch_that_closes_the_case(world: World, browser: Browser) -> None:
    taken = await answered(browser)
    assert f'href="/posts/{taken.ticket}/mark"' in await browser.get(f"/posts/{taken.ticket}")
    page = await browser.get(f"/posts/{taken.ticket}/mark")
    assert ANSWER in page
    assert page.count('name="mark"') == 5
    assert await browser.post(f"/posts/{taken.ticket}/mark", mark="5") == f"/posts/{taken.ticket}/mark?done=kept"
    assert await progress(world, taken) is Progress.CLOSED
    page = await browser.get(f"/posts/{taken.ticket}")
    assert "5 of 5 stars" in page
    assert "The author says:" in page


async def test_a_bad_one_opens_it_again_and_can_be_taken_back(world: World, browser: Browser) -> None:
    taken = await answered(browser)
    path = f"/posts/{taken.ticket}/mark"
    assert await browser.post(path, mark="1") == f"{path}?done=reopened"
    assert await progress(world, taken) is Progress.REOPENED
    page = await browser.get(f"{path}?done=reopened")
    assert "Was that a slip?" in page
    assert f'href="/posts/{taken.ticket}/comments"' in page
    assert await browser.post(path, mark="4") == f"{path}?done=taken_back"
    assert await progress(world, taken) is Progress.CLOSED


async def test_whether_it_is_solved_may_be_said_alone(world: World, browser: Browser) -> None:
    taken = await answered(browser)
    await browser.post(f"/posts/{taken.ticket}/mark", solved="no")
    async with world.runtime.database.reading() as connection:
        [kept] = (await marks.of_threads(connection, [str(taken.post_id)]))[str(taken.post_id)]
    assert (kept.mark, kept.solved, kept.channel) == (None, False, "portal")
    assert "not solved" in await browser.get(f"/posts/{taken.ticket}")


async def test_others_are_told_who_may_and_can_do_nothing(world: World, browser: Browser, another: Open) -> None:
    taken = await answered(browser)
    async with another() as stranger:
        page = await stranger.get(f"/posts/{taken.ticket}/mark")
        assert "Only the author of this report can say so." in page
        assert 'name="mark"' not in page
        await stranger.post(f"/posts/{taken.ticket}/mark", 404, mark="1")
        await stranger.say("another lamp")
        await stranger.post(f"/posts/{taken.ticket}/mark", 403, mark="1")
    assert await progress(world, taken) is Progress.ANSWERED
    await browser.get("/posts/10000009/mark", 404)


@pytest.mark.parametrize("fields", [{}, {"mark": "6"}, {"mark": "0"}, {"mark": "-1"}, {"mark": "x" * 400}])
async def test_what_is_no_mark_is_told_so(browser: Browser, fields: dict[str, str]) -> None:
    taken = await answered(browser)
    page = await browser.post(f"/posts/{taken.ticket}/mark", 422, **fields)
    assert "choose a mark from 1 to 5" in page


async def test_without_an_answer_there_is_nothing_to_judge(world: World, browser: Browser) -> None:
    taken = await browser.say(TEXT)
    assert "There is no answer to judge just now." in await browser.get(f"/posts/{taken.ticket}/mark")
    await browser.post(f"/posts/{taken.ticket}/mark", 409, mark="5")


async def test_a_foreign_form_gives_no_mark(world: World, browser: Browser) -> None:
    taken = await answered(browser)
    sent = await browser.client.post(f"/posts/{taken.ticket}/mark", data={"mark": "1"}, allow_redirects=False)
    assert sent.status == 403
    assert await progress(world, taken) is Progress.ANSWERED


async def test_ones_own_page_asks_under_each_answer_and_shows_what_was_said(world: World, browser: Browser) -> None:
    taken = await answered(browser)
    assert (await browser.get()).count(f'action="/posts/{taken.ticket}/mark"') == 1
    await browser.post(f"/posts/{taken.ticket}/mark", mark="3")
    page = await browser.get()
    assert f'action="/posts/{taken.ticket}/mark"' not in page
    assert "3 of 5 stars" in page


async def test_what_a_phone_was_answered_is_judged_in_the_browser_it_is_linked_to(
    world: World, browser: Browser, texting: Texting
) -> None:
    taken = await world.desk.take(message(TEXT, ANNA))
    await moderation.decide(world.runtime, str(taken.post_id), Action.PUBLISH, actor="mo")
    await cases.answer(world.runtime, str(taken.ticket), ANSWER, "roads", actor="of")
    await settle_down(world.runtime)
    assert any("Reply 1" in text for text in texting.to(ANNA))
    await browser.link(texting)
    await browser.post(f"/posts/{taken.ticket}/mark", mark="2")
    assert await progress(world, taken) is Progress.REOPENED


async def test_the_api_and_the_page_show_stars_and_never_whose(world: World, browser: Browser) -> None:
    taken = await answered(browser)
    await browser.post(f"/posts/{taken.ticket}/mark", mark="4")
    post = await (await browser.client.get(f"/api/v1/posts/{taken.ticket}")).json()
    assert [(one["mark"], one["solved"]) for one in post["marks"]] == [(4, True)]
    assert set(post["marks"][0]) == {"mark", "solved", "at"}


async def test_of_what_is_private_the_public_sees_no_stars(world: World, browser: Browser) -> None:
    taken = await answered(browser, private=True)
    page = await browser.get(f"/posts/{taken.ticket}/mark")
    assert "Everybody sees your stars" not in page
    await browser.post(f"/posts/{taken.ticket}/mark", mark="1")
    assert "of 5 stars" not in await browser.get(f"/posts/{taken.ticket}")
    post = await (await browser.client.get(f"/api/v1/posts/{taken.ticket}")).json()
    assert post["marks"] == []
    assert await progress(world, taken) is Progress.REOPENED


async def test_supervisors_find_bad_marks_and_see_them_with_the_case(world: World, browser: Browser) -> None:
    bad, good = await answered(browser), await answered(browser, "the bridge rail is loose")
    await browser.post(f"/posts/{bad.ticket}/mark", mark="1")
    await browser.post(f"/posts/{good.ticket}/mark", mark="5")
    token = await world.token(Role.MODERATOR)

    async def found(mark: str) -> list[str]:
        answer = await world.client.get(f"/api/v1/console/inbox?mark={mark}", headers=token)
        assert answer.status == 200
        return [item["ticket"] for item in (await answer.json())["items"]]

    assert await found("bad") == [bad.ticket]
    assert await found("good") == [good.ticket]
    answer = await world.client.get("/api/v1/console/inbox?mark=none", headers=token)
    assert answer.status == 422
    whole: dict[str, Any] = await (await world.client.get(f"/api/v1/console/posts/{bad.ticket}", headers=token)).json()
    assert [(one["mark"], one["department"], one["round"]) for one in whole["marks"]] == [(1, "roads", 0)]
    await world.account(Role.MODERATOR)
    await world.log_in(Role.MODERATOR.value)
    page = await (await world.client.get(f"/console/posts/{bad.ticket}", headers=ENGLISH)).text()
    assert "1 of 5 stars" in page
    assert re.search(r"judged the answer\s*: 1/5", page)
