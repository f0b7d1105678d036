"""Several processes on one PostgreSQL: together they keep what one would keep, and wake each other."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from itertools import count
from typing import TypeVar

import pytest
from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Capabilities, Channel, ChannelSettings, City, Fetched, Surroundings
from channels.failures import Refused
from gateway import assembly, clock
from gateway.desk import Desk
from gateway.errors import NotFound, TooMany
from gateway.journey import delivery, media, receipts
from gateway.journey.intake import Intake
from gateway.journey.moderation import decide
from gateway.runtime import Runtime
from gateway.schema import Action, MediaState
from gateway.schema_incoming import IncomingMedia
from gateway.schema_outgoing import DeliveryState, Outgoing, Receipt, ReceiptStatus, SendResult
from store import (
    accounts,
    calls,
    dialect,
    events,
    tables_broadcasts,
    tables_calls,
    tables_citizens,
    tables_deliveries,
    tables_media,
    tables_posts,
    writer,
)
from store import media as media_rows
from store.database import Database, Transaction
from store.vault import Vault
from tests.conftest import Texting
from tests.journey.test_intake import ANNA, message
from tests.journey.test_media import photo_taken

pytestmark = pytest.mark.parametrize("backend", ["postgresql"])
texts = count(1)
T = TypeVar("T")


@pytest.fixture
async def other(runtime: Runtime) -> AsyncIterator[Runtime]:
    """A second process on the database of `runtime`, as far as the store is concerned."""
    database = Database(runtime.settings.database_url)
    await database.open(serving=True)
    made = assembly.assemble(
        runtime.settings, [], database, Vault(bytes(32)), runtime.http, runtime.workers, runtime.openers
    )
    made.channels.update(runtime.channels)
    made.plans = runtime.plans
    yield made
    await database.close()


class Photos(Channel):
    """A carrier that holds photos and counts how often each is fetched."""

    name = "texting"
    capabilities = Capabilities(receives=True)

    def __init__(self, settings: ChannelSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self.fetched: Counter[str] = Counter()
        self.slow = asyncio.Event()
        self.slow.set()
        self.refuses = False

    async def fetch(self, url: str, most_bytes: int) -> Fetched:
        self.fetched[url] += 1
        await self.slow.wait()
        if self.refuses:
            raise Refused("gone")
        return Fetched(photo_taken(), "image/jpeg")


@pytest.fixture
def photos(runtime: Runtime, other: Runtime) -> tuple[Photos, Photos]:
    """The carrier as each process sees it."""
    around = Surroundings(City("Test", "http://127.0.0.1:8080", "zh", "CN"), runtime.http)
    made = Photos(ChannelSettings(), around), Photos(ChannelSettings(), around)
    runtime.channels["texting"], other.channels["texting"] = made
    return made


async def pictured(runtime: Runtime, number: int) -> None:
    for n in range(number):
        photo = IncomingMedia(f"ME{next(texts)}", f"http://carrier.invalid/{n}", "image/jpeg")
        await Intake(runtime).take(message(f"look at lamp {n}", f"+86138001380{n:02}", media=(photo,)))
        await Desk(runtime).media_ready("texting", photo.external_id)


async def states(runtime: Runtime) -> list[str]:
    async with runtime.database.reading() as connection:
        return list((await connection.execute(select(tables_media.media.c.state))).scalars())


async def number_of(runtime: Runtime, table: Table) -> int:
    async with runtime.database.reading() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def test_two_texts_of_a_new_citizen_at_two_processes_make_one_citizen(runtime: Runtime, other: Runtime) -> None:
    intakes = [Intake(runtime), Intake(other)]
    for n in range(10):
        sender = f"+86138001380{n:02}"
        await asyncio.gather(*(intake.take(message(f"lamp {next(texts)} is dark", sender)) for intake in intakes * 3))
    assert await number_of(runtime, tables_citizens.citizens) == 10
    assert await number_of(runtime, tables_citizens.addresses) == 10
    assert await number_of(runtime, tables_posts.posts) == 60


async def test_the_same_message_at_two_processes_is_kept_once_with_one_answer(runtime: Runtime, other: Runtime) -> None:
    intakes = [Intake(runtime), Intake(other)]
    for n in range(10):
        again = message("no heating in my building", f"+86138001380{n:02}")
        taken = await asyncio.gather(*(intake.take(again) for intake in intakes * 2))
        assert len({one.ticket for one in taken}) == 1
        assert sum(not one.repeated for one in taken) == 1
    assert await number_of(runtime, tables_posts.posts) == 10


async def test_a_call_at_one_process_is_followed_at_another(runtime: Runtime, other: Runtime) -> None:
    desk = Desk(runtime)
    bell = other.database.wakeups.bell(calls.CALLS)
    line = await desk.on_the_line("texting", "CA1", line=None, language="en", address=None, live=True)
    # Notices come once the other listens, which it does soon after it was opened.
    for _ in range(100):
        line.hearing(f"words {next(texts)}", False)
        await desk.calling.write()
        if await bell.wait(0.1):
            break
    else:
        pytest.fail("the other process was told nothing")
    async with other.database.reading() as connection:
        [shown] = await calls.present(connection, other.vault, 5)
    assert shown.words.partial.startswith("words ")


async def test_processes_that_take_calls_at_once_keep_to_the_limit_of_both(runtime: Runtime, other: Runtime) -> None:
    few = runtime.settings.calls.model_copy(update={"most_at_once": 3})
    runtime.settings = other.settings = runtime.settings.model_copy(update={"calls": few})
    desks = [Desk(runtime), Desk(other)] * 5
    begun = [
        desk.on_the_line("texting", f"CA{n}", line=None, language="en", address=None, live=True)
        for n, desk in enumerate(desks)
    ]
    lines = await asyncio.gather(*begun, return_exceptions=True)
    assert sum(isinstance(line, TooMany) for line in lines) == len(desks) - 3
    assert await number_of(runtime, tables_calls.calls) == 3


class Slowly:
    """A writer whose commits take a while."""

    def __init__(self, inner: writer.Writer) -> None:
        self._inner = inner

    async def run(self, change: writer.Change[T]) -> T:
        async def slow(connection: AsyncConnection) -> T:
            result = await change(connection)
            await asyncio.sleep(0.3)
            return result

        return await self._inner.run(slow)

    async def close(self) -> None:
        await self._inner.close()


@pytest.mark.parametrize("slow", ["response", "receipt"])
async def test_a_receipt_at_one_process_meets_the_response_at_another(
    runtime: Runtime, other: Runtime, texting: Texting, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Intake(runtime).take(message("no heating in my building"))
    line = delivery.Line(runtime, texting)
    late = runtime if slow == "response" else other
    late.database._changes = Slowly(late.database._changes)
    receipt = Receipt("SM" + "1".zfill(32), ReceiptStatus.DELIVERED, clock.now())
    confirming = asyncio.Event()

    async def confirm() -> None:
        await confirming.wait()
        await asyncio.sleep(0.1 if slow == "response" else 0)
        await receipts.apply(other, "texting", receipt)

    async def send(outgoing: Outgoing) -> SendResult:
        confirming.set()
        await asyncio.sleep(0.1 if slow == "receipt" else 0)
        return SendResult(receipt.carrier_id)

    monkeypatch.setattr(texting, "send", send)
    confirmed = asyncio.create_task(confirm())
    assert await line.step()
    await line.finish()
    await confirmed
    async with runtime.database.reading() as connection:
        state = (await connection.execute(select(tables_deliveries.deliveries.c.state))).scalar_one()
    assert state == DeliveryState.DELIVERED


async def test_two_that_wait_for_each_other_both_end(runtime: Runtime, other: Runtime) -> None:
    """Each takes what the other wants next: the server ends one, and that is done again."""

    def change(*names: str) -> Callable[[Transaction], Awaitable[None]]:
        async def work(transaction: Transaction) -> None:
            for name in names:
                await dialect.hold_back(transaction.connection, [name])
                await asyncio.sleep(0.2)

        return work

    await asyncio.gather(
        runtime.database.write(change("a", "b")),
        runtime.database.write(change("c")),
        other.database.write(change("b", "a")),
        other.database.write(change("d")),
    )


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
    assert await number_of(runtime, tables_broadcasts.broadcasts) == 1


async def test_each_file_is_brought_by_one_process(
    runtime: Runtime, other: Runtime, photos: tuple[Photos, Photos]
) -> None:
    await pictured(runtime, 20)

    async def work(process: Runtime) -> None:
        while await media.work_on_due(process):
            pass

    await asyncio.gather(work(runtime), work(other))
    fetched = photos[0].fetched + photos[1].fetched
    assert (len(fetched), fetched.total()) == (20, 20)
    assert all(one.fetched for one in photos), "both worked"
    assert await states(runtime) == [MediaState.STORED] * 20


async def test_a_file_whose_process_died_is_brought_by_another_when_its_lease_ends(
    runtime: Runtime, other: Runtime, photos: tuple[Photos, Photos]
) -> None:
    await pictured(runtime, 1)
    photos[0].slow.clear()
    dying = asyncio.create_task(media.work_on_due(runtime))
    while not photos[0].fetched:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert not await media.work_on_due(other), "it is held"
    later(media.LEASE)
    while await media.work_on_due(other):
        pass
    clock.replace()
    assert await states(other) == [MediaState.STORED]
    # It was not dead, only slow: that it failed by now is no news.
    photos[0].refuses = True
    photos[0].slow.set()
    await dying
    assert await states(other) == [MediaState.STORED]
    assert await number_of(runtime, tables_media.media) == 1
    assert photos[1].fetched.total() == 1
    async with runtime.database.reading() as connection:
        assert not await media_rows.waits(connection, clock.now(), MediaState.STORED)


async def test_who_is_alive_keeps_what_he_holds_and_lets_go_when_he_stops(
    runtime: Runtime, other: Runtime, photos: tuple[Photos, Photos], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr(media, "RENEW", timedelta(seconds=0.2))
    monkeypatch.setattr(media, "LOOK_EVERY", 0.1)
    await pictured(runtime, 1)
    photos[0].slow.clear()
    running = asyncio.create_task(media.run(runtime))
    await asyncio.sleep(2)
    assert not await media.work_on_due(other), "it is held for longer than a lease"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await media.work_on_due(other)
    assert await states(other) == [MediaState.STORED]


async def test_one_first_administrator_is_made(runtime: Runtime, other: Runtime) -> None:
    def make(process: Runtime, name: str) -> Awaitable[accounts.Account]:
        return process.database.write(lambda tx: accounts.add_first(tx, name, "hash"))

    making = [make(process, f"mo{n}") for n, process in enumerate([runtime, other] * 3)]
    made = await asyncio.gather(*making, return_exceptions=True)
    assert sum(isinstance(one, accounts.Account) for one in made) == 1
    assert sum(isinstance(one, NotFound) for one in made) == 5


def later(passed: timedelta) -> None:
    """Let time pass for all leases."""

    def now() -> datetime:
        return datetime.now().astimezone() + passed + timedelta(seconds=1)

    clock.replace(now=now)
