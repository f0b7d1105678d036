"""Whole calls through Asterisk, with the real script, the real desk and real Vosk: what citizens say, do and hear."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from sqlalchemy import select

from channels.base import City, Surroundings
from channels.registry import Mode, Plan
from channels.voice_audiosocket import Adapter, AudioSocketSettings
from gateway.casework import bulletins, cases
from gateway.desk import Desk
from gateway.journey import media, moderation
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, Kind, State, TranscriptState
from gateway.web.app import create_app
from store import calls, posts_for_staff, tables_posts
from store.posts_for_staff import StaffPost
from tests.channels.asterisk import CALLER, SECRET, AsteriskCall, Exchange, sound_of
from tests.channels.line_world import silence, voice
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import message
from tests.speech.test_recogniser import DEMO, TYPED

NAME = "voice_audiosocket"
CASES = [(language, stem, rate) for language, said in TYPED.items() for stem in said for rate in ("8k", "16k")]


@dataclass
class World:
    """A gateway that Asterisk calls; `said` is what it said, in order, each spoken in a tenth of a second."""

    runtime: Runtime
    exchange: Exchange
    said: list[str] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    async def speak(self, text: str, language: str, *, rate: int = 8_000, keep: bool = True) -> bytes:
        self.said.append(text)
        self.more.set()
        return voice(0.1, rate)

    async def hears(self, words: str, since: int = 0) -> str:
        """Wait until something with these words is said, and give all of it."""
        async with asyncio.timeout(20):
            while not (found := [text for text in self.said[since:] if words in text]):
                self.more.clear()
                await self.more.wait()
        return found[0]

    async def the_post(self) -> StaffPost:
        """The one post there is, with its files worked on."""
        while await media.work_on_due(self.runtime):
            pass
        async with self.runtime.database.reading() as connection:
            [post_id] = (await connection.execute(select(tables_posts.posts.c.id))).scalars()
            return (await posts_for_staff.thread(connection, post_id))[0]

    async def over(self, call: AsteriskCall) -> calls.Call:
        """Wait until we know that a call is over; gives how staff see it."""
        async with asyncio.timeout(20):
            while True:
                async with self.runtime.database.reading() as connection:
                    for one in await calls.ended(connection, self.runtime.vault, 20):
                        if one.external_id == call.id:
                            return one
                await asyncio.sleep(0.02)


@asynccontextmanager
async def running(runtime: Runtime, http: ClientSession, **settings: Any) -> AsyncIterator[World]:
    """The gateway's web and its AudioSocket, until it is stopped."""
    city = City(name="Test", public_url="http://127.0.0.1:8080", language="zh", country="CN")
    made = AudioSocketSettings.model_validate({"secret": SecretStr(SECRET), "port": 0, "silence": 1, **settings})
    adapter = Adapter(made, Surroundings(city, http))
    runtime.channels[NAME] = adapter
    runtime.plans = [*runtime.plans, Plan(NAME, Mode.SIMULATED, "a test")]
    desk = Desk(runtime)
    server = TestServer(create_app(runtime, desk))
    await server.start_server()
    tasks = [asyncio.create_task(desk.calling.run()), asyncio.create_task(adapter.run(desk))]
    async with asyncio.timeout(5):
        while adapter.port is None:  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0)
    world = World(runtime, Exchange(str(server.make_url("")).rstrip("/"), "127.0.0.1", adapter.port, http))
    runtime.synthesiser.speak = world.speak  # type: ignore[method-assign]
    try:
        yield world
    finally:
        for task in reversed(tasks):
            task.cancel()
        await asyncio.wait(tasks, timeout=5)
        await server.close()


@pytest.fixture
async def world(runtime: Runtime, http: ClientSession) -> AsyncIterator[World]:
    async with running(runtime, http) as made:
        yield made


def utterance(language: str, stem: str, rate: str) -> tuple[bytes, int]:
    return sound_of(DEMO / language / "utterances" / f"{stem}-{rate}.wav")


async def to_the_menu(world: World, call: AsteriskCall, language: str = "en") -> None:
    """Choose a language as soon as it is asked for."""
    call.haste = 8
    await world.hears("press 2")
    call.press("1" if language == "zh" else "2")
    await world.hears(world.runtime.phrase("voice_menu", language))


async def report(world: World, call: AsteriskCall, pcm: bytes) -> None:
    """Go to where one speaks, speak, and be done."""
    call.press("1")
    async with asyncio.timeout(20):
        await call.is_asked()
    await call.say(silence(0.1, call.rate) + pcm)
    call.press("#")


