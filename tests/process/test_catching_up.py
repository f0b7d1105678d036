"""What citizens said while the gateway was stopped is there after its start, once, whatever the carrier repeats."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.simulator.app import Simulator
from gateway.simulator.attachments import File
from gateway.simulator.caller import Caller, CallLog, Ended, Heard, Pace
from gateway.simulator.network import Delays
from gateway.simulator.samples import samples
from tests.process.gateway import running
from tests.process.test_start import run

pytestmark = pytest.mark.process

CITIZEN, OTHER = "+8613800138001", "+8613800138002"
PICTURES = Path(__file__).parents[2] / "gateway/simulator/pictures"
SOON = 20.0
# How often the carrier repeats a webhook while the gateway starts.
REPEATS = 60


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A carrier of our own: it goes on while the gateway is stopped. Its files take a moment to be there."""
    made = Simulator(gateway_url="http://127.0.0.1:9", delays=Delays(storing_media=0.5))
    await made.start()
    yield made
    await made.stop()


def rows(data: Path, question: str) -> list[Any]:
    with sqlite3.connect(data / "everyline.db") as database:
        return database.execute(question).fetchall()


async def until(found: Callable[[], bool]) -> None:
    """Wait for something to come true."""
    async with asyncio.timeout(SOON):
        while not found():  # noqa: ASYNC110  # another process makes it true
            await asyncio.sleep(0.1)


async def tell_again(simulator: Simulator, number: str, sid: str) -> None:
    """Repeat the webhook of a message while the gateway starts and looks at the list."""
    for _ in range(REPEATS):
        await simulator.text(number, "", message_sid=sid)
        await asyncio.sleep(0.05)


async def test_texts_and_photos_sent_while_it_was_stopped_are_there_once(simulator: Simulator, tmp_path: Path) -> None:
    data = tmp_path / "var"
    photo = File("image/jpeg", (PICTURES / "pothole.jpg").read_bytes())
    async with running(data, **simulator.environment()) as gateway:
        simulator.gateway_url = gateway.url
        assert await simulator.text(CITIZEN, "the street light at Elm Street 12 is out") == [200]
        assert await gateway.stop() == 0
        assert await simulator.text(CITIZEN, "no heating at No. 7 North Street") == [0, 0]
        assert await simulator.text(OTHER, "a hole in the road", files=[photo]) == [0, 0]
        assert await simulator.text(OTHER, "STOP") == [0, 0]
        assert simulator.handset(CITIZEN).messages[-1].error == 11200
        told = [message.sid for message in simulator.handset(CITIZEN).messages if message.inbound][-1]
        again = asyncio.create_task(tell_again(simulator, CITIZEN, told))
        await gateway.start()
        await until(lambda: len(rows(data, "SELECT 1 FROM incoming")) == 4)
        await again
        await simulator.wait_for(CITIZEN, "STATUS")
        await until(lambda: rows(data, "SELECT state FROM media") == [("stored",)])
        assert await gateway.stop() == 0
    assert rows(data, "SELECT count(*), count(DISTINCT external_id) FROM incoming") == [(4, 4)]
    words = rows(data, "SELECT text FROM posts ORDER BY created_at")
    assert sorted(word for (word,) in words) == [
        "a hole in the road",
        "no heating at No. 7 North Street",
        "the street light at Elm Street 12 is out",
    ]
    [(url,)] = rows(data, "SELECT url FROM media")
    attachment = simulator.attachment(url.rpartition("/")[2])
    assert attachment is not None
    assert attachment.deleted, "the carrier's copy is gone once ours is stored"
    stopped = "SELECT count(*) FROM addresses WHERE stopped_at IS NOT NULL"
    assert rows(data, stopped) == [(1,)]


async def test_a_recording_whose_callbacks_never_came_is_there_once(simulator: Simulator, tmp_path: Path) -> None:
    data, sample = tmp_path / "var", next(iter(samples().values()))
    recorded = {"EVERYLINE_CHANNELS__VOICE_TWILIO__LIVE": "false"}
    async with running(data, **simulator.environment(), **recorded) as gateway:
        simulator.gateway_url = gateway.url
        caller = Caller(keys=["2", "1"], sounds=[sample.path.read_bytes()], finish="#", pace=Pace(waiting=0.5))
        log, call = simulator.begin_call(CITIZEN, caller)
        await until(lambda: Heard.RECORD in [entry.kind for entry in log.entries])
        await gateway.kill()
        assert await asyncio.wait_for(call, SOON) is log
        assert (log.ended, log.error) == (Ended.FAILED, 11200)
        assert log.recording_sid
        await gateway.start()
        await until(lambda: rows(data, "SELECT state FROM media") == [("stored",)])
        await until(lambda: _forgotten(simulator, log))
        assert await gateway.stop() == 0
        await gateway.start()
        assert await gateway.stop() == 0
    assert rows(data, "SELECT external_id FROM incoming") == [(log.recording_sid,)]
    assert rows(data, "SELECT language, channel FROM posts") == [("en", "voice_twilio")]
    assert rows(data, "SELECT scheme FROM addresses") == [("tel",)]


def _forgotten(simulator: Simulator, log: CallLog) -> bool:
    return simulator.recording(log.recording_sid or "") is None


async def test_check_says_that_the_number_is_set_up_and_what_is_not(simulator: Simulator, tmp_path: Path) -> None:
    right = {"EVERYLINE_DATA": str(tmp_path), **simulator.environment(), "EVERYLINE_PUBLIC_URL": "http://127.0.0.1:9"}
    code, said, _ = await run("check", **right)
    assert code == 0
    assert said.count("ready: Twilio knows the account and its number\n") == 2
    assert "Primary handler" not in said
    wrong = right | {"EVERYLINE_PUBLIC_URL": "https://line.example.org"}
    code, said, _ = await run("check", **wrong)
    assert code == 0
    for path in ("sms_twilio/inbound", "voice_twilio/answer"):
        assert f"https://line.example.org/hooks/{path}#rc=3&rp=all, HTTP POST\n" in said
        assert f"to https://line.example.org/hooks/{path}, HTTP POST\n" in said
    code, said, _ = await run("check", **right | {"EVERYLINE_TWILIO_NUMBER": "+8657199999999"})
    assert code == 1
    assert "ask: the Twilio account has no number +8657199999999" in said
