"""What was made of the store and may be shown to others, kept until something changes that it was made of.

A change rings a bell in whichever process it is heard of (`store.wakeups`). Word between processes may be late or lost,
so nothing is kept for longer than a shelf's own time; and what is used least makes room when a shelf is full.
"""

from collections.abc import Hashable, Iterable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from gateway import clock
from store.wakeups import Wakeups

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """Holds values up to the size of `most` together, each for `lasts`, until a bell of `topics` rings."""

    def __init__(self, wakeups: Wakeups, topics: Iterable[str], *, lasts: timedelta, most: int) -> None:
        self._bells = [wakeups.bell(topic) for topic in topics]
        self._lasts = lasts
        self._most = most
        self._held: dict[K, tuple[V, int, datetime]] = {}
        self._size = 0
        self._generation = 0

    def generation(self) -> int:
        """Counts the changes heard of: what was begun before the last one must not be kept any more."""
        # All are asked, so that none stays rung.
        if any([bell.has_rung() for bell in self._bells]):
            self._generation += 1
            self._held.clear()
            self._size = 0
        return self._generation

    def find(self, key: K) -> V | None:
        """What is kept and still true."""
        self.generation()
        held = self._held.pop(key, None)
        if held is None:
            return None
        value, size, until = held
        if until <= clock.now():
            self._size -= size
            return None
        self._held[key] = held  # asked for last, and so dropped last
        return value

    def keep(self, key: K, value: V, size: int, generation: int) -> bool:
        """Keep what was begun to be made in a generation; false when it was too late for that."""
        if generation != self.generation():
            return False
        if old := self._held.pop(key, None):
            self._size -= old[1]
        self._held[key] = value, size, clock.now() + self._lasts
        self._size += size
        while self._size > self._most:
            self._size -= self._held.pop(next(iter(self._held)))[1]
        return True
