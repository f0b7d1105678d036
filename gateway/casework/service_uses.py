"""How often services are read on pages and heard on the phone: counted in memory, written every few seconds.

A page is looked at far more often than a text is sent; a write for each would cost more than the page. What a process
counted in its last seconds is lost with it, unless it stops in order.
"""

import asyncio
from collections import Counter

import structlog

from gateway import clock
from gateway.casework import service_command
from gateway.journey import folding
from gateway.runtime import Noted, Runtime
from store import services
from store.database import Transaction

WRITE_EVERY = 5.0
# More than so many different ones at once are written sooner.
MOST_HELD = 10_000

log = structlog.get_logger()


class ServiceUses:
    """The uses one process saw and has not written yet."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._seen: Counter[tuple[str, str]] = Counter()
        self._missed: list[Noted] = []

    def count(self, service_id: str, channel: str) -> None:
        """One more use of an entry on a channel."""
        if len(self._seen) < MOST_HELD or (service_id, channel) in self._seen:
            self._seen[service_id, channel] += 1

    def miss(self, text: str, language: str, channel: str) -> None:
        """Note that nothing was found for words, as a text of them would be."""
        missed = service_command.missed(self._runtime, folding.fold(text))
        if missed and len(self._missed) < MOST_HELD:
            self._missed.append(Noted(channel, language, missed))

    async def write(self) -> None:
        """Write what was counted; it stays when it cannot be written."""
        seen, self._seen = self._seen, Counter()
        missed, self._missed = self._missed, []
        if not seen and not missed:
            return
        day = clock.now().astimezone(self._runtime.settings.city.zone).date()

        async def work(transaction: Transaction) -> None:
            await services.count_uses(transaction, day, seen)
            await service_command.keep(self._runtime, transaction, missed)

        try:
            await self._runtime.database.write_patiently(work)
        except BaseException:
            self._seen.update(seen)
            self._missed += missed
            raise

    async def run(self) -> None:
        """Write every few seconds, and once more at the end, until cancelled."""
        try:
            while True:
                await asyncio.sleep(WRITE_EVERY)
                try:
                    await self.write()
                except Exception:
                    log.exception("uses of services could not be written", action="services.failed")
        finally:
            await self.write()
