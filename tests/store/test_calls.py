"""Calls as staff follow them, kept up by one process and read by another."""

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.engine import Engine

from gateway import clock
from gateway.desk import Desk
from gateway.errors import Busy, TooMany
from gateway.jobs import upkeep
from gateway.journey import erasure
from gateway.journey.calling import OnTheLine
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from store import calls, citizens
from store.calls import Call, Words
from store.tables_calls import calls as table
from tests.journey.test_intake import ANNA, message

URN = f"tel:{ANNA}"


async def ring(desk: Desk, call: str = "CA1", *, live: bool = True, address: str | None = URN) -> OnTheLine:
    return await desk.on_the_line("texting", call, line="+864001112222", language="zh", address=address, live=live)


async def shown(runtime: Runtime) -> list[Call]:
    async with runtime.database.reading() as connection:
        return await calls.present(connection, runtime.vault, 10)


async def over(runtime: Runtime) -> list[Call]:
    async with runtime.database.reading() as connection:
        return await calls.ended(connection, runtime.vault, 10)


async def test_a_call_is_followed_from_its_beginning_to_its_end(runtime: Runtime) -> None:
    desk = Desk(runtime)
    line = await ring(desk)
    [begun] = await shown(runtime)
    assert (begun.channel, begun.line, begun.step, begun.live) == ("texting", "+864001112222", "greeting", True)
    await line.step("menu", language="en")
    line.hearing("the lamp", False)
    line.hearing("the lamp is broken", True)
    line.hearing("at the", False)
    await desk.calling.write()
    [going] = await shown(runtime)
    assert (going.step, going.language) == ("menu", "en")
    assert going.words == Words(("the lamp is broken",), "at the")
    await line.kept("1234")
    await line.ended("hung_up")
    assert not await shown(runtime)
    [ended] = await over(runtime)
    assert (ended.ticket, ended.how, ended.id) == ("1234", "hung_up", begun.id)
    assert ended.words == Words(("the lamp is broken", "at the")), "what was being said when it ended is not lost"


async def test_neither_the_number_nor_the_words_lie_open(runtime: Runtime) -> None:
    desk = Desk(runtime)
    line = await ring(desk)
    line.hearing("my name is Anna", True)
    await desk.calling.write()
    async with runtime.database.reading() as connection:
        [row] = (await connection.execute(select(table))).mappings()
    said = repr(dict(row))
    assert ANNA not in said
    assert "Anna" not in said
    assert row["sealed"]


async def test_more_than_so_many_at_once_are_refused_until_one_ends(runtime: Runtime) -> None:
    few = runtime.settings.calls.model_copy(update={"most_at_once": 2})
    runtime.settings = runtime.settings.model_copy(update={"calls": few})
    desk = Desk(runtime)
    first, _second = await ring(desk, "CA1"), await ring(desk, "CA2")
    with pytest.raises(TooMany):
        await ring(desk, "CA3")
    again = await ring(desk, "CA1")
    assert again.call.id == first.call.id, "a call that is going on is no new one"
    await first.ended("finished")
    await ring(desk, "CA3")


async def test_a_call_the_carrier_comes_back_for_goes_on_where_it_was(runtime: Runtime) -> None:
    line = await ring(Desk(runtime), live=False)
    await line.step("speaking")
    line.hearing("the first part", True)
    await line.step("confirming")
    back = await ring(Desk(runtime), live=False)
    back.hearing("the second part", True)
    await back.step("menu")
    [going] = await shown(runtime)
    assert going.words.settled == ("the first part", "the second part")


