"""Staff's search: all that was said, in any state, by its masked words, and nothing of what was hidden or erased."""

from typing import Any

import pytest
from sqlalchemy import func, select

from gateway import clock
from gateway.casework import inbox as wanting
from gateway.errors import BadInput
from gateway.journey import erasure, indexing, moderation
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, State
from store import inbox
from store.tables_posts import posts
from store.tables_search import staff_search, unindexed
from tests.journey.test_intake import ANNA, BORIS, message

LAMP = "人民路12号的路灯坏了，我的电话13812345678"
PIPE = "Water pipe leaking on Mill Lane"


async def say(runtime: Runtime, text: str, who: str = ANNA, **values: Any) -> str:
    taken = await Intake(runtime).take(message(text, who, commands=False, **values))
    assert taken.post_id
    return taken.post_id


async def index_all(runtime: Runtime) -> None:
    while await indexing.some(runtime):
        pass


async def found(runtime: Runtime, own: str | None = None, **query: str) -> list[str]:
    wanted = wanting.read(query, runtime.settings, clock.now(), own)
    async with runtime.database.reading() as connection:
        page = await inbox.page(connection, wanted)
        counted = await inbox.count_states(connection, wanted)
    if "state" not in query:
        assert counted.all == len(page.items)
    return [item.post.id for item in page.items]


async def test_what_waits_is_found_by_its_masked_words(runtime: Runtime) -> None:
    lamp, pipe = await say(runtime, LAMP), await say(runtime, PIPE, BORIS)
    assert await found(runtime, q="路灯") == []
    await index_all(runtime)
    assert await found(runtime, q="路燈") == [lamp]
    assert await found(runtime, q='"mill lane"') == [pipe]
    assert await found(runtime, q="13812345678") == []
    assert await found(runtime, q="2345") == []


async def test_words_go_with_all_other_filters(runtime: Runtime) -> None:
    waiting, out = await say(runtime, f"{PIPE} one"), await say(runtime, f"{PIPE} two", BORIS, channel="web_form")
    await moderation.decide(runtime, out, Action.PUBLISH, actor="mo")
    await index_all(runtime)
    assert await found(runtime, q="pipe") == [out, waiting]
    assert await found(runtime, q="pipe", state="pending") == [waiting]
    assert await found(runtime, q="pipe", channel="web_form") == [out]
    assert await found(runtime, q="pipe", department="water") == [out]
    assert await found(runtime, q="pipe", until="2020-01-01") == []
    assert await found(runtime, own="water", q="pipe") == [out]
    assert await found(runtime, own="roads", q="pipe") == []


async def test_a_ticket_finds_its_thread(runtime: Runtime) -> None:
    taken = await Intake(runtime).take(message(PIPE, commands=False))
    assert taken.ticket
    assert await found(runtime, q=f"{taken.ticket[:4]} {taken.ticket[4:]}") == [taken.post_id]
    assert await found(runtime, q=taken.ticket, state="published") == []


async def test_changed_words_are_found_and_those_of_before_are_not(runtime: Runtime) -> None:
    post = await say(runtime, "the leek in the pipe")
    await index_all(runtime)
    await moderation.decide(runtime, post, Action.PUBLISH, actor="mo", text="the leak in the pipe")
    await index_all(runtime)
    assert (await found(runtime, q="leek"), await found(runtime, q="leak")) == ([], [post])


async def test_what_is_erased_is_found_no_more_at_once(runtime: Runtime) -> None:
    post = await say(runtime, PIPE)
    await index_all(runtime)
    async with runtime.database.reading() as connection:
        person = (await connection.execute(select(posts.c.citizen_id).where(posts.c.id == post))).scalar_one()
    await erasure.erase(runtime, person, withdraw=True)
    async with runtime.database.reading() as connection:
        assert (await connection.execute(select(func.count()).select_from(staff_search))).scalar_one() == 0
    await index_all(runtime)
    assert await found(runtime, q="pipe") == []


async def test_many_hits_come_in_pages_and_a_rare_filter_says_how_far_it_looked(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [await say(runtime, f"{PIPE} {number}", f"+86138001380{number:02}") for number in range(9)]
    await index_all(runtime)
    monkeypatch.setattr(inbox, "SEARCHED", 2)
    monkeypatch.setattr(inbox, "MOST_SEARCHED", 2)
    wanted = wanting.read({"q": "pipe"}, runtime.settings, clock.now(), None)
    seen: list[str] = []
    cursor = None
    async with runtime.database.reading() as connection:
        while True:
            page = await inbox.page(connection, wanted, limit=3, cursor=cursor)
            seen += [item.post.id for item in page.items]
            if (cursor := page.next) is None:
                break
        assert seen == ids[::-1]
        rare = wanting.read({"q": "pipe", "state": "held"}, runtime.settings, clock.now(), None)
        page = await inbox.page(connection, rare)
        assert (page.items, page.next is not None, page.looked_to is not None) == ([], True, True)
        assert not (await inbox.count(connection, rare)).whole
        with pytest.raises(BadInput):
            await inbox.page(connection, wanted, cursor="x")


async def test_nothing_is_left_to_index_once_it_is_done(runtime: Runtime) -> None:
    post = await say(runtime, PIPE)
    await moderation.decide(runtime, post, Action.REJECT, actor="mo", reason="elsewhere")
    await index_all(runtime)
    async with runtime.database.reading() as connection:
        assert (await connection.execute(select(func.count()).select_from(unindexed))).scalar_one() == 0
    assert await found(runtime, q="pipe", state=State.REJECTED) == [post]


async def test_a_question_without_words_is_refused(runtime: Runtime) -> None:
    with pytest.raises(BadInput):
        wanting.read({"q": "?!"}, runtime.settings, clock.now(), None)
