"""Search: the same questions find the same posts on both databases, and nothing that is not public."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from gateway.casework import cases
from gateway.errors import BadInput
from gateway.journey import erasure, finding, moderation, undoing
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_public import Findings
from store import search
from store.tables_posts import posts
from store.tables_search import search as index
from tests.conftest import broadcasting_as
from tests.journey.test_intake import ANNA, BORIS, message


async def said(runtime: Runtime, text: str, who: str = ANNA, **values: Any) -> tuple[str, str]:
    """A published report's id and ticket."""
    taken = await Intake(runtime).take(message(text, who, commands=False, **values))
    assert taken.post_id
    assert taken.ticket
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    return taken.post_id, taken.ticket


async def asked(runtime: Runtime, query: str, **options: Any) -> Findings:
    return await finding.find(runtime, query, **{"limit": 10, **options})


async def texts(runtime: Runtime, query: str, **options: Any) -> list[str]:
    return [hit.post.text for hit in (await asked(runtime, query, **options)).hits]


async def indexed(runtime: Runtime) -> set[str]:
    async with runtime.database.reading() as connection:
        return set((await connection.execute(select(index.c.post_id))).scalars())


LAMP = "人民路12号的路灯坏了，晚上很黑"
PIPE = "Water pipe leaking on Mill Lane"
SNOW = "雪后人行道很滑，请撒盐"


@pytest.fixture
async def told(runtime: Runtime) -> Runtime:
    for text, who in ((LAMP, ANNA), (PIPE, BORIS), (SNOW, "+8613800138008")):
        await said(runtime, text, who)
    return runtime


# What is asked, and what is found: the newest first.
ASKED = {
    "路灯": [LAMP],
    "路燈": [LAMP],  # traditional
    "灯": [LAMP],
    "黑": [LAMP],  # the last character of all
    "路灯坏": [LAMP],
    "灯路": [],  # both characters, not in this order
    "人民路12号": [LAMP],
    "１２号": [LAMP],
    "人民 很黑": [LAMP],
    "人民 很滑": [],
    "人": [SNOW, LAMP],  # the newest first
    "water": [PIPE],
    "WATER lane": [PIPE],
    '"lane mill"': [],
    '"mill lane"': [PIPE],
    "“mill lane”": [PIPE],
    "wat": [],
    "很": [SNOW, LAMP],
    "很 water": [],
    "": [SNOW, PIPE, LAMP],
    "  ": [SNOW, PIPE, LAMP],
    "!?": [],
    "§": [],
}


async def test_words_find_the_posts_that_have_all_of_them(told: Runtime) -> None:
    assert {query: await texts(told, query) for query in ASKED} == ASKED


NASTY = (
    "'",
    '"',
    "\\",
    "'':*",
    '" OR 1',
    "a & | ! ( ) <-> :*",
    "NEAR(a b)",
    "tokens:x",
    "^a",
    "-a",
    "\x00",
    "%_",
    "\ud800",
)


async def test_any_text_can_be_asked_for(told: Runtime) -> None:
    queries: list[str] = [*NASTY]

    @given(st.text(max_size=200))
    @settings(max_examples=100, deadline=None, database=None)
    def gather(query: str) -> None:
        queries.append(query)

    gather()
    for query in queries:
        found = await asked(told, query)
        assert all(hit.post.text in (LAMP, PIPE, SNOW) for hit in found.hits)


async def test_a_long_query_is_refused(told: Runtime) -> None:
    with pytest.raises(BadInput, match="200"):
        await asked(told, "灯" * 201)


async def test_a_ticket_is_that_post(told: Runtime) -> None:
    _, ticket = await said(told, "the bridge is closed", "+8613800138009")
    for typed in (ticket, f"{ticket[:4]} {ticket[4:]}", f"{ticket[:4]}-{ticket[4:]}"):
        found = await asked(told, typed)
        assert (found.ticket, [hit.post.ticket for hit in found.hits]) == (ticket, [ticket])
    assert (await asked(told, "12345678")).ticket is None


async def test_a_ticket_of_what_is_not_public_has_no_words(told: Runtime) -> None:
    taken = await Intake(told).take(message("not yet", ANNA, commands=False))
    found = await asked(told, taken.ticket or "")
    assert (found.ticket, found.hits) == (taken.ticket, ())


async def test_pages_follow_each_other_without_gap_or_repeat(runtime: Runtime) -> None:
    tickets = [(await said(runtime, f"路灯 number {n}", f"+86138001380{n:02}"))[1] for n in range(5)]
    found, cursor = [], None
    while True:
        page = await asked(runtime, "路灯", limit=2, cursor=cursor)
        found += [hit.post.ticket for hit in page.hits]
        if (cursor := page.next) is None:
            break
    assert found == tickets[::-1]


async def test_filters_narrow_what_is_found(told: Runtime) -> None:
    _, ticket = await said(told, "水管爆了，没有水", "+8613800138009")
    department = (await asked(told, ticket)).hits[0].post.department
    assert department
    assert await texts(told, "水", department=department) == ["水管爆了，没有水"]
    assert await texts(told, "", department=department) == ["水管爆了，没有水", PIPE]
    assert await texts(told, "水", department="elsewhere") == []
    assert await texts(told, "水", kind="praise") == []
    assert await texts(told, "水", progress="answered") == []
    await cases.answer(told, ticket, "A crew is coming", department, actor="of")
    assert await texts(told, "水", progress="answered") == ["水管爆了，没有水"]