async def test_a_call_that_does_not_come_back_in_its_time_makes_room(
    runtime: Runtime, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its caller put the phone down, which no carrier tells of while it plays."""
    calls_set = runtime.settings.calls.model_copy(update={"most_at_once": 1})
    monkeypatch.setattr(runtime, "settings", runtime.settings.model_copy(update={"calls": calls_set}))
    desk = Desk(runtime)
    for within in (30, 90):
        await (await ring(desk, live=False)).step("menu", within=within)
    later(60)
    with pytest.raises(TooMany):
        await ring(desk, "CA2", live=False)
    later(40)
    await ring(desk, "CA2", live=False)
    await upkeep.end_lost_calls(runtime)
    assert [(one.external_id, one.how) for one in await over(runtime)] == [("CA1", calls.LOST)]
    back = await ring(desk, live=False)
    await back.ended("transferred")
    assert [(one.external_id, one.how) for one in await over(runtime)] == [("CA1", "transferred")], "it spoke all along"


async def test_it_ends_when_its_process_is_heard_of_no_more_and_may_come_back(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    await ring(Desk(runtime))
    later(20)
    await upkeep.end_lost_calls(runtime)
    assert len(await shown(runtime)) == 1
    later(20)
    await upkeep.end_lost_calls(runtime)
    [ended] = await over(runtime)
    assert ended.how == calls.LOST
    await ring(Desk(runtime))
    [going] = await shown(runtime)
    assert (going.id, going.ended_at, going.how) == (ended.id, None, None)


async def test_what_ended_as_it_should_does_not_begin_again(runtime: Runtime) -> None:
    await (await ring(Desk(runtime))).ended("finished")
    await ring(Desk(runtime))
    assert not await shown(runtime)


async def test_a_process_holds_its_calls_until_whoever_leads_them_lets_go(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    desk = Desk(runtime)
    line, forgotten = await ring(desk, "CA1"), await ring(desk, "CA2")
    later(20)
    del forgotten
    gc.collect()
    await desk.calling.renew()
    later(20)
    await upkeep.end_lost_calls(runtime)
    assert [call.external_id for call in await shown(runtime)] == [line.call.external_id]


async def test_growing_words_of_all_calls_are_one_change_and_silence_is_none(runtime: Runtime) -> None:
    desk = Desk(runtime)
    lines = [await ring(desk, f"CA{number}") for number in range(20)]
    changes: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE calls"):
            changes.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        for text in ("a", "a b", "a b c"):
            for line in lines:
                line.hearing(text, False)
        await desk.calling.write()
        for line in lines:
            line.hearing("a b c", False)
        await desk.calling.write()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(changes) == 1
    assert {call.words for call in await shown(runtime)} == {Words(partial="a b c")}


async def test_words_are_written_by_themselves_and_others_are_woken(runtime: Runtime) -> None:
    desk = Desk(runtime)
    line = await ring(desk)
    bell = runtime.database.wakeups.bell(calls.CALLS)
    running = asyncio.create_task(desk.calling.run())
    try:
        line.hearing("hello", False)
        # On a server it may still ring for the beginning.
        while (await shown(runtime))[0].words.partial != "hello":
            assert await bell.wait(20), "nobody was woken"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_store_that_fails_disturbs_no_call_and_is_tried_again(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(runtime)
    line = await ring(desk)

    async def full(*_: object) -> None:
        raise Busy("the disk is full")

    with monkeypatch.context() as failing:
        failing.setattr(runtime.database, "write", full)
        await line.step("menu")
        await line.ended("hung_up")
    assert len(await shown(runtime)) == 1
    await desk.calling.write()
    [ended] = await over(runtime)
    assert (ended.step, ended.how) == ("menu", "hung_up")


async def test_what_waited_patiently_does_not_undo_what_came_after(runtime: Runtime) -> None:
    desk = Desk(runtime)
    line = await ring(desk)
    before = line.call
    await line.step("speaking")
    await runtime.database.write(lambda tx: calls.write(tx, runtime.vault, [before]))
    assert [call.step for call in await shown(runtime)] == ["speaking"]


async def test_words_go_after_an_hour_and_the_call_after_its_days(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    desk = Desk(runtime)
    line = await ring(desk)
    line.hearing("something private", True)
    await line.ended("finished")
    await upkeep.forget_call_words(runtime)
    assert (await over(runtime))[0].words.settled
    later(3600 - 300)  # the longest until the job runs again
    await upkeep.forget_call_words(runtime)
    assert [call.words for call in await over(runtime)] == [Words()]
    later(runtime.settings.keeping.call_days * 86_400)
    await upkeep.forget(runtime)
    assert not await over(runtime)


async def test_erasing_a_person_erases_his_calls(runtime: Runtime) -> None:
    await Intake(runtime).take(message("a lamp is dark", ANNA, commands=False))
    await ring(Desk(runtime), "CA1")
    await ring(Desk(runtime), "CA2", address="tel:+8613800138999")
    async with runtime.database.reading() as connection:
        person = await citizens.person_at(connection, runtime.vault.lookup(URN))
    await erasure.erase(runtime, str(person), withdraw=False)
    assert [call.external_id for call in await shown(runtime)] == ["CA2"]


async def test_what_is_new_is_read_in_the_order_it_came(runtime: Runtime, later: Callable[[float], None]) -> None:
    desk = Desk(runtime)
    one, _two = await ring(desk, "CA1"), await ring(desk, "CA2")
    later(5)
    at = clock.now()
    await one.step("menu")
    later(1)
    await ring(desk, "CA3")
    async with runtime.database.reading() as connection:
        found = await calls.changed(connection, runtime.vault, at, 10)
    assert [call.external_id for call in found] == ["CA1", "CA3"]
