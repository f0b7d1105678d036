"""Outcomes on their way into the store: all that wait in one change, and none forgotten while the store is away."""

import asyncio
from collections.abc import Sequence

import structlog

from gateway.errors import Busy
from gateway.journey import feeding
from gateway.runtime import Runtime
from store import outcomes
from store.database import Transaction
from store.outcomes import Recorded

AGAIN = 1.0
MOST_AT_ONCE = 2000

log = structlog.get_logger()


class Recorder:
    """Writes the outcomes of one channel's line; with `subscribers`, also how these fare."""

    def __init__(self, runtime: Runtime, channel: str, *, subscribers: bool = False) -> None:
        self._runtime = runtime
        self._channel = channel
        self._subscribers = subscribers
        self._waiting: list[Recorded] = []
        self._task: asyncio.Task[None] | None = None

    def note(self, outcome: Recorded) -> None:
        """Have an outcome written soon, together with what others note meanwhile."""
        self._waiting.append(outcome)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_all(), name=f"record {self._channel}")

    async def finish(self) -> None:
        """Wait until all is written."""
        if self._task:
            await asyncio.wait([self._task])

    async def _write_all(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            if not await self._written(some):
                self._waiting = await self._rescue(some) + self._waiting
                if self._waiting:
                    await asyncio.sleep(AGAIN)

    async def _rescue(self, some: Sequence[Recorded]) -> list[Recorded]:
        """Write each alone. What fails where others do not is to blame itself; else the store is, and all are kept."""
        failing = [one for one in some if not await self._written([one])] if len(some) > 1 else list(some)
        if len(failing) == len(some):
            return failing
        # Their leases will end and they become unknown; nothing is sent twice for it.
        log.error("outcomes could not be recorded", action="delivery.record", channel=self._channel, lost=len(failing))
        return []

    async def _record(self, transaction: Transaction, some: Sequence[Recorded]) -> None:
        await outcomes.record(transaction, self._channel, some)
        if self._subscribers:
            await feeding.note(self._runtime, transaction, some)

    async def _written(self, some: Sequence[Recorded]) -> bool:
        try:
            await self._runtime.database.write(lambda tx: self._record(tx, some))
        except Busy:
            # The store is closed for good; the leases say the rest at the next start.
            return True
        except Exception as error:  # noqa: BLE001  (a lost server, a full disk, or a row that cannot be)
            fault = repr(error)[:200]
            log.warning("outcomes wait for the store", action="delivery.record", channel=self._channel, error=fault)
            return False
        return True
