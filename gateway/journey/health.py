"""How a channel stands, and what is wrong with it: decided from facts already gathered. Pure.

Each fault has a cause of its own; which of them heal by themselves stands in `HEALS`, all others need a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from channels.base import Standing as Found
from gateway.journey import silence
from gateway.journey.breaker import MISCONFIGURED, BreakerState
from gateway.journey.silence import Usual
from gateway.sections import Health
from store.counts import Activity
from store.standings import Position, Standing, Switch
from store.tallies import Tallies, Tally

SIGNATURES_WITHIN = timedelta(minutes=10)
CONNECTION_WITHIN = timedelta(minutes=5)
BROKEN_CONNECTIONS = 3
# Fewer attempts than these say nothing about a share.
ATTEMPTS = 20
# A breaker that was not noted for so long belongs to a process that is no more.
FORGOTTEN = timedelta(minutes=4)


class Cause(StrEnum):
    """What is wrong with a channel."""

    CREDENTIALS = "credentials"
    SETTINGS = "settings"
    UNREACHABLE = "unreachable"
    CONNECTION = "connection"
    SIGNATURES = "signatures"
    STUCK = "stuck"
    REFUSED = "refused"
    SILENT = "silent"


HEALS = frozenset({Cause.UNREACHABLE, Cause.CONNECTION})


class Condition(StrEnum):
    """How a channel stands, in one word."""

    ON = "on"
    HEALING = "healing"
    ACT = "act"
    PAUSED = "paused"
    ISOLATED = "isolated"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault found now, with what staff need to know of it."""

    cause: Cause
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one channel at a moment. `minutes` are its tallies of the last hour.

    Of a line of `subscribers` each has a health of its own: what one refuses says nothing of the line.
    """

    at: datetime
    minutes: Tallies
    activity: Activity
    standing: Standing
    switch: Switch | None = None
    usual: Usual | None = None
    subscribers: bool = False

    def last(self, within: timedelta) -> Tally:
        """All that was counted lately."""
        since = self.at - within
        return sum((tally for at, tally in self.minutes.items() if at >= since), Tally())

    @property
    def position(self) -> Position | None:
        """What a person switched it to."""
        return self.switch.position if self.switch else None


def examine(facts: Facts, limits: Health) -> list[Finding]:
    """All that is wrong with a channel now."""
    found = [_credentials(facts), _signatures(facts, limits), _connection(facts), _silent(facts)]
    if facts.position is not Position.PAUSED:
        found += [_breaker(facts), _stuck(facts, limits), _refused(facts, limits)]
    # The check and the breaker may both say that the carrier cannot be reached.
    return list({finding.cause: finding for finding in found if finding}.values())


def condition(runs: bool, position: Position | None, breaker: BreakerState, open_causes: Sequence[str]) -> Condition:
    """How a channel stands, by what a person switched it to and by its open incidents."""
    if not runs:
        return Condition.OFF
    if position:
        return Condition(position.value)
    if any(cause not in HEALS for cause in open_causes):
        return Condition.ACT
    return Condition.HEALING if open_causes or breaker is not BreakerState.CLOSED else Condition.ON


def breaker_state(standing: Standing, at: datetime) -> BreakerState:
    """How the breaker stands, as a process noted it last."""
    noted = standing.breaker or {}
    if not noted.get("until"):
        return BreakerState.CLOSED
    if at > datetime.fromisoformat(noted["at"]) + FORGOTTEN:
        return BreakerState.CLOSED
    return BreakerState.OPEN if at < datetime.fromisoformat(noted["until"]) else BreakerState.HALF_OPEN


def _credentials(facts: Facts) -> Finding | None:
    checked = facts.standing.credentials or {}
    detail = {"sentence": checked.get("sentence", "")}
    match checked.get("standing"):
        case Found.ASK | Found.NEVER:
            return Finding(Cause.CREDENTIALS, detail)
        case Found.LATER:
            return Finding(Cause.UNREACHABLE, detail)
    return None


def _breaker(facts: Facts) -> Finding | None:
    if breaker_state(facts.standing, facts.at) is BreakerState.CLOSED:
        return None
    why = (facts.standing.breaker or {}).get("why")
    return Finding(Cause.SETTINGS if why == MISCONFIGURED else Cause.UNREACHABLE, {"why": why})


def _signatures(facts: Facts, limits: Health) -> Finding | None:
    """Forgeries alone are no fault of ours: those that do not fit must outnumber those that do."""
    lately = facts.last(SIGNATURES_WITHIN)
    if lately.unsigned < max(limits.unsigned, lately.received + 1):
        return None
    seen = facts.standing.unsigned or {}
    detail = {"expected": seen.get("expected", ""), "seen": seen.get("seen", ""), "number": lately.unsigned}
    return Finding(Cause.SIGNATURES, detail)


def _connection(facts: Facts) -> Finding | None:
    broken = facts.last(CONNECTION_WITHIN).broken
    return Finding(Cause.CONNECTION, {"number": broken}) if broken >= BROKEN_CONNECTIONS else None


def _stuck(facts: Facts, limits: Health) -> Finding | None:
    """Due, allowed to go, and yet nothing leaves."""
    oldest, since = facts.activity.oldest_due, facts.at - timedelta(minutes=limits.stuck_minutes)
    if oldest is None or oldest > since or breaker_state(facts.standing, facts.at) is not BreakerState.CLOSED:
        return None
    if facts.activity.last_out and facts.activity.last_out > since:
        return None
    return Finding(Cause.STUCK, {"number": facts.activity.depth, "since": oldest.isoformat(timespec="seconds")})


def _refused(facts: Facts, limits: Health) -> Finding | None:
    lately = facts.last(timedelta(hours=1))
    if facts.subscribers or lately.attempts < ATTEMPTS or lately.failed < limits.refused_share * lately.attempts:
        return None
    return Finding(Cause.REFUSED, {"number": lately.failed, "of": lately.attempts})


def _silent(facts: Facts) -> Finding | None:
    if facts.usual is None or facts.position is Position.ISOLATED:
        return None
    came = facts.last(timedelta(minutes=facts.usual.minutes)).received
    if not silence.too_quiet(facts.usual, came):
        return None
    detail = {"number": came, "usual": round(facts.usual.expected), "minutes": facts.usual.minutes}
    return Finding(Cause.SILENT, detail)
