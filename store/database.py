"""The database as the rest of the gateway sees it: reading connections, and one writer that commits many at once.

A commit costs a disk flush, whatever is in it. So all changes wait in one queue, and the writer takes everything that
waits into one transaction: each piece of work in its own savepoint, requests of the same `Batch` together. Only after
the commit does anybody hear the result. One failing piece is rolled back alone and the rest still commits. What is
long is written in patient pieces, which end early when somebody else waits, and share their commit with him.
"""

import asyncio
import fcntl
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

import structlog
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.errors import Busy, EverylineError, StoreInUse
from store import dialect, notices, reader, writer
from store.turns import Turns
from store.wakeups import Wakeups

T = TypeVar("T")
Request = TypeVar("Request")
Reply = TypeVar("Reply")

MOST_REPEATS = 3
THE_ONLY_ONE = "0" * 32
# Seconds that closing idle connections may take.
CLOSE_WITHIN = 5.0
# Seconds that a piece of something long may take while others wait.
TURN = 0.002

log = structlog.get_logger()


@dataclass(slots=True)
class Transaction:
    """A running change: its connection, and the topics to wake once it is committed."""

    connection: AsyncConnection
    wakes: set[str] = field(default_factory=set)
    # Whether others wait for the end of this, if it is patient: then it stops at a good place.
    awaited: Callable[[], bool] = lambda: False

    def wake(self, *topics: str) -> None:
        """Ring the bells of these topics after the commit, and only then."""
        self.wakes.update(topics)


Work = Callable[[Transaction], Awaitable[T]]
Process = Callable[[Transaction, Sequence[Request]], Awaitable[Sequence[Reply]]]


@dataclass(slots=True, eq=False)
class _Job:
    done: asyncio.Future[Any]
    work: Work[Any] | None = None
    batch: "Batch[Any, Any] | None" = None
    request: Any = None
    failure: BaseException | None = None
    result: Any = None
    repeats: int = 0
    patient: bool = False


class Batch(Generic[Request, Reply]):
    """Requests of one kind that are decided together: `process` gets all that wait, in order, and answers each."""

    def __init__(self, database: "Database", process: Process[Request, Reply], limit: int) -> None:
        self.process = process
        self._database = database
        self._limit = limit

    async def submit(self, request: Request) -> Reply:
        """Have one request processed; returns after the commit. Raises `Busy` when `limit` wait already."""
        if self._database.waiting >= self._limit:
            raise Busy("too many messages are waiting; nothing was kept, please repeat")
        reply: Reply = await self._database.enqueue(batch=self, request=request)
        return reply