@pytest.mark.parametrize(("language", "stem", "rate"), CASES)
async def test_every_utterance_comes_out_word_for_word(
    world: World, texting: Texting, language: str, stem: str, rate: str
) -> None:
    pcm, samples = utterance(language, stem, rate)
    async with world.exchange.call(rate=samples) as call:
        await to_the_menu(world, call, language)
        await report(world, call, pcm)
        words = TYPED[language][stem]
        await world.hears(words)
        call.press("1")
        post_ticket = await world.hears("ticket is" if language == "en" else "编号")
    post = await world.the_post()
    assert (post.text, post.language, post.channel, post.state) == (words, language, NAME, State.PENDING)
    assert post.ticket
    assert post.ticket in post_ticket
    assert post.media[0].transcript_state is TranscriptState.DONE
    seen = await world.over(call)
    assert (seen.ticket, seen.words.settled) == (post.ticket, (words,))
    await settle_down(world.runtime)
    assert [post.ticket in text for text in texting.to(f"+86{CALLER}")] == [True], "the ticket is texted too"
    assert list((world.runtime.settings.storage.data / "calls").rglob("*.*")) == []


async def test_said_or_texted_it_is_the_same_post(world: World) -> None:
    pcm, rate = utterance("en", "001-en-f4", "8k")
    async with world.exchange.call(rate=rate) as call:
        await to_the_menu(world, call)
        await report(world, call, pcm)
        await world.hears("We understood")
        call.press("1")
        await world.hears("ticket is")
    called = await world.the_post()
    taken = await Intake(world.runtime).take(message(TYPED["en"]["001-en-f4"], "+8613800138009"))
    async with world.runtime.database.reading() as connection:
        texted = (await posts_for_staff.thread(connection, str(taken.post_id)))[0]
    same = (
        "text",
        "kind",
        "state",
        "language",
        "category",
        "place",
        "private",
        "ruling",
        "rules",
        "urgent",
        "progress",
    )
    assert [getattr(called, name) for name in same] == [getattr(texted, name) for name in same]


async def test_say_it_again_keeps_the_second_alone(world: World) -> None:
    first, rate = utterance("en", "001-en-f4", "8k")
    second, _ = utterance("en", "006-en-pedro", "8k")
    async with world.exchange.call(rate=rate) as call:
        await to_the_menu(world, call)
        await report(world, call, first)
        await world.hears("north street")
        call.press("2")
        async with asyncio.timeout(20):
            await call.is_asked()
        await call.say(second)
        call.press("#")
        await world.hears("loud noise")
        call.press("1")
        await world.hears("ticket is")
    post = await world.the_post()
    assert post.text == "loud noise at the park"
    assert len(post.media) == 1


async def test_the_recording_only_takes_no_words(world: World) -> None:
    pcm, rate = utterance("en", "006-en-pedro", "8k")
    async with world.exchange.call(rate=rate) as call:
        await to_the_menu(world, call)
        await report(world, call, pcm)
        await world.hears("loud noise")
        call.press("3")
        await world.hears("ticket is")
    post = await world.the_post()
    assert (post.text, post.media[0].transcript_state) == ("", TranscriptState.NONE)


@pytest.mark.parametrize("step", ["language", "menu", "speaking", "mid-sentence", "confirming", "ending"])
async def test_a_hang_up_at_each_step_keeps_what_was_said(world: World, step: str) -> None:
    pcm, rate = utterance("en", "006-en-pedro", "8k")
    async with world.exchange.call(rate=rate) as call:
        if step != "language":
            await to_the_menu(world, call)
        if step in ("speaking", "mid-sentence"):
            call.press("1")
            async with asyncio.timeout(20):
                await call.is_asked()
        if step == "mid-sentence":
            await call.say(pcm)
        if step in ("confirming", "ending"):
            await report(world, call, pcm)
            await world.hears("loud noise")
        if step == "ending":
            call.press("1")
            await world.hears("ticket is")
    seen = await world.over(call)
    assert seen.how == "hung_up"
    async with world.runtime.database.reading() as connection:
        number = len((await connection.execute(select(tables_posts.posts.c.id))).all())
    said = step in ("mid-sentence", "confirming", "ending")
    assert number == int(said)
    if said:
        assert (await world.the_post()).text == "loud noise at the park"
    assert list((world.runtime.settings.storage.data / "calls").rglob("*.*")) == []


