"""A PostgreSQL server of the tests' own, where its programs are installed: in a temporary folder, on a free port."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from store import migrating
from tests.process.gateway import free_port

# Tests need no power cuts of the server survived; what we promise of commits is tested on SQLite with real kills.
TEMPLATE = "everyline_first_schema"
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


def programs() -> Path | None:
    """Where initdb and its like are; Debian keeps them out of the path."""
    found = shutil.which("initdb")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda place: int(place.parts[-3]))
    return places[-1].parent if places else Path(found).resolve().parent if found else None


class Server:
    """A server in a folder; what it holds outlives its process, so that it can be stopped and started again."""

    def __init__(self, folder: Path, *settings: str) -> None:
        bin_folder = programs()
        assert bin_folder, "no PostgreSQL here"
        self._bin, self._folder, self._settings = bin_folder, folder, settings
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._run: dict[str, Any] = {"cwd": folder}
        if user := _somebody():
            os.chown(folder, user.pw_uid, user.pw_gid)
            self._run |= {"user": user.pw_name, "group": user.pw_gid}

    @property
    def url(self) -> str:
        """Its URL, without a database."""
        return f"postgresql+asyncpg://everyline@127.0.0.1:{self._port}"

    def make(self) -> None:
        """Prepare the folder, once."""
        options = ["-U", "everyline", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        make: list[Any] = [self._bin / "initdb", "-D", self._folder / "data", *options]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, **self._run)

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = [part for setting in self._settings for part in ("-c", setting)]
        where = ["-D", self._folder / "data", "-p", str(self._port), "-k", self._folder, "-h", "127.0.0.1"]
        command: list[Any] = [self._bin / "postgres", *where, *settings]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **self._run)
        ready: list[Any] = [self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self._port), "-t", "20"]
        for _ in range(200):
            if subprocess.run(ready, check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError((self._folder / "log").read_text()[-2000:])

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it with all its connections; by SIGQUIT as if it had crashed."""
        if self._process:
            self._process.send_signal(number)
            self._process.wait(20)


@contextmanager
def standing(*settings: str) -> Iterator[Server]:
    """A running server in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="everyline-pg-") as folder:
        made = Server(Path(folder), *settings)
        made.make()
        made.start()
        try:
            yield made
        finally:
            made.stop()


@contextmanager
def server() -> Iterator[str]:
    """A running server; gives its URL without a database."""
    with standing(*FAST) as made:
        yield made.url


@asynccontextmanager
async def database(server: str, name: str) -> AsyncIterator[str]:
    """A database of this name with the first schema, copied from one that was migrated once; gone afterwards."""
    async with _administering(server) as ask:
        if not await ask(f"SELECT 1 FROM pg_database WHERE datname = '{TEMPLATE}'"):
            await ask(f"CREATE DATABASE {TEMPLATE}")
            await migrating.upgrade(f"{server}/{TEMPLATE}")
        await ask(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield f"{server}/{name}"
    async with _administering(server) as ask:
        await ask(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def empty(server: str, name: str) -> AsyncIterator[str]:
    """A database of this name without any table; gone afterwards."""
    async with _administering(server) as ask:
        await ask(f"CREATE DATABASE {name}")
    yield f"{server}/{name}"
    async with _administering(server) as ask:
        await ask(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def _administering(server: str) -> AsyncIterator[Callable[[str], Awaitable[list[Any]]]]:
    connection = await asyncpg.connect(f"{server.replace('+asyncpg', '')}/postgres")
    try:
        yield connection.fetch
    finally:
        await connection.close()


def _somebody() -> "pwd.struct_passwd | None":
    """PostgreSQL refuses to run as root: then somebody else of this machine runs it."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None
