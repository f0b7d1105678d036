"""The carrier's record of messages, in Twilio's words and as its Message resource shows them.

https://www.twilio.com/docs/messaging/api/message-resource
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from gateway import clock
from gateway.simulator import listing
from gateway.simulator.account import API_VERSION, Account, new_sid
from gateway.simulator.segments import count_segments

# The oldest are forgotten beyond this, so that a long load test does not fill the memory.
MOST_KEPT = 100_000
ERRORS = {
    11200: "HTTP retrieval failure",
    12100: "Document parse failure",
    21610: "Attempt to send to unsubscribed recipient",
    30003: "Unreachable destination handset",
}


@dataclass(slots=True)
class Message:
    """One text on its way. `direction` is Twilio's: inbound (a handset sent it), outbound-api, outbound-reply.

    `media` are the ids and types of the files attached.
    """

    sender: str
    to: str
    body: str
    direction: str
    status: str
    sid: str = field(default_factory=lambda: new_sid("SM"))
    service: str | None = None
    callback: str | None = None
    error: int | None = None
    created: datetime = field(default_factory=clock.now)
    updated: datetime = field(default_factory=clock.now)
    sent: datetime | None = None
    media: tuple[tuple[str, str], ...] = ()

    @property
    def inbound(self) -> bool:
        """Whether a handset sent it to the city."""
        return self.direction == "inbound"

    @property
    def handset(self) -> str:
        """The number of the handset at one end of it."""
        return self.sender if self.inbound else self.to

    def move(self, status: str, error: int | None = None) -> None:
        """Set where it stands now, and why it failed when it did."""
        self.status, self.error, self.updated = status, error, clock.now()
        if status in ("sent", "received"):
            self.sent = self.sent or self.updated


class MessageLog:
    """All messages of the account, oldest first."""

    def __init__(self) -> None:
        self._messages: dict[str, Message] = {}

    def add(self, message: Message) -> None:
        """Keep one more."""
        self._messages[message.sid] = message
        if len(self._messages) > MOST_KEPT:
            del self._messages[next(iter(self._messages))]

    def get(self, sid: str | None) -> Message | None:
        """One by its id."""
        return self._messages.get(sid or "")

    def page(self, filters: Mapping[str, str], size: int, after: str | None) -> tuple[dict[str, Message], bool]:
        """The newest `size` that pass Twilio's filters and are older than `after`, by id, and whether there are more.

        Raises ValueError for a date that is none.
        """
        days, to, sender = listing.span(filters, "DateSent"), filters.get("To"), filters.get("From")

        def includes(message: Message) -> bool:
            return to in (None, message.to) and sender in (None, message.sender) and days.includes(message.sent)

        return listing.page(self._messages, includes, size, after)


def describe(message: Message, account: Account) -> dict[str, Any]:
    """The Message resource as JSON."""
    uri = f"{account.path}/Messages/{message.sid}"
    return {
        "account_sid": account.sid,
        "api_version": API_VERSION,
        "body": message.body,
        "date_created": format_datetime(message.created),
        "date_sent": format_datetime(message.sent) if message.sent else None,
        "date_updated": format_datetime(message.updated),
        "direction": message.direction,
        "error_code": message.error,
        "error_message": ERRORS.get(message.error) if message.error else None,
        "from": message.sender,
        "messaging_service_sid": message.service,
        "num_media": str(len(message.media)),
        "num_segments": str(count_segments(message.body)),
        "price": None,
        "price_unit": None,
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.to,
        "uri": f"{uri}.json",
    }
