"""What waits for the writer, patient pieces of something long, and the log that is put away beside the commits."""

import asyncio
import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway import clock
from gateway.errors import Conflict
from store import checkpoints, tables_leases, turns
from store.checkpoints import Checkpoints
from store.database import Database, Transaction
from store.turns import Turns

table = tables_leases.leases
LONG = 30.0


async def put(transaction: Transaction, name: str) -> str:
    await transaction.connection.execute(table.insert(), {"name": name, "holder": "h", "until": clock.now()})
    return name


async def names(database: Database) -> set[str]:
    async with database.reading() as connection:
        return set((await connection.execute(select(table.c.name))).scalars())


async def test_the_patient_let_others_pass_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", LONG)
    jobs = Turns[str]()
    for job, patient in (("piece", True), ("one", False), ("two", False)):
        jobs.put(job, patient=patient)
    assert jobs.pressing == 2
    assert await jobs.next() == ["one", "two"]
    jobs.put("three")
    monkeypatch.setattr(turns, "PATIENCE", -1.0)
    assert await jobs.next() == ["piece"], "it was passed over for long"
    assert await jobs.next() == ["three"]
    jobs.put("last", patient=True)
    jobs.close()
    assert [await jobs.next(), await jobs.next()] == [["last"], []]


@pytest.mark.parametrize("backend", ["sqlite"])  # a server's piece shares its commit with nobody
async def test_a_piece_hears_who_waits_and_shares_its_commit(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.database.TURN", 0.0)
    ended: list[str] = []

    async def piece(transaction: Transaction) -> str:
        until = time.monotonic() + LONG
        while not transaction.awaited() or database.waiting < 3:
            assert time.monotonic() < until, "nobody told it"
            time.sleep(0.001)  # noqa: ASYNC251  (in the writer's thread)
        ended.append("piece")
        return await put(transaction, "piece")

    async def join(transaction: Transaction, name: str) -> str:
        ended.append(name)
        await put(transaction, name)
        if name == "bad":
            raise Conflict("no")
        rows = await transaction.connection.execute(select(table.c.name))
        assert "piece" in set(rows.scalars())
        return name

    began = asyncio.create_task(database.write_patiently(piece))
    await asyncio.sleep(0)
    results = await asyncio.gather(
        began, *(database.write(partial(join, name=n)) for n in ("a", "bad", "b")), return_exceptions=True
    )
    assert results[:2] == ["piece", "a"]
    assert isinstance(results[2], Conflict)
    assert results[3] == "b"
    assert ended[0] == "piece"
    assert await names(database) == {"piece", "a", "b"}


async def test_a_piece_that_fails_harms_nobody_else(database: Database) -> None:
    async def fail(transaction: Transaction) -> None:
        await put(transaction, "lost")
        raise Conflict("no")

    failed, kept = await asyncio.gather(
        database.write_patiently(fail), database.write(lambda tx: put(tx, "kept")), return_exceptions=True
    )
    assert isinstance(failed, Conflict)
    assert kept == "kept"
    assert await names(database) == {"kept"}


async def test_the_log_is_put_into_the_file_beside_the_commits(tmp_path: Path) -> None:
    file = tmp_path / "some.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA wal_autocheckpoint=0", "CREATE TABLE t (words TEXT)"):
            writer.execute(statement)
        before, beside = file.stat().st_size, Checkpoints(str(file))
        writer.execute("INSERT INTO t VALUES (?)", ["w" * 100_000])
        beside.committed(checkpoints.EVERY - 1)
        beside.close()
        assert file.stat().st_size == before, "not yet worth it"
        beside = Checkpoints(str(file))
        beside.committed(checkpoints.EVERY)
        beside.close()
        assert file.stat().st_size > before + 100_000
