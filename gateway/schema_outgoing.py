"""What is told to whom: the words of deliveries, and what a channel gets and gives back for each."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class AlarmSubject(StrEnum):
    """Of what somebody of the staff may be told on his own line."""

    INCIDENTS = "incidents"
    REMINDERS = "reminders"
    ESCALATIONS = "escalations"


class ToldBy(StrEnum):
    """How somebody of the staff is told of cases: on his own phone, or nowhere but in the console."""

    TEXT = "text"
    CALL = "call"
    CONSOLE = "console"


class DeliveryState(StrEnum):
    """Where one delivery stands; `store.deliveries.FORWARD` says which way it may move."""

    DUE = "due"
    HELD = "held"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


class Priority(StrEnum):
    """Who goes first when a line is busy; stored as its rank in `PRIORITY_RANK`."""

    EMERGENCY = "emergency"
    ANSWER = "answer"
    RECEIPT = "receipt"
    BROADCAST = "broadcast"
    DIGEST = "digest"


PRIORITY_RANK = {priority: rank for rank, priority in enumerate(Priority)}


class Audience(StrEnum):
    """For whom a delivery is."""

    AUTHOR = "author"
    FOLLOWER = "follower"
    TIMELINE = "timeline"
    OPERATOR = "operator"
    SUBSCRIBER = "subscriber"


@dataclass(frozen=True, slots=True)
class Say:
    """One thing to tell somebody: a phrase of `config/phrases` by key, with its values.

    `values` may stand in logs and tables; `secrets` (codes, a moderator's free words) are sealed until sending.
    """

    phrase: str
    values: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One delivery as its channel sees it, rendered and within the channel's limits.

    `address` is a URN, unsealed just before; None for a timeline. `idempotency` never changes between attempts.
    """

    delivery_id: int
    address: str | None
    text: str
    language: str
    idempotency: str
    post_id: str | None = None
    event: str | None = None
    carrier_id: str | None = None


@dataclass(frozen=True, slots=True)
class SendResult:
    """A carrier's word that it has a message: its id, when it gave one, and whether nothing more will follow."""

    carrier_id: str | None = None
    final: bool = False


class ReceiptStatus(StrEnum):
    """What a carrier may later say of a message."""

    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One report of a carrier about a message it accepted; `code` is the carrier's own error code."""

    carrier_id: str
    status: ReceiptStatus
    at: datetime
    code: str | None = None
