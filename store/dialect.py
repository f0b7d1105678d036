"""Where SQLite and PostgreSQL differ, side by side."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Dialect,
    Engine,
    Insert,
    StaticPool,
    Table,
    Text,
    Update,
    cast,
    create_engine,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gateway.errors import StoreUnreachable

# WAL lets readers go on beside the writer. FULL fsyncs the log at each commit: "accepted" means on disk. The log is put
# into the file after 32 MB, not after 4: a large change would else write the same pages of its indexes again and again.
WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=10000",
    "cache_size=-65536",
    "wal_autocheckpoint=8192",
)
READER_PRAGMAS = ("query_only=ON", "busy_timeout=10000", "cache_size=-16384")
READERS = 4
# PostgreSQL's code for it (https://www.postgresql.org/docs/current/errcodes-appendix.html).
DEADLOCK = "40P01"
READ_ONLY = {"default_transaction_read_only": "on"}
Pick = Callable[[Mapping[str, Any]], tuple[Any, ...]]
Binds = Sequence[tuple[int, Callable[[Any], Any]]]


def writer_engine(url: str) -> AsyncEngine:
    """The engine all changes go through; on SQLite its one connection takes the write lock as it begins."""
    if not url.startswith("sqlite"):
        return _server_engine(url)
    engine = create_async_engine(url, pool_size=1, max_overflow=0)
    _prepare_sqlite(engine.sync_engine, WRITER_PRAGMAS, "BEGIN IMMEDIATE")
    return engine


def file_engine(url: str) -> Engine:
    """The same for a SQLite file as one thread uses it, without an event loop."""
    engine = create_engine(
        make_url(url).set(drivername="sqlite"), poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    _prepare_sqlite(engine, WRITER_PRAGMAS, "BEGIN IMMEDIATE")
    return engine


def reader_engine(url: str) -> AsyncEngine:
    """The engine of all questions; it cannot write."""
    if not url.startswith("sqlite"):
        return _server_engine(url, server_settings=READ_ONLY)
    engine = create_async_engine(url, pool_size=READERS, max_overflow=READERS)
    _prepare_sqlite(engine.sync_engine, READER_PRAGMAS, "BEGIN")
    return engine


async def insert_all(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]], known: tuple[str, ...] = ()
) -> None:
    """Insert rows that have the same columns, passing over those whose `known` columns, if any are named, are there
    already. Much of intake's time goes here, so on SQLite the statement is compiled once and given plain tuples;
    elsewhere SQLAlchemy does as always."""
    if connection.dialect.name != "sqlite":
        await connection.execute(insert_new(connection, table, known) if known else table.insert(), rows)
        return
    sql, pick, binds = _compiled_insert(table, tuple(rows[0]), known, connection.dialect)
    await connection.exec_driver_sql(sql, [_bound(pick(row), binds) for row in rows])


async def update_all(connection: AsyncConnection, statement: Update, rows: Sequence[Mapping[str, Any]]) -> None:
    """Run an UPDATE once for each row of its parameters. On SQLite it is compiled once, like `insert_all`: it must be
    a statement that is kept, a constant of its module."""
    if connection.dialect.name != "sqlite":
        await connection.execute(statement, rows)
        return
    sql, names, fixed, binds = _compiled_update(statement, connection.dialect)
    found = [tuple(row.get(name, value) for name, value in zip(names, fixed, strict=True)) for row in rows]
    await connection.exec_driver_sql(sql, [_bound(values, binds) for values in found])


@lru_cache(maxsize=64)
def _compiled_update(statement: Update, sqlite_dialect: Dialect) -> tuple[str, Sequence[str], Sequence[Any], Binds]:
    """The statement, its parameters' names in order, the values of those it has itself, and what binds them."""
    compiled = statement.compile(dialect=sqlite_dialect)
    names = compiled.positiontup or ()
    types = [compiled.binds[name].type.dialect_impl(sqlite_dialect) for name in names]
    binds = [(at, bind) for at, kind in enumerate(types) if (bind := kind.bind_processor(sqlite_dialect))]
    return str(compiled), names, [compiled.params.get(name) for name in names], binds


@lru_cache(maxsize=256)
def _compiled_insert(
    table: Table, names: tuple[str, ...], known: tuple[str, ...], sqlite_dialect: Dialect
) -> tuple[str, Pick, Binds]:
    """The statement, what picks its values from a row, and which of them must be bound by their type."""
    insert = sqlite.insert(table).on_conflict_do_nothing(index_elements=known) if known else table.insert()
    compiled = insert.compile(dialect=sqlite_dialect, column_keys=list(names))
    order = compiled.positiontup or names
    types = [table.c[name].type.dialect_impl(sqlite_dialect) for name in order]
    binds = [(at, bind) for at, kind in enumerate(types) if (bind := kind.bind_processor(sqlite_dialect))]
    return str(compiled), itemgetter(*order), binds


def _bound(values: tuple[Any, ...], binds: Binds) -> tuple[Any, ...]:
    bound = list(values)
    for at, bind in binds:
        bound[at] = bind(bound[at])
    return tuple(bound)


async def hold_back(connection: AsyncConnection, names: Collection[str]) -> None:
    """Have other processes that ask for one of these names wait until this transaction ends.

    SQLite has one writer, so that nobody else is there. The names are taken in one order, lest two wait for each other.
    """
    if connection.dialect.name == "postgresql" and names:
        keys = select(func.unnest(cast(sorted({_number(name) for name in names}), ARRAY(BigInteger))).label("key"))
        taken = keys.order_by("key").subquery()
        await connection.execute(select(func.count(func.pg_advisory_xact_lock(taken.c.key).cast(Text))))


def _number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)


def is_anothers(error: Exception) -> bool:
    """Whether a change failed only for what another process did at the same time, so that it may be done again."""
    return isinstance(error, IntegrityError) or is_deadlock(error)


def is_deadlock(error: Exception) -> bool:
    """Whether two transactions waited for each other and this one was ended."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == DEADLOCK


def ends_all(error: Exception) -> bool:
    """Whether a failure ended its whole transaction, also what stood before the savepoint it happened in.

    SQLite rolls back by itself when it cannot write (https://sqlite.org/lang_transaction.html, section 2.3); a server
    does when it ends one of two that wait for each other, or goes away.
    """
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or is_deadlock(error) or isinstance(error, OperationalError)


def insert_new(
    connection: AsyncConnection, table: Table, keys: Sequence[str], where: ColumnElement[bool] | None = None
) -> Insert:
    """An INSERT that passes over rows whose `keys` are there already; `where` is that of a partial unique index."""
    maker = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return maker(table).on_conflict_do_nothing(index_elements=keys, index_where=where)


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


def _server_engine(url: str, **connecting: Any) -> AsyncEngine:
    try:
        return create_async_engine(url, pool_size=5, connect_args=connecting)
    except ModuleNotFoundError as error:
        # An extra (`postgres` in pyproject.toml): who stays with SQLite has no need of it.
        raise StoreUnreachable(f"PostgreSQL needs {error.name}: python -m pip install {error.name}") from error


def _prepare_sqlite(engine: Engine, pragmas: Sequence[str], begin: str) -> None:
    # The driver's own idea of transactions begins them too late (at the first write) and without the lock.
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Any) -> None:
        connection.exec_driver_sql(begin)
