"""Whole calls over Media Streams, from the simulated carrier to a gateway in a process of its own, with real Vosk."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.simulator.app import Simulator
from gateway.simulator.caller import LIFELIKE, Act, Caller, CallLog, Ended, Heard
from gateway.simulator.network import Delays
from gateway.simulator.samples import Sample, samples
from gateway.simulator.sound import RATE, pcm_of
from speech.live import Ears
from tests.process.gateway import Gateway, running
from tests.process.test_start import run
from tests.speech.test_recogniser import TYPED, model

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]

DEMO = Path(__file__).parents[2] / "gateway/simulator/demo_speech"
CITIZEN = "+8613800138001"
# A call at the pace of life, on a busy machine.
PATIENCE = 150.0
LANGUAGE_KEYS = {"zh": "1", "en": "2"}


ENGLISH = samples()["en-001-en-f4"]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A carrier of our own, which asks again for so long as a gateway takes to start."""
    made = Simulator(gateway_url="http://127.0.0.1:9", delays=Delays(retrying=3.0))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def gateway(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Gateway]:
    for language in LANGUAGE_KEYS:
        shutil.copytree(DEMO / language / "model", tmp_path / "var/models" / language)
    async with running(tmp_path / "var", **simulator.environment()) as started:
        simulator.gateway_url = started.url
        yield started


def rows(folder: Path, question: str) -> list[Any]:
    with sqlite3.connect(folder / "var/everyline.db") as database:
        return database.execute(question).fetchall()


async def until(found: Callable[[], bool]) -> None:
    """Wait for something that another process makes true."""
    async with asyncio.timeout(PATIENCE):
        while not found():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def call(simulator: Simulator, number: str, acts: Sequence[Act]) -> CallLog:
    _, task = simulator.begin_call(number, Caller(acts=acts, pace=LIFELIKE))
    async with asyncio.timeout(PATIENCE):
        return await task


def report(sample: Sample, *then: Act) -> list[Act]:
    """Choose a language and a report, which needs no waiting, say a sample after the tone, and go on."""
    keys = Act(keys=LANGUAGE_KEYS[sample.language] + "1")
    return [keys, Act(wav=sample.path.read_bytes(), keys="#"), *then]


def typed(sample: Sample) -> str:
    """A sample's words as people write them."""
    return TYPED[sample.language][sample.id.removeprefix(f"{sample.language}-")]


async def test_all_utterances_come_out_word_for_word(simulator: Simulator, gateway: Gateway, tmp_path: Path) -> None:
    """Everybody calls at once, hears what was understood, and keeps it; Twilio is left with no copy of anything."""
    numbers = {f"+86138001390{n:02}": sample for n, sample in enumerate(samples().values())}
    keep = [Act(keys="1"), Act(hang_up=True)]
    logs = await asyncio.gather(*(call(simulator, number, report(sample, *keep)) for number, sample in numbers.items()))
    assert {log.ended for log in logs} == {Ended.CALLER}
    assert [log.recordings for log in logs] == [[]] * len(logs)
    await until(lambda: len(rows(tmp_path, "SELECT 1 FROM posts")) == len(numbers))
    words = sorted(word for (word,) in rows(tmp_path, "SELECT text FROM posts"))
    assert words == sorted(typed(sample) for sample in numbers.values())
    assert rows(tmp_path, "SELECT DISTINCT channel FROM posts") == [("voice_twilio",)]
    assert rows(tmp_path, "SELECT DISTINCT state FROM media") == [("stored",)]


# Where somebody hangs up, and how many reports are left of it.
HANG_UPS: list[tuple[str, list[Act], int]] = [
    ("at the greeting", [], 0),
    ("at the menu", [Act(keys="2")], 0),
    ("at the tone", [Act(keys="21")], 0),
    ("while speaking", [Act(keys="21"), Act(wav=ENGLISH.path.read_bytes(), hang_up=True)], 1),
    ("at what was understood", [Act(keys="21"), Act(wav=ENGLISH.path.read_bytes(), keys="#")], 1),
    ("at the ticket", [Act(keys="21"), Act(wav=ENGLISH.path.read_bytes(), keys="#"), Act(keys="1")], 1),
    ("keying a ticket", [Act(keys="22"), Act(keys="482")], 0),
]


