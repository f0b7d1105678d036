"""A live call between the simulated carrier and the channel, over real sockets: who is let in, and how it goes on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, cast
from xml.etree import ElementTree

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSServerHandshakeError, web
from multidict import MultiDict
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # the library has no types

from channels import _twilio_live
from channels._call_state import Call
from channels._sound import Frame, Key, Sound
from channels._turn import Nothing
from channels._twilio_live import ONWARD, STREAM
from channels._twilio_recorded import TURN
from channels.desk import Desk
from channels.voice_twilio import ANSWER, Adapter, VoiceSettings
from gateway import clock
from gateway.errors import EverylineError
from gateway.simulator.app import Simulator
from gateway.simulator.caller import Act, Caller, CallLog, Ended, Heard, Pace
from gateway.simulator.network import Delays
from tests.channels.twilio_world import CITIZEN, NotedDesk, around

QUICK = Pace(frame=0.25)
PATIENCE = 30
TONE = b"\x00\x10" * 1600
Talk = Callable[[Sound, Call, Any, bool], Awaitable[None]]

pytestmark = pytest.mark.timeout(90)


class Line:
    """The channel with its routes on a real socket, behind the gateway's guard; and the conversations held on it."""

    def __init__(self, http: ClientSession, desk: NotedDesk) -> None:
        self.desk, self._http = desk, http
        self.talks: list[Talk] = []
        self.held: list[tuple[Call, Any, bool]] = []
        self.closed_to: set[str] = set()
        self.adapter: Adapter
        self.url = ""

    def start(self, simulator: Simulator) -> None:
        """A fresh process serves from now on."""
        credentials = {"account_sid": simulator.account_sid, "auth_token": simulator.auth_token}
        settings = credentials | {"number": "+8657112345", "api_url": simulator.url, "live": True}
        self.adapter = Adapter(VoiceSettings.model_validate(settings), around(self._http, self.url))

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if request.path in self.closed_to:
            return web.Response(status=404)
        if not await self.adapter.authentic(request):
            return web.Response(status=403)
        for route in self.adapter.routes(cast(Desk, self.desk)):
            if (route.method, route.path) == (request.method, request.path):
                try:
                    return await route.handler(request)
                except EverylineError as error:
                    return web.Response(status=error.status)
        return web.Response(status=404)

    async def converse(
        self, desk: Desk, settings: Any, sound: Sound, call: Call, event: Any = None, *, returning: bool = False
    ) -> None:
        self.held.append((call, event, returning))
        await self.talks.pop(0)(sound, call, event, returning)


@pytest.fixture
async def line(http: ClientSession, desk: NotedDesk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    made = Line(http, desk)
    monkeypatch.setattr(_twilio_live, "converse", made.converse)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.serve)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await made.adapter.hang_up()
    await runner.cleanup()


@pytest.fixture
async def simulator(line: Line) -> AsyncIterator[Simulator]:
    made = Simulator(gateway_url=line.url, delays=Delays(retrying=0.01))
    await made.start()
    line.start(made)
    yield made
    await made.stop()


async def call(simulator: Simulator, caller: Caller) -> CallLog:
    _, task = simulator.begin_call(CITIZEN, caller)
    async with asyncio.timeout(PATIENCE):
        return await task


