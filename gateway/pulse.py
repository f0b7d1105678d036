"""What this process counts of its channels between two writings, and what people have switched them to.

Counting is adding to a number in memory, from any thread; `journey.watching` writes the sums into the store.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway import clock
from gateway.schema import DeliveryState
from store.standings import Position, Switch
from store.tallies import Span, Tally, begin

# Which count an attempt adds to, by the state it leaves its delivery in.
ENDS: Mapping[DeliveryState, Tally] = {
    DeliveryState.SENT: Tally(sent=1),
    DeliveryState.DELIVERED: Tally(sent=1, delivered=1),
    DeliveryState.DUE: Tally(later=1),
    DeliveryState.UNKNOWN: Tally(unknown=1),
    DeliveryState.FAILED: Tally(failed=1),
}
Counts = Mapping[tuple[datetime, str], Tally]


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A request whose signature did not fit: the address a carrier should have signed and the one we were asked by."""

    expected: str
    seen: str
    at: datetime


class Pulse:
    """The counts of one process. `total` goes on growing (for /metrics); `take` gives what is new."""

    def __init__(self) -> None:
        self.total: defaultdict[str, Tally] = defaultdict(Tally)
        self.unsigned: dict[str, Unsigned] = {}
        self.since = clock.now()
        # How this process's breakers were noted in the store last.
        self.noted: dict[str, Mapping[str, Any]] = {}
        self._lag = 0.0
        self._counts: defaultdict[tuple[datetime, str], Tally] = defaultdict(Tally)
        self._counting = threading.Lock()

    def add(self, channel: str, tally: Tally) -> None:
        """Count something now."""
        minute = begin(Span.MINUTE, clock.now())
        with self._counting:
            self.total[channel] += tally
            self._counts[minute, channel] += tally

    def outcomes(self, channel: str, states: Iterable[DeliveryState]) -> None:
        """Count attempts by what became of them."""
        found = Tally()
        for state in states:
            found += ENDS.get(state, Tally())
        self.add(channel, found)

    def forged(self, channel: str, expected: str, seen: str) -> None:
        """Count a request whose signature did not fit, and remember its addresses (without parameters)."""
        self.unsigned[channel] = Unsigned(expected[:300], seen[:300], clock.now())
        self.add(channel, Tally(unsigned=1))

    def late(self, seconds: float) -> None:
        """Note by how much the event loop was late."""
        self._lag = max(self._lag, seconds)

    def take_lag(self) -> float:
        """By how many seconds it was late, at worst since it was last asked."""
        lag, self._lag = self._lag, 0.0
        return lag

    def take(self) -> tuple[Counts, Mapping[str, Unsigned]]:
        """What came since the last time."""
        with self._counting:
            counts, self._counts = self._counts, defaultdict(Tally)
            unsigned, self.unsigned = self.unsigned, {}
        return counts, unsigned

    def give_back(self, counts: Counts, unsigned: Mapping[str, Unsigned]) -> None:
        """What could not be written waits for the next time."""
        with self._counting:
            for key, tally in counts.items():
                self._counts[key] += tally
            self.unsigned = {**unsigned, **self.unsigned}


class Switches:
    """What people have switched the channels to, as this process knows it."""

    def __init__(self) -> None:
        self.known: Mapping[str, Switch] = {}

    def paused(self, channel: str) -> bool:
        """Whether nothing is to be sent."""
        return self._stands(channel, Position.PAUSED)

    def isolated(self, channel: str) -> bool:
        """Whether nothing is to be taken in."""
        return self._stands(channel, Position.ISOLATED)

    def _stands(self, channel: str, position: Position) -> bool:
        switch = self.known.get(channel)
        return switch is not None and switch.position is position