async def test_whoever_hangs_up_has_said_what_he_said(simulator: Simulator, gateway: Gateway, tmp_path: Path) -> None:
    """At each step; and nobody else is disturbed by it."""
    calls = [
        call(simulator, f"+86138001390{n:02}", [*acts, Act(hang_up=True)]) for n, (_, acts, _) in enumerate(HANG_UPS)
    ]
    logs = await asyncio.gather(*calls)
    assert [log.ended for log in logs] == [Ended.CALLER] * len(HANG_UPS)
    kept = sum(count for *_, count in HANG_UPS)
    await until(lambda: rows(tmp_path, "SELECT count(*) FROM posts") == [(kept,)])
    assert {text for (text,) in rows(tmp_path, "SELECT text FROM posts")} == {typed(ENGLISH)}


async def test_the_answer_to_a_ticket_is_heard(simulator: Simulator, gateway: Gateway, tmp_path: Path) -> None:
    """A citizen texts, the department answers, and whoever keys the ticket hears exactly that answer."""
    # Words that the small model knows, though not this voice: it must hear most of them, close together.
    answer, known = "the road light at the school is broken", {"road", "light", "school", "broken"}
    await simulator.text(CITIZEN, "the street lamp in the park is out")
    await until(lambda: rows(tmp_path, "SELECT count(*) FROM posts") == [(1,)])
    [(ticket,)] = rows(tmp_path, "SELECT ticket FROM posts")
    await decide(gateway, ticket, answer)
    caller = Caller(acts=[Act(keys="22"), Act(keys=ticket), Act(hang_up=True)], pace=LIFELIKE)
    with caller.ear.listen() as ear:
        _, task = simulator.begin_call("+8613800138002", caller)
        heard = bytearray()
        async with asyncio.timeout(PATIENCE):
            while (pcm := await ear.get()) is not None:
                heard += pcm
            await task
    words = await understood(bytes(heard))
    assert any(len(known & set(words[at : at + 8])) >= 3 for at in range(len(words))), words


async def test_a_call_goes_on_after_a_restart(simulator: Simulator, gateway: Gateway, tmp_path: Path) -> None:
    """The gateway is killed while a caller speaks, starts again, and has all of it: before and after."""
    caller = Caller(acts=[Act(keys="21")], pace=LIFELIKE)
    log, task = simulator.begin_call(CITIZEN, caller)
    await until(lambda: taped(tmp_path) > 0)
    caller.mouth.say(pcm_of(ENGLISH.path.read_bytes()))
    await until(lambda: not caller.mouth.speaks)
    size = taped(tmp_path)
    await until(lambda: taped(tmp_path) >= size + 2 * RATE * 2)
    await gateway.kill()
    await gateway.start()
    await until(lambda: [entry.kind for entry in log.entries].count(Heard.STREAM) == 2)
    caller.press("#")
    await until(lambda: rows(tmp_path, "SELECT step FROM calls ORDER BY begun_at DESC LIMIT 1") == [("confirming",)])
    caller.hang_up()
    async with asyncio.timeout(PATIENCE):
        assert (await task).ended is Ended.CALLER
    await until(lambda: rows(tmp_path, "SELECT count(*) FROM posts") == [(1,)])
    assert rows(tmp_path, "SELECT text FROM posts") == [(typed(ENGLISH),)]


def taped(folder: Path) -> int:
    """How many bytes the tape of the one call has: none before the line listens."""
    return sum(tape.stat().st_size for tape in (folder / "var/calls/voice_twilio").glob("*.pcm"))


async def decide(gateway: Gateway, ticket: str, answer: str) -> None:
    """Publish a post and answer it, as staff."""
    await run(
        "user",
        "add",
        "mo",
        "--role",
        "administrator",
        "--password-stdin",
        typed="long enough pw\n",
        **gateway.environment,
    )
    token = (await run("user", "token", "mo", **gateway.environment))[1].strip()
    post = f"{gateway.url}/api/v1/console/posts/{ticket}"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        assert (await http.post(f"{post}/decision", json={"action": "publish"})).status == 200
        answered = await http.post(f"{post}/answers", json={"text": answer, "department": "water"})
        assert answered.status < 300, await answered.text()


async def understood(pcm: bytes) -> list[str]:
    """What the small model hears of what the line said."""
    ears = Ears(1, 1)
    hearing = await ears.open(model(), 8000)
    try:
        for start in range(0, len(pcm) // 2 * 2, 3200):
            await hearing.feed(pcm[start : start + 3200])
        return (await hearing.finish()).text.split()
    finally:
        hearing.close()
        await ears.stop()
