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
    ExceptionContext,
    Insert,
    Integer,
    StaticPool,
    Table,
    TableValuedAlias,
    Text,
    Update,
    any_,
    bindparam,
    cast,
    column,
    create_engine,
    event,
    func,
    literal,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from gateway.errors import StoreUnreachable

# WAL lets readers go on beside the writer. FULL fsyncs the log at each commit: "accepted" means on disk. Of 64 MB of it
# a commit puts into the file what `checkpoints` left, and then the log begins anew.
WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=10000",
    "cache_size=-65536",
    "wal_autocheckpoint=16384",
)
# Leaves it to the operating system when a commit goes to disk.
UNSAFE = "synchronous=OFF"
# Never ANALYZE or PRAGMA optimize: each question has its index (tests/store/test_indexes.py), which SQLite takes while
# it knows nothing of the rows. What it learns of small tables has it walk them, also when they are small no more.
READER_PRAGMAS = ("query_only=ON", "busy_timeout=10000", "cache_size=-16384")
READERS = 4
# PostgreSQL's code for it (https://www.postgresql.org/docs/current/errcodes-appendix.html).
DEADLOCK = "40P01"
# Errors are logged, and must not tell what citizens wrote.
QUIET: Mapping[str, Any] = {"hide_parameters": True}
READ_ONLY = {"default_transaction_read_only": "on"}
Pick = Callable[[Mapping[str, Any]], tuple[Any, ...]]
Binds = Sequence[tuple[int, Callable[[Any], Any]]]
# What gives a parameter by its name and type, and what makes a statement of these.
Given = Callable[[str, TypeEngine[Any]], ColumnElement[Any]]
RowForm = Callable[[Given], Update]


def writer_engine(url: str) -> AsyncEngine:
    """The engine all changes go through; on SQLite its one connection takes the write lock as it begins."""
    if not url.startswith("sqlite"):
        return _server_engine(url)
    engine = create_async_engine(url, pool_size=1, max_overflow=0, **QUIET)
    _prepare_sqlite(engine.sync_engine, WRITER_PRAGMAS, "BEGIN IMMEDIATE")
    return engine


def file_engine(url: str, *, durable: bool = True) -> Engine:
    """The same for a SQLite file as one thread uses it, without an event loop; one that is thrown away when it was not
    finished need not be `durable`."""
    engine = create_engine(
        make_url(url).set(drivername="sqlite"),
        poolclass=StaticPool,
        connect_args={"check_same_thread": False},
        **QUIET,
    )
    _prepare_sqlite(engine, WRITER_PRAGMAS if durable else (*WRITER_PRAGMAS, UNSAFE), "BEGIN IMMEDIATE")
    return engine


def file_reader_engine(url: str, connections: int) -> Engine:
    """An engine for questions to a SQLite file from threads, without an event loop; it cannot write."""
    engine = create_engine(
        make_url(url).set(drivername="sqlite"),
        pool_size=connections,
        connect_args={"check_same_thread": False},
        **QUIET,
    )
    _prepare_sqlite(engine, READER_PRAGMAS, "BEGIN")
    return engine


def reader_engine(url: str) -> AsyncEngine:
    """The engine of all questions; it cannot write."""
    if not url.startswith("sqlite"):
        return _server_engine(url, server_settings=READ_ONLY)
    engine = create_async_engine(url, pool_size=READERS, max_overflow=READERS, **QUIET)
    _prepare_sqlite(engine.sync_engine, READER_PRAGMAS, "BEGIN")
    return engine


async def insert_all(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]], known: tuple[str, ...] = ()
) -> None:
    """Insert rows that have the same columns, passing over those whose `known` columns, if any are named, are there
    already. Much of intake's time goes here, so on SQLite the statement is compiled once and given plain tuples; a
    server gets all rows in one statement."""
    if connection.dialect.name != "sqlite":
        statement = _server_insert(table, tuple(rows[0]), known)
        await connection.execute(statement, {name: [row[name] for row in rows] for name in rows[0]})
        return
    sql, pick, binds = _compiled_insert(table, tuple(rows[0]), known, connection.dialect)
    await connection.exec_driver_sql(sql, [_bound(pick(row), binds) for row in rows])


async def update_all(connection: AsyncConnection, form: RowForm, rows: Sequence[Mapping[str, Any]]) -> None:
    """Run an UPDATE for each row of parameters, no two of them for the same row of the table.

    On SQLite it is compiled once, like `insert_all`; a server gets all rows in one statement. `form` makes it of what
    gives a parameter by its name and type; it must be a function of its module.
    """
    if connection.dialect.name != "sqlite":
        statement, types = _for_many(form)
        await connection.execute(statement, {name: [row[name] for row in rows] for name in types})
        return
    sql, names, fixed, binds = _compiled_update(_for_one(form), connection.dialect)
    found = [tuple(row.get(name, value) for name, value in zip(names, fixed, strict=True)) for row in rows]
    await connection.exec_driver_sql(sql, [_bound(values, binds) for values in found])