async def test_a_period_narrows_too(told: Runtime) -> None:
    today = (await asked(told, "路灯")).hits[0].post.published_at
    assert today
    day = today.astimezone(told.settings.city.zone).date().isoformat()
    assert await texts(told, "路灯", since=day, until=day) == [LAMP]
    assert await texts(told, "", since=day) == [SNOW, PIPE, LAMP]
    assert await texts(told, "路灯", until="2020-01-01") == []
    assert await texts(told, "路灯", since="2999-01-01T00:00:00Z") == []


async def test_an_answer_is_found_with_its_post(told: Runtime) -> None:
    ticket = (await asked(told, "pipe")).hits[0].post.ticket
    await cases.answer(told, ticket, "抢修队已出发", "water", actor="of")
    [hit] = (await asked(told, "抢修")).hits
    assert hit.post.text == PIPE
    [(answer, pieces)] = hit.answers
    assert answer.text == "抢修队已出发"
    assert ("抢修", True) in pieces


async def test_what_others_added_is_found_with_its_post(told: Runtime) -> None:
    ticket = (await asked(told, "pipe")).hits[0].post.ticket
    added = await Intake(told).take(message("the cellar floods", BORIS, thread=ticket, commands=False))
    assert added.post_id
    assert await texts(told, "cellar") == []
    await moderation.decide(told, added.post_id, Action.PUBLISH, actor="mo")
    [hit] = (await asked(told, "cellar")).hits
    assert (hit.post.text, hit.added) == (PIPE, True)


async def test_only_what_is_public_is_indexed(runtime: Runtime) -> None:
    taken = await Intake(runtime).take(message("路灯坏了 one", ANNA, commands=False))
    post_id, _ = await said(runtime, "路灯坏了 two", BORIS)
    await said(runtime, "路灯坏了 three", "+8613800138008", private=True)
    assert taken.post_id
    assert await indexed(runtime) == {post_id}


async def test_a_withdrawal_takes_it_out_and_publishing_again_puts_it_back(runtime: Runtime) -> None:
    post_id, _ = await said(runtime, "路灯坏了")
    await moderation.decide(runtime, post_id, Action.WITHDRAW, actor="mo", reason="personal")
    assert await indexed(runtime) == set()
    assert await texts(runtime, "路灯") == []
    await moderation.decide(runtime, post_id, Action.PUBLISH, actor="mo")
    assert await texts(runtime, "路灯") == ["路灯坏了"]


async def test_a_correction_is_found_by_its_new_words_alone(runtime: Runtime) -> None:
    post_id, _ = await said(runtime, "路灯坏了")
    await moderation.decide(runtime, post_id, Action.CORRECT, actor="mo", text="井盖丢了")
    assert await texts(runtime, "路灯") == []
    assert await texts(runtime, "井盖") == ["井盖丢了"]


async def test_a_decision_undone_takes_it_out(runtime: Runtime) -> None:
    runtime.settings = broadcasting_as(runtime.settings, undo_seconds=20.0)
    post_id, _ = await said(runtime, "路灯坏了")
    await undoing.undo(runtime, post_id, actor="mo")
    assert await indexed(runtime) == set()


async def test_an_erased_person_s_withdrawn_words_are_gone(runtime: Runtime) -> None:
    post_id, _ = await said(runtime, "路灯坏了")
    async with runtime.database.reading() as connection:
        person = (await connection.execute(select(posts.c.citizen_id).where(posts.c.id == post_id))).scalar_one()
    await erasure.erase(runtime, person, withdraw=True)
    assert await indexed(runtime) == set()


async def test_a_report_made_private_by_its_author_is_gone(runtime: Runtime) -> None:
    _, ticket = await said(runtime, "路灯坏了")
    await Intake(runtime).take(message(f"PRIVATE {ticket}"))
    assert await indexed(runtime) == set()


async def test_posts_published_in_one_microsecond_all_have_their_place(runtime: Runtime) -> None:
    at = search.EPOCH.replace(year=2026)
    names = [f"{number:032}" for number in range(20)]
    for some in (names[:2], names[2:]):
        rows = [(name, at, ["灯"]) for name in some]
        await runtime.database.write(lambda tx, rows=rows: search.put_all(tx, search.PUBLIC, rows))  # type: ignore[misc]
    async with runtime.database.reading() as connection:
        found = await search.find(connection, search.PUBLIC, [search.Wanted(("灯",))], 30)
    assert [one.post_id for one in found] == names[::-1]
    assert [one.number - search.number_at(at) for one in found] == list(range(20))[::-1]


async def test_hits_are_marked_and_nothing_is_lost(told: Runtime) -> None:
    [hit] = (await asked(told, "路燈 12")).hits
    assert "".join(text for text, _ in hit.words) == LAMP
    assert [text for text, marked in hit.words if marked] == ["12", "路灯"]


async def test_a_long_text_is_cut_around_what_was_asked_for(runtime: Runtime) -> None:
    await said(runtime, "很长的话，" * 100 + "井盖丢了" + "，还有很多话" * 100)
    [hit] = (await asked(runtime, "井盖")).hits
    shown = "".join(text for text, _ in hit.words)
    assert ("井盖", True) in hit.words
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) < 260


async def test_where_nothing_has_all_words_those_that_find_something_are_named(told: Runtime) -> None:
    found = await asked(told, "路灯 water 不存在")
    assert (found.hits, found.suggestions) == ((), ("路灯", "water"))
    assert (await asked(told, "不存在")).suggestions == ()
