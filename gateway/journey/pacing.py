"""How fast a line goes and for whom: the carrier's rate, shares of the classes, quiet hours, budgets, and pauses.

Only this process's part of the rate is kept here (`[delivery] processes` divides it); what was spent lies in the store.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from channels.base import Channel
from channels.failures import Failure
from gateway.journey import outcomes
from gateway.journey.outcomes import Fate, Line
from gateway.settings import Delivery, Settings
from store.outbox import FIRST_BULK, RANKS

# One of so many goes to each class that waits behind a more urgent one.
ONE_OF = 10
# For how many seconds of its rate a line may send at once: what comes after has to wait no longer.
BURST = 0.25
QUIET = "quiet hours"
BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why bulk waits, and until when."""

    reason: str
    until: datetime


class Pace:
    """A bucket of the carrier's units, filled at its rate. What costs more than is in it leaves a debt to wait for."""

    def __init__(self, rate: float | None, at: datetime) -> None:
        self._rate = rate
        self._most = max(1.0, (rate or 0) * BURST)
        self._level = self._most
        self._at = at
        # What a message cost lately.
        self.usual = 1.0

    def messages(self, at: datetime, most: int) -> int:
        """How many messages of the usual cost may leave now, at most `most`."""
        if self._rate is None:
            return most
        level = self._filled(at)
        return min(most, max(1, int(level / self.usual))) if level >= 1 else 0

    def reserve(self, messages: int, at: datetime) -> None:
        """Count messages at their usual cost, before anybody knows what they really cost."""
        self._spend(messages * self.usual, at)

    def correct(self, units: int, at: datetime) -> None:
        """One of those messages costs this much."""
        self._spend(units - self.usual, at)
        if units:
            self.usual += (units - self.usual) / 20

    def wait(self, at: datetime) -> float:
        """In how many seconds something may leave again."""
        return max(0.0, (1 - self._filled(at)) / self._rate) if self._rate else 0.0

    def _spend(self, units: float, at: datetime) -> None:
        if self._rate is not None:
            self._level = self._filled(at) - units

    def _filled(self, at: datetime) -> float:
        passed = max(0.0, (at - self._at).total_seconds())
        self._level = min(self._most, self._level + passed * (self._rate or 0))
        self._at = at
        return self._level


class Shares:
    """Who goes first: the most urgent, but of ten at least one of each class that waits behind."""

    def __init__(self) -> None:
        self._owed: defaultdict[int, float] = defaultdict(float)

    def choose(self, waiting: Mapping[int, int], places: int) -> Mapping[int, int]:
        """How many of each class are taken, of how many wait there."""
        ranks = [rank for rank in sorted(waiting) if waiting[rank]]
        taken: dict[int, int] = {}
        for rank in reversed(ranks[1:]):
            self._owed[rank] += min(places, sum(waiting.values())) / ONE_OF
            taken[rank] = min(int(self._owed[rank]), waiting[rank], places - sum(taken.values()))
            self._owed[rank] -= taken[rank]
        for rank in ranks:
            taken[rank] = taken.get(rank, 0)
            taken[rank] += min(waiting[rank] - taken[rank], places - sum(taken.values()))
        for rank in set(self._owed) - set(ranks[1:]):
            self._owed[rank] = 0.0
        return taken


class Breaker:
    """Whether a line may be used at all. What a carrier refuses to many in a row, or to all, is not tried on others."""

    def __init__(self, settings: Delivery) -> None:
        self._settings = settings
        self._in_a_row = 0
        self.until: datetime | None = None
        self.reason = ""

    def allows(self, at: datetime) -> bool:
        """Whether anything may be sent now."""
        return self.until is None or at >= self.until

    def succeeded(self) -> None:
        """The carrier took something."""
        self._in_a_row = 0

    def failed(self, _failure: Failure, fate: Fate, due_at: datetime | None, at: datetime) -> None:
        """The carrier did not; `due_at` is when that delivery comes up again."""
        if fate.line is Line.WAITS and due_at:
            self._pause(due_at, fate.reason)
        elif fate.line is Line.SUSPECT:
            self._in_a_row += 1
            if self._in_a_row % self._settings.workers == 0:
                wait = outcomes.backoff(self._settings, self._in_a_row // self._settings.workers)
                self._pause(at + wait, fate.reason)

    def _pause(self, until: datetime, reason: str) -> None:
        self.until, self.reason = max(until, self.until or until), reason


def held(settings: Settings, channel: Channel, at: datetime, spent: int) -> Hold | None:
    """Why bulk may not leave on a channel now; None when it may. `spent` is what today's sendings cost."""
    quiet = quiet_until(settings, channel, at)
    budget = settings.delivery.budgets.get(channel.name)
    used_up = _next_day(settings, at) if budget is not None and spent >= budget else None
    if used_up and (quiet is None or used_up > quiet):
        return Hold(BUDGET, used_up)
    return Hold(QUIET, quiet) if quiet else None


def ranks(hold: Hold | None) -> tuple[int, ...]:
    """Which classes may be claimed."""
    return tuple(rank for rank in RANKS if rank < FIRST_BULK) if hold else RANKS


def quiet_until(settings: Settings, channel: Channel, at: datetime) -> datetime | None:
    """When the quiet hours end that a channel keeps just now; None outside them. They hold where sending costs money:
    those lines ring in somebody's pocket."""
    if not settings.delivery.quiet_hours or not channel.capabilities.paid:
        return None
    first, last = (time.fromisoformat(part) for part in settings.delivery.quiet_hours.split("-"))
    now = at.astimezone(settings.city.zone)
    inside = first <= now.time() < last if first <= last else now.time() >= first or now.time() < last
    if not inside:
        return None
    ending = now.replace(hour=last.hour, minute=last.minute, second=0, microsecond=0)
    # A wall clock's tomorrow: that day may be 23 or 25 hours long.
    ends = ending if now.time() < last else ending + timedelta(days=1)
    return ends.astimezone(at.tzinfo)


def day(settings: Settings, at: datetime) -> str:
    """The day of the city, as budgets count by it."""
    return at.astimezone(settings.city.zone).date().isoformat()


def _next_day(settings: Settings, at: datetime) -> datetime:
    now = at.astimezone(settings.city.zone)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight + timedelta(days=1)).astimezone(at.tzinfo)
