"""Expanding a broadcast to a million followers, while messages are taken in beside it.

The followers are written set-based, outside the time that counts. Intake's p99 while the broadcast is expanded stands
beside its p99 on the same database with nothing else going on; both are taken at the same rate of messages.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from aiohttp import ClientSession
from sqlalchemy import text

from channels.base import Capabilities, Channel, ChannelSettings, City, DeliveryKind, Surroundings
from gateway import assembly, clock
from gateway.commands.serve import tune_interpreter
from gateway.journey import expanding, moderation
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_incoming import Incoming
from gateway.settings import load
from gateway.workers import Workers
from store import migrating, progress
from store.database import Database, Transaction
from store.vault import Vault
from tests.bench.intake import Figure
from tests.process.gateway import ROOT

FOLLOWERS = 1_000_000
# Messages a second taken in beside it.
INTAKE_RATE = 100
QUIET_SECONDS = 5.0
numbers = count(1)


class Texting(Channel):
    """A line to `tel:` addresses; nobody sends here."""

    name = "texting"
    capabilities = Capabilities(receives=True, delivery=DeliveryKind.SEND, schemes=("tel",))


async def measure(followers: int = FOLLOWERS) -> list[Figure]:
    """The rate of the expansion, intake's p99 beside it, and what the process grew by; in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.broadcast", str(followers), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise AssertionError("the measurement of broadcasts failed")
    found = json.loads(said.decode().splitlines()[-1])
    return [
        Figure("broadcast_expansion", found["rate"], f"deliveries/s, {followers} followers", 100_000),
        Figure("broadcast_intake_p99", found["p99_ratio"], "of the p99 without it", 2, more_is_better=False),
        Figure("broadcast_memory", found["grown"], "MB grown", 100, more_is_better=False),
    ]


async def run(followers: int) -> dict[str, float]:
    """Fill a database and measure."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load({"EVERYLINE_CONFIG": str(ROOT / "config"), "EVERYLINE_DATA": folder})
        await migrating.upgrade(settings.database_url)
        database = Database(settings.database_url)
        await database.open()
        workers, openers = Workers(1), Workers(1)
        try:
            async with ClientSession() as http:
                runtime = assembly.assemble(settings, [], database, Vault(bytes(32)), http, workers, openers)
                around = Surroundings(City("Bench", "http://127.0.0.1:8080", "zh", "CN"), http)
                runtime.channels["texting"] = Texting(ChannelSettings(), around)
                await database.write(lambda tx: fill(tx, followers))
                return await _measured(runtime, followers)
        finally:
            await database.close()
            await workers.stop()
            await openers.stop()


async def fill(transaction: Transaction, followers: int) -> None:
    """So many followers of everything, each an address of its own; ids in the order they were made."""
    connection, at = transaction.connection, clock.now().isoformat(timespec="microseconds")
    await connection.execute(text("INSERT INTO citizens (id, created_at) VALUES ('0', :at)"), {"at": at})
    await connection.execute(
        text("INSERT INTO keys (id, citizen_id, wrapped, created_at) VALUES ('0', '0', x'00', :at)"), {"at": at}
    )
    numbered = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number) "
    name = "printf('01a2%08x', i) || substr('f3c9d27ab1e48650f3c9d27ab1e48650', i % 12 + 1, 20)"
    await connection.execute(
        text(
            numbered.replace(
                "WITH", "INSERT INTO addresses (id, citizen_id, scheme, lookup, key_id, sealed, created_at) WITH"
            )
            + f"SELECT {name}, '0', 'tel', {name}, '0', x'00', :at FROM n"
        ),
        {"number": followers, "at": at},
    )
    await connection.execute(
        text(
            "INSERT INTO subscriptions (id, address_id, topic, created_at)"
            " SELECT id, id, 'all', created_at FROM addresses WHERE scheme = 'tel'"
        )
    )


async def _measured(runtime: Runtime, followers: int) -> dict[str, float]:
    intake = Intake(runtime)
    post = await intake.take(_message("the water is cut off in the whole north tonight"))
    for _ in range(200):
        await intake.take(_message(f"lamp {next(numbers)} is dark"))
    tune_interpreter()
    quiet = await _take_in(intake, asyncio.create_task(asyncio.sleep(QUIET_SECONDS)))
    before = resident()
    await moderation.decide(runtime, post.post_id or "", Action.PUBLISH, actor="mo")
    began = time.perf_counter()
    expansion = asyncio.create_task(_expand(runtime))
    beside = await _take_in(intake, expansion)
    seconds, most = expansion.result()
    async with runtime.database.reading() as connection:
        [known] = await progress.of_posts(connection, [post.post_id or ""])
    if known.added != followers:
        raise AssertionError(f"{known.added} deliveries for {followers} followers")
    p99, p99_beside = (statistics.quantiles(values, n=100)[98] * 1000 for values in (quiet, beside))
    sys.stderr.write(
        f"{seconds - began:.1f} s, p50 {statistics.median(quiet) * 1000:.1f} -> {statistics.median(beside) * 1000:.1f}"
        f" ms, p99 {p99:.1f} -> {p99_beside:.1f} ms, {len(beside)} messages beside\n"
    )
    return {"rate": followers / (seconds - began), "p99_ratio": p99_beside / p99, "grown": most - before}


async def _expand(runtime: Runtime) -> tuple[float, float]:
    """Expand all; gives when it was done and the most memory held, in MB."""
    most = resident()
    while await expanding.expand_some(runtime):
        most = max(most, resident())
    return time.perf_counter(), most


async def _take_in(intake: Intake, until: "asyncio.Task[object]") -> list[float]:
    """Take messages in at an even rate until a task is done; gives how long each took, in seconds."""
    took: list[float] = []
    running: set[asyncio.Task[None]] = set()

    async def one() -> None:
        began = time.perf_counter()
        await intake.take(_message(f"lamp {next(numbers)} is dark and the corner too"))
        took.append(time.perf_counter() - began)

    while not until.done():
        task = asyncio.create_task(one())
        running.add(task)
        task.add_done_callback(running.discard)
        await asyncio.sleep(1 / INTAKE_RATE)
    await asyncio.gather(*running)
    return took


def _message(words: str) -> Incoming:
    number = next(numbers)
    return Incoming(
        channel="texting",
        external_id=f"m{number}",
        text=words,
        received_at=datetime.now(UTC),
        address=f"tel:+86139{number:08}",
    )


def resident() -> float:
    """The memory this process holds, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not say how much memory a process holds")


if __name__ == "__main__":
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    sys.stdout.write(json.dumps(asyncio.run(run(int(sys.argv[1])))) + "\n")
