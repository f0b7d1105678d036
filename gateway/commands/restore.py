"""`run.py restore`: put a backup back, while no gateway runs. What was on its way then waits for a person."""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gateway import clock
from gateway.commands.user import ACTOR
from gateway.errors import BadArchive, Conflict, VaultError, WrongKey
from gateway.settings import Settings, load
from store import archives, audit, migrating, snapshots
from store.archives import DATABASES, KEY, Manifest
from store.blobs import Blobs
from store.database import Database, hold_alone
from store.proof import PROOF
from store.snapshots import Held
from store.vault import Vault, open_key_file


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("file", type=Path, help="what `backup` wrote")
    parser.add_argument("--force", action="store_true", help="in the place of a database that is there")
    parser.add_argument("--check", action="store_true", help="only verify the file, and change nothing")


async def main(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Check everything first, then put it back, and say what waits now."""
    if args.check:
        made = await asyncio.to_thread(archives.verify, args.file)
        sys.stdout.write(f"{args.file}: {len(made.files)} files of {made.made_at}, as they were written\n")
        return 0
    settings = load(environ)
    made, held = await restore(settings, args.file, force=args.force)
    sys.stdout.write(
        f"restored the state of {made.made_at}: {len(made.media)} files of citizens\n"
        f"{held.deliveries} deliveries that were open then are dead letters now, to be sent again or dropped\n"
        f"{held.broadcasts} broadcasts are paused, to be resumed or stopped\n"
        "everybody logs in again; tokens, roles and second factors are as they were: end what should have ended since\n"
        "whoever was erased since the backup is back: erase them again\n"
    )
    return 0


async def restore(settings: Settings, archive: Path, *, force: bool = False) -> tuple[Manifest, Held]:
    """Put an archive in the place of a database and its media; gives what it held, and what waits now.

    Raises `BadArchive`, `WrongKey`, `StoreInUse` while a gateway runs, and `Conflict` when there is a database and no
    `force`. Until everything is unpacked and checked nothing is changed.
    """
    url, data = settings.database_url, settings.storage.data
    await asyncio.to_thread(data.mkdir, mode=0o700, parents=True, exist_ok=True)
    database = Database(url)
    lock = hold_alone(database.file) if database.file else None
    try:
        await _may_replace(database, force)
        with await asyncio.to_thread(tempfile.TemporaryDirectory, dir=data, prefix=".restore-") as name:
            folder = Path(name)
            made = await asyncio.to_thread(archives.unpack, archive, folder)
            _fits(made, url)
            await asyncio.to_thread(_check_key, made, folder, settings.key_file)
            await asyncio.to_thread(_put_files, made, folder, Blobs(data / "media"))
            held = await _put_database(made, folder, url)
        await _note(url)
        return made, held
    finally:
        await database.close()
        if lock:
            lock.close()


async def _may_replace(database: Database, force: bool) -> None:
    there = database.file.exists() if database.file else await migrating.current(database.url) is not None
    if there and database.file is None:
        await snapshots.in_use(database, clock.now())
    if there and not force:
        raise Conflict("there is a database already; with --force the backup takes its place")


def _fits(made: Manifest, url: str) -> None:
    kind = snapshots.kind(url)
    if made.database != kind or DATABASES[kind] not in made.files:
        raise BadArchive(f"this backup is of a {made.database} database, and the settings name a {kind} one")
    migrating.check(made.schema)


def _check_key(made: Manifest, folder: Path, key_file: Path) -> None:
    """The key that is here, else the one in the backup, must open what the backup's database is sealed with."""
    inside = folder / KEY
    if not key_file.exists():
        if KEY not in made.files:
            raise WrongKey(f"the key is not here and not in the backup: put its copy at {key_file} first")
        _prove(made, inside)
        key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(inside.read_bytes())
            file.flush()
            os.fsync(file.fileno())
    _prove(made, key_file)


def _prove(made: Manifest, key_file: Path) -> None:
    try:
        Vault(open_key_file(key_file)).unwrap(PROOF, bytes.fromhex(made.proof))
    except (VaultError, ValueError) as error:
        raise WrongKey(f"the key in {key_file} is not the one this backup is sealed with") from error


def _put_files(made: Manifest, folder: Path, blobs: Blobs) -> None:
    """Files are named by their content: one that is there already is the same."""
    for name in made.media:
        target = blobs.path(Path(name).name)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder / name, target)


async def _put_database(made: Manifest, folder: Path, url: str) -> Held:
    """A file is settled before it takes the place; a server's database just after."""
    source = folder / DATABASES[made.database]
    if made.database == "sqlite":
        held = await snapshots.settle(f"sqlite+aiosqlite:///{source.absolute()}", clock.now())
        await snapshots.put_back(url, source)
        return held
    await snapshots.put_back(url, source)
    return await snapshots.settle(url, clock.now())


async def _note(url: str) -> None:
    database = Database(url)
    await database.open()
    try:
        await database.write(lambda transaction: audit.note(transaction, ACTOR, "restored"))
    finally:
        await database.close()
