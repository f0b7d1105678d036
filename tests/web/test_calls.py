"""The page of calls: what it shows and to whom, and its stream that grows word by word."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.journey.calling import OnTheLine
from gateway.web import calls_live
from gateway.web.keys import SWITCHBOARD
from store.accounts import Role
from tests.web.conftest import World
from tests.web.test_live import Reader, Told, listening, until

NUMBER = "+8613800138001"
PAGE, STREAM, API = "/console/calls", "/console/calls/live", "/api/v1/console/calls"


async def ring(world: World, call: str = "CA1", *, live: bool = True, language: str = "en") -> OnTheLine:
    return await world.desk.on_the_line(
        "form", call, line="+864001112222", language=language, address=f"tel:{NUMBER}", live=live
    )


@pytest.fixture
async def staff(world: World) -> World:
    await world.account(Role.VIEWER, "anna")
    await world.log_in("anna")
    return world


async def page(world: World) -> str:
    answer = await world.client.get(PAGE, headers={"Accept-Language": "en"})
    assert answer.status == 200
    return await answer.text()


async def test_nobody_calls(staff: World) -> None:
    text = await page(staff)
    assert "Nobody is calling just now." in text
    assert "Nobody has called in these days." in text
    assert "of 200 lines" in text


async def test_a_call_is_shown_with_its_words_and_without_its_caller(staff: World) -> None:
    line = await ring(staff)
    await line.step("speaking")
    line.hearing("call me on 13800138001", True)
    line.hearing("because <b>the lamp", False)
    await staff.desk.calling.write()
    text = await page(staff)
    assert "speaking" in text
    assert "+864001112222" in text
    assert "138****8001" in text, "masked as every text"
    assert "13800138001" not in text
    assert "because &lt;b&gt;the lamp</span>" in text
    await line.kept("12345670")
    await line.ended("hung_up")
    text = await page(staff)
    assert 'href="/console/posts/12345670"' in text
    assert "hung up" in text
    assert "Nobody is calling just now." in text


async def test_as_many_as_may_be_is_told(staff: World) -> None:
    few = staff.runtime.settings.calls.model_copy(update={"most_at_once": 1})
    staff.runtime.settings = staff.runtime.settings.model_copy(update={"calls": few})
    assert "<div data-full hidden>" in await page(staff)
    _line = await ring(staff)
    assert "<div data-full>" in await page(staff)


async def test_programs_read_the_same(world: World) -> None:
    line = await ring(world)
    line.hearing("my number is 13800138001", True)
    await line.step("confirming")
    _other = await ring(world, "CA2", live=False, language="zh")
    await line.ended("finished")
    answer = await world.client.get(API, headers=await world.token(Role.VIEWER))
    told = json.loads(await answer.text())
    assert (told["going_on"], told["most_at_once"]) == (1, 200)
    assert [(one["live"], one["language"], one["words"]) for one in told["calls"]] == [(False, "zh", [])]
    [ended] = told["ended"]
    assert (ended["step"], ended["ended"], ended["words"]) == ("confirming", "finished", ["my number is 138****8001"])
    assert NUMBER not in await answer.text()
    assert "caller" not in ended
    refused = await world.client.get(f"{API}?limit=101", headers=await world.token(Role.VIEWER))
    assert refused.status == 422


@asynccontextmanager
async def writing(world: World) -> AsyncIterator[None]:
    """The process as it runs: growing words are written by themselves."""
    task = asyncio.create_task(world.desk.calling.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def words(stream: Reader) -> dict[str, Any]:
    told = await stream.next(10)
    assert told.event == "words"
    found: dict[str, Any] = json.loads(told.data)
    return found


async def test_words_grow_in_the_stream(staff: World) -> None:
    async with listening(staff, STREAM, Accept_Language="en") as stream, writing(staff):
        line = await ring(staff)
        begun = await stream.next(10)
        assert (begun.event, f'id="call-{line.call.id}"' in begun.data) == ("call", True)
        for said in ("the", "the lamp", "the lamp 13800138001"):
            line.hearing(said, False)
            told = await words(stream)
            assert told == {"id": line.call.id, "partial": said.replace("13800138001", "138****8001")}
        line.hearing("the lamp is dark", True)
        assert await words(stream) == {"id": line.call.id, "partial": "", "settled": ["the lamp is dark"]}
        await line.step("confirming")
        step = await stream.next(10)
        assert (step.event, "confirming" in step.data, "the lamp is dark" in step.data) == ("call", True, True)
        await line.ended("hung_up")
        assert "hung up" in (await stream.next(10)).data


async def test_it_is_told_in_the_language_of_whoever_listens(staff: World) -> None:
    async with (
        listening(staff, STREAM, Accept_Language="en") as english,
        listening(staff, STREAM, Accept_Language="zh") as chinese,
    ):
        _line = await ring(staff)
        assert "greeting" in (await english.next(10)).data
        assert "问候中" in (await chinese.next(10)).data


async def test_who_was_away_is_told_how_all_stands(staff: World) -> None:
    async with listening(staff, STREAM) as stream:
        first = await ring(staff, "CA1")
        last = (await stream.next(10)).id
    second = await ring(staff, "CA2")
    second.hearing("said meanwhile", True)
    await second.ended("finished")
    async with listening(staff, STREAM, Last_Event_ID=str(last)) as stream:
        told: dict[str, Told] = {}
        while len(told) < 2:
            one = await stream.next(10)
            told[one.data.split('id="call-')[1].split('"')[0]] = one
    assert set(told) == {first.call.id, second.call.id}
    assert "said meanwhile" in told[second.call.id].data


async def test_a_page_opened_while_somebody_speaks_misses_nothing(staff: World) -> None:
    """Between drawing the page and opening its stream something may happen: the page says from when it is."""
    text = await page(staff)
    address = text.split('data-calls="')[1].split('"')[0]
    line = await ring(staff)
    async with listening(staff, address) as stream:
        assert line.call.id in (await stream.next(10)).data


@pytest.mark.parametrize("last", ["x", "-1", "1" * 19])
async def test_a_number_of_nobody_s_is_refused(staff: World, last: str) -> None:
    assert (await staff.client.get(f"{STREAM}?last={last}")).status == 422


async def test_what_cannot_be_drawn_ends_no_stream(staff: World, monkeypatch: pytest.MonkeyPatch) -> None:
    board = staff.app[SWITCHBOARD]
    real, tried = board._draw, asyncio.Event()

    def draw(call: Any, language: str) -> str:
        if call.external_id == "CA1":
            tried.set()
            raise ValueError("cannot be drawn")
        return real(call, language)

    monkeypatch.setattr(board, "_draw", draw)
    async with listening(staff, STREAM) as stream:
        _first = await ring(staff, "CA1")
        await asyncio.wait_for(tried.wait(), 10)
        second = await ring(staff, "CA2")
        assert second.call.id in (await stream.next(10)).data


async def test_nothing_is_read_while_nobody_listens(staff: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    board = staff.app[SWITCHBOARD]
    real = board._changed

    async def changed(since: Any) -> Any:
        read.append(since)
        return await real(since)

    monkeypatch.setattr(board, "_changed", changed)
    line = await ring(staff)
    await board._tell()
    assert not read
    async with listening(staff, STREAM, Accept_Language="en") as stream:
        await line.step("menu")
        assert "menu" in (await stream.next(10)).data
    await until(lambda: not board.listeners)
    assert read


def test_a_moment_and_its_number() -> None:
    assert calls_live.number_of(calls_live.FIRST.replace(year=1971)) == 365 * 86_400 * 1_000_000
