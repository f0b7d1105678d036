"""The connection all changes go through.

On SQLite a transaction is one piece of work for one thread: its statements follow each other there without a word to
the event loop, which costs more than most of them (see docs/measured.md). A change is written as a coroutine all the
same, so that it runs unaltered on a server; on SQLite nothing in it ever really waits.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import dialect
from store.checkpoints import Checkpoints

T = TypeVar("T")
Change = Callable[[AsyncConnection], Awaitable[T]]


class Writer(Protocol):
    """Runs changes one after the other."""

    async def run(self, change: Change[T]) -> T:
        """Run a change in a transaction of its own; returns after the commit."""
        ...

    async def close(self) -> None:
        """Let go of the database."""
        ...


def open_writer(url: str, *, durable: bool = True) -> Writer:
    """The writer of a database; without `durable` a file may lose what was committed when the power fails."""
    if url.startswith("sqlite"):
        return _InThread(dialect.file_engine(url, durable=durable))
    return _OnServer(dialect.writer_engine(url))


class _OnServer:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def run(self, change: Change[T]) -> T:
        async with self._engine.connect() as connection, connection.begin():
            return await change(connection)

    async def close(self) -> None:
        await self._engine.dispose()


class _InThread:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, "store writer")
        self._checkpoints = Checkpoints(engine.url.database or "")

    async def run(self, change: Change[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, change)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._let_go)
        self._thread.shutdown(wait=False)

    def _let_go(self) -> None:
        self._checkpoints.close()
        self._engine.dispose()

    def _transact(self, change: Change[T]) -> T:
        with self._engine.connect() as connection:
            with connection.begin():
                result = drive(cast(Coroutine[Any, Any, T], change(cast(AsyncConnection, Direct(connection)))))
            self._checkpoints.committed(cast(sqlite3.Connection, connection.connection.driver_connection).total_changes)
            return result


class Direct:
    """A thread's own connection with the methods of an `AsyncConnection` that changes use."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect

    async def execute(self, *statement: Any) -> Any:
        """Run a statement; its result is there already."""
        return self._connection.execute(*statement)

    async def exec_driver_sql(self, *statement: Any) -> Any:
        """The same with a statement in the driver's own words."""
        return self._connection.exec_driver_sql(*statement)

    def begin_nested(self) -> "_Block":
        """A savepoint."""
        return _Block(self._connection.begin_nested())


class _Block:
    """A savepoint that is entered and left with `async with`."""

    def __init__(self, block: Any) -> None:
        self._block = block

    async def __aenter__(self) -> None:
        self._block.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        return self._block.__exit__(kind, error, trace)


def drive(change: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits to its end."""
    try:
        change.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    change.close()
    raise RuntimeError("a change waited for something else than its database")
