"""Text messages through Twilio: what citizens text and attach, what we text them, and what became of it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from aiolimiter import AsyncLimiter
from multidict import MultiDict
from pydantic import Field

from channels._http import Absent
from channels._sms import measure
from channels._twilio import TwilioChannel, TwilioSettings, required
from channels._twilio_lists import Found, Listing, Page
from channels._twilio_messages import MEDIA, MOST_MEDIA, UNKNOWN_TYPE, carrier_replied, fields_of, media_of, place_of
from channels._twilio_number import Entrance
from channels.base import Capabilities, DeliveryKind, Fetched, Guard, Route, Surroundings
from channels.desk import Desk
from channels.failures import Failure, Refused, Throttled, Unknown
from gateway import clock
from gateway.errors import BadInput
from gateway.schema_incoming import Incoming, Taken
from gateway.schema_outgoing import Outgoing, Receipt, ReceiptStatus, SendResult

INBOUND = "/hooks/sms_twilio/inbound"
STATUS = "/hooks/sms_twilio/status"

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
# What Twilio takes from phones (twilio.com/docs/messaging/guides/accepted-mime-types).
MEDIA_TYPES = (
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/heic",
    "image/heif",
    "audio/amr",
    "audio/3gpp",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
)

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
    entrance = Entrance("sms", "A message comes in", INBOUND)
    capabilities = Capabilities(
        receives=True,
        delivery=DeliveryKind.SEND,
        receipts=True,
        schemes=("tel",),
        media=MEDIA_TYPES,
        limit=1600,
        alphabet="gsm7",
        paid=True,
    )
    Settings = SmsSettings

    def __init__(self, settings: SmsSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self._validity = settings.validity
        self._segments_per_second = settings.segments_per_second
        self._burst = max(_LONGEST_TEXT, settings.segments_per_second)
        self._rate = AsyncLimiter(self._burst, self._burst / settings.segments_per_second)

    def routes(self, desk: Desk) -> Sequence[Route]:
        """The two webhooks."""
        return (
            Route("POST", INBOUND, Guard.SIGNATURE, partial(self._inbound, desk)),
            Route("POST", STATUS, Guard.SIGNATURE, partial(self._status, desk)),
        )

    async def run(self, desk: Desk) -> None:
        """Catch up with texts nobody told us of."""
        messages = self.account.messages

        async def since(start: datetime) -> Page[Any]:
            return await self.page(messages.page_async(to=self.number, date_sent_after=start, page_size=_PAGE), _filed)

        async def at(address: str) -> Page[Any]:
            return await self.page(messages.get_page_async(address), _filed)

        await self.catch_up(desk, Listing(since, at, partial(self._take_listed, desk)))

    async def fetch(self, url: str, most_bytes: int) -> Fetched:
        """Bring what a citizen attached. Only addresses of our own account are asked."""
        self._file(url)
        fetched = await self.bring(url, most_bytes)
        return fetched if fetched.type else Fetched(fetched.data, UNKNOWN_TYPE)

    async def forget(self, url: str) -> None:
        """Delete Twilio's copy; one that is gone already is fine."""
        message, file = self._file(url)
        try:
            await self.call(self.account.messages(message).media(file).delete_async())
        except Absent:
            return

    def measure(self, text: str) -> int:
        """How many segments a text takes: what is paid for, and what the rate counts."""
        return measure(text).count

    def rate(self) -> float | None:
        """How many segments a second the number may send."""
        return self._segments_per_second

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
        asking = self.account.messages.page_async(to=number, from_=self.number, page_size=_PAGE)
        page = await self.page(asking, lambda message: message.date_created)
        since = started_at - _CLOCKS_APART
        fitting = [row.thing for row in page.rows if row.at >= since and _says(row.thing, text)]
        if len(fitting) > 1:
            raise Unknown("several messages fit")
        if fitting:
            return _result(fitting[0])
        if page.following and all(row.at >= since for row in page.rows):
            raise Unknown("the list does not go back far enough")
        return None

    async def _inbound(self, desk: Desk, request: web.Request) -> web.Response:
        await self._take(desk, await self.fields(request), clock.now(), await request.read())
        # What is to be said goes by the outbox: a reply in here has no receipt and is said again at each retry.
        return web.Response(text=_NOTHING_TO_SAY, content_type="text/xml")

    async def _take_listed(self, desk: Desk, message: Any) -> Found:
        """Take one message of Twilio's list, if a citizen sent it and it is whole."""
        if message.direction != "inbound" or message.status not in ("receiving", "received"):
            return Found.FOREIGN
        if message.status == "receiving":
            return Found.UNFINISHED
        media = await self._attached(message.sid) if message.num_media not in (None, "0") else []
        fields = fields_of(message, media, self.home)
        taken = await self._take(desk, fields, min(_filed(message), clock.now()), urlencode(fields).encode())
        return Found.KNOWN if taken.repeated else Found.NEW

    async def _attached(self, message: str) -> list[Any]:
        """The files of a message, as Twilio lists them; those deleted there were stored here before."""
        media = self.account.messages(message).media
        try:
            page = await self.page(media.page_async(page_size=MOST_MEDIA), lambda file: file.date_created)
        except Absent:
            return []
        return [row.thing for row in page.rows]

    async def _take(self, desk: Desk, fields: MultiDict[str], at: datetime, raw: bytes) -> Taken:
        """Take one message, told of by the webhook or found in the list."""
        if "From" not in fields or "To" not in fields:
            raise BadInput("From or To is missing", "From")
        sid, sender = required(fields, "MessageSid"), fields["From"]
        incoming = Incoming(
            channel=self.name,
            external_id=sid,
            text=fields.get("Body", ""),
            received_at=at,
            address=f"tel:{sender}" if sender else None,
            line=fields["To"],
            place=place_of(fields),
            media=media_of(fields, sid),
            carrier_replied=carrier_replied(fields),
            raw=raw,
        )
        taken = await desk.take(incoming)
        self.known.add(sid)
        if not taken.repeated:
            # Unlike a recording, what came with a message is there already.
            for file in incoming.media:
                await desk.media_ready(self.name, file.external_id)
        return taken

    def _file(self, url: str) -> tuple[str, str]:
        """The message and file an address names. Raises `Refused` unless it is our account's, at the API we use."""
        found = MEDIA.fullmatch(url.removeprefix(self.home)) if url.startswith(self.home) else None
        if not found:
            raise Refused("not an address of our account's files")
        return found[1], found[2]

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


def _filed(message: Any) -> datetime:
    """The moment a message stands in Twilio's list under. Raises ValueError when it has none."""
    moment: datetime | None = message.date_sent or message.date_created
    if moment is None:
        raise ValueError("a message without a date")
    return moment


def _says(message: Any, text: str) -> bool:
    """Whether a listed message is ours and has these words (a trial account puts its own before them)."""
    words = str(message.body or "").removeprefix(_TRIAL_PREFIX)
    return str(message.direction).startswith("outbound") and words.strip() == text.strip()
