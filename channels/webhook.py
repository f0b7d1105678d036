"""Webhooks: other systems are called with what was published, signed as the Standard Webhooks scheme has it.

A subscriber's address is its URL with its secrets behind a `#`: `hook:https://host/path#whsec_new,whsec_old@expiry`.
The signature is HMAC-SHA-256 over `id.timestamp.body`; after a secret was replaced, one by the old is sent beside it
until its time is over. A message's id never changes, so that it may be sent again whenever its end is not known.
Scheme: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast
from urllib.parse import urlsplit

from pydantic import Field
from yarl import URL

from channels import _outbound
from channels._http import Answer, patience
from channels.base import Admitted, Capabilities, Channel, ChannelSettings, DeliveryKind, Surroundings
from channels.failures import Failure, Misconfigured, RecipientGone, Refused, RetryLater, Throttled, Unknown
from gateway import clock
from gateway.errors import BadInput
from gateway.schema_outgoing import Outgoing, SendResult

SCHEME = "hook:"
PREFIX = "whsec_"
SECRET_BYTES = 32
AGENT = "Everyline-Webhook/1"
JSON_TYPE = "application/json"

# What is wrong with this one message, and not with the receiver: it is not repeated. All else may pass.
_OF_THE_MESSAGE = (400, 413, 415, 422)


class Settings(ChannelSettings):
    """`[webhook]`: for how long a receiver may answer, and whether it may be anywhere (tests only)."""

    seconds: float = Field(10, gt=0, le=30)
    allow_any_address: bool = False


class Adapter(Channel):
    """Calls subscribers."""

    name = "webhook"
    # Some three days of tries a quarter of an hour apart: a receiver may be away over a weekend.
    capabilities = Capabilities(delivery=DeliveryKind.SUBSCRIBERS, tries=300)
    Settings = Settings

    def __init__(self, settings: ChannelSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        own = cast(Settings, settings)
        host = urlsplit(around.city.public_url).hostname or ""
        self._bounds = _outbound.Bounds(host, own.seconds, own.allow_any_address)

    def admit(self, url: str) -> Admitted:
        """The address of a new subscriber. Raises `BadInput` for a URL that is not to be called."""
        checked = _outbound.checked(url, self._bounds)
        secret = _new_secret()
        return Admitted(f"{SCHEME}{checked}#{secret}", _shown(checked), secret)

    def renew(self, address: str, until: datetime) -> Admitted:
        """The same address with a new secret before the one it had."""
        url, held = _read(address)
        secret = _new_secret()
        kept = f",{held[0]}@{int(until.timestamp())}" if held else ""
        return Admitted(f"{SCHEME}{url}#{secret}{kept}", _shown(URL(url)), secret)

    async def send(self, outgoing: Outgoing) -> SendResult:
        """Call a subscriber once."""
        url, held = _read(outgoing.address or "")
        try:
            target = _outbound.checked(url, self._bounds)
        except BadInput as error:
            raise Refused(str(error)) from None
        body, at = outgoing.text.encode(), clock.now()
        headers = {"Content-Type": JSON_TYPE, "User-Agent": AGENT, **signed(outgoing.idempotency, at, body, held)}
        answer = await _outbound.post(target, body, headers, self._bounds)
        if failure := _failure(answer):
            raise failure
        return SendResult(final=True)

    async def settle(self, outgoing: Outgoing, started_at: datetime) -> SendResult | None:
        """Whether a receiver has a message it never says; it knows it by its id, so it may be sent again."""
        return None


def signed(message_id: str, at: datetime, body: bytes, held: Sequence[str]) -> Mapping[str, str]:
    """The headers that prove a message, one signature for each secret."""
    timestamp = str(int(at.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(_key(one), content, hashlib.sha256)).decode() for one in held]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _shown(url: URL) -> str:
    """The host with its port; the rest of a URL may be a secret itself."""
    return (url.host_port_subcomponent or "")[:255]


def _read(address: str) -> tuple[str, list[str]]:
    """The URL of an address, and its secrets that still hold, the newest first."""
    url, _, written = address.removeprefix(SCHEME).rpartition("#")
    held = []
    for part in written.split(","):
        secret, _, until = part.partition("@")
        if not until or clock.now().timestamp() < int(until):
            held.append(secret)
    return url, held


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise Misconfigured("a secret cannot be read") from None


def _failure(answer: Answer) -> Failure | None:
    """What an answer means; the words of the other side are not kept, for they may be anything."""
    status, detail = answer.status, f"HTTP {answer.status}"
    if 200 <= status < 300:
        return None
    if status == 429:
        return Throttled(detail, str(status), patience(answer.headers))
    if status == 410:
        return RecipientGone(detail, str(status))
    if status == 504:
        return Unknown(detail, str(status))
    if status in _OF_THE_MESSAGE:
        return Refused(detail, str(status))
    return RetryLater("redirects are not followed" if 300 <= status < 400 else detail, str(status))
