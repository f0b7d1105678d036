"""The dial plan that is given to operators leads calls as it should: run here step by step against the channel."""

import asyncio

import pytest
from aiohttp import ClientSession

from channels._turn import Began, ForKeys, Keys, Nothing, Transfer
from tests.channels.asterisk import CALLER, LINE, SECRET, Exchange
from tests.channels.dial_plan import Running
from tests.channels.line_world import LineDesk
from tests.channels.test__line import BYE, says
from tests.channels.test_voice_audiosocket import Play, desk, exchange, play, running

__all__ = ["desk", "exchange", "play"]
KNOWN = {"EVERYLINE_AUDIOSOCKET_SECRET": SECRET}


@pytest.mark.parametrize("line", ["95001", LINE])
async def test_a_call_is_answered_led_and_hung_up(exchange: Exchange, desk: LineDesk, play: Play, line: str) -> None:
    script = play(says("menu", then=ForKeys(1, "", 20)), BYE)
    call = exchange.call()
    plan = asyncio.create_task(Running(call, line, KNOWN).run())
    await call.hears()
    call.press("1")
    assert await asyncio.wait_for(plan, 10) == ["Answer", "AudioSocket"]
    assert script.events == [Began(), Keys("1")]


@pytest.mark.parametrize(
    ("status", "after"), [("ANSWER", []), ("NOANSWER", ["AudioSocket"]), ("BUSY", ["AudioSocket"])]
)
async def test_a_transfer_rings_and_comes_back_where_nobody_answers(
    exchange: Exchange, play: Play, status: str, after: list[str]
) -> None:
    script = play(says("hold on", then=Transfer("+861099", 25)), BYE)
    done = await asyncio.wait_for(Running(exchange.call(), LINE, KNOWN, dial_status=status).run(), 10)
    assert done == ["Answer", "AudioSocket", "Dial PJSIP/+861099@trunk,25,g", *after]
    assert script.events == [Began(), *([Nothing()] if after else [])]


async def test_a_call_waits_for_a_gateway_that_is_away_and_goes_on(
    http: ClientSession, desk: LineDesk, play: Play
) -> None:
    script = play(says("menu", then=ForKeys(1, "", 20)), says("menu", then=ForKeys(1, "", 20)), BYE)
    async with running(http, desk) as before:
        call = before.call()
        running_plan = Running(call, LINE, KNOWN)
        plan = asyncio.create_task(running_plan.run())
        await call.hears()
    async with running(http, desk) as after:
        running_plan.variables["EVERYLINE_URL"] = after.url
        running_plan.variables["EVERYLINE_SOUND"] = f"{after.host}:{after.port}"
        call.exchange = after
        await call.hears()
        call.press("1")
        done = await asyncio.wait_for(plan, 10)
    assert done == ["Answer", "AudioSocket", "AudioSocket"]
    assert script.events == [Began(), Began(), Keys("1")]


async def test_without_a_gateway_the_caller_is_told(http: ClientSession) -> None:
    nowhere = Exchange("http://127.0.0.1:1", "127.0.0.1", 1, http)
    done = await asyncio.wait_for(Running(nowhere.call(), LINE, KNOWN).run(), 20)
    assert done == ["Answer", "Playback please-try-call-later"]


async def test_with_a_wrong_secret_nobody_is_let_in(exchange: Exchange, play: Play) -> None:
    script = play()
    done = await asyncio.wait_for(Running(exchange.call(CALLER), LINE, {}).run(), 20)
    assert done == ["Answer", "Playback please-try-call-later"]
    assert script.events == []
