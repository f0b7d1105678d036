"""The wire of Media Streams: what each message means, what ends a stream, and how sound goes out and is taken back."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web

from channels import _twilio_stream
from channels._sound import Frame, Key
from channels._twilio_stream import (
    CLOSE_WITHIN,
    LARGEST_MESSAGE,
    PIECE,
    Dial,
    MediaStream,
    Started,
    StreamFault,
    opened,
    parse,
)
from speech.telephone import pcm_to_ulaw, ulaw_to_pcm

PAYLOADS = Path(__file__).parent / "payloads/voice_twilio"
ACCOUNT, CALL, STREAM = ("AC" + "0" * 31 + "1", "CA" + "0" * 31 + "1", "MZ" + "0" * 31 + "1")
PATIENCE = 20
pytestmark = pytest.mark.timeout(60)
TONE = b"\x00\x10" * PIECE


def saved(name: str) -> dict[str, Any]:
    """A message as Twilio documents it."""
    message: dict[str, Any] = json.loads((PAYLOADS / f"stream_{name}.json").read_text())
    return message


def changed(name: str, *path: str, to: Any) -> str:
    """A saved message with one thing in it changed."""
    message = saved(name)
    place = message
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return json.dumps(message)


class Line:
    """A server with one stream on it, and a client that plays Twilio."""

    def __init__(self) -> None:
        self.started: Started | None = None
        self.fault = ""
        self.heard: list[Frame | Key] = []
        self.onward: list[Dial | None] = []
        self.may_part = True
        self.stream: MediaStream | None = None
        self.begun, self.over = asyncio.Event(), asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=LARGEST_MESSAGE, timeout=CLOSE_WITHIN)
        await socket.prepare(request)
        try:
            self.started = await opened(socket)
        except (StreamFault, ConnectionError) as error:
            self.fault = str(error)
            await socket.close(code=1008)
            self.over.set()
            return socket
        async with MediaStream(socket, self.started.stream, self._onward) as self.stream:
            self.begun.set()
            hearing, breaking = asyncio.create_task(self._hear()), asyncio.create_task(self.stream.broke.wait())
            await asyncio.wait([hearing, breaking], return_when=asyncio.FIRST_COMPLETED)
            hearing.cancel()
            breaking.cancel()
        self.over.set()
        return socket

    async def _hear(self) -> None:
        assert self.stream
        async for event in self.stream.heard():
            self.heard.append(event)

    async def _onward(self, where: Dial | None) -> bool:
        self.onward.append(where)
        return self.may_part


@pytest.fixture
async def line() -> Line:
    return Line()


@pytest.fixture
async def twilio(http: ClientSession, line: Line) -> AsyncIterator[ClientWebSocketResponse]:
    """Twilio's end of the socket; nothing is said on it yet."""
    app = web.Application()
    app.router.add_get("/", line.serve)
    # Not aiohttp's TestServer: it cancels whoever serves a client that leaves, and the gateway does not.
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    socket = await http.ws_connect(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    yield socket
    await socket.close()
    await runner.cleanup()


async def introduce(twilio: ClientWebSocketResponse, line: Line) -> MediaStream:
    for name in ("connected", "start"):
        await twilio.send_json(saved(name))
    await line.begun.wait()
    assert line.stream
    return line.stream


async def told(twilio: ClientWebSocketResponse, count: int) -> list[Mapping[str, Any]]:
    return [await twilio.receive_json() for _ in range(count)]


async def echo(twilio: ClientWebSocketResponse, name: str) -> None:
    await twilio.send_str(changed("mark", "mark", "name", to=name))


async def closed(twilio: ClientWebSocketResponse) -> int | None:
    """The code the line closed with, whatever it still said before."""
    async for _ in twilio:
        pass
    return twilio.close_code


async def test_a_stream_introduces_itself(twilio: ClientWebSocketResponse, line: Line) -> None:
    await introduce(twilio, line)
    assert line.started == Started(ACCOUNT, CALL, STREAM, {"token": "the-token-of-this-call"})
    assert "the-token" not in repr(line.started)


BAD_OPENINGS = [
    ["{"],
    ["[]"],
    [json.dumps(saved("start"))],
    [json.dumps(saved("connected")), json.dumps(saved("media"))],
    [json.dumps(saved("connected")), changed("start", "start", to="x")],
    [json.dumps(saved("connected")), changed("start", "start", "callSid", to="")],
    [json.dumps(saved("connected")), changed("start", "start", "callSid", to="C" * 1000)],
    [json.dumps(saved("connected")), changed("start", "start", "customParameters", to=None)],
    [json.dumps(saved("connected")), changed("start", "start", "mediaFormat", "sampleRate", to=16000)],
    [json.dumps(saved("connected")), changed("start", "start", "mediaFormat", "encoding", to="audio/x-l16")],
    ["[" * 15_000],
    ["x" * (LARGEST_MESSAGE + 1)],
]


@pytest.mark.parametrize("messages", BAD_OPENINGS, ids=range(len(BAD_OPENINGS)))
async def test_an_introduction_that_makes_no_sense(
    twilio: ClientWebSocketResponse, line: Line, messages: list[str]
) -> None:
    for message in messages:
        await twilio.send_str(message)
    await closed(twilio)
    assert line.stream is None
    assert line.fault


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_twilio_stream, "OPENING", 0.05)


