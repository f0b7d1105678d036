"""Where SQLite and PostgreSQL differ, side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Insert, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

# WAL lets readers go on beside the writer. FULL fsyncs the log at each commit: "accepted" means on disk.
WRITER_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000", "cache_size=-65536")
READER_PRAGMAS = ("query_only=ON", "busy_timeout=10000", "cache_size=-16384")
READERS = 4


def writer_engine(url: str) -> AsyncEngine:
    """The engine all changes go through; on SQLite its one connection takes the write lock as it begins."""
    if not url.startswith("sqlite"):
        return create_async_engine(url, pool_size=5)
    engine = create_async_engine(url, pool_size=1, max_overflow=0)
    _prepare_sqlite(engine, WRITER_PRAGMAS, "BEGIN IMMEDIATE")
    return engine


def reader_engine(url: str) -> AsyncEngine:
    """The engine of all questions; on SQLite it cannot write."""
    if not url.startswith("sqlite"):
        return create_async_engine(url, pool_size=5)
    engine = create_async_engine(url, pool_size=READERS, max_overflow=READERS)
    _prepare_sqlite(engine, READER_PRAGMAS, "BEGIN")
    return engine


def insert_new(connection: AsyncConnection, table: Table, keys: Sequence[str]) -> Insert:
    """An INSERT that passes over rows whose `keys` are there already."""
    maker = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return maker(table).on_conflict_do_nothing(index_elements=keys)


def upsert(connection: AsyncConnection, table: Table, keys: Sequence[str], columns: Sequence[str]) -> Insert:
    """An INSERT that puts the new `columns` into a row whose `keys` are there already."""
    maker = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = maker(table)
    renewed: Mapping[str, Any] = {column: statement.excluded[column] for column in columns}
    return statement.on_conflict_do_update(index_elements=keys, set_=renewed)


def add_up(connection: AsyncConnection, table: Table, keys: Sequence[str], columns: Sequence[str]) -> Insert:
    """An INSERT that adds its `columns` to those of a row whose `keys` are there already."""
    maker = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = maker(table)
    summed: Mapping[str, Any] = {column: table.c[column] + statement.excluded[column] for column in columns}
    return statement.on_conflict_do_update(index_elements=keys, set_=summed)


def _prepare_sqlite(engine: AsyncEngine, pragmas: Sequence[str], begin: str) -> None:
    # The driver's own idea of transactions begins them too late (at the first write) and without the lock.
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Any) -> None:
        connection.exec_driver_sql(begin)
