"""The virtual handsets: what lies on each, whether it is on, and what the carrier holds about it."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.simulator.account import is_number
from gateway.simulator.caller import CallLog
from gateway.simulator.feed import Feed
from gateway.simulator.messages import Message

# Valid numbers that belong to the pages of this simulator only: nothing is ever sent to the real ones.
CITIZENS = ("+8613800138001", "+8613800138002", "+8613800138003")
MOST_MESSAGES = 500
MOST_CALLS = 10
MOST_SHOWN = 24


@dataclass(slots=True)
class Handset:
    """One phone. `opted_out` is the carrier's note of its STOP; `shown` says whether the page draws it."""

    number: str
    on: bool = True
    opted_out: bool = False
    shown: bool = False
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=MOST_MESSAGES))
    calls: deque[CallLog] = field(default_factory=lambda: deque(maxlen=MOST_CALLS))

    @property
    def received(self) -> list[Message]:
        """What arrived, oldest first."""
        return [message for message in self.messages if not message.inbound]

    @property
    def live_call(self) -> CallLog | None:
        """The call this phone is in."""
        return next((call for call in self.calls if call.ended is None), None)


class Handsets:
    """All handsets by number; one is made when its number is first used."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._handsets: dict[str, Handset] = {}
        for number in CITIZENS:
            self.get(number).shown = True

    def __iter__(self) -> Iterator[Handset]:
        return iter(self._handsets.values())

    def get(self, number: str) -> Handset:
        """The handset of a number. Raises ValueError for what is no number."""
        if not is_number(number):
            raise ValueError(f"not a phone number: {number!r}")
        return self._handsets.setdefault(number, Handset(number))

    def shown(self) -> list[Handset]:
        """Those that the page draws."""
        return [handset for handset in self if handset.shown]

    def show(self, number: str) -> Handset:
        """Put a handset on the page."""
        handset = self.get(number)
        handset.shown = True
        self.tell(handset)
        return handset

    def put(self, message: Message) -> None:
        """Lay a message on the handset it belongs to, or show that it changed."""
        handset = self.get(message.handset)
        if all(message is not other for other in handset.messages):
            handset.messages.append(message)
        self._feed.publish("message", describe_message(message))

    def tell(self, handset: Handset) -> None:
        """Show that something about a handset changed."""
        self._feed.publish("handset", describe_handset(handset))


def describe_handset(handset: Handset) -> dict[str, Any]:
    """A handset with all that lies on it, for the page."""
    return {
        "number": handset.number,
        "on": handset.on,
        "opted_out": handset.opted_out,
        "messages": [describe_message(message) for message in handset.messages],
        "calls": [call.describe() for call in handset.calls],
    }


def describe_message(message: Message) -> dict[str, Any]:
    """A message as its handset shows it."""
    return {
        "handset": message.handset,
        "sid": message.sid,
        "mine": message.inbound,
        "body": message.body,
        "media": [{"sid": sid, "type": kind} for sid, kind in message.media],
        "at": message.created.isoformat(),
        "status": message.status,
        "error": message.error,
    }
