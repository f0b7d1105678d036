"""Deliveries through the whole step: drained into a channel that only counts, and overtaken by an answer.

The drain goes through everything a sending goes through: claimed and committed, addresses unsealed, words rendered,
STOP looked at, outcomes recorded. The channel answers at once, so that what is measured is ours. For overtaking, bulk
waits for a channel of 50 units a second, and answers are put in between at random moments.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import ClientSession

from channels.base import Capabilities, Channel, ChannelSettings, City, DeliveryKind, Surroundings
from gateway import assembly, clock
from gateway.journey.delivery import Line
from gateway.runtime import Runtime
from gateway.schema import Kind, State
from gateway.schema_outgoing import Audience, Outgoing, Priority, SendResult
from gateway.settings import load
from gateway.workers import Workers
from store import citizens, deliveries, migrating, tables_posts
from store.database import Database, Transaction
from store.vault import Vault
from tests.bench.intake import Figure
from tests.process.gateway import ROOT

DRAINED = 40_000
FOLLOWERS = 5_000
BULK = 10_000
RATE = 50.0
ANSWERS = 40
# Seconds between two answers, on average.
APART = 0.5


class Counting(Channel):
    """Takes everything at once, and notes when what arrived."""

    name = "counting"
    capabilities = Capabilities(delivery=DeliveryKind.SEND, schemes=("tel",), limit=1600, paid=True)
    units: float | None = None

    def __init__(self, settings: ChannelSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self.arrived: dict[int, float] = {}
        self.expected = 0
        self.all_there = asyncio.Event()

    def rate(self) -> float | None:
        return self.units

    async def send(self, outgoing: Outgoing) -> SendResult:
        self.arrived[outgoing.delivery_id] = time.perf_counter()
        if len(self.arrived) == self.expected:
            self.all_there.set()
        return SendResult(f"C{outgoing.delivery_id}")


async def measure() -> list[Figure]:
    """How many a second are drained, and the 99th percentile of an answer's way past waiting bulk."""
    return [
        Figure("drain", await drain(), "per second", 5000),
        Figure("overtaking_p99", await overtaking(), "s, past 10,000 at 50 segments a second", 1, more_is_better=False),
    ]


async def drain(number: int = DRAINED) -> float:
    """Deliveries a second through the whole step, until none is due."""
    async with _filled(number) as (runtime, channel):
        line, channel.expected = Line(runtime, channel), number
        began = time.perf_counter()
        running = asyncio.create_task(line.run())
        await channel.all_there.wait()
        await line.finish()
        took = time.perf_counter() - began
        await _ended(running)
        return number / took


async def overtaking(answers: int = ANSWERS) -> float:
    """The 99th percentile of the seconds from an answer's commit to its carrier."""
    async with _filled(BULK) as (runtime, channel):
        channel.units = RATE
        line = Line(runtime, channel)
        running, chance, put = asyncio.create_task(line.run()), random.Random(5), []
        async with runtime.database.reading() as connection:
            known = await citizens.known(connection, runtime.vault, _number(0))
        assert known
        row = _row(known.id, Priority.ANSWER, None, None)
        for n in range(answers):
            await asyncio.sleep(chance.expovariate(1 / APART))
            await runtime.database.write(lambda tx: deliveries.add(tx, [{**row, "due_at": clock.now()}]))
            put.append((BULK + 1 + n, time.perf_counter()))
        await asyncio.sleep(2)
        await _ended(running)
        await line.finish()
        waits = sorted(channel.arrived[number] - at for number, at in put)
        return waits[min(len(waits) - 1, int(len(waits) * 0.99))]


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def _filled(number: int) -> AsyncIterator[tuple[Runtime, Counting]]:
    """A gateway without its web on a SQLite file of its own, with so many bulk deliveries due."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "var"
        data.mkdir()
        settings = load({"EVERYLINE_CONFIG": str(ROOT / "config"), "EVERYLINE_DATA": str(data)})
        await migrating.upgrade(settings.database_url)
        database = Database(settings.database_url)
        await database.open(serving=True)
        workers = Workers(1)
        async with ClientSession() as http:
            runtime = assembly.assemble(settings, [], database, Vault(bytes(32)), http, workers, workers)
            city = City(name="Bench", public_url="http://127.0.0.1:8080", language="zh", country="CN")
            channel = Counting(ChannelSettings(), Surroundings(city, http))
            runtime.channels[channel.name] = channel
            await _fill(runtime, number)
            yield runtime, channel
        await workers.stop()
        await database.close()


async def _fill(runtime: Runtime, number: int) -> None:
    post_id, broadcasts = clock.new_id(), [clock.new_id() for _ in range(-(-number // FOLLOWERS))]

    async def fill(transaction: Transaction) -> None:
        await transaction.connection.execute(tables_posts.posts.insert(), _post(post_id))
        known = [await _follower(runtime, transaction, n) for n in range(min(FOLLOWERS, number))]
        rows = [
            _row(known[n % FOLLOWERS], Priority.BROADCAST, post_id, broadcasts[n // FOLLOWERS]) for n in range(number)
        ]
        await deliveries.add(transaction, rows)

    await runtime.database.write(fill)


async def _follower(runtime: Runtime, transaction: Transaction, n: int) -> str:
    urn, at = _number(n), clock.now()
    return (await citizens.enter(transaction, runtime.vault, urn, language="zh", at=at, owned=True)).id


def _number(n: int) -> str:
    return f"tel:+86138{n:08}"


def _row(address_id: str, priority: Priority, post_id: str | None, broadcast_id: str | None) -> dict[str, object]:
    return deliveries.row(
        channel=Counting.name,
        kind=DeliveryKind.SEND,
        audience=Audience.FOLLOWER,
        priority=priority,
        phrase="follower_published" if post_id else "help",
        values={},
        language="zh",
        at=clock.now(),
        address_id=address_id,
        post_id=post_id,
        broadcast_id=broadcast_id,
    )


def _post(post_id: str) -> dict[str, object]:
    return {
        "id": post_id,
        "thread_id": post_id,
        "ticket": "12345678",
        "kind": Kind.REPORT,
        "state": State.PUBLISHED,
        "text": "人民路3号路灯坏了，晚上很黑，请尽快处理一下，谢谢！",
        "channel": "web_form",
        "language": "zh",
        "private": False,
        "ruling": "pass",
        "rules": [],
        "created_at": clock.now(),
        "published_at": clock.now(),
    }