@pytest.mark.usefixtures("impatient")
async def test_who_says_nothing_is_not_waited_for(twilio: ClientWebSocketResponse, line: Line) -> None:
    assert await closed(twilio) == 1008
    assert line.fault == "nothing came"


async def test_sound_and_keys_come_in_order(twilio: ClientWebSocketResponse, line: Line) -> None:
    """What is said of our own sound, and kinds of messages nobody knows yet, are passed over."""
    await introduce(twilio, line)
    await twilio.send_json(saved("media"))
    await twilio.send_json(saved("dtmf"))
    await twilio.send_str(changed("media", "media", "track", to="outbound"))
    await twilio.send_str(changed("media", "event", to="something-new"))
    await twilio.send_json(saved("media"))
    await twilio.send_json(saved("stop"))
    await line.over.wait()
    sound = Frame(ulaw_to_pcm(base64.b64decode(saved("media")["media"]["payload"])))
    assert line.heard == [sound, Key("1"), sound]
    assert line.stream
    assert not line.stream.broke.is_set()


BAD_MESSAGES = [
    "{",
    "[]",
    "null",
    changed("media", "streamSid", to="MZother"),
    changed("media", "media", to=[]),
    changed("media", "media", "payload", to=5),
    changed("media", "media", "payload", to="not base64!"),
    changed("dtmf", "dtmf", "digit", to="12"),
    changed("dtmf", "dtmf", "digit", to="é"),
    changed("mark", "mark", to={}),
    json.dumps({"event": "media"}),
    "[" * 15_000,
]


@pytest.mark.parametrize("message", BAD_MESSAGES, ids=range(len(BAD_MESSAGES)))
async def test_a_message_that_makes_no_sense_ends_its_stream(
    twilio: ClientWebSocketResponse, line: Line, message: str
) -> None:
    await introduce(twilio, line)
    await twilio.send_str(message)
    assert await closed(twilio) == 1008
    await line.over.wait()
    assert line.stream
    assert line.stream.broke.is_set()


@pytest.mark.parametrize("send", [lambda s: s.send_bytes(b"\0"), lambda s: s.send_str("x" * (LARGEST_MESSAGE + 1))])
async def test_binary_and_oversized_messages_end_it_too(
    twilio: ClientWebSocketResponse, line: Line, send: Callable[[ClientWebSocketResponse], Any]
) -> None:
    await introduce(twilio, line)
    await send(twilio)
    assert await closed(twilio) in (1008, 1009)
    await line.over.wait()


async def test_too_many_messages_end_it(
    twilio: ClientWebSocketResponse, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_twilio_stream, "BURST", 20.0)
    monkeypatch.setattr(_twilio_stream, "STEADY", 0.001)
    await introduce(twilio, line)
    with contextlib.suppress(ConnectionError):
        for _ in range(25):
            await twilio.send_json(saved("media"))
    assert await closed(twilio) == 1008
    assert len(line.heard) <= 20


async def test_a_stream_that_falls_silent_is_gone(
    twilio: ClientWebSocketResponse, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_twilio_stream, "IDLE", 0.05)
    await introduce(twilio, line)
    assert await closed(twilio) == 1001
    await line.over.wait()