async def test_the_answer_is_heard_by_keying_the_ticket(world: World) -> None:
    taken = await Intake(world.runtime).take(message("no water in North Street", f"+86{CALLER}"))
    assert taken.post_id
    assert taken.ticket
    await moderation.decide(world.runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await cases.answer(world.runtime, taken.ticket, "A crew comes this evening.", "water", actor="of")
    await bulletins.make_now(world.runtime, actor="mo")
    async with world.exchange.call() as call:
        await to_the_menu(world, call)
        call.press("2")
        await world.hears("8 digits")
        call.press("00000000")
        await world.hears("no ticket 00000000")
        call.press(taken.ticket)
        await world.hears("A crew comes this evening.")
        call.press("9")
        call.press("3")
        await world.hears("no water in North Street")


async def test_a_call_broken_off_by_a_restart_goes_on_in_mid_sentence(runtime: Runtime, http: ClientSession) -> None:
    pcm, rate = utterance("en", "001-en-f4", "8k")
    half = len(pcm) // 4 * 2
    async with running(runtime, http) as world:
        call = world.exchange.call(rate=rate)
        await call.connect()
        await to_the_menu(world, call)
        call.press("1")
        async with asyncio.timeout(20):
            await call.is_asked()
        await call.say(pcm[:half])
        async with asyncio.timeout(20):
            while not any(one.stat().st_size >= half for one in _tapes(runtime)):  # noqa: ASYNC110  (a thread writes)
                await asyncio.sleep(0.05)
    await asyncio.wait_for(call.hung_up.wait(), 10)
    await call.drop()
    async with running(runtime, http) as world:
        call.exchange = world.exchange
        assert await call.next() == "again"
        await call.connect()
        async with asyncio.timeout(20):
            await call.is_asked()
        await call.say(pcm[half:])
        call.press("#")
        await world.hears("water pipe leaking")
        call.press("1")
        await world.hears("ticket is")
        await call.drop()
        post = await world.the_post()
        assert post.text == TYPED["en"]["001-en-f4"]
    assert _tapes(runtime) == []


async def test_all_lines_taken_is_said_and_the_call_ended(world: World) -> None:
    one = world.runtime.settings.calls.model_copy(update={"most_at_once": 1})
    world.runtime.settings = world.runtime.settings.model_copy(update={"calls": one})
    async with world.exchange.call() as first:
        await world.hears("press 2")
        async with world.exchange.call() as second:
            await world.hears("现在无法接听")
            await asyncio.wait_for(second.hung_up.wait(), 10)
            assert await second.next() == "end"
        assert not first.hung_up.is_set()


async def test_a_person_is_rung_and_else_it_is_noted_whom_to_call_back(runtime: Runtime, http: ClientSession) -> None:
    pcm, rate = utterance("en", "006-en-pedro", "8k")
    async with running(runtime, http, person="+861012399", person_seconds=20) as world:
        call = world.exchange.call(rate=rate)
        async with call:
            await to_the_menu(world, call)
            call.press("0")
            await asyncio.wait_for(call.hung_up.wait(), 20)
            assert await call.next() == "transfer:+861012399:20"
        await call.connect(transfer="failed")
        await world.hears("We call you back")
        async with asyncio.timeout(20):
            await call.is_asked()
        await call.say(pcm)
        call.press("#")
        await world.hears("We will call you back")
        await call.drop()
        post = await world.the_post()
        assert (post.kind, post.private, post.text) == (Kind.QUESTION, True, "loud noise at the park")


async def test_a_withheld_number_reports_and_nothing_is_texted(world: World, texting: Texting) -> None:
    pcm, rate = utterance("en", "006-en-pedro", "8k")
    async with world.exchange.call("anonymous", rate=rate, shown="prohib") as call:
        await to_the_menu(world, call)
        await report(world, call, pcm)
        await world.hears("loud noise")
        call.press("1")
        await world.hears("ticket is")
    assert (await world.the_post()).text == "loud noise at the park"
    await settle_down(world.runtime)
    assert texting.sent == []


async def test_without_a_model_the_recording_waits_for_one(world: World) -> None:
    pcm, rate = utterance("en", "006-en-pedro", "8k")
    world.runtime.plans = [Plan(NAME, Mode.ON, "not simulated: the demo's models are not for citizens")]
    async with world.exchange.call(rate=rate) as call:
        await to_the_menu(world, call)
        await report(world, call, pcm)
        await world.hears("ticket is")
    post = await world.the_post()
    assert (post.text, post.media[0].transcript_state) == ("", TranscriptState.NO_MODEL)


def _tapes(runtime: Runtime) -> list[Path]:
    return sorted((runtime.settings.storage.data / "calls").rglob("*.pcm"))
