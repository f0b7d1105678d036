"""Gateways that start fast, so that many can be killed: forked from a process that has imported everything already.

A child is `run.py serve` in every other way: its own environment, event loop, threads, sockets and connections.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.process.gateway import ROOT, Gateway

START_LIMIT = 30.0
PROGRAM = """
import gc, json, os, signal, sys
import run, gateway.service, channels.sms_twilio, channels.voice_twilio, channels.web_chat, channels.web_form
import channels.portal, channels.feeds, aiosqlite, asyncpg, sqlalchemy.dialects.postgresql.asyncpg
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
gc.freeze()
for line in sys.stdin:
    wanted = json.loads(line)
    pid = os.fork()
    if pid:
        print(pid, flush=True)
        continue
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.environ.clear()
    os.environ.update(wanted["environment"])
    for number, path in ((1, wanted["said"]), (2, wanted["log"])):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout = os.fdopen(1, "w")
    code = run.main(["serve"])
    sys.stdout.flush()
    os._exit(code)
"""


class Nursery:
    """The process that the others are forked from."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._asking = asyncio.Lock()

    async def fork(self, environment: dict[str, str], said: Path, log: Path) -> int:
        """Start a gateway; gives its process id."""
        wanted = {"environment": environment, "said": str(said), "log": str(log)}
        assert self._process.stdin
        assert self._process.stdout
        async with self._asking:
            self._process.stdin.write(json.dumps(wanted).encode() + b"\n")
            return int(await self._process.stdout.readline())


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """One, until the end of the test."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )
    try:
        yield Nursery(process)
    finally:
        process.kill()
        await process.wait()


class Forked(Gateway):
    """A gateway of a nursery."""

    def __init__(self, nursery: Nursery, data: Path, **environment: str) -> None:
        super().__init__(data, **environment)
        data.mkdir(parents=True, exist_ok=True)
        self._nursery = nursery
        self._log, self._words = data / "gateway.log", data / f"{self.port}.said"
        self._pid = 0

    @property
    def pid(self) -> int:
        """The process that runs now."""
        return self._pid

    async def start(self) -> None:
        """Fork it and wait until it has introduced itself."""
        self._words.write_text("")
        self._pid = await self._nursery.fork(self.environment, self._words, self._log)
        async with asyncio.timeout(START_LIMIT):
            while "Ctrl-C stops" not in (said := self._words.read_text()):
                assert self._lives(), f"the gateway ended at once:\n{said}\n{self._log.read_text()[-3000:]}"
                await asyncio.sleep(0.02)
        self.said = said

    async def kill(self) -> None:
        """End the process as a power cut would."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Stop the process as an operator would; its exit code is not known here."""
        await self._end(signal.SIGTERM)
        return 0

    async def _end(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, number)
        async with asyncio.timeout(15):
            while self._lives():  # noqa: ASYNC110  # it is no child of ours
                await asyncio.sleep(0.01)

    def _lives(self) -> bool:
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return False
        return True


@asynccontextmanager
async def forked(nursery: Nursery, data: Path, **environment: str) -> AsyncIterator[Forked]:
    """A gateway that is ended with the test, whatever happens."""
    gateway = Forked(nursery, data, **environment)
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.kill()
