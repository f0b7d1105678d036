"""Several processes on one PostgreSQL: how much faster two drain what is due than one does.

Each process is one of its own and goes through the whole delivery step (claimed and committed, addresses unsealed,
words rendered, outcomes recorded) into a channel that answers at once. Both get the same deliveries, in turns, on a
server that this measurement starts; the ratio is that of their rates, the median of the rounds.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time

from aiohttp import ClientSession

from channels.base import Capabilities, Channel, ChannelSettings, City, DeliveryKind, Surroundings
from gateway import assembly, clock
from gateway.commands.serve import tune_interpreter
from gateway.journey.delivery import Line
from gateway.runtime import Runtime
from gateway.schema_outgoing import Audience, Outgoing, Priority, SendResult
from gateway.settings import load
from gateway.workers import Workers
from store import citizens, deliveries
from store.database import Database, Transaction
from store.vault import Vault
from tests import postgres
from tests.bench.intake import Figure
from tests.process.gateway import ROOT

ROUNDS, NUMBER, FOLLOWERS = 3, 20_000, 2000
AT_ONCE = 2000
OPEN = "SELECT 1 FROM deliveries WHERE channel = 'counting' AND state IN ('due', 'sending') LIMIT 1"
PROGRAM = "import asyncio, sys; from tests.bench.several import drain; asyncio.run(drain(sys.argv[1], sys.argv[2]))"


class Counting(Channel):
    """Takes everything at once."""

    name = "counting"
    capabilities = Capabilities(delivery=DeliveryKind.SEND, schemes=("tel",), limit=1600, paid=True)

    async def send(self, outgoing: Outgoing) -> SendResult:
        return SendResult(f"C{outgoing.delivery_id}")


async def measure() -> list[Figure]:
    """The ratio; nothing, with a word, where PostgreSQL is not installed."""
    if postgres.programs() is None:
        sys.stdout.write("bench drain_two_processes: skipped, PostgreSQL is not installed\n")
        return []
    rates: dict[int, list[float]] = {1: [], 2: []}
    with postgres.server() as server, tempfile.TemporaryDirectory() as folder:
        for turn in range(ROUNDS):
            for processes in rates:
                async with postgres.database(server, f"bench_{turn}_{processes}") as url:
                    rates[processes].append(await _drained(url, folder, processes))
    ratio = statistics.median(rates[2]) / statistics.median(rates[1])
    sys.stdout.write(f"  one process {statistics.median(rates[1]):.0f}/s, two {statistics.median(rates[2]):.0f}/s\n")
    return [Figure("drain_two_processes", ratio, "times one process, on PostgreSQL", 1.6)]


async def drain(url: str, folder: str) -> None:
    """What a process of the measurement does: say that it is ready, wait for a word, deliver until it is ended."""
    database = Database(url)
    await database.open(serving=True)
    async with ClientSession() as http:
        runtime = _runtime(database, url, folder, http)
        line = Line(runtime, runtime.channels[Counting.name])
        tune_interpreter()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        await line.run()


async def _drained(url: str, folder: str, processes: int) -> float:
    """Deliveries a second by so many processes."""
    database = Database(url)
    await database.open()
    async with ClientSession() as http:
        await _fill(_runtime(database, url, folder, http))
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, url, folder, cwd=ROOT, env={"PATH": os.environ["PATH"]},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )
        for _ in range(processes)
    ]  # fmt: skip
    try:
        for process in started:
            assert process.stdout
            if await process.stdout.readline() != b"ready\n":
                raise AssertionError("a process of the measurement did not start")
        begun = time.perf_counter()
        for process in started:
            assert process.stdin
            process.stdin.write(b"go\n")
        while await _open(database):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return NUMBER / (time.perf_counter() - begun)
    finally:
        for process in started:
            process.kill()
            await process.wait()
        await database.close()


async def _open(database: Database) -> bool:
    async with database.reading() as connection:
        return (await connection.exec_driver_sql(OPEN)).first() is not None


def _runtime(database: Database, url: str, folder: str, http: ClientSession) -> Runtime:
    where = {"EVERYLINE_CONFIG": str(ROOT / "config"), "EVERYLINE_DATA": folder, "EVERYLINE_DATABASE": url}
    runtime = assembly.assemble(load(where), [], database, Vault(bytes(32)), http, Workers(1), Workers(1))
    city = City(name="Bench", public_url="http://127.0.0.1:8080", language="zh", country="CN")
    runtime.channels[Counting.name] = Counting(ChannelSettings(), Surroundings(city, http))
    return runtime


async def _fill(runtime: Runtime) -> None:
    async def fill(transaction: Transaction) -> None:
        at = clock.now()
        known = [
            await citizens.enter(transaction, runtime.vault, f"tel:+86138{n:08}", language="zh", at=at, owned=True)
            for n in range(FOLLOWERS)
        ]
        rows = [
            deliveries.row(
                channel=Counting.name,
                kind=DeliveryKind.SEND,
                audience=Audience.FOLLOWER,
                priority=Priority.BROADCAST,
                phrase="help",
                values={},
                language="zh",
                at=at,
                address_id=known[n % FOLLOWERS].id,
            )
            for n in range(NUMBER)
        ]
        for start in range(0, NUMBER, AT_ONCE):
            await deliveries.add(transaction, rows[start : start + AT_ONCE])

    await runtime.database.write(fill)
