"""What follows for a delivery from each way its sending can end: one table (for its line: `breaker`). Pure."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from channels import failures
from channels.failures import Failure
from gateway.schema_outgoing import DeliveryState
from gateway.sections import Delivery
from store.deliveries import Claimed
from store.outcomes import Recorded

# A line that cannot work at all, by its own settings, is tried again this often.
MISCONFIGURED_WAIT = timedelta(minutes=1)
# How soon an unknown is settled; then it is asked for less and less often.
SETTLE_AFTER = timedelta(seconds=5)
SETTLE_AGAIN = timedelta(minutes=1)
SETTLE_AT_LEAST = timedelta(hours=1)
# Longest carrier's words kept with an attempt.
DETAIL = 300


class Again(Enum):
    """When a delivery comes up next."""

    NEVER = auto()
    WHEN_ASKED = auto()  # as long as the carrier asked for; else like BACKOFF
    BACKOFF = auto()  # twice as long after each try, spread
    A_MINUTE = auto()
    SETTLED = auto()  # once the channel says what became of it


@dataclass(frozen=True, slots=True)
class Fate:
    """What follows: where the delivery goes and why, when it comes up again, and whether the try counts."""

    state: DeliveryState
    reason: str
    again: Again = Again.NEVER
    counts: bool = True


# The first that fits: a kind stands before the kind it is of.
FATES: tuple[tuple[type[Failure], Fate], ...] = (
    (failures.Throttled, Fate(DeliveryState.DUE, "throttled", Again.WHEN_ASKED, counts=False)),
    (failures.RetryLater, Fate(DeliveryState.DUE, "later", Again.BACKOFF)),
    (failures.Unknown, Fate(DeliveryState.UNKNOWN, "unknown", Again.SETTLED)),
    (failures.RecipientGone, Fate(DeliveryState.FAILED, "recipient gone")),
    (failures.OptedOut, Fate(DeliveryState.FAILED, "opted out at the carrier")),
    (failures.WindowClosed, Fate(DeliveryState.FAILED, "reply window closed")),
    (failures.Refused, Fate(DeliveryState.FAILED, "refused")),
    (failures.Misconfigured, Fate(DeliveryState.DUE, "misconfigured", Again.A_MINUTE, counts=False)),
)
GAVE_UP = Fate(DeliveryState.FAILED, "gave up after many tries")


def fate(settings: Delivery, claimed: Claimed, failure: Failure) -> Fate:
    """What follows a failure of this try."""
    found = next(fate for kind, fate in FATES if isinstance(failure, kind))
    tried = claimed.number - claimed.forgiven
    return GAVE_UP if found.again is Again.BACKOFF and tried >= settings.tries else found


def failed(settings: Delivery, claimed: Claimed, failure: Failure, at: datetime) -> tuple[Recorded, Fate]:
    """The outcome of a try that failed, with what it means for the line."""
    follows = fate(settings, claimed, failure)
    due_at = _due_at(settings, claimed, failure, follows.again, at)
    # A database server takes no NUL in a text.
    detail = failure.detail.replace("\0", "")[:DETAIL]
    words: dict[str, Any] = {"code": failure.code, "detail": detail, "due_at": due_at, "forgiven": not follows.counts}
    return ended(claimed, follows.state, at, reason=follows.reason, **words), follows


def unsettled(claimed: Claimed, error: Exception, at: datetime) -> Recorded:
    """Nobody could say what became of an unknown: it is asked again, the less often the older it is."""
    age = at - claimed.started_at
    due_at = at + min(max(SETTLE_AGAIN, age / 2), SETTLE_AT_LEAST)
    detail = str(error).replace("\0", "")[:DETAIL]
    return ended(claimed, DeliveryState.UNKNOWN, at, reason="unsettled", detail=detail, due_at=due_at)


def never_had(settings: Delivery, claimed: Claimed, at: datetime) -> Recorded:
    """An unknown may be sent again: at once the first time, later like whatever else failed so often."""
    tried = claimed.number - claimed.forgiven
    if tried >= settings.tries:
        return ended(claimed, GAVE_UP.state, at, reason=GAVE_UP.reason)
    due_at = at + backoff(settings, tried) if tried > 1 else at
    return ended(claimed, DeliveryState.DUE, at, reason="the carrier never had it", due_at=due_at)


def put_back(claimed: Claimed, reason: str, at: datetime, due_at: datetime) -> Recorded:
    """The outcome of a try that was never begun."""
    return ended(claimed, DeliveryState.DUE, at, reason=reason, due_at=due_at, forgiven=True)


def ended(claimed: Claimed, state: DeliveryState, at: datetime, **words: Any) -> Recorded:
    """Any other outcome."""
    return Recorded(claimed.id, claimed.number, state, at, address_id=claimed.address_id, **words)


def backoff(settings: Delivery, tries: int) -> timedelta:
    """How long to wait after so many tries: doubled each time, spread so that many do not come back at once."""
    # Bounded before the power: a number of tries may be large.
    longest = min(settings.longest_wait, settings.first_wait * 2.0 ** min(tries - 1, 60))
    return timedelta(seconds=longest * random.uniform(0.5, 1))


def _due_at(settings: Delivery, claimed: Claimed, failure: Failure, again: Again, at: datetime) -> datetime | None:
    match again:
        case Again.WHEN_ASKED if isinstance(failure, failures.Throttled) and failure.retry_after:
            return at + timedelta(seconds=failure.retry_after)
        case Again.WHEN_ASKED | Again.BACKOFF:
            return at + backoff(settings, max(1, claimed.number - claimed.forgiven))
        case Again.A_MINUTE:
            return at + MISCONFIGURED_WAIT
        case Again.SETTLED:
            return at + SETTLE_AFTER
        case _:
            return None
