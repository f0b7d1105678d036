"""Two hundred callers speak at once and staff read along: what following them costs, and how late a word is.

Recognition is not in it: each call tells the words it would have heard, six times a second. Two pages watch all of
them, one in each language. Measured is the processor time of the whole process, and the way of a word from the call to
whoever watches.
"""

import asyncio
import json
import tempfile
import time

from aiohttp import ClientSession

from channels.handed import OnTheLine
from gateway import assembly
from gateway.desk import Desk
from gateway.settings import load
from gateway.web.app import create_app
from gateway.web.calls_live import Switchboard
from gateway.web.keys import SWITCHBOARD
from gateway.workers import Workers
from store import migrating
from store.database import Database
from store.vault import Vault
from tests.bench.intake import Figure
from tests.process.gateway import ROOT

CALLS = 200
WORDS = 60
# Seconds between two words of a call.
APART = 0.15


async def measure() -> list[Figure]:
    """The share of one processor, and the 99th percentile of a word's way."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load({"EVERYLINE_CONFIG": str(ROOT / "config"), "EVERYLINE_DATA": folder})
        await migrating.upgrade(settings.database_url)
        database, workers = Database(settings.database_url), Workers(1)
        await database.open(serving=True)
        try:
            async with ClientSession() as http:
                runtime = assembly.assemble(settings, [], database, Vault(bytes(32)), http, workers, workers)
                desk = Desk(runtime)
                share, late = await _follow(desk, create_app(runtime, desk)[SWITCHBOARD])
        finally:
            await database.close()
            await workers.stop()
    return [
        Figure("calls_followed", share, f"of a processor, {CALLS} calls", 0.15, more_is_better=False),
        Figure("word_to_watcher_p99", late, f"s, {CALLS} calls", 1, more_is_better=False),
    ]


async def _follow(desk: Desk, board: Switchboard) -> tuple[float, float]:
    await board.start(None)  # type: ignore[arg-type]  # it needs nothing of an application
    running = asyncio.create_task(desk.calling.run())
    lines = [
        await desk.on_the_line("bench", f"CA{n}", line=None, language="zh", address=f"tel:{n}", live=True)
        for n in range(CALLS)
    ]
    said: dict[str, float] = {}
    late: list[float] = []
    watching = [asyncio.create_task(_watch(board, language, said, late)) for language in ("zh", "en")]
    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(_speak(line, n, said) for n, line in enumerate(lines)))
    share = (time.process_time() - used) / (time.perf_counter() - began)
    for task in (running, *watching):
        task.cancel()
    await asyncio.gather(running, *watching, return_exceptions=True)
    await board.stop(None)  # type: ignore[arg-type]
    if len(late) < CALLS:
        raise AssertionError(f"only {len(late)} words arrived")
    return share, sorted(late)[int(len(late) * 0.99)]


async def _speak(line: OnTheLine, number: int, said: dict[str, float]) -> None:
    """Say a word after the other; each partial is known by its last word."""
    await asyncio.sleep(number * APART / CALLS)
    spoken = ""
    for word in range(WORDS):
        spoken += f" w{number}-{word}"
        said[spoken.strip()] = time.perf_counter()
        line.hearing(spoken, False)
        await asyncio.sleep(APART)


async def _watch(board: Switchboard, language: str, said: dict[str, float], late: list[float]) -> None:
    async with board.listeners.listen(language) as listener:
        while told := await listener.waiting.get():
            event, data = told[1].decode().split("\n", 3)[1:3]
            if event == "event: words":
                late.append(time.perf_counter() - said[json.loads(data.removeprefix("data: "))["partial"]])
