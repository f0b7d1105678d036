"""Several processes on one PostgreSQL: together they keep what one would keep, and wake each other."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import pytest
from sqlalchemy import Table, func, select

from gateway import assembly
from gateway.journey.intake import Intake
from gateway.journey.moderation import decide
from gateway.runtime import Runtime
from gateway.schema import Action
from store import events, tables
from store.database import Database
from store.vault import Vault
from tests.journey.test_intake import ANNA, message

pytestmark = pytest.mark.parametrize("backend", ["postgresql"])
texts = count(1)


@pytest.fixture
async def other(runtime: Runtime) -> AsyncIterator[Runtime]:
    """A second process on the database of `runtime`, as far as the store is concerned."""
    database = Database(runtime.settings.database_url)
    await database.open(serving=True)
    made = assembly.assemble(
        runtime.settings, [], database, Vault(bytes(32)), runtime.http, runtime.workers, runtime.openers
    )
    made.channels.update(runtime.channels)
    yield made
    await database.close()


async def number_of(runtime: Runtime, table: Table) -> int:
    async with runtime.database.reading() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def test_two_texts_of_a_new_citizen_at_two_processes_make_one_citizen(runtime: Runtime, other: Runtime) -> None:
    intakes = [Intake(runtime), Intake(other)]
    for n in range(10):
        sender = f"+86138001380{n:02}"
        await asyncio.gather(*(intake.take(message(f"lamp {next(texts)} is dark", sender)) for intake in intakes * 3))
    assert await number_of(runtime, tables.citizens) == 10
    assert await number_of(runtime, tables.addresses) == 10
    assert await number_of(runtime, tables.posts) == 60


async def test_the_same_message_at_two_processes_is_kept_once_with_one_answer(runtime: Runtime, other: Runtime) -> None:
    intakes = [Intake(runtime), Intake(other)]
    for n in range(10):
        again = message("no heating in my building", f"+86138001380{n:02}")
        taken = await asyncio.gather(*(intake.take(again) for intake in intakes * 2))
        assert len({one.ticket for one in taken}) == 1
        assert sum(not one.repeated for one in taken) == 1
    assert await number_of(runtime, tables.posts) == 10


async def test_a_commit_wakes_the_other_process(runtime: Runtime, other: Runtime) -> None:
    bell = other.database.wakeups.bell("queue")
    await asyncio.sleep(0.5)  # until it listens
    await bell.wait(0.01)
    await Intake(runtime).take(message("no heating in my building"))
    assert await bell.wait(5.0)


async def test_events_are_numbered_in_the_order_of_the_commits(runtime: Runtime, other: Runtime) -> None:
    ids = []
    for n in range(20):
        taken = await Intake(runtime).take(message(f"lamp {n} is dark", f"+86138001381{n:02}"))
        assert taken.post_id
        ids.append(taken.post_id)
    seen: list[int] = []

    async def follow() -> None:
        while len(seen) < len(ids):
            async with runtime.database.reading() as connection:
                seen.extend(event.number for event in await events.after(connection, seen[-1] if seen else 0))
            await asyncio.sleep(0)

    deciding = [
        decide(process, post_id, Action.PUBLISH, actor="mo")
        for process, post_id in zip([runtime, other] * 10, ids, strict=True)
    ]
    await asyncio.wait_for(asyncio.gather(follow(), *deciding), 30)
    assert seen == sorted(seen)
    assert len(set(seen)) == len(ids), "who reads on from the last number he saw misses none"


async def test_the_same_decision_at_two_processes_is_taken_once(runtime: Runtime, other: Runtime) -> None:
    taken = await Intake(runtime).take(message("no heating in my building", ANNA))
    assert taken.post_id
    results = await asyncio.gather(
        *(decide(process, taken.post_id, Action.PUBLISH, actor="mo") for process in (runtime, other)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, int) for result in results) == 1
    assert await number_of(runtime, tables.broadcasts) == 1