class Database:
    """Opens, reads, writes and closes one database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.wakeups = Wakeups()
        # Whether the last commit could not be written, as when the disk is full.
        self.failing = False
        # Under which name this process holds leases. A file has one process, which goes on where the last one ended.
        self.holder = THE_ONLY_ONE if self.file else clock.new_id()
        self._jobs: Turns[_Job] = Turns()
        self._writer: asyncio.Task[None] | None = None
        self._lock: IO[str] | None = None
        self._changes: writer.Writer
        self._listening = notices.Listening(url, self.wakeups)
        self._reading = dialect.reader_engine(url)
        self._reader = reader.open_reader(url, self._reading)

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None for a server."""
        url = make_url(self.url)
        return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None

    @property
    def waiting(self) -> int:
        """How many pieces of work wait for the writer, but for patient ones."""
        return self._jobs.pressing

    async def open(self, *, serving: bool = False, durable: bool = True) -> None:
        """Start the writer. With `serving`, refuse (`StoreInUse`) when another gateway serves the same file.

        Not `durable` is much quicker, for a file that is thrown away unless it was finished.
        """
        if serving and self.file:
            self._lock = hold_alone(self.file)
        self._changes = writer.open_writer(self.url, durable=durable)
        self._listening.start()
        self._writer = asyncio.create_task(self._write_for_ever(), name="store writer")

    async def close(self) -> None:
        """Finish what waits, then let go of everything."""
        if self._writer:
            self._jobs.close()
            await self._writer
        await self._listening.stop()
        for close in (self._reader.close, self._reading.dispose, *([self._changes.close] if self._writer else [])):
            try:
                async with asyncio.timeout(CLOSE_WITHIN):
                    await close()
            except TimeoutError:
                # A connection whose question was cut off in the middle may never answer; the commits are on disk.
                log.warning("a connection did not close", action="store.close")
        if self._lock:
            self._lock.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for questions, seeing one consistent state."""
        async with self._reading.connect() as connection:
            yield connection

    async def ask(self, question: reader.Question[T]) -> T:
        """Put questions that follow each other at once, seeing one consistent state: quicker than `reading`.

        `question` may wait for nothing but its connection, and on SQLite runs in another thread.
        """
        return await self._reader.ask(question)

    async def write(self, work: Work[T]) -> T:
        """Run a change; returns its result after the commit. `work` may run again when a commit of many failed."""
        result: T = await self.enqueue(work=work)
        return result

    async def write_patiently(self, work: Work[T]) -> T:
        """Run a piece of something long, once nobody else waits or it was passed over for long.

        The piece should end as soon as it may when its `Transaction` is `awaited`.
        """

        async def piece(transaction: Transaction) -> T:
            until = time.monotonic() + TURN
            transaction.awaited = lambda: self.waiting > 0 and time.monotonic() > until
            return await work(transaction)

        result: T = await self.enqueue(work=piece, patient=True)
        return result

    async def enqueue(self, **job: Any) -> Any:
        """Hand a job to the writer and wait for its end."""
        if self._writer is None or self._writer.done():
            raise Busy("the store is closed; nothing was kept")
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        entry = _Job(done, **job)
        self._jobs.put(entry, patient=entry.patient)
        return await done

    async def _write_for_ever(self) -> None:
        while jobs := await self._jobs.next():
            await self._commit(jobs)
            self._jobs.siblings = sum(job.batch is not None for job in jobs) - 1

    async def _commit(self, jobs: list[_Job]) -> None:
        """One transaction for all; nobody is answered before it is on disk."""
        groups = _grouped(jobs)
        try:
            wakes = await self._changes.run(lambda connection: self._transact(connection, jobs, groups))
        except Exception as error:  # noqa: BLE001  (a bad request, a full disk, a lost server)
            wakes = set()
            self.failing = isinstance(error, OperationalError)
            _blame(jobs, error)
            if dialect.is_anothers(error) and any(job.repeats < MOST_REPEATS for job in jobs):
                # Another process kept the same meanwhile: looking again, it is found there. Or both waited for each
                # other, and this one gave way.
                for job in jobs:
                    job.failure, job.repeats = None, job.repeats + 1
                await self._commit(jobs)
                return
            if len(jobs) > 1 and (len(groups) == 1 or dialect.ends_all(error)):
                # Nothing of it was kept. One request may be to blame: each alone, so that the others are.
                await self._commit_apart(jobs)
                return
        else:
            self.failing = False
        for job in jobs:
            _answer(job)
        self.wakeups.ring(wakes)

    async def _transact(self, connection: AsyncConnection, jobs: list[_Job], groups: list[list[_Job]]) -> set[str]:
        """Run groups, each in its own savepoint unless it is alone; gives the topics to wake."""
        wakes: set[str] = set()
        if len(groups) == 1:
            wakes = await _perform(connection, groups[0])
        else:
            for group in groups:
                wakes |= await _within(connection, group)
        if self.file and jobs[0].patient:
            # Who waits by now need not wait for a commit of this alone. On a server he would share its locks.
            joining = self._jobs.take()
            jobs += joining
            for group in _grouped(joining):
                wakes |= await _within(connection, group)
        await notices.send(connection, wakes)
        return wakes

    async def _commit_apart(self, jobs: list[_Job]) -> None:
        for job in jobs:
            job.failure = None
            await self._commit([job])


def _grouped(jobs: list[_Job]) -> list[list[_Job]]:
    """Requests of one batch together, all else alone; each group at the place of its first."""
    groups: defaultdict[int, list[_Job]] = defaultdict(list)
    for job in jobs:
        groups[id(job.batch) if job.batch else id(job)].append(job)
    return list(groups.values())


async def _within(connection: AsyncConnection, group: list[_Job]) -> set[str]:
    """Run a group in a savepoint; when several together fail, run each alone. Gives the topics to wake."""
    try:
        async with connection.begin_nested():
            return await _perform(connection, group)
    except Exception as error:
        if dialect.ends_all(error):
            raise  # nothing of the others is kept either: going on would tell them that it is
        if len(group) == 1:
            _blame(group, error)
            return set()
        return set().union(*[await _within(connection, [job]) for job in group])


def _blame(jobs: list[_Job], error: Exception) -> None:
    """Remember what went wrong for each who waits; what we did not raise ourselves is an operator's business too."""
    if not isinstance(error, EverylineError):
        log.warning("a change failed", action="store.failed", jobs=len(jobs), error=repr(error)[:200])
    for job in jobs:
        job.failure = error


async def _perform(connection: AsyncConnection, group: list[_Job]) -> set[str]:
    """Do the work of a group; gives the topics to wake after the commit."""
    transaction, first = Transaction(connection), group[0]
    if first.work:
        first.result = await first.work(transaction)
    elif first.batch:
        replies = await first.batch.process(transaction, [job.request for job in group])
        for job, reply in zip(group, replies, strict=True):
            job.result = reply
    return transaction.wakes


def _answer(job: _Job) -> None:
    if job.done.cancelled():
        return
    if job.failure:
        job.done.set_exception(job.failure)
    else:
        job.done.set_result(job.result)


def hold_alone(database: Path) -> IO[str]:
    """Hold a database file against other processes that serve or replace it. Raises `StoreInUse`.

    The lock is a file beside it; the system lets go of it when the process ends, however it ends.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    file = database.with_name(database.name + ".lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise StoreInUse(f"another gateway serves {database}") from error
    return file
