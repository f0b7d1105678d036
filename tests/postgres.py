"""A PostgreSQL server of the tests' own, where its programs are installed: in a temporary folder, on a free port."""

import os
import pwd
import shutil
import subprocess
import tempfile
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


@contextmanager
def server() -> Iterator[str]:
    """A running server; gives its URL without a database."""
    bin_folder = programs()
    assert bin_folder, "no PostgreSQL here"
    user = _somebody()
    with tempfile.TemporaryDirectory(prefix="everyline-pg-") as folder:
        data, port = Path(folder) / "data", free_port()
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
        run: dict[str, Any] = {"cwd": folder}
        if user:
            run |= {"user": user.pw_name, "group": user.pw_gid}
        make: list[Any] = [
            bin_folder / "initdb",
            "-D",
            data,
            "-U",
            "everyline",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, **run)
        settings = [part for setting in FAST for part in ("-c", setting)]
        command: list[Any] = [
            bin_folder / "postgres",
            "-D",
            data,
            "-p",
            str(port),
            "-k",
            folder,
            "-h",
            "127.0.0.1",
            *settings,
        ]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, **run)
            try:
                ready: list[Any] = [bin_folder / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "20"]
                for _ in range(100):
                    if subprocess.run(ready, check=False).returncode == 0:
                        break
                yield f"postgresql+asyncpg://everyline@127.0.0.1:{port}"
            finally:
                process.terminate()
                process.wait(20)


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
