"""`run.py demo`: a sample city with two months behind it, on this machine only; the first start makes it up."""

import argparse
import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from aiohttp import ClientSession

from channels import registry
from gateway import clock, logs
from gateway.assembly import assemble, environment_of
from gateway.commands import serve
from gateway.demo import stage
from gateway.demo.telling import DAYS, Telling
from gateway.errors import Problem, SettingsError
from gateway.runtime import Runtime
from gateway.service import is_local
from gateway.settings import load
from gateway.web import passwords, staffing
from gateway.workers import Workers
from store import migrating, proof
from store.accounts import Role
from store.database import Database
from store.vault import Vault, open_key_file

DATA = "var/demo"
# It has a database and a key of its own, whatever the real one has.
OWN = ("EVERYLINE_DATABASE", "EVERYLINE_KEY_FILE")
# Known to everybody, and so for this machine alone.
PASSWORD = "everyline demo"  # noqa: S105


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    serve.configure(parser)


async def main(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Make the city up if it is not there yet, and serve it. Raises `SettingsError` where others could come in."""
    folder = Path(environ.get("EVERYLINE_DATA") or DATA)
    environ = {name: value for name, value in environ.items() if name not in OWN} | {"EVERYLINE_DATA": str(folder)}
    if not is_local(load(environ).public_url):
        raise SettingsError([Problem("environment", "EVERYLINE_PUBLIC_URL", "the demo is for this machine alone")])
    if not await asyncio.to_thread(folder.exists):
        sys.stdout.write("Making up two months of a city. This takes about a minute, once.\n")
        sys.stdout.flush()
        logs.configure(level="WARNING")  # of what happened long ago
        serve.tune_interpreter()
        await make_up(folder, environ)
    sys.stdout.write(introduction())
    return await serve.main(args, environ)


def introduction() -> str:
    """Who may log in, and how."""
    lines = ["", f"  Log in as one of these. The password is:  {PASSWORD}", ""]
    for one in stage.crew(stage.read()):
        of = one.department or ("all departments" if one.role is Role.OFFICER else "")
        lines.append(" ".join(("   ", one.name, one.role, of, "(head)" if one.head else "")).rstrip())
    return "\n".join([*lines, "", ""])


async def make_up(folder: Path, environ: Mapping[str, str], days: int = DAYS, until: datetime | None = None) -> None:
    """Make the city up in a folder, with so many days behind it up to a moment (None: now); one that was left half done
    is begun anew."""
    making = folder.with_name(f"{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    async with _opened({**environ, "EVERYLINE_DATA": str(making)}) as runtime:
        telling = Telling(runtime, days, until or clock.now())
        await telling.organise()
        hashed = await passwords.hashed(runtime, PASSWORD)
        for one in stage.crew(stage.read()):
            await staffing.add(runtime, one.name, one.role, one.department, hashed, actor="demo", head=one.head)
        await telling.tell()
    making.rename(folder)


@asynccontextmanager
async def _opened(environ: Mapping[str, str]) -> AsyncIterator[Runtime]:
    """A gateway that nobody can reach, and that sends to nobody."""
    settings = load(environ)
    settings.storage.data.mkdir(mode=0o700, parents=True)
    await migrating.upgrade(settings.database_url)
    database = Database(settings.database_url)
    await database.open(serving=True, durable=False)
    vault = Vault(open_key_file(settings.key_file))
    workers, openers = Workers(1), Workers(1)
    plans, _ = registry.read(settings.channels, environment_of(environ))
    try:
        async with ClientSession() as http:
            await database.write(lambda transaction: proof.prove(transaction, vault, clock.now()))
            yield assemble(settings, plans, database, vault, http, workers, openers)
    finally:
        await workers.stop()
        await openers.stop()
        await database.close()
