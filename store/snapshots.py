"""One consistent state of a whole database, taken while it is in use, and put back in its place.

SQLite copies itself in one read transaction (VACUUM INTO: without what was deleted). PostgreSQL's own programs do it
for a server.
"""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, make_url, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import StoreInUse, StoreUnreachable
from gateway.schema_outgoing import DeliveryState
from store import bulletins, campaigns, media, migrating
from store import digests as digest_rows
from store.broadcasts import BroadcastState
from store.database import Database, Transaction
from store.proof import PROOF
from store.sessions import SessionKind
from store.tables_broadcasts import broadcasts, digests
from store.tables_citizens import keys
from store.tables_deliveries import deliveries
from store.tables_leases import leases
from store.tables_reminders import staff_calls
from store.tables_staff import invitations, sessions

RESTORED = "restored"
# What a file beside the database is called that a restore put another in the place of.
REPLACED = ".replaced"
# SQLite's companions of a file: a log left beside another database would be played into it.
_BESIDE = ("", "-wal", "-shm")
_LONGEST_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class Held:
    """What was under way when the backup was made and now waits for a person."""

    deliveries: int
    broadcasts: int


def kind(url: str) -> str:
    """sqlite or postgresql."""
    return make_url(url).get_backend_name()


def require(url: str) -> None:
    """Raises `StoreUnreachable` when there is no database file yet: a copy of nothing is no backup."""
    if kind(url) == "sqlite" and not Path(str(make_url(url).database)).exists():
        raise StoreUnreachable(f"there is no database at {make_url(url).database}")


async def take(url: str, target: Path) -> None:
    """Copy the database into a file that is not there yet. Raises `StoreUnreachable`."""
    if kind(url) == "sqlite":
        await asyncio.to_thread(_copy, Path(str(make_url(url).database)), target)
    else:
        await _server_program("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")


async def put_back(url: str, source: Path) -> None:
    """Put a copy in the place of the database. A SQLite file that was there is kept beside it, as `REPLACED`."""
    if kind(url) == "sqlite":
        await asyncio.to_thread(_swap, source, Path(str(make_url(url).database)))
    else:
        options = ("--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction")
        await _server_program("pg_restore", url, *options, "--exit-on-error", str(source))


async def facts(database: Database) -> tuple[str, set[str]]:
    """What is sealed to prove the key, in hexadecimal, and the hashes of all files that are named now."""
    async with database.reading() as connection:
        wrapped = (await connection.execute(select(keys.c.wrapped).where(keys.c.id == PROOF))).scalar_one()
        return wrapped.hex(), await _all_named(connection)


async def _all_named(connection: AsyncConnection) -> set[str]:
    known = [await kind.all_named(connection) for kind in (media, bulletins, campaigns)]
    return set().union(*known)


async def in_use(database: Database, at: datetime) -> None:
    """Raises `StoreInUse` while a gateway's lease on a server's database has not run out; a file has its lock."""
    async with database.reading() as connection:
        held = (await connection.execute(select(leases.c.name).where(leases.c.until > at).limit(1))).first()
    if held:
        raise StoreInUse("a gateway uses this database; stop it, wait a minute, and try again")


async def settle(url: str, at: datetime) -> Held:
    """Bring a restored database to this version's schema, and let nothing leave by itself that was open in it."""
    await migrating.upgrade(url)
    database = Database(url)
    await database.open()
    try:
        return await database.write(lambda transaction: _hold(transaction, at))
    finally:
        await database.close()


async def _hold(transaction: Transaction, at: datetime) -> Held:
    """Deliveries become dead letters, which a person sends or drops; broadcasts are paused; browsers log in again."""
    connection = transaction.connection
    under_way = (DeliveryState.DUE, DeliveryState.SENDING, DeliveryState.UNKNOWN)
    leaving = update(deliveries).where(deliveries.c.state.in_(under_way), deliveries.c.kind == "send")
    ended = {"state": DeliveryState.FAILED, "reason": RESTORED, "lease_until": None, "done_at": at}
    held = (await connection.execute(leaving.values(**ended))).rowcount
    spreading = update(broadcasts).where(broadcasts.c.state.in_([BroadcastState.OPEN, BroadcastState.RESUMING]))
    paused = (await connection.execute(spreading.values(state=BroadcastState.PAUSED))).rowcount
    await connection.execute(update(digests).where(digests.c.state == digest_rows.OPEN).values(state=digest_rows.DONE))
    await connection.execute(delete(sessions).where(sessions.c.kind == SessionKind.COOKIE))
    await connection.execute(delete(invitations))
    await connection.execute(delete(leases))
    # Nobody is called now with what was news then; the lists of the console show how it stands.
    await connection.execute(delete(staff_calls))
    return Held(held, paused)


def _copy(source: Path, target: Path) -> None:
    try:
        with closing(sqlite3.connect(source, timeout=_LONGEST_WAIT)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
        with closing(sqlite3.connect(target)) as connection:
            told = connection.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreUnreachable(f"the database cannot be copied: {error}") from error
    if told != "ok":
        raise StoreUnreachable(f"the database is damaged: {told}")


def _swap(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as connection:
        # All of it into the one file that is moved.
        connection.execute("PRAGMA journal_mode=DELETE")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # It may come from another disk: only beside its place is the last step one that happens whole or not at all.
    beside = target.with_name(f"{target.name}.new")
    shutil.move(source, beside)
    for suffix in _BESIDE:
        old, kept = (target.with_name(f"{name}{suffix}") for name in (target.name, target.name + REPLACED))
        if old.exists():
            old.replace(kept)
        else:
            kept.unlink(missing_ok=True)
    beside.replace(target)
    handle = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


async def _server_program(name: str, url: str, *options: str) -> None:
    """Run one of PostgreSQL's programs for a database; the password goes by its environment, not by its arguments."""
    program = _program(name)
    parsed = make_url(url)
    given: dict[str, Any] = {
        "PGHOST": parsed.host or parsed.query.get("host"),
        "PGPORT": parsed.port,
        "PGUSER": parsed.username,
        "PGPASSWORD": parsed.password,
        "PGDATABASE": parsed.database,
    }
    environment = {**os.environ, **{key: str(value) for key, value in given.items() if value is not None}}
    where = [f"--dbname={parsed.database}"] if name == "pg_restore" else []
    process = await asyncio.create_subprocess_exec(
        program,
        "--no-password",
        *where,
        *options,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode:
        told = said.decode(errors="replace").strip().splitlines()
        raise StoreUnreachable(f"{name} failed: {told[0] if told else process.returncode}")


def _program(name: str) -> str:
    """Where a program is; Debian keeps those of each version apart, and the newest can speak to all older servers."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda place: place.parts[-3])
    found = str(places[-1]) if places else shutil.which(name)
    if found is None:
        raise StoreUnreachable(f"{name} is not installed here: apt-get install postgresql-client")
    return found