async def test_sound_goes_ahead_as_far_as_it_may(
    twilio: ClientWebSocketResponse, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each piece has its mark; as many pieces go out as may be ahead, and one more for each that was heard."""
    monkeypatch.setattr(_twilio_stream, "MOST_AHEAD", 2)
    stream = await introduce(twilio, line)
    await stream.play(TONE * 2 + TONE[:100])
    first = await told(twilio, 4)
    assert [message["event"] for message in first] == ["media", "mark"] * 2
    assert {message["streamSid"] for message in first} == {STREAM}
    sound = base64.b64decode(first[0]["media"]["payload"])
    assert sound == pcm_to_ulaw(TONE)
    played = asyncio.create_task(stream.played())
    await echo(twilio, first[1]["mark"]["name"])
    media, mark = await told(twilio, 2)
    assert len(base64.b64decode(media["media"]["payload"])) == 50
    assert not played.done()
    await echo(twilio, mark["mark"]["name"])
    await played


async def test_what_is_said_can_be_taken_back(twilio: ClientWebSocketResponse, line: Line) -> None:
    """Marks of what was cleared come late and count for nothing; what is said then is a new beginning."""
    stream = await introduce(twilio, line)
    await stream.play(TONE * 100)
    first = await told(twilio, 2)
    await stream.clear()
    await stream.played()
    await stream.play(TONE)
    seen: list[Mapping[str, Any]] = []
    while [message["event"] for message in seen[-3:]] != ["clear", "media", "mark"]:
        seen += await told(twilio, 1)
    played = asyncio.create_task(stream.played())
    await echo(twilio, first[1]["mark"]["name"])
    await twilio.send_json(saved("dtmf"))
    async with asyncio.timeout(PATIENCE):
        while not line.heard:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert not played.done()
    await echo(twilio, seen[-1]["mark"]["name"])
    await played


async def test_who_is_gone_is_not_waited_for(twilio: ClientWebSocketResponse, line: Line) -> None:
    stream = await introduce(twilio, line)
    await stream.play(TONE * 100)
    played = asyncio.create_task(stream.played())
    await twilio.close()
    await played
    await stream.play(TONE)
    await stream.played()
    await stream.hang_up()


async def test_hanging_up_waits_until_all_was_heard(twilio: ClientWebSocketResponse, line: Line) -> None:
    stream = await introduce(twilio, line)
    await stream.play(TONE)
    _, mark = await told(twilio, 2)
    hanging_up = asyncio.create_task(stream.hang_up())
    await echo(twilio, mark["mark"]["name"])
    assert (await twilio.receive()).type is WSMsgType.CLOSE
    await hanging_up
    assert (twilio.close_code, line.onward) == (1000, [None])
    await line.over.wait()
    assert not stream.broke.is_set()


async def test_a_transfer_is_told_before_the_stream_is_closed(twilio: ClientWebSocketResponse, line: Line) -> None:
    stream = await introduce(twilio, line)
    transferring = asyncio.create_task(stream.transfer("+8657112345678", 20))
    assert await closed(twilio) == 1000
    assert await transferring
    assert line.onward == [Dial("+8657112345678", 20)]


async def test_a_transfer_that_cannot_be_leaves_the_stream(twilio: ClientWebSocketResponse, line: Line) -> None:
    stream = await introduce(twilio, line)
    line.may_part = False
    assert not await stream.transfer("+8657112345678", 20)
    await stream.play(TONE)
    assert (await told(twilio, 1))[0]["event"] == "media"


def test_a_crowd_of_unheard_frames_is_thinned_and_keys_stay() -> None:
    async def crowd() -> list[Frame | Key]:
        stream = MediaStream(web.WebSocketResponse(), STREAM, Line()._onward)
        await stream._take(Key("1"))
        for _ in range(_twilio_stream.MOST_UNHEARD + 10):
            await stream._take(Frame(b""))
        return list(stream._heard)

    heard = asyncio.run(crowd())
    assert len(heard) == _twilio_stream.MOST_UNHEARD
    assert heard[0] == Key("1")


def test_saved_messages_are_what_they_say() -> None:
    assert parse(json.dumps(saved("dtmf")), STREAM) == Key("1")
    with pytest.raises(StreamFault):
        parse(json.dumps(saved("dtmf")), "MZother")
