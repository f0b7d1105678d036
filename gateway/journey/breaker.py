"""The breaker of one channel: a carrier that takes nothing is left alone, then tried with one message at a time.

Closed, everything may go. A run of failures that concern the channel, not one recipient, opens it: nothing goes for a
while. Then one message is let through as a probe; what becomes of it closes the breaker or opens it for longer. What
the carrier asks for (patience) holds the line without opening it. Pure: every moment is handed in.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from channels.failures import Failure, Misconfigured, RetryLater, Throttled, Unknown

# Why it is open when only a person can put it right.
MISCONFIGURED = "misconfigured"
# A probe whose end nobody hears of is forgotten after this long.
PROBE_FOR = timedelta(minutes=2)
# What is doubled with each opening must not outgrow a number.
MOST_DOUBLINGS = 30


class BreakerState(StrEnum):
    """Whether messages go: all, none, or one as a probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """The state of one line. `failures` in a row open it, for `first` seconds, doubled each time up to `longest`."""

    def __init__(
        self, *, failures: int, first: float, longest: float, spread: Callable[[float, float], float] = random.uniform
    ) -> None:
        self.until: datetime | None = None
        self.opened_at: datetime | None = None
        self.why: str | None = None
        self._failures, self._first, self._longest, self._spread = failures, first, longest, spread
        self._in_a_row = 0
        self._openings = 0
        self._held_until: datetime | None = None
        self._probe_until: datetime | None = None

    def state(self, at: datetime) -> BreakerState:
        """How it stands at a moment."""
        if self.until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if at < self.until else BreakerState.HALF_OPEN

    def allowed(self, at: datetime, most: int) -> int:
        """How many messages may start now, of at most so many."""
        if self._held_until and at < self._held_until:
            return 0
        match self.state(at):
            case BreakerState.CLOSED:
                return most
            case BreakerState.OPEN:
                return 0
        probing = self._probe_until is not None and at < self._probe_until
        return 0 if probing else min(1, most)

    def started(self, at: datetime) -> None:
        """Something was handed to the carrier: when half open, that is the probe."""
        if self.state(at) is BreakerState.HALF_OPEN:
            self._probe_until = at + PROBE_FOR

    def answered(self) -> None:
        """The carrier took or refused one message: it works."""
        self._in_a_row = self._openings = 0
        self.until = self.opened_at = self.why = self._probe_until = None

    def heard(self, failure: Failure, due_at: datetime | None, at: datetime) -> None:
        """A message could not be sent, and comes up again at `due_at`: what that means for all others on the line."""
        match failure:
            case Throttled():
                self.hold(due_at or at)
            case Misconfigured():
                self.tripped(at, MISCONFIGURED)
            case RetryLater() | Unknown():
                self.failed(at, type(failure).__name__.lower())
            case _:
                # It concerns its recipient only: the carrier answered.
                self.answered()

    def again_at(self, at: datetime) -> datetime:
        """When what cannot go now may be tried again."""
        return max(at, self.until or at, self._held_until or at)

    def failed(self, at: datetime, why: str) -> None:
        """The channel failed, whoever it was for."""
        self._in_a_row += 1
        state = self.state(at)
        # What was under way when it opened comes back one by one and says nothing new.
        if state is BreakerState.HALF_OPEN or (state is BreakerState.CLOSED and self._in_a_row >= self._failures):
            self._open(at, why)

    def tripped(self, at: datetime, why: str) -> None:
        """Nothing can leave until a person acts: open at once."""
        if self.state(at) is not BreakerState.OPEN:
            self._open(at, why)
        self.why = why

    def hold(self, until: datetime) -> None:
        """The carrier asks for patience: nothing goes before."""
        self._held_until = max(until, self._held_until or until)
        self._probe_until = None

    def _open(self, at: datetime, why: str) -> None:
        wait = min(self._longest, self._first * 2.0 ** min(self._openings, MOST_DOUBLINGS))
        self._openings += 1
        self.opened_at = self.opened_at or at
        self.until = at + timedelta(seconds=wait * self._spread(0.75, 1))
        self.why, self._probe_until = why, None
