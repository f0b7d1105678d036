"""Text messages through Twilio: what citizens text, what we text them, and what became of it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from aiohttp import web
from aiolimiter import AsyncLimiter
from pydantic import Field

from channels._sms import measure
from channels._twilio import TwilioChannel, TwilioSettings, required
from channels.base import Capabilities, DeliveryKind, Desk, Guard, Route, Surroundings
from channels.failures import Failure, Refused, Throttled, Unknown
from gateway import clock
from gateway.errors import BadInput
from gateway.schema import Incoming, Outgoing, Receipt, ReceiptStatus, SendResult

INBOUND = "/hooks/sms_twilio/inbound"
STATUS = "/hooks/sms_twilio/status"

# Words that Twilio answers by itself when they are the whole message, in any case
# (help.twilio.com: "Twilio support for opt-out keywords").
CARRIER_WORDS = frozenset(
    "STOP STOPALL UNSUBSCRIBE CANCEL END QUIT OPTOUT REVOKE START YES UNSTOP HELP INFO".split()  # noqa: SIM905
)
# The states that say something new; the others (queued, sending...) only that it is on its way
# (twilio.com/docs/messaging/api/message-resource#message-status-values).
STATUSES = {
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.DELIVERED,
    "undelivered": ReceiptStatus.FAILED,
    "failed": ReceiptStatus.FAILED,
    "canceled": ReceiptStatus.FAILED,
}

_NOTHING_TO_SAY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
_TRIAL_PREFIX = "Sent from your Twilio trial account - "
# Segments of 1600 Chinese characters: a slow number, too, must be able to send one whole (Twilio queues what is early).
_LONGEST_TEXT = 24.0
# How long a sending may wait for its turn before it goes back to the queue: well within a delivery's lease.
_TURN_SECONDS = 10.0
_PAGE = 100
_CLOCKS_APART = timedelta(seconds=5)
# A request that was cut off may take a moment to show in the carrier's list.
_LISTED_AFTER = timedelta(seconds=5)


class SmsSettings(TwilioSettings):
    """`[sms_twilio]`: the number's rate, and for how many seconds Twilio may try to deliver."""

    segments_per_second: float = Field(10.0, gt=0, le=1000)
    validity: int = Field(14_400, ge=1, le=36_000)


class Adapter(TwilioChannel):
    """Twilio's messages."""

    name = "sms_twilio"
    capabilities = Capabilities(
        receives=True,
        delivery=DeliveryKind.SEND,
        receipts=True,
        schemes=("tel",),
        limit=1600,
        alphabet="gsm7",
        paid=True,
    )
    Settings = SmsSettings

    def __init__(self, settings: SmsSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self._validity = settings.validity
        self._burst = max(_LONGEST_TEXT, settings.segments_per_second)
        self._rate = AsyncLimiter(self._burst, self._burst / settings.segments_per_second)

    def routes(self, desk: Desk) -> Sequence[Route]:
        """The two webhooks."""
        return (
            Route("POST", INBOUND, Guard.SIGNATURE, partial(self._inbound, desk)),
            Route("POST", STATUS, Guard.SIGNATURE, partial(self._status, desk)),
        )

    def measure(self, text: str) -> int:
        """How many segments a text takes: what is paid for, and what the rate counts."""
        return measure(text).count

    async def send(self, outgoing: Outgoing) -> SendResult:
        """Hand one message to Twilio, at the rate the number may send."""
        number = _number(outgoing)
        await self._turn(self.measure(outgoing.text))
        message = await self.call(
            self.account.messages.create_async(
                to=number,
                from_=self.number,
                body=outgoing.text,
                status_callback=self.url(STATUS),
                validity_period=self._validity,
            )
        )
        return _result(message)

    async def settle(self, outgoing: Outgoing, started_at: datetime) -> SendResult | None:
        """Find the message in Twilio's list by recipient, words and time.

        None when the list shows there is no such message; `Unknown` when it cannot be read, is too young to be
        trusted, does not go back far enough, or holds several that fit.
        """
        number = _number(outgoing)
        try:
            found = await self._find(number, outgoing.text, started_at)
        except Failure as failed:
            raise Unknown(f"Twilio's list does not tell: {failed.detail}", failed.code) from None
        if found is None and clock.now() < started_at + _LISTED_AFTER:
            raise Unknown("too early to tell")
        return found

    async def _turn(self, segments: int) -> None:
        """Wait until the number may send this much; who waits in vain has used up nothing."""
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._rate.acquire(min(segments, self._burst))
        except TimeoutError:
            raise Throttled("our own number's rate is used up") from None

    async def _find(self, number: str, text: str, started_at: datetime) -> SendResult | None:
        # Not filtered by DateSent: a message still queued has none, and missing it would send it twice.
        messages = self.account.messages
        page = await self.call(messages.page_async(to=number, from_=self.number, page_size=_PAGE))
        shown = await self.call(_read(page))
        since = started_at - _CLOCKS_APART
        fitting = [message for message in shown if message.date_created >= since and _says(message, text)]
        if len(fitting) > 1:
            raise Unknown("several messages fit")
        if fitting:
            return _result(fitting[0])
        if page.next_page_url and all(message.date_created >= since for message in shown):
            raise Unknown("the list does not go back far enough")
        return None

    async def _inbound(self, desk: Desk, request: web.Request) -> web.Response:
        fields = await self.fields(request)
        if "From" not in fields or "To" not in fields:
            raise BadInput("From or To is missing", "From")
        text, sender = fields.get("Body", ""), fields["From"]
        incoming = Incoming(
            channel=self.name,
            external_id=required(fields, "MessageSid"),
            text=text,
            received_at=clock.now(),
            address=f"tel:{sender}" if sender else None,
            line=fields["To"],
            carrier_replied="OptOutType" in fields or text.strip().upper() in CARRIER_WORDS,
            raw=await request.read(),
        )
        await desk.take(incoming)
        # What is to be said goes by the outbox: a reply in here has no receipt and is said again at each retry.
        return web.Response(text=_NOTHING_TO_SAY, content_type="text/xml")

    async def _status(self, desk: Desk, request: web.Request) -> web.Response:
        fields = await self.fields(request)
        sid = required(fields, "MessageSid")
        if status := STATUSES.get(required(fields, "MessageStatus")):
            await desk.receipt(self.name, Receipt(sid, status, clock.now(), fields.get("ErrorCode") or None))
        return web.Response(status=204)


def _number(outgoing: Outgoing) -> str:
    """The telephone number of a `tel:` URN. Raises `Refused` for any other address."""
    scheme, _, number = (outgoing.address or "").partition(":")
    if scheme != "tel" or not number:
        raise Refused("no telephone number")
    return number


def _result(message: Any) -> SendResult:
    """The SDK's message as a result. Raises `Unknown` when Twilio named no id: it may have taken it all the same."""
    if not isinstance(message.sid, str) or not message.sid:
        raise Unknown("Twilio named no message id")
    return SendResult(message.sid, final=message.status in ("delivered", "read"))


async def _read(page: Any) -> list[Any]:
    """All messages of a page, each with the moment it was made; an unreadable one makes the page unreadable."""
    shown = list(page)
    if any(message.date_created is None for message in shown):
        raise ValueError("a message without a date")
    return shown


def _says(message: Any, text: str) -> bool:
    """Whether a listed message is ours and has these words (a trial account puts its own before them)."""
    words = str(message.body or "").removeprefix(_TRIAL_PREFIX)
    return str(message.direction).startswith("outbound") and words.strip() == text.strip()
