"""What the page does in a call: says samples, brings a microphone's sound, takes the line's away. By recording too."""

import asyncio
import base64

import pytest
from aiohttp import ClientSession, WSServerHandshakeError

from gateway.simulator.app import Simulator
from gateway.simulator.caller import Caller, Heard, Pace
from gateway.simulator.page_calls import LARGEST_SOUND, MOST_LISTENERS
from gateway.simulator.samples import samples
from gateway.simulator.sound import FRAME_BYTES, pcm_of
from speech.telephone import pcm_to_ulaw, ulaw_to_pcm
from tests.simulator.conftest import CITIZEN, TinyGateway
from tests.simulator.streaming import ANSWER, Line, connect
from tests.simulator.test_calls import BYE, NEXT, RECORD, tone
from tests.simulator.test_page import post

QUICK = Pace(frame=0.1)


@pytest.fixture
async def sid(page: ClientSession, tiny: TinyGateway, line: Line) -> str:
    """A call from the page whose line streams."""
    connect(tiny)
    _, call = await post(page, f"/handsets/{CITIZEN}/call")
    await line.begun.wait()
    return str(call["sid"])


async def test_the_sound_goes_both_ways(page: ClientSession, line: Line, sid: str) -> None:
    """What the microphone brings arrives as it was, and what the line plays comes as it is played."""
    spoken = pcm_of(tone(0.2, level=3000))
    async with page.ws_connect(f"/handsets/calls/{sid}/sound") as socket:
        for start in range(0, len(spoken), 640):
            await socket.send_bytes(spoken[start : start + 640])
        await line.plays(pcm_to_ulaw(b"\x00\x20" * 160))
        assert await socket.receive_bytes() == ulaw_to_pcm(pcm_to_ulaw(b"\x00\x20" * 160))

        def heard() -> bytes:
            return b"".join(base64.b64decode(one["media"]["payload"]) for one in line.events("media"))

        async with asyncio.timeout(20):
            while pcm_to_ulaw(spoken) not in heard():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await post(page, f"/handsets/calls/{sid}/hangup")
        await socket.receive()
        assert socket.closed, "when the call is over, so is its sound"


async def test_a_sample_is_said(page: ClientSession, simulator: Simulator, sid: str) -> None:
    assert await post(page, f"/handsets/calls/{sid}/say", sample=next(iter(samples()))) == (200, {})
    _, caller = simulator._running.calls[sid]
    assert caller.mouth.speaks
    assert (await post(page, f"/handsets/calls/{sid}/say", sample="../../x"))[0] == 422
    assert (await post(page, "/handsets/calls/CA1/say", sample="x"))[0] == 422
    await post(page, f"/handsets/calls/{sid}/hangup")
    assert (await post(page, f"/handsets/calls/{sid}/say", sample=next(iter(samples()))))[0] == 404


@pytest.mark.parametrize("sent", ["text", b"\0", bytes(LARGEST_SOUND + 2)])
async def test_what_is_no_sound_closes_the_socket_and_not_the_call(
    page: ClientSession, simulator: Simulator, sid: str, sent: str | bytes
) -> None:
    async with page.ws_connect(f"/handsets/calls/{sid}/sound") as socket:
        await (socket.send_str(sent) if isinstance(sent, str) else socket.send_bytes(sent))
        await socket.receive()
        assert socket.closed
    assert simulator.handset(CITIZEN).live_call is not None


async def test_no_other_site_may_listen_or_speak(page: ClientSession, sid: str) -> None:
    for headers in ({"Origin": "http://example.com"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "example.com"}):
        with pytest.raises(WSServerHandshakeError) as refused:
            await page.ws_connect(f"/handsets/calls/{sid}/sound", headers=headers)
        assert refused.value.status == 403


async def test_a_call_has_so_many_listeners(page: ClientSession, sid: str) -> None:
    sockets = [await page.ws_connect(f"/handsets/calls/{sid}/sound") for _ in range(MOST_LISTENERS)]
    with pytest.raises(WSServerHandshakeError) as refused:
        await page.ws_connect(f"/handsets/calls/{sid}/sound")
    assert refused.value.status == 409
    for socket in sockets:
        await socket.close()


async def test_a_recording_takes_what_is_spoken_by_hand(simulator: Simulator, tiny: TinyGateway) -> None:
    """Until the silence after it; the key that ends it is told."""
    tiny.answers |= {ANSWER: [f'<Response>{RECORD} timeout="2"/></Response>'], NEXT: [BYE]}
    caller = Caller(by_hand=True, pace=QUICK)
    caller.mouth.say(pcm_of(tone(1)))
    log, task = simulator.begin_call(CITIZEN, caller)
    await asyncio.wait_for(task, 20)
    (told,) = tiny.at(NEXT)
    assert (told.form["RecordingDuration"], told.form["Digits"]) == ("3", "")
    assert log.recording_sid
    assert pcm_of(tone(1)) in simulator._running.recordings[log.recording_sid].wav


async def test_a_recording_of_nothing_by_hand_is_none(simulator: Simulator, tiny: TinyGateway) -> None:
    tiny.answers |= {ANSWER: [f'<Response>{RECORD} timeout="1"/><Say>b</Say></Response>']}
    log, task = simulator.begin_call(CITIZEN, Caller(by_hand=True, pace=QUICK))
    await asyncio.wait_for(task, 20)
    assert log.spoken == ["b"]
    assert Heard.SILENCE in [entry.kind for entry in log.entries]


async def test_a_microphone_that_is_ahead_is_cut(simulator: Simulator) -> None:
    caller = Caller()
    for _ in range(1000):
        caller.mouth.speak(b"\1" * FRAME_BYTES)
    frames = 0
    while caller.mouth.frame():
        frames += 1
    assert frames <= 51
