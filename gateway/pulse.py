"""What this process counts of its channels between two writings, and what people have switched them to.

Counting is adding to a number in memory, from any thread; `journey.watching` writes the sums into the store.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway import clock
from gateway.schema_outgoing import DeliveryState
from store.standings import Position, Switch
from store.tallies import FIELDS, Span, Tally, begin

# Which counts (fields of `Tally`) an attempt adds to, by the state it leaves its delivery in.
ENDS: Mapping[DeliveryState, tuple[str, ...]] = {
    DeliveryState.SENT: ("sent",),
    DeliveryState.DELIVERED: ("sent", "delivered"),
    DeliveryState.DUE: ("later",),
    DeliveryState.UNKNOWN: ("unknown",),
    DeliveryState.FAILED: ("failed",),
}
Counts = Mapping[tuple[datetime, str], Tally]


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A request whose signature did not fit: the address a carrier should have signed and the one we were asked by."""

    expected: str
    seen: str
    at: datetime


class Pulse:
    """The counts of one process. `total` goes on growing (for /metrics); `take` gives what is new.

    Plain numbers under names, as each message passes here: adding tallies would cost several times as much.
    """

    def __init__(self) -> None:
        self.unsigned: dict[str, Unsigned] = {}
        self.since = clock.now()
        # How this process's breakers were noted in the store last.
        self.noted: dict[str, Mapping[str, Any]] = {}
        self._lag = 0.0
        self._total: Counter[tuple[str, str]] = Counter()
        self._counts: Counter[tuple[datetime, str, str]] = Counter()
        self._counting = threading.Lock()

    @property
    def total(self) -> Mapping[str, Tally]:
        """All that was counted since the start, by channel."""
        with self._counting:
            found = list(self._total.items())
        totals: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (channel, name), number in found:
            totals[channel][name] = number
        return {channel: Tally(**numbers) for channel, numbers in totals.items()}

    def count(self, channel: str, *names: str, number: int = 1) -> None:
        """Count something now, under names of `Tally`."""
        minute = begin(Span.MINUTE, clock.now())
        with self._counting:
            for name in names:
                self._total[channel, name] += number
                self._counts[minute, channel, name] += number

    def outcomes(self, channel: str, states: Iterable[DeliveryState]) -> None:
        """Count attempts by what became of them."""
        self.count(channel, *(name for state in states for name in ENDS.get(state, ())))

    def forged(self, channel: str, expected: str, seen: str) -> None:
        """Count a request whose signature did not fit, and remember its addresses (without parameters)."""
        self.unsigned[channel] = Unsigned(expected[:300], seen[:300], clock.now())
        self.count(channel, "unsigned")

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
            counts, self._counts = self._counts, Counter()
            unsigned, self.unsigned = self.unsigned, {}
        found: defaultdict[tuple[datetime, str], dict[str, int]] = defaultdict(dict)
        for (minute, channel, name), number in counts.items():
            found[minute, channel][name] = number
        return {key: Tally(**numbers) for key, numbers in found.items()}, unsigned

    def give_back(self, counts: Counts, unsigned: Mapping[str, Unsigned]) -> None:
        """What could not be written waits for the next time."""
        with self._counting:
            for (minute, channel), tally in counts.items():
                for name in FIELDS:
                    self._counts[minute, channel, name] += getattr(tally, name)
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
