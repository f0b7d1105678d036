"""Wake-ups between the processes of one PostgreSQL database: what one commits, the others are told (LISTEN/NOTIFY).

On SQLite there is one process and nothing to carry. A notice lost with a connection costs nobody more than the moment
until he looks by himself.
"""

import asyncio
import contextlib
from collections.abc import Iterable

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.wakeups import Wakeups

CHANNEL = "everyline"
# PostgreSQL takes less than 8000 bytes in one notice.
LONGEST = 7000
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0

log = structlog.get_logger()


async def send(connection: AsyncConnection, topics: Iterable[str]) -> None:
    """Tell all processes of these topics when the transaction commits, and only then."""
    if connection.dialect.name != "postgresql":
        return
    for payload in _payloads(sorted(topics)):
        await connection.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload})


class Listening:
    """Rings this process's bells for what others committed; reconnects for as long as it runs."""

    def __init__(self, url: str, wakeups: Wakeups) -> None:
        self._url = url.replace("+asyncpg", "")
        self._wakeups = wakeups
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen, when the database can tell anything."""
        if self._url.startswith("postgresql"):
            self._task = asyncio.create_task(self._listen_for_ever(), name="store notices")

    async def stop(self) -> None:
        """Hear nothing more."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _listen_for_ever(self) -> None:
        wait = FIRST_WAIT
        while True:
            try:
                await self._listen()
                wait = FIRST_WAIT
            except Exception as error:  # noqa: BLE001  (whatever ends a connection, another is made)
                log.warning("no notices from the database", action="store.notices", error=type(error).__name__)
            await asyncio.sleep(wait)
            wait = min(LONGEST_WAIT, wait * 2)

    async def _listen(self) -> None:
        import asyncpg  # an extra: only who uses PostgreSQL has it

        lost = asyncio.Event()
        connection = await asyncpg.connect(self._url)
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, lambda *heard: self._wakeups.ring(str(heard[-1]).split("\n")))
            await lost.wait()
        finally:
            connection.terminate()


def _payloads(topics: list[str]) -> Iterable[str]:
    """Topics by the line, as many to a notice as fit."""
    lines: list[str] = []
    size = 0
    for topic in topics:
        if lines and size + len(topic.encode()) + 1 > LONGEST:
            yield "\n".join(lines)
            lines, size = [], 0
        lines.append(topic)
        size += len(topic.encode()) + 1
    if lines:
        yield "\n".join(lines)
