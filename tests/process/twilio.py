"""Signed webhooks as Twilio sends them, and a raw client that sends many of them fast."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

ACCOUNT = "AC" + "0" * 31 + "1"
TOKEN = "test-token-of-nobody"
NUMBER = "+8657112345678"
PATH = "/hooks/sms_twilio/inbound"
# The API stands where nobody listens: the gateway's own calls must not leave this machine.
CREDENTIALS = {
    "EVERYLINE_TWILIO_API_URL": "http://127.0.0.1:9",
    "EVERYLINE_TWILIO_ACCOUNT_SID": ACCOUNT,
    "EVERYLINE_TWILIO_AUTH_TOKEN": TOKEN,
    "EVERYLINE_TWILIO_NUMBER": NUMBER,
}


def text_message(url: str, sid: str, sender: str, body: str) -> bytes:
    """One inbound text as a whole HTTP/1.1 request."""
    fields = inbound(sid, sender, body)
    content = urlencode(fields).encode()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n"
        f"X-Twilio-Signature: {signature(url + PATH, fields)}\r\n"
        f"User-Agent: TwilioProxy/1.1\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def inbound(sid: str, sender: str, body: str) -> dict[str, str]:
    """The fields of one inbound text."""
    return {
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "Body": body,
        "From": sender,
        "FromCountry": "CN",
        "MessageSid": sid,
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsMessageSid": sid,
        "SmsSid": sid,
        "SmsStatus": "received",
        "To": NUMBER,
    }


def signature(url: str, fields: Mapping[str, str]) -> str:
    """What Twilio would sign a webhook with, by the scheme of its webhook security page."""
    signed = url + "".join(name + value for name, value in sorted(fields.items()))
    return base64.b64encode(hmac.digest(TOKEN.encode(), signed.encode(), hashlib.sha1)).decode()


def message_sid(number: int) -> str:
    """The carrier's id of a test message."""
    return f"SM{number:032x}"


@dataclass(slots=True)
class Load:
    """What a run of many requests gave: which got 200, and how long each took, in seconds."""

    answered: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    times: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Accepted requests a second."""
        return len(self.answered) / self.seconds

    def percentile(self, share: float) -> float:
        """The time in seconds that `share` of the requests stayed under."""
        return sorted(self.times)[min(len(self.times) - 1, int(len(self.times) * share))]


async def send_all(port: int, requests: list[bytes], clients: int, repeat: int = 1) -> Load:
    """Send every request `repeat` times over `clients` connections that stay open; a lost one ends its client."""
    load, numbers = Load(), iter([number for number in range(len(requests)) for _ in range(repeat)])
    begun = time.perf_counter()
    await asyncio.gather(*(_client(port, requests, numbers, load) for _ in range(clients)))
    load.seconds = time.perf_counter() - begun
    return load


async def _client(port: int, requests: list[bytes], numbers: Iterator[int], load: Load) -> None:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            begun = time.perf_counter()
            writer.write(requests[number])
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            load.times.append(time.perf_counter() - begun)
            (load.answered if head.startswith(b"HTTP/1.1 200") else load.refused).add(number)
        writer.close()
    except (OSError, asyncio.IncompleteReadError):
        # The gateway is gone: what was not answered counts as not accepted.
        return
