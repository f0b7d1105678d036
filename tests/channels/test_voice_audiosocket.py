"""The hotline through Asterisk: who is let in, what the dial plan is told, and calls that break off and come back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from channels import _line
from channels._turn import Began, ForKeys, ForSpeech, HungUp, Keys, Nothing, Said, Transfer, Turn
from channels.base import City, Standing, Surroundings
from channels.voice_audiosocket import Adapter, AudioSocketSettings
from tests.channels.asterisk import CALLER, LINE, SECRET, AsteriskCall, Exchange
from tests.channels.line_world import WORDS, LineDesk, silence, voice
from tests.channels.test__line import BYE, Script, says
from tests.channels.twilio_world import serve

SPEAK = ForSpeech(longest=30, silence=1)


@asynccontextmanager
async def running(http: ClientSession, desk: LineDesk, **settings: object) -> AsyncIterator[Exchange]:
    """An adapter that listens and whose routes are served, as an exchange sees it."""
    city = City(name="Test", public_url="http://127.0.0.1:8080", language="zh", country="CN")
    made = AudioSocketSettings.model_validate({"secret": SecretStr(SECRET), "port": 0, **settings})
    adapter = Adapter(made, Surroundings(city, http))
    server: TestServer = await serve(adapter, desk)  # type: ignore[arg-type]
    task = asyncio.create_task(adapter.run(desk))  # type: ignore[arg-type]
    async with asyncio.timeout(5):
        while adapter.port is None:  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0)
    try:
        yield Exchange(str(server.make_url("")).rstrip("/"), "127.0.0.1", adapter.port, http)
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=5)
        await server.close()


@pytest.fixture
def desk() -> LineDesk:
    return LineDesk()


@pytest.fixture
async def exchange(http: ClientSession, desk: LineDesk) -> AsyncIterator[Exchange]:
    async with running(http, desk) as made:
        yield made


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Script]:
    def made(*turns: Turn) -> Script:
        script = Script(*turns)
        monkeypatch.setattr(_line, "advance", script.advance)
        return script

    return made


Play = Callable[..., Script]


async def over(call: AsteriskCall) -> None:
    await asyncio.wait_for(call.hung_up.wait(), 10)


async def test_a_call_is_led_and_its_end_is_told(exchange: Exchange, desk: LineDesk, play: Play) -> None:
    script = play(says("please speak", then=SPEAK), says("we understood", then=ForKeys(1, "", 20)), BYE)
    async with exchange.call() as call:
        call.haste = 20
        await call.is_asked()
        await call.say(silence(0.1) + voice(1.2))
        await call.say(silence(1.5))
        call.press("1")
        await over(call)
        assert await call.next() == "end"
    assert [type(event) for event in script.events] == [Began, Said, Keys]
    said = script.events[1]
    assert isinstance(said, Said)
    assert said.text == WORDS
    label = desk.tapes[0].label
    assert (label.call, label.address, label.line) == (call.id, f"tel:+86{CALLER}", LINE)
    assert voice(1.2)[16_000:] in bytes(desk.tapes[0].pcm)
    assert desk.line.how == "finished"


async def test_sound_leaves_while_we_think(exchange: Exchange, play: Play) -> None:
    script = play(BYE)
    script.thinks = asyncio.Event()
    async with exchange.call() as call, asyncio.timeout(10):
        while len(call.heard) < 25:
            await call.heard_more()
        script.thinks.set()
        await over(call)


async def test_a_transfer_is_told_and_who_finds_nobody_comes_back(exchange: Exchange, play: Play) -> None:
    script = play(says("hold on", then=Transfer("+861099", 20)), BYE)
    call = exchange.call()
    async with call:
        await over(call)
        assert await call.next() == "transfer:+861099:20"
    await call.connect(transfer="failed")
    await over(call)
    await call.drop()
    assert await call.next() == "end"
    assert script.events == [Began(), Nothing()]


async def test_who_hangs_up_is_heard_to_the_end(exchange: Exchange, desk: LineDesk, play: Play) -> None:
    script = play(says("speak", then=SPEAK), says("we understood"))
    async with exchange.call() as call:
        call.haste = 20
        await call.is_asked()
        await call.say(silence(0.1) + voice(1.2))
        await asyncio.wait_for(desk.taped(16_000), 10)
    async with asyncio.timeout(10):
        while desk.line.how is None:  # noqa: ASYNC110  (the exchange is not told)
            await asyncio.sleep(0.01)
    assert [type(event) for event in script.events] == [Began, Said, HungUp]
    assert desk.line.how == "hung_up"


async def test_a_call_cut_off_by_our_stop_goes_on_where_it_stood(
    http: ClientSession, desk: LineDesk, play: Play
) -> None:
    script = play(says("speak", then=SPEAK), says("speak", then=SPEAK), BYE)
    async with running(http, desk) as exchange:
        call = exchange.call()
        call.haste = 20
        await call.connect()
        await call.is_asked()
        await call.say(silence(0.1) + voice(1))
        await asyncio.wait_for(desk.taped(15_000), 10)
    await over(call)
    await call.drop()
    assert desk.tapes[0].state == "released"
    async with running(http, desk) as exchange:
        call.exchange = exchange
        assert await call.next() == "again"
        await call.connect()
        await call.is_asked()
        await call.say(silence(0.1) + voice(0.5) + silence(2))
        await over(call)
        await call.drop()
        assert await call.next() == "end"
    assert [type(event) for event in script.events] == [Began, Began, Said]
    assert voice(1)[:8_000] in bytes(desk.ears[-1].pcm), "what was said before is heard again"


async def test_a_call_that_comes_anew_ends_what_was_left_of_it(exchange: Exchange, desk: LineDesk, play: Play) -> None:
    play(says("menu", then=ForKeys(1, "", 20)), BYE)
    async with exchange.call() as first:
        await first.hears()
        second = AsteriskCall(exchange, first.id, CALLER, 8_000)
        async with second:
            await over(first)
            await over(second)


@pytest.mark.parametrize("fields", [{}, {"secret": ""}, {"secret": "guessed-guessed-guessed"}, {"secret": "é" * 20}])
async def test_without_the_secret_nothing_is_told(
    exchange: Exchange, http: ClientSession, fields: dict[str, str]
) -> None:
    for step in ("register", "next"):
        url = f"{exchange.url}/hooks/voice_audiosocket/{step}"
        async with http.post(url, data={"call": "c1", **fields}) as answer:
            assert answer.status == 403
        async with http.post(url, json={"secret": SECRET}) as answer:
            assert answer.status == 403


@pytest.mark.parametrize("name", ["", "x" * 101, "a b", "c\n1", "é", "../c"])
async def test_a_call_needs_a_name_that_can_be(exchange: Exchange, name: str) -> None:
    for step in ("register", "next"):
        answer = await exchange.ask(step, call=name)
        assert "call is missing" in answer


@pytest.mark.parametrize(
    ("caller", "shown", "address"),
    [
        ("13800138001", "allowed", "tel:+8613800138001"),
        ("+447700900123", "allowed_not_screened", "tel:+447700900123"),
        ("01012345678", "allowed_passed_screen", "tel:+861012345678"),
        ("13800138001", "prohib", None),
        ("13800138001", "prohib_passed_screen", None),
        ("13800138001", "unavailable", None),
        ("13800138001", "allowed_failed_screen", None),
        ("anonymous", "allowed", None),
        ("", "allowed", None),
        ("201", "allowed", None),
        ("1" * 500, "allowed", None),
    ],
)
async def test_only_a_number_that_is_shown_and_can_be_is_somebody(
    exchange: Exchange, desk: LineDesk, play: Play, caller: str, shown: str, address: str | None
) -> None:
    play(says("speak", then=SPEAK), BYE)
    async with exchange.call(caller, shown=shown) as call:
        call.haste = 20
        await call.is_asked()
        await call.say(silence(7))
        await over(call)
    assert desk.tapes[0].label.address == address


async def test_an_unregistered_name_is_refused_and_a_registered_one_is_good_once(
    exchange: Exchange, play: Play
) -> None:
    script = play(BYE)
    async with exchange.call() as call:
        await over(call)
    again = AsteriskCall(exchange, call.id, CALLER, 8_000)
    for identity in (call.identity, uuid4()):
        await again.open(identity)
        await over(again)
        await again.drop()
    assert len(script.events) == 1


async def test_a_registered_name_is_good_for_seconds(
    exchange: Exchange, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = play(BYE)
    monkeypatch.setattr("channels.voice_audiosocket.REGISTERED_FOR", -1.0)
    async with exchange.call() as call:
        await over(call)
    assert script.events == []


async def test_too_many_connections_are_not_let_in_and_too_many_calls_are_told(
    http: ClientSession, desk: LineDesk, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.voice_audiosocket.SPARE", 0)
    play(says("menu", then=ForKeys(1, "", 20)), BYE)
    async with running(http, desk, connections=1) as exchange:
        first = exchange.call()
        async with first:
            await first.hears()
            assert await exchange.call().register() == "busy"
        desk.busy = True
        async with asyncio.timeout(10):
            while (answer := await exchange.call().register()) == "busy":  # noqa: ASYNC110
                await asyncio.sleep(0.01)  # until we know that the first has hung up
        late = exchange.call()
        await late.open(UUID(answer))
        await over(late)
        await late.drop()
    assert "voice_busy in zh" in desk.spoken


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
async def test_the_exchange_chooses_the_rate(exchange: Exchange, desk: LineDesk, play: Play, rate: int) -> None:
    play(says("speak", then=SPEAK), BYE)
    async with exchange.call(rate=rate) as call:
        call.haste = 20
        await call.is_asked()
        await call.say(silence(0.1, rate) + voice(1, rate) + silence(2, rate))
        await over(call)
    assert desk.tapes[0].label.rate == rate
    assert desk.ears[0].rate == rate


async def test_a_bad_frame_ends_its_call_and_no_other(exchange: Exchange, desk: LineDesk, play: Play) -> None:
    script = play(says("menu", then=ForKeys(1, "", 20)), says("menu", then=ForKeys(1, "", 20)), BYE)
    async with exchange.call() as good, exchange.call() as bad:
        await asyncio.gather(good.hears(), bad.hears())
        bad.frame(0x10, b"odd")
        await over(bad)
        assert not good.hung_up.is_set()
        good.press("1")
        await over(good)
    assert Keys("1") in script.events


async def test_the_health_says_whether_asterisk_can_connect(http: ClientSession, desk: LineDesk) -> None:
    city = City(name="Test", public_url="http://127.0.0.1:8080", language="zh", country="CN")
    async with running(http, desk) as exchange:
        settings = AudioSocketSettings(secret=SecretStr(SECRET), port=exchange.port)
        second = Adapter(settings, Surroundings(city, http))
        with pytest.raises(OSError, match="in use"):
            await second.run(desk)  # type: ignore[arg-type]
        health = await second.check()
        assert health.standing is Standing.LATER
        assert str(exchange.port) in health.sentence
