"""The writer: many changes in one commit, each answered only when it is on disk, one failing alone."""

import asyncio
import traceback
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from gateway import clock
from gateway.errors import Busy, Conflict, StoreInUse
from store import leases, tables_leases, tables_moderation
from store.database import Batch, Database, Transaction, Work

table = tables_leases.leases


async def put(transaction: Transaction, name: str) -> str:
    row = {"name": name, "holder": "h", "until": clock.now()}
    await transaction.connection.execute(table.insert(), row)
    transaction.wake("put")
    return name


async def names(database: Database) -> set[str]:
    async with database.reading() as connection:
        return set((await connection.execute(select(table.c.name))).scalars())


async def test_a_result_comes_after_the_commit(database: Database) -> None:
    assert await database.write(lambda tx: put(tx, "one")) == "one"
    assert await names(database) == {"one"}


async def test_one_failing_change_harms_no_other_of_its_commit(database: Database) -> None:
    async def fail(transaction: Transaction) -> None:
        await put(transaction, "lost")
        raise Conflict("no")

    works = [database.write(lambda tx, n=n: put(tx, f"n{n}")) for n in range(5)]  # type: ignore[misc]
    results = await asyncio.gather(*works, database.write(fail), return_exceptions=True)
    assert [type(result) for result in results[5:]] == [Conflict]
    assert await names(database) == {f"n{n}" for n in range(5)}


async def test_what_the_database_refuses_is_not_told_with_its_values(database: Database) -> None:
    words = "my neighbour drinks"
    await database.write(lambda tx: put(tx, words))
    with pytest.raises(IntegrityError) as refused:
        await database.write(lambda tx: put(tx, words))
    assert "INSERT INTO leases" in str(refused.value)
    assert words not in str(refused.value)
    # Nor in what a server says beside it, which a log shows with where it came from.
    logged = "".join(traceback.TracebackException.from_exception(refused.value).format())
    assert words not in logged


async def test_who_comes_again_at_once_is_waited_for_but_not_for_ever(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    async def process(transaction: Transaction, requests: Sequence[int]) -> Sequence[int]:
        sizes.append(len(requests))
        return requests

    batch = Batch(database, process, limit=100)
    monkeypatch.setattr("store.turns.SIBLINGS_WITHIN", 8.0)
    await asyncio.gather(*(batch.submit(n) for n in range(5)))
    early = asyncio.create_task(batch.submit(0))
    await asyncio.sleep(0.05)
    await asyncio.gather(early, *(batch.submit(n) for n in range(1, 5)))
    assert sizes == [5, 5]
    monkeypatch.setattr("store.turns.SIBLINGS_WITHIN", 0.05)
    assert await batch.submit(0) == 0
    monkeypatch.setattr("store.turns.SIBLINGS_WITHIN", 120.0)
    assert await batch.submit(0) == 0, "nobody is missing after a commit of one"
    assert sizes[2:] == [1, 1]


async def test_a_batch_sees_all_that_wait_and_a_bad_one_is_tried_alone(database: Database) -> None:
    sizes: list[int] = []

    async def process(transaction: Transaction, requests: Sequence[str]) -> Sequence[str]:
        sizes.append(len(requests))
        return [await put(transaction, name) for name in requests]

    batch = Batch(database, process, limit=100)
    waiting = [batch.submit(f"b{n}") for n in range(20)]
    await asyncio.gather(*waiting)
    assert max(sizes) > 1
    results = await asyncio.gather(*(batch.submit(name) for name in ("c1", "b1", "c2")), return_exceptions=True)
    assert [isinstance(result, str) for result in results] == [True, False, True]
    assert {"c1", "c2"} <= await names(database)


async def test_a_full_queue_says_busy_and_keeps_nothing(database: Database) -> None:
    async def process(transaction: Transaction, requests: Sequence[str]) -> Sequence[str]:
        return [await put(transaction, name) for name in requests]

    batch = Batch(database, process, limit=3)
    results = await asyncio.gather(*(batch.submit(f"b{n}") for n in range(10)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, Busy)]
    assert refused
    assert len(await names(database)) == 10 - len(refused)


async def test_bells_ring_after_the_commit_and_not_after_a_failure(database: Database) -> None:
    bell = database.wakeups.bell("put")

    async def fail(transaction: Transaction) -> None:
        await put(transaction, "lost")
        raise Conflict("no")

    with pytest.raises(Conflict):
        await database.write(fail)
    assert not await bell.wait(0.05)
    await database.write(lambda tx: put(tx, "kept"))
    assert await bell.wait(0.05)


async def test_readers_cannot_write(database: Database) -> None:
    async with database.reading() as connection:
        with pytest.raises(DBAPIError, match=r"read-?only"):
            await connection.execute(text("DELETE FROM leases"))


@pytest.mark.parametrize("backend", ["sqlite"])  # asks the file
async def test_commits_are_flushed_to_disk(database: Database) -> None:
    async def ask(transaction: Transaction) -> tuple[int, str]:
        connection = transaction.connection
        synchronous = (await connection.execute(text("PRAGMA synchronous"))).scalar_one()
        journal = (await connection.execute(text("PRAGMA journal_mode"))).scalar_one()
        return synchronous, journal

    assert await database.write(ask) == (2, "wal")


@pytest.mark.parametrize("backend", ["sqlite"])  # asks the file
async def test_a_second_gateway_on_the_same_file_is_refused(database: Database) -> None:
    second = Database(database.url)
    with pytest.raises(StoreInUse):
        await second.open(serving=True)
    await second.close()


async def test_a_closed_store_says_so(database: Database) -> None:
    other = Database(database.url)
    await other.open()
    await other.close()
    with pytest.raises(Busy):
        await other.write(lambda tx: put(tx, "late"))


async def test_a_lease_has_one_holder_until_it_runs_out(database: Database) -> None:
    at = clock.now()
    until = at + timedelta(seconds=30)

    async def hold(holder: str, now: datetime) -> bool:
        return await database.write(lambda tx: leases.hold(tx, "job", holder, now, until))

    assert await hold("a", at)
    assert not await hold("b", at)
    assert await hold("a", at)
    assert await hold("b", until)
    assert not await hold("a", at)
    async with database.reading() as connection:
        assert (await connection.execute(select(func.count()).select_from(table))).scalar_one() == 1


@pytest.mark.parametrize("backend", ["sqlite"])  # a server keeps what stood before the savepoint
async def test_a_full_disk_tells_nobody_that_his_change_is_kept(database: Database) -> None:
    """SQLite then gives up the whole transaction, also what others did in it before."""

    def change(name: str, filling: int) -> Work[None]:
        async def work(transaction: Transaction) -> None:
            pages = "SELECT page_count FROM pragma_page_count()"
            await transaction.connection.execute(text("PRAGMA cache_size=5"))
            await transaction.connection.execute(table.insert(), {"name": name, "holder": "h", "until": clock.now()})
            if filling:
                most = (await transaction.connection.execute(text(pages))).scalar_one() + 20
                await transaction.connection.execute(text(f"PRAGMA max_page_count={most}"))
                rows = [
                    {"day": str(n), "list": "hold", "word": "w" * 200, "hits": 1, "alike": 0} for n in range(filling)
                ]
                await transaction.connection.execute(tables_moderation.word_hits.insert(), rows)

        return work

    results = await asyncio.gather(
        *(database.write(change(*one)) for one in (("first", 0), ("large", 5000), ("last", 0))), return_exceptions=True
    )
    kept = await names(database)
    told = {name for name, result in zip(("first", "large", "last"), results, strict=True) if result is None}
    assert kept == told
    assert "large" not in told
