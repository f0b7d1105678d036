"""What citizens attach to their texts: with the carrier until the gateway deletes it, on the handset beyond that.

https://www.twilio.com/docs/messaging/api/media-resource
"""

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from gateway import clock
from gateway.simulator.account import API_VERSION, Account, new_sid

# Twilio's own limits for one message.
MOST_FILES = 10
MOST_BYTES = 5 * 1024 * 1024
# The oldest files are forgotten beyond this.
MOST_KEPT = 64 * 1024 * 1024
SIGNED_FOR = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class File:
    """Something on a phone that can be attached: its MIME type and its bytes."""

    type: str
    data: bytes = field(repr=False)


@dataclass(slots=True)
class Attachment:
    """One file of one message. It may be fetched from `ready_at` on, a moment of the event loop's clock."""

    message_sid: str
    file: File
    ready_at: float
    sid: str = field(default_factory=lambda: new_sid("ME"))
    created: datetime = field(default_factory=clock.now)
    deleted: bool = False

    @property
    def ready(self) -> bool:
        """Whether the carrier has it in its store, and still has it."""
        return not self.deleted and asyncio.get_running_loop().time() >= self.ready_at


class Attachments:
    """All files of the account, oldest first."""

    def __init__(self) -> None:
        self._kept: dict[str, Attachment] = {}
        self._bytes = 0

    def add(self, message_sid: str, files: Sequence[File], delay: float) -> None:
        """Keep the files of a message; the carrier takes `delay` seconds to store them."""
        ready_at = asyncio.get_running_loop().time() + delay
        for file in files:
            attachment = Attachment(message_sid, file, ready_at)
            self._kept[attachment.sid] = attachment
            self._bytes += len(file.data)
        while self._bytes > MOST_KEPT:
            oldest = self._kept.pop(next(iter(self._kept)))
            self._bytes -= len(oldest.file.data)

    def get(self, sid: str) -> Attachment | None:
        """One by its id, also one that the carrier has deleted: its phone still has it."""
        return self._kept.get(sid)

    def of(self, message_sid: str) -> list[Attachment]:
        """What came with a message, in order."""
        return [attachment for attachment in self._kept.values() if attachment.message_sid == message_sid]


def path(attachment: Attachment, account: Account) -> str:
    """Where the carrier's API has it."""
    return f"{account.path}/Messages/{attachment.message_sid}/Media/{attachment.sid}"


def describe(attachment: Attachment, account: Account) -> dict[str, Any]:
    """The Media resource as JSON."""
    return {
        "sid": attachment.sid,
        "account_sid": account.sid,
        "parent_sid": attachment.message_sid,
        "content_type": attachment.file.type,
        "date_created": format_datetime(attachment.created),
        "date_updated": format_datetime(attachment.created),
        "uri": f"{path(attachment, account)}.json",
        "api_version": API_VERSION,
    }


def signed_path(attachment: Attachment, account: Account) -> str:
    """Where the file itself lies, for whoever holds this address, and only for some hours."""
    until = str(int((clock.now() + SIGNED_FOR).timestamp()))
    return f"/media/{attachment.sid}?Expires={until}&Signature={_signature(attachment.sid, until, account)}"


def is_signed(sid: str, until: str, signature: str, account: Account) -> bool:
    """Whether an address of a file was given by us, and still holds."""
    good = hmac.compare_digest(_signature(sid, until, account).encode(), signature.encode())
    return good and int(until) >= clock.now().timestamp()


def _signature(sid: str, until: str, account: Account) -> str:
    return hmac.new(account.token.encode(), f"{sid}:{until}".encode(), hashlib.sha256).hexdigest()