@lru_cache(maxsize=64)
def _for_one(form: RowForm) -> Update:
    return form(lambda name, kind: bindparam(name, type_=kind))


@lru_cache(maxsize=64)
def _for_many(form: RowForm) -> tuple[Update, Mapping[str, TypeEngine[Any]]]:
    """The statement with a column of a table of rows for each parameter, and the types of these."""
    types: dict[str, TypeEngine[Any]] = {}
    form(lambda name, kind: literal(None, types.setdefault(name, kind)))
    rows = _unnested(types)
    return form(lambda name, _: rows.c[name]), types


def _unnested(types: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """A table of rows, given column by column as arrays."""
    # Of one dimension: a list in a JSON column is a value.
    arrays = [bindparam(name, type_=ARRAY(kind, dimensions=1)) for name, kind in types.items()]
    return (
        func.unnest(*arrays).table_valued(*(column(name, kind) for name, kind in types.items())).render_derived("given")
    )


@lru_cache(maxsize=64)
def _compiled_update(statement: Update, sqlite_dialect: Dialect) -> tuple[str, Sequence[str], Sequence[Any], Binds]:
    """The statement, its parameters' names in order, the values of those it has itself, and what binds them."""
    compiled = statement.compile(dialect=sqlite_dialect)
    names = compiled.positiontup or ()
    types = [compiled.binds[name].type.dialect_impl(sqlite_dialect) for name in names]
    binds = [(at, bind) for at, kind in enumerate(types) if (bind := kind.bind_processor(sqlite_dialect))]
    return str(compiled), names, [compiled.params.get(name) for name in names], binds


@lru_cache(maxsize=256)
def _server_insert(table: Table, names: tuple[str, ...], known: tuple[str, ...]) -> Insert:
    rows = _unnested({name: table.c[name].type for name in names})
    insert = insert_new_on("postgresql", table, known) if known else table.insert()
    return insert.from_select(names, select(*(rows.c[name] for name in names)))


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
    # Of one name alone the value comes, not a tuple of one.
    pick = itemgetter(*order) if len(order) > 1 else lambda row: (row[order[0]],)
    return str(compiled), pick, binds


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


def among(connection: AsyncConnection, column: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """That a column is one of many values. A server gets them as one array, so that it plans one statement, not one for
    each number of them."""
    if connection.dialect.name == "sqlite":
        return column.in_(values)
    return column == any_(literal(list(values), ARRAY(column.type, dimensions=1)))


def insert_new(
    connection: AsyncConnection, table: Table, keys: Sequence[str], where: ColumnElement[bool] | None = None
) -> Insert:
    """An INSERT that passes over rows whose `keys` are there already; `where` is that of a partial unique index."""
    return insert_new_on(connection.dialect.name, table, keys, where)


def insert_new_on(dialect: str, table: Table, keys: Sequence[str], where: ColumnElement[bool] | None = None) -> Insert:
    """The same for a dialect by its name: a statement that can be kept."""
    maker = sqlite.insert if dialect == "sqlite" else postgresql.insert
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


class seconds_between(FunctionElement[int]):
    """Whole seconds from one moment to another, less than none when it came before."""

    type = Integer()
    name = "seconds_between"
    inherit_cache = True


@compiles(seconds_between, "sqlite")
def _by_days(element: seconds_between, compiler: SQLCompiler, **options: Any) -> str:
    since, until = (compiler.process(moment, **options) for moment in element.clauses)
    return f"(CAST(round((julianday({until}) - julianday({since})) * 86400000) AS INTEGER) / 1000)"


@compiles(seconds_between, "postgresql")
def _by_epoch(element: seconds_between, compiler: SQLCompiler, **options: Any) -> str:
    since, until = (compiler.process(moment, **options) for moment in element.clauses)
    # As exact as the other, so that both give the same.
    return f"CAST(trunc(round(extract(epoch FROM {until} - {since}) * 1000) / 1000) AS INTEGER)"


def _server_engine(url: str, **connecting: Any) -> AsyncEngine:
    try:
        engine = create_async_engine(url, pool_size=5, connect_args=connecting, **QUIET)
    except ModuleNotFoundError as error:
        # An extra (`postgres` in pyproject.toml): who stays with SQLite has no need of it.
        raise StoreUnreachable(f"PostgreSQL needs {error.name}: python -m pip install {error.name}") from error
    event.listen(engine.sync_engine, "handle_error", _leave_out_rows)
    return engine


def _leave_out_rows(context: ExceptionContext) -> None:
    """Take the rows an error is about out of what the driver tells: a traceback shows it."""
    if getattr(cause := context.original_exception.__cause__, "detail", None):
        cause.detail = None  # type: ignore[union-attr]  # the driver's own error, which has it


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
