"""Starts the real gateway as a user would, in a folder of its own and with nothing of this environment but the path."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_LIMIT = 30.0
STOP_LIMIT = 15.0


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Gateway:
    """One `run.py serve`; its data outlives the process, so that it can be killed and started again."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.said = ""
        self._data = data
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(data),
            "EVERYLINE_DATA": str(data),
            "EVERYLINE_PORT": str(self.port),
            "EVERYLINE_GATEWAY__SIMULATOR__PORT": str(free_port()),
            "EVERYLINE_GATEWAY__BROADCAST__UNDO_SECONDS": "0",
            "EVERYLINE_GATEWAY__BROADCAST__DIGESTS": "false",
            **environment,
        }

    async def start(self) -> None:
        """Start the process and wait until it has introduced itself."""
        self.said = ""
        log = self._data / "gateway.log"
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(ROOT / "run.py"),
            "serve",
            cwd=ROOT,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=log.open("ab"),
        )
        ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read(ready))
        try:
            await asyncio.wait_for(ready.wait(), START_LIMIT)
        except TimeoutError:
            raise AssertionError(f"the gateway did not start:\n{self.said}\n{log.read_text()[-3000:]}") from None
        if self._process.returncode is not None:
            raise AssertionError(f"the gateway ended at once:\n{self.said}\n{log.read_text()[-3000:]}")

    async def kill(self) -> None:
        """End the process as a power cut would."""
        assert self._process
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        """Stop the process as an operator would; gives its exit code."""
        assert self._process
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), STOP_LIMIT)

    def link(self, pattern: str) -> str:
        """An address from what it said at start."""
        found = re.search(pattern, self.said)
        assert found, self.said
        return found[0]

    @property
    def pid(self) -> int:
        """The process that runs now."""
        assert self._process
        return self._process.pid

    @property
    def setup_link(self) -> str:
        """Where the first administrator is made."""
        return self.link(r"http://\S+/setup/\S+")

    @property
    def handsets(self) -> str:
        """Where the simulator's handsets are."""
        return self.link(r"(?<=handsets)\s+http://\S+").strip()

    async def _read(self, ready: asyncio.Event) -> None:
        assert self._process
        assert self._process.stdout
        while line := await self._process.stdout.readline():
            self.said += line.decode()
            if "Ctrl-C stops" in self.said:
                ready.set()
        ready.set()


@contextlib.asynccontextmanager
async def running(data: Path, **environment: str) -> AsyncIterator[Gateway]:
    """A gateway that is stopped at the end, whatever happens."""
    data.mkdir(parents=True, exist_ok=True)
    gateway = Gateway(data, **environment)
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.kill()
