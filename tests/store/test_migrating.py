"""Migrations: replayed from nothing they give exactly the tables of this code; what they do not know they refuse."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from gateway import clock
from gateway.errors import SchemaMismatch, StoreUnreachable
from store import migrating
from store.dialect import writer_engine
from store.every_table import is_ours, metadata
from tests import postgres


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/new.db"


async def ask(url: str, question: Callable[[Connection], Any]) -> Any:
    engine = writer_engine(url)
    async with engine.begin() as connection:
        answer = await connection.run_sync(question)
    await engine.dispose()
    return answer


async def test_replaying_all_gives_the_tables_of_this_code(url: str) -> None:
    await migrating.upgrade(url)
    options = {"compare_type": True, "compare_server_default": False, "include_name": is_ours}
    differences = await ask(url, lambda c: compare_metadata(MigrationContext.configure(c, opts=options), metadata))
    assert differences == []


async def test_ids_that_must_never_come_back_do_not(url: str) -> None:
    await migrating.upgrade(url)
    sql = await ask(url, lambda c: {name: sql for name, sql in c.execute(text("SELECT name, sql FROM sqlite_master"))})
    for table in ("events", "deliveries"):
        assert "AUTOINCREMENT" in sql[table]


async def test_a_second_upgrade_does_nothing(url: str) -> None:
    assert await migrating.upgrade(url) == [migrating.head()]
    assert await migrating.upgrade(url) == []
    assert await migrating.current(url) == migrating.head()


async def test_a_newer_database_is_refused(url: str) -> None:
    await migrating.upgrade(url)
    await ask(url, lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(SchemaMismatch, match="9999"):
        await migrating.upgrade(url)


async def test_a_database_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "new.db").write_text("this is no database, but long enough to look like something" * 20)
    with pytest.raises(StoreUnreachable):
        await migrating.upgrade(f"sqlite+aiosqlite:///{tmp_path}/new.db")


def test_files_are_numbered_in_a_row() -> None:
    versions = sorted(path.stem for path in (migrating.FOLDER / "versions").glob("[0-9]*.py"))
    assert [name[:4] for name in versions] == [f"{number:04}" for number in range(1, len(versions) + 1)]


async def test_every_foreign_key_points_at_a_table(url: str) -> None:
    await migrating.upgrade(url)
    tables = await ask(url, lambda c: inspect(c).get_table_names())
    assert set(metadata.tables) <= set(tables)


async def test_processes_that_start_at_once_migrate_once(postgresql: str) -> None:
    async with postgres.empty(postgresql, f"test_{clock.new_id()}") as url:
        applied = await asyncio.gather(*(migrating.upgrade(url) for _ in range(4)))
    assert sorted(applied) == [[], [], [], [migrating.head()]]


async def test_without_its_driver_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(StoreUnreachable, match="pip install asyncpg"):
        await migrating.upgrade("postgresql+asyncpg://everyline@127.0.0.1:9/everyline")


async def test_a_server_that_is_not_there_is_said_in_words() -> None:
    with pytest.raises(StoreUnreachable, match="reached"):
        await migrating.upgrade("postgresql+asyncpg://everyline@127.0.0.1:9/everyline")