async def until(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not found():  # noqa: ASYNC110  (no condition tells of all this)
            await asyncio.sleep(0.005)


async def bye(sound: Sound, *_: Any) -> None:
    await sound.hang_up()


async def stay(sound: Sound, *_: Any) -> None:
    async for _frame in sound.heard():
        pass


async def test_a_whole_call(simulator: Simulator, line: Line) -> None:
    """The line speaks and is heard, a key comes, the line hangs up, and Twilio is told to."""
    heard: list[Frame | Key] = []

    async def talk(sound: Sound, *_: Any) -> None:
        await sound.play(TONE)
        await sound.played()
        async for came in sound.heard():
            heard.append(came)
            if isinstance(came, Key):
                break
        await sound.play(TONE)
        await sound.hang_up()

    line.talks = [talk]
    log = await call(simulator, Caller(pace=QUICK, acts=[Act(keys="7")]))
    assert log.ended is Ended.COMPLETED
    assert [entry.kind for entry in log.entries if entry.kind is not Heard.CALLER] == [
        Heard.STREAM,
        Heard.LINE,
        Heard.KEYS,
        Heard.LINE,
        Heard.END,
    ]
    assert heard[-1] == Key("7")
    assert {len(frame.pcm) for frame in heard[:-1] if isinstance(frame, Frame)} == {320}
    ((held, event, returning),) = line.held
    assert (held.id, held.address, held.line, held.language) == (log.sid, f"tel:{CITIZEN}", "+8657112345", "zh")
    assert (event, returning) == (None, False)


async def test_who_hangs_up_ends_what_is_heard(simulator: Simulator, line: Line) -> None:
    ended = asyncio.Event()

    async def talk(sound: Sound, *_: Any) -> None:
        await stay(sound)
        await asyncio.sleep(0.05)  # what was said is kept now: nobody may cut this short
        ended.set()

    line.talks = [talk]
    caller = Caller(pace=QUICK)
    _, task = simulator.begin_call(CITIZEN, caller)
    await until(lambda: bool(line.held))
    caller.hang_up()
    async with asyncio.timeout(PATIENCE):
        assert (await task).ended is Ended.CALLER
        await ended.wait()


async def test_a_transfer_that_finds_nobody_comes_back(simulator: Simulator, line: Line) -> None:
    async def talk(sound: Sound, *_: Any) -> None:
        assert await sound.transfer("+8657100000000", 12)

    line.talks = [talk, bye]
    log = await call(simulator, Caller(pace=QUICK))
    assert [entry.text for entry in log.entries if entry.kind is Heard.DIAL] == ["+8657100000000"]
    assert [(event, returning) for _, event, returning in line.held] == [(None, False), (Nothing(), True)]
    assert log.ended is Ended.COMPLETED


@pytest.mark.parametrize(("status", "verbs"), [("completed", ["Hangup"]), ("busy", ["Connect", "Redirect"])])
async def test_what_follows_a_dial(simulator: Simulator, line: Line, status: str, verbs: list[str]) -> None:
    sid = "CA" + "1" * 32
    fields = {"CallSid": sid, "AccountSid": simulator.account_sid, "DialCallStatus": status}
    kept = {
        "then": "dialled",
        "number": "+8657100000000",
        "seconds": 20.0,
        "nobody": False,
        "streams": 1,
        "unopened": 0,
    }
    await line.desk.keep("voice_twilio", f"course:{sid}", kept)
    assert verbs == await script(simulator, line, ONWARD, fields)


async def script(simulator: Simulator, line: Line, path: str, fields: dict[str, str]) -> list[str]:
    """The verbs that are answered to a signed webhook."""
    signature = RequestValidator(simulator.auth_token).compute_signature(line.url + path, MultiDict(fields))
    async with ClientSession() as http:
        answer = await http.post(line.url + path, data=fields, headers={"X-Twilio-Signature": signature})
        return [verb.tag for verb in ElementTree.fromstring(await answer.text())]


async def test_a_call_nobody_knows_is_hung_up(simulator: Simulator, line: Line) -> None:
    fields = {"CallSid": "CA" + "2" * 32, "AccountSid": simulator.account_sid}
    assert await script(simulator, line, ONWARD, fields) == ["Hangup"]


async def test_a_restart_in_mid_call_goes_on_where_it_was(simulator: Simulator, line: Line) -> None:
    """The conversation is broken off, not ended; Twilio finds the next process, which takes the call up again."""
    broken: list[str] = []

    async def talk(sound: Sound, *_: Any) -> None:
        try:
            await stay(sound)
            broken.append("the caller seemed to hang up")
        except asyncio.CancelledError:
            broken.append("broken off")
            raise

    line.talks = [talk, bye]
    _, task = simulator.begin_call(CITIZEN, Caller(pace=QUICK))
    await until(lambda: bool(line.held))
    (first, *_), old = line.held[0], line.adapter
    line.start(simulator)
    await old.hang_up()
    async with asyncio.timeout(PATIENCE):
        log = await task
    assert broken == ["broken off"]
    assert log.ended is Ended.COMPLETED
    assert [(held, event, returning) for held, event, returning in line.held[1:]] == [(first, None, True)]


async def test_a_stream_that_breaks_goes_on_in_another(simulator: Simulator, line: Line) -> None:
    """A message that makes no sense ends its stream and no other's; neither does it end the call."""
    sockets: list[ClientWebSocketResponse] = []
    connect = simulator._running.webhooks.connect

    async def connected(url: str, largest: int) -> ClientWebSocketResponse:
        sockets.append(await connect(url, largest))
        return sockets[-1]

    simulator._running.webhooks.connect = connected  # type: ignore[method-assign]
    line.talks = [stay, stay, bye]
    other, caller = Caller(pace=QUICK), Caller(pace=QUICK)
    _, beside = simulator.begin_call("+8613800138002", other)
    await until(lambda: len(line.held) == 1)
    _, task = simulator.begin_call(CITIZEN, caller)
    await until(lambda: len(line.held) == 2)
    await sockets[1].send_str("garbage")
    async with asyncio.timeout(PATIENCE):
        log = await task
    assert log.ended is Ended.COMPLETED
    assert [held.id == log.sid for held, *_ in line.held] == [False, True, True]
    assert not beside.done()
    other.hang_up()
    await beside


async def test_without_streams_a_call_is_recorded(simulator: Simulator, line: Line) -> None:
    """As behind a proxy that lets no WebSocket through."""
    line.closed_to = {STREAM}
    log = await call(simulator, Caller())
    errors = [entry.text[:5] for entry in log.entries if entry.kind is Heard.ERROR]
    assert errors == ["31920"] * 2
    assert Heard.GATHER in [entry.kind for entry in log.entries]


async def test_streams_that_break_again_and_again_are_given_up(simulator: Simulator, line: Line) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("a fault of ours")

    line.talks = [fail] * 20
    log = await call(simulator, Caller())
    assert len(line.held) == _twilio_live.MOST_STREAMS
    assert Heard.GATHER in [entry.kind for entry in log.entries]


class Intruder:
    """Somebody who opens streams by hand."""

    def __init__(self, http: ClientSession, simulator: Simulator, line: Line) -> None:
        self._http, self._simulator, self._line = http, simulator, line

    async def token(self, sid: str) -> str:
        """The token of a call that was answered."""
        fields = {"CallSid": sid, "AccountSid": self._simulator.account_sid, "From": CITIZEN, "To": "+8657112345"}
        validator = RequestValidator(self._simulator.auth_token)
        signature = validator.compute_signature(self._line.url + ANSWER, MultiDict(fields))
        answer = await self._http.post(self._line.url + ANSWER, data=fields, headers={"X-Twilio-Signature": signature})
        told = ElementTree.fromstring(await answer.text())
        (parameter,) = told.iter("Parameter")
        return parameter.attrib["value"]

    async def open(self, *, token: str = "", sid: str, account: str = "", signed: bool = True) -> bool:
        """Open a stream; whether it is let in. Raises `WSServerHandshakeError`."""
        url = self._line.url.replace("http", "ws") + STREAM
        signature = RequestValidator(self._simulator.auth_token if signed else "x").compute_signature(url, {})
        socket = await self._http.ws_connect(url, headers={"X-Twilio-Signature": signature})
        await socket.send_json({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        start = {
            "accountSid": account or self._simulator.account_sid,
            "callSid": sid,
            "streamSid": "MZ1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": token} if token else {},
        }
        await socket.send_json({"event": "start", "sequenceNumber": "1", "start": start, "streamSid": "MZ1"})
        before = len(self._line.held)
        async with asyncio.timeout(PATIENCE):
            await socket.receive()
        assert socket.close_code == (1000 if len(self._line.held) > before else 1008)
        return len(self._line.held) > before


ONE, TWO = "CA" + "1" * 32, "CA" + "2" * 32


@pytest.fixture
def intruder(http: ClientSession, simulator: Simulator, line: Line) -> Intruder:
    line.talks = [bye] * 5
    return Intruder(http, simulator, line)


async def test_a_token_lets_its_call_in_once(intruder: Intruder) -> None:
    token = await intruder.token(ONE)
    assert await intruder.open(token=token, sid=ONE)
    assert not await intruder.open(token=token, sid=ONE)


async def test_two_at_once_with_one_token_are_one(intruder: Intruder) -> None:
    token = await intruder.token(ONE)
    attempts = [intruder.open(token=token, sid=ONE) for _ in range(2)]
    await asyncio.gather(*attempts, return_exceptions=True)
    assert len(intruder._line.held) == 1


async def test_the_tokens_of_others_let_nobody_in(intruder: Intruder) -> None:
    own, _ = await intruder.token(ONE), await intruder.token(TWO)
    assert not await intruder.open(token=own, sid=TWO)
    assert not await intruder.open(token="", sid=ONE)
    assert not await intruder.open(token="made up", sid=ONE)
    assert not await intruder.open(token=own, sid=ONE, account="AC" + "9" * 32)
    assert await intruder.open(token=own, sid=ONE), "what others tried does not use it up"


async def test_a_token_runs_out(intruder: Intruder, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await intruder.token(ONE)
    later = clock.now() + _twilio_live.TOKEN_LIFE + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert not await intruder.open(token=token, sid=ONE)


async def test_a_token_used_by_another_process_is_used(intruder: Intruder) -> None:
    token = await intruder.token(ONE)
    intruder._line.desk.held_by_another = True
    assert not await intruder.open(token=token, sid=ONE)


async def test_who_does_not_sign_gets_no_stream(intruder: Intruder) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await intruder.open(token=await intruder.token(ONE), sid=ONE, signed=False)
    assert refused.value.status == 403


async def test_the_token_stands_nowhere_in_clear(intruder: Intruder, capsys: pytest.CaptureFixture[str]) -> None:
    token = await intruder.token(ONE)
    await intruder.open(token=token, sid=TWO)
    assert token not in str(intruder._line.desk.kept)
    assert token not in "".join(capsys.readouterr())


async def test_a_secure_gateway_is_spoken_to_securely(http: ClientSession, desk: NotedDesk) -> None:
    """The address of the stream is wss, without a query; and after it Twilio asks what is next, with patience."""
    settings = {"account_sid": "AC" + "1" * 32, "auth_token": "t", "number": "+8657112345", "live": True}
    adapter = Adapter(VoiceSettings.model_validate(settings), around(http))
    script = await adapter._calls.begin(
        cast(Desk, desk), Call(channel="voice_twilio", id=ONE, address=None, line=None, language="zh")
    )
    connect, redirect = ElementTree.fromstring(script)
    assert connect[0].attrib == {"url": f"wss://city.example{STREAM}"}
    assert [parameter.attrib["name"] for parameter in connect[0]] == ["token"]
    assert (redirect.text or "").startswith(f"https://city.example{ONWARD}#rc=5")


async def test_recorded_calls_have_no_streams(http: ClientSession, desk: NotedDesk) -> None:
    settings = {"account_sid": "AC" + "1" * 32, "auth_token": "t", "number": "+8657112345"}
    adapter = Adapter(VoiceSettings.model_validate(settings), around(http))
    assert {ONWARD, STREAM}.isdisjoint(route.path for route in adapter.routes(cast(Desk, desk)))
    assert TURN in [route.path for route in adapter.routes(cast(Desk, desk))]
