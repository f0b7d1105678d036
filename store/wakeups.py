"""Who waits for what: after a commit, those whose work it made are woken instead of polling for it.

A wake-up is only a hint. Everyone who waits also looks by himself after a while, so one that is lost costs a moment.
"""

import asyncio
from collections.abc import Iterable
from functools import partial
from weakref import ref

# The topic that tells every process that settings kept in the store have changed.
SETTINGS = "settings"


class Bell:
    """One waiter's bell: stays rung until it is waited for."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake whoever waits, now or at the next wait."""
        self._event.set()

    def has_rung(self) -> bool:
        """Whether it rang since it was waited for or asked last."""
        rung = self._event.is_set()
        self._event.clear()
        return rung

    async def wait(self, timeout: float) -> bool:
        """Wait until rung or until `timeout` seconds passed; true when it rang."""
        try:
            # Not `wait_for`: until Python 3.12 it swallows a cancellation that comes together with the ring.
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Wakeups:
    """Bells by topic (`broadcasts`, `events`, one for each mailbox...); a topic nobody waits for is not held."""

    def __init__(self) -> None:
        self._bells: dict[str, set[ref[Bell]]] = {}

    def bell(self, topic: str) -> Bell:
        """A new bell for a topic, silent once its holder lets go of it."""
        bell = Bell()
        self._bells.setdefault(topic, set()).add(ref(bell, partial(self._let_go, topic)))
        return bell

    def ring(self, topics: Iterable[str]) -> None:
        """Ring every bell of these topics."""
        for topic in topics:
            for held in tuple(self._bells.get(topic, ())):
                if bell := held():
                    bell.ring()

    def awaited(self, prefix: str) -> bool:
        """Whether anybody waits for a topic that begins so."""
        return any(topic.startswith(prefix) for topic in self._bells)

    def _let_go(self, topic: str, gone: ref[Bell]) -> None:
        bells = self._bells.get(topic, set())
        bells.discard(gone)
        if not bells:
            self._bells.pop(topic, None)
