"""A call whose sound is streamed: what the gateway is sent, what of its messages is obeyed, and how it ends."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from gateway.simulator.app import Simulator
from gateway.simulator.caller import Act, Caller, Heard, Pace
from gateway.simulator.samples import samples
from gateway.simulator.sound import pcm_of
from speech.telephone import pcm_to_ulaw
from tests.simulator.conftest import CITIZEN, TinyGateway
from tests.simulator.streaming import PATIENCE, STREAM, Line, connect
from tests.simulator.test_calls import tone

# Four times as fast as life.
QUICK = Pace(frame=0.25)
SECOND = b"\x00" * 8000


async def hold(simulator: Simulator, line: Line, caller: Caller, talk: Callable[[], Awaitable[object]]) -> Any:
    log, task = simulator.begin_call(CITIZEN, caller)
    async with asyncio.timeout(PATIENCE):
        await line.begun.wait()
        await talk()
        await task
    return log


async def test_the_stream_is_opened_signed_and_introduced(simulator: Simulator, tiny: TinyGateway, line: Line) -> None:
    """Custom parameters come in the start message; a query does not come at all."""
    connect(tiny, tiny.url.replace("http", "ws") + STREAM + "?token=lost", '<Parameter name="token" value="kept"/>')

    async def talk() -> None:
        await line.until("media", 3)
        await line.socket.close()

    log = await hold(simulator, line, Caller(pace=QUICK), talk)
    assert (line.signed, line.query, log.ended) == (True, "", "completed")
    connected, start, *media = line.told
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    whose = {"accountSid": simulator.account_sid, "callSid": log.sid}
    assert start == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": line.sid,
        "start": {
            **whose,
            "streamSid": line.sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": "kept"},
        },
    }
    assert line.sid.startswith("MZ")
    assert [one["sequenceNumber"] for one in media[:3]] == ["2", "3", "4"]
    assert [one["media"]["chunk"] for one in media[:3]] == ["1", "2", "3"]
    assert [one["media"]["timestamp"] for one in media[:3]] == ["0", "20", "40"]
    assert {one["media"]["track"] for one in media} == {"inbound"}
    assert {len(base64.b64decode(one["media"]["payload"])) for one in media} == {160}


async def test_what_the_caller_says_arrives_whole(simulator: Simulator, tiny: TinyGateway, line: Line) -> None:
    connect(tiny)
    sample = next(iter(samples().values()))
    caller = Caller(pace=QUICK)

    async def talk() -> None:
        caller.mouth.say(pcm_of(sample.path.read_bytes()))
        while caller.mouth.speaks:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        caller.press("#")
        await line.until("dtmf")
        await line.socket.close()

    await hold(simulator, line, caller, talk)
    heard = b"".join(base64.b64decode(one["media"]["payload"]) for one in line.events("media"))
    assert pcm_to_ulaw(pcm_of(sample.path.read_bytes())) in heard
    (key,) = line.events("dtmf")
    assert key["dtmf"] == {"track": "inbound_track", "digit": "#"}
    assert key["streamSid"] == line.sid
    numbers = [int(one["sequenceNumber"]) for one in line.told[1:]]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_marks_come_back_when_their_sound_is_played(simulator: Simulator, tiny: TinyGateway, line: Line) -> None:
    """A mark behind nothing comes back at once, one behind a second of sound after fifty frames."""
    connect(tiny)

    async def talk() -> None:
        await line.says("mark", mark={"name": "at once"})
        await line.until("mark")
        line.told.clear()
        await line.plays(SECOND, "played")
        await line.until("mark")
        await line.socket.close()

    await hold(simulator, line, Caller(pace=QUICK), talk)
    (mark,) = line.events("mark")
    assert mark["mark"] == {"name": "played"}
    before = line.told[: line.told.index(mark)]
    assert len([one for one in before if one["event"] == "media"]) >= 49


async def test_clear_takes_away_what_is_not_played(simulator: Simulator, tiny: TinyGateway, line: Line) -> None:
    """Marks come back at once, and what comes afterwards is heard."""
    connect(tiny)
    caller = Caller(pace=QUICK)

    async def talk() -> None:
        with caller.ear.listen() as ear:
            await line.plays(SECOND * 60, "first")
            await line.plays(SECOND * 60, "second")
            assert await ear.get() is not None
            await line.says("clear")
            await line.until("mark", 2)
            while not ear.empty():
                ear.get_nowait()
            await line.plays(b"\x42" * 160, "third")
            await line.until("mark", 3)
            assert ear.qsize() == 1
        await line.socket.close()

    log = await hold(simulator, line, caller, talk)
    assert [one["mark"]["name"] for one in line.events("mark")] == ["first", "second", "third"]
    assert Heard.CLEARED in [entry.kind for entry in log.entries]


async def test_the_caller_hangs_up(simulator: Simulator, tiny: TinyGateway, line: Line) -> None:
    connect(tiny, after="<Say>Not heard</Say>")
    caller = Caller(pace=QUICK)

    async def talk() -> None:
        await line.until("media")
        caller.hang_up()
        await line.ended.wait()

    log = await hold(simulator, line, caller, talk)
    assert line.told[-1]["event"] == "stop"
    assert line.told[-1]["stop"] == {"accountSid": simulator.account_sid, "callSid": log.sid}
    assert (log.ended, log.spoken) == ("caller", [])


async def test_when_the_line_closes_the_next_verb_runs(simulator: Simulator, tiny: TinyGateway, line: Line) -> None:
    connect(tiny, url=STREAM, after="<Say>Goodbye</Say>")  # relative to the document
    log = await hold(simulator, line, Caller(pace=QUICK), line.socket.close)
    assert (log.ended, log.spoken, line.events("stop")) == ("completed", ["Goodbye"], [])


async def test_a_script_acts_each_time_the_line_has_spoken(simulator: Simulator, tiny: TinyGateway, line: Line) -> None:
    connect(tiny)
    caller = Caller(pace=QUICK, acts=[Act(keys="2"), Act(wav=tone(0.5), keys="#"), Act(hang_up=True)])

    async def talk() -> None:
        for keys in (1, 2):
            await line.plays(SECOND)
            await line.until("dtmf", keys)
        await line.plays(SECOND)
        await line.ended.wait()

    log = await hold(simulator, line, caller, talk)
    assert log.keys == ["2", "#"]
    assert log.ended == "caller"
    speaking = [entry.kind for entry in log.entries]
    assert speaking.index(Heard.CALLER) < len(speaking) - 1 - speaking[::-1].index(Heard.KEYS)


@pytest.mark.parametrize("sent", ["{", "[]", "{}", '{"event": "media"}', '{"event": "dance", "streamSid": "%s"}'])
async def test_messages_that_make_no_sense_are_noted_once(
    simulator: Simulator, tiny: TinyGateway, line: Line, sent: str
) -> None:
    connect(tiny)

    async def talk() -> None:
        for _ in range(2):
            await line.socket.send_str(sent.replace("%s", line.sid))
        await line.socket.send_bytes(b"\0")
        await line.plays(SECOND[:160], "still there")
        await line.until("mark")
        await line.socket.close()

    log = await hold(simulator, line, Caller(pace=QUICK), talk)
    assert [entry.text[:5] for entry in log.entries if entry.kind is Heard.ERROR] == ["31951", "31950"]


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://127.0.0.1/x", "31922"),
        ("wss://example.com/x", "31922"),
        ("ws://127.0.0.1:1/x", "31902"),
        ("/hooks/voice_twilio/nothing", "31920"),
    ],
)
async def test_a_stream_that_cannot_be_opened_is_passed_over(
    simulator: Simulator, tiny: TinyGateway, url: str, error: str
) -> None:
    connect(tiny, url=url, after="<Say>Another way</Say>")
    log = await simulator.call(CITIZEN)
    assert log.spoken == ["Another way"]
    assert [entry.text[:5] for entry in log.entries if entry.kind is Heard.ERROR] == [error]


async def test_many_calls_stream_at_once(simulator: Simulator, tiny: TinyGateway) -> None:
    lines: list[Line] = []

    async def serve(request: web.Request) -> web.StreamResponse:
        lines.append(Line(tiny))
        return await lines[-1].serve(request)

    tiny.streams[STREAM] = serve
    connect(tiny)
    callers = [Caller(pace=QUICK) for _ in range(8)]
    calls = [simulator.begin_call(f"+861380013900{n}", caller) for n, caller in enumerate(callers)]
    async with asyncio.timeout(PATIENCE):
        while len(lines) < len(calls) or not all(line.events("media") for line in lines):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for caller in callers:
            caller.hang_up()
        await asyncio.gather(*(task for _, task in calls))
    assert {line.told[1]["start"]["callSid"] for line in lines} == {log.sid for log, _ in calls}
