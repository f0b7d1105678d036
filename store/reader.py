"""Who answers questions: a pool of threads with a file, connections to a server.

A driver that hands each step of each question to a thread and waits for it takes longer for the handing than for the
question. Questions that follow each other at once are therefore put in one go, by a thread that waits for nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import dialect
from store.writer import Direct, drive

T = TypeVar("T")
Question = Callable[[AsyncConnection], Awaitable[T]]
# More would only wait for each other: what they do between two questions is Python.
THREADS = 2


class Reader(Protocol):
    """Answers questions, each seeing one consistent state."""

    async def ask(self, question: Question[T]) -> T:
        """Put the questions of a function that waits for nothing but its connection."""
        ...

    async def close(self) -> None:
        """Let go of the database."""
        ...


def open_reader(url: str, engine: AsyncEngine) -> Reader:
    """The reader of a database; on a server it shares an engine."""
    return _InThreads(dialect.file_reader_engine(url, THREADS)) if url.startswith("sqlite") else _OnServer(engine)


class _OnServer:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def ask(self, question: Question[T]) -> T:
        async with self._engine.connect() as connection:
            return await question(connection)

    async def close(self) -> None:
        """The engine is whose it was."""


class _InThreads:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = _readers()

    async def ask(self, question: Question[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, question)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._engine.dispose)
        self._threads.shutdown(wait=False)
        self._threads = _readers()  # none is started before somebody asks again

    def _answer(self, question: Question[T]) -> T:
        with self._engine.connect() as connection:
            return drive(cast(Coroutine[Any, Any, T], question(cast(AsyncConnection, Direct(connection)))))


def _readers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="store reader")
