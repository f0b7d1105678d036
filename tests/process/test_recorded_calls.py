"""Whole calls led by recordings, from the simulated carrier to a gateway in a process of its own."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.simulator.app import Simulator
from gateway.simulator.caller import Caller, CallLog, Ended, Heard
from gateway.simulator.samples import samples
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

CITIZEN, LANDLINE, WITHHELD, PERSON = "+8613800138001", "+8657187654321", "+266696687", "+8657100000000"
ENGLISH = samples()["en-001-en-f4"].path.read_bytes()
PATIENCE = 60.0


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    made = Simulator(gateway_url="http://127.0.0.1:9")
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def gateway(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Gateway]:
    settings = {"EVERYLINE_CHANNELS__VOICE_TWILIO__LIVE": "false", "EVERYLINE_CHANNELS__VOICE_TWILIO__PERSON": PERSON}
    async with running(tmp_path / "var", **simulator.environment(), **settings) as started:
        simulator.gateway_url = started.url
        yield started


def rows(folder: Path, question: str) -> list[Any]:
    with sqlite3.connect(folder / "var/everyline.db") as database:
        return database.execute(question).fetchall()


async def call(simulator: Simulator, number: str, keys: list[str], *sounds: bytes) -> CallLog:
    _, task = simulator.begin_call(number, Caller(keys=keys, sounds=sounds, finish="#"))
    async with asyncio.timeout(PATIENCE):
        return await task


def ticket_in(log: CallLog) -> str:
    """The ticket the line read out, twice."""
    said = re.search(r"Your ticket is ([\d ,]+)\. Once more: ([\d ,]+)\.", " ".join(log.spoken))
    assert said
    first, again = (re.sub(r"\D", "", digits) for digits in said.groups())
    assert first == again
    return first


async def test_a_report_is_kept_texted_and_heard_of_by_its_ticket(
    simulator: Simulator, gateway: Gateway, tmp_path: Path
) -> None:
    log = await call(simulator, CITIZEN, ["2", "1"], ENGLISH)
    ticket = ticket_in(log)
    assert (log.ended, log.spoken[-1]) == (Ended.COMPLETED, "Goodbye.")
    assert await simulator.wait_for(CITIZEN, ticket)
    again = await call(simulator, LANDLINE, ["2", "2", ticket, "", "9", "3"])
    digits = ", ".join(" ".join(half) for half in (ticket[:4], ticket[4:]))
    assert any(f"Ticket {digits}." in said and "waiting for review" in said for said in again.spoken)
    wrong = await call(simulator, LANDLINE, ["2", "2", str((int(ticket) + 1) % 10**8), "0#", "3"])
    assert sum("There is no ticket" in said for said in wrong.spoken) == 1
    assert "Nothing has been published yet." in wrong.spoken
    assert rows(tmp_path, "SELECT ticket, channel FROM posts") == [(ticket, "voice_twilio")]
    ends = rows(tmp_path, "SELECT live, how, ticket FROM calls ORDER BY begun_at")
    assert ends == [(0, "finished", ticket), (0, "finished", None), (0, "finished", None)]


@pytest.mark.parametrize(("number", "asked"), [(LANDLINE, "We call you back."), (WITHHELD, "Your number is withheld.")])
async def test_a_person_who_does_not_answer_calls_back(
    simulator: Simulator, gateway: Gateway, tmp_path: Path, number: str, asked: str
) -> None:
    log = await call(simulator, number, ["2", "0"], ENGLISH)
    assert [entry.text for entry in log.entries if entry.kind is Heard.DIAL] == [PERSON]
    assert any(asked in said for said in log.spoken)
    assert "Thank you. We will call you back." in log.spoken
    assert rows(tmp_path, "SELECT kind, private FROM posts") == [("question", 1)]
    known = rows(tmp_path, "SELECT count(*) FROM addresses")
    assert known == [(0 if number == WITHHELD else 1,)]
    assert rows(tmp_path, "SELECT count(*) FROM deliveries") == [(0,)], "neither takes texts"
