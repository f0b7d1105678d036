"""The page of words: what it says of a tried text, of the lists, and of what was found."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Problem
from gateway.journey.words import Words
from gateway.schema import Hit
from gateway.web.words import marked
from store.accounts import Role
from tests.web.conftest import World

TEXT = "帮忙代 开 发 票，火灾隐患，煤气写漏，<b>电话13800138000</b>"


async def logged_in(world: World, role: Role = Role.MODERATOR) -> World:
    await world.account(role, "mo")
    await world.log_in("mo")
    return world


async def tried(world: World, text: str, language: str = "en") -> str:
    form = {"csrf": await world.form_token(f"/console/words?lang={language}"), "text": text}
    response = await world.client.post("/console/words", data=form)
    assert response.status == 200
    return await response.text()


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.ADMINISTRATOR, 200), (Role.MODERATOR, 200), (Role.OFFICER, 403), (Role.VIEWER, 403)],
)
async def test_it_is_for_those_who_moderate(world: World, role: Role, status: int) -> None:
    await logged_in(world, role)
    assert (await world.client.get("/console/words")).status == status
    form = {"csrf": await world.form_token("/console"), "text": "x"}
    assert (await world.client.post("/console/words", data=form)).status == status
    assert ('href="/console/words"' in await (await world.client.get("/console")).text()) is (status == 200)


async def test_it_needs_our_own_form(world: World) -> None:
    await logged_in(world)
    assert (await world.client.post("/console/words", data={"text": "x"})).status == 403


@pytest.mark.parametrize(("language", "none"), [("en", "No word was found"), ("zh", "没有命中任何词")])
async def test_before_anything_was_found_it_says_so(world: World, language: str, none: str) -> None:
    await logged_in(world)
    page = await (await world.client.get(f"/console/words?lang={language}")).text()
    assert none in page
    assert 'id="result"' not in page
    assert page.count("<h1") == 1


async def test_a_tried_text_is_marked_as_typed_and_masked_beside(world: World) -> None:
    await logged_in(world)
    page = await tried(world, TEXT)
    assert re.findall(r'<mark class="(\w+)" title="([^"]*)">([^<]*)</mark>', page) == [
        ("block", "block:代开发票", "代 开 发 票"),
        ("emergency", "emergency:煤气泄漏~", "煤气写漏"),
    ]
    masked = page.split('id="masked">')[1].split("</p>")[0]
    assert masked == TEXT.replace("13800138000", "138****8000").replace("<", "&lt;").replace(">", "&gt;")
    assert '<span class="chip block">block</span>' in page
    assert '<span class="chip emergency">emergency</span>' in page
    assert "(alike)" in page
    assert "&lt;b&gt;" in page.split("<textarea")[1].split("</textarea>")[0]


async def test_trying_is_not_counted_and_judging_is(world: World) -> None:
    await logged_in(world)
    await tried(world, TEXT)
    current = world.runtime.words
    assert isinstance(current, Words)
    await current.write_counts(world.runtime)
    assert "No word was found" in await tried(world, "nothing")
    await world.say("代开发票")
    await current.write_counts(world.runtime)
    row = re.search(r'<tr><th scope="row">代开发票</th>.*?</tr>', await tried(world, "nothing"))
    assert row
    assert re.findall(r'figure">(\d+)', row[0]) == ["1", "1", "0"]


async def test_an_empty_text_is_not_judged(world: World) -> None:
    await logged_in(world)
    assert 'id="result"' not in await tried(world, " \r\n ")


async def test_line_ends_stay_where_they_were_typed(world: World) -> None:
    await logged_in(world)
    assert ">代\n开发票</mark>" in await tried(world, "one\r\n代\r\n开发票")


async def test_a_fault_of_the_files_is_shown(world: World) -> None:
    await logged_in(world)
    world.runtime.words.problems = (Problem(str(Path("words/hold.txt")), "line 3", "save the file as UTF-8"),)
    page = await (await world.client.get("/console/words?lang=en")).text()
    assert "words/hold.txt</code>, <code>line 3</code>: save the file as UTF-8" in page
    assert "请以 UTF-8 编码保存该文件" in await (await world.client.get("/console/words?lang=zh")).text()


SPANS = st.tuples(st.integers(0, 9), st.integers(1, 10), st.sampled_from("ab")).map(
    lambda drawn: Hit("hold", drawn[2], drawn[0], max(drawn[0] + 1, drawn[1]))
)


@given(st.lists(SPANS, max_size=6))
def test_pieces_are_the_text_and_each_has_the_rules_over_it(hits: list[Hit]) -> None:
    pieces = marked("0123456789", hits)
    assert "".join(piece.text for piece in pieces) == "0123456789"
    at = 0
    for piece in pieces:
        over = {hit.rule for hit in hits if hit.start <= at and at + len(piece.text) <= hit.end}
        assert set(piece.rules) == over
        assert (piece.list is None) == (not over)
        at += len(piece.text)
