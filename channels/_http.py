"""HTTP as channels use it: a question within bounds, and what came of it as `channels.failures`.

The line that matters runs between "surely not sent" and "nobody knows": a connection that never stood is the first, an
answer that never came is the second, and only the first may simply be repeated.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    InvalidURL,
    NonHttpUrlClientError,
    StreamReader,
    web,
)
from multidict import MultiDict
from yarl import URL

from channels.failures import Failure, Misconfigured, RecipientGone, Refused, RetryLater, Throttled, Unknown
from gateway import clock
from gateway.errors import BadInput

ANSWER_BYTES = 2_097_152
FORM_TYPE = "application/x-www-form-urlencoded"

# The guard and the handler both read the form; it is taken apart once.
_FORM = web.RequestKey("form", MultiDict[str])
_CONNECT_SECONDS = 5.0
_LONGEST_PATIENCE = 3600.0
_FORM_FIELDS = 500

# What an HTTP status means for a message, where its class (4xx, 5xx) does not say it. 504 is a proxy that gave up
# waiting: behind it the request may have been carried out.
_STATUSES: Mapping[int, type[Failure]] = {
    401: Misconfigured,
    403: Misconfigured,
    407: Misconfigured,
    408: RetryLater,
    410: RecipientGone,
    425: RetryLater,
    504: Unknown,
}


class Absent(Refused):
    """The other side knows nothing under this address (404)."""


class Oversized(Refused):
    """The other side's answer is longer than we read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said, read whole. Header names are compared without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def ask(
    http: ClientSession,
    method: str,
    url: str | URL,
    *,
    seconds: float,
    most_bytes: int = ANSWER_BYTES,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    data: bytes | None = None,
) -> Answer:
    """Put one question and read its answer, whatever its status; redirects are not followed.

    `seconds` bounds the whole exchange, `most_bytes` the answer. Raises `RetryLater` when nothing was sent, `Unknown`
    when it may have been and no answer came, `Oversized` when the answer is too long. Details never hold the address.
    """
    limits = ClientTimeout(total=None, connect=min(_CONNECT_SECONDS, seconds / 2))
    asking = http.request(method, url, headers=headers, params=params, data=data, timeout=limits, allow_redirects=False)
    try:
        async with asyncio.timeout(seconds), asking as response:
            return Answer(response.status, response.headers, await read_bounded(response.content, most_bytes))
    except (ClientConnectorError, ConnectionTimeoutError):
        raise RetryLater("no connection") from None
    except (InvalidURL, NonHttpUrlClientError):
        raise Misconfigured("the address is no usable URL") from None
    except TimeoutError:
        raise Unknown("no answer in time") from None
    except ClientError:
        raise Unknown("the connection was lost before the answer") from None


async def read_bounded(stream: StreamReader, most_bytes: int) -> bytes:
    """A body read while it stays within `most_bytes`; raises `Oversized` without reading the rest."""
    body = bytearray()
    async for chunk in stream.iter_chunked(65_536):
        body += chunk
        if len(body) > most_bytes:
            raise Oversized(f"more than {most_bytes} bytes")
    return bytes(body)


def failure(status: int, headers: Mapping[str, str]) -> Failure | None:
    """What an HTTP status means for what was asked; None when it went well."""
    detail, code = f"HTTP {status}", str(status)
    if 200 <= status < 300:
        return None
    if status == 429:
        return Throttled(detail, code, patience(headers))
    if status == 404:
        return Absent(detail, code)
    if kind := _STATUSES.get(status):
        return kind(detail, code)
    if status >= 500:
        return RetryLater(detail, code)
    return Refused(detail, code) if status >= 400 else Misconfigured(detail, code)


def patience(headers: Mapping[str, str]) -> float | None:
    """For how many seconds `Retry-After` asks to wait (a number or a date, RFC 9110 10.2.3), at most an hour."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), _LONGEST_PATIENCE)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((moment - clock.now()).total_seconds(), 0.0), _LONGEST_PATIENCE)


async def form(request: web.Request) -> MultiDict[str]:
    """The fields of a posted form, blank and repeated ones kept as they came, so that a signature can be checked.

    Raises `BadInput` for another kind of body, for bytes that are not UTF-8 and for too many fields.
    """
    known: MultiDict[str] | None = request.get(_FORM)
    if known is not None:
        return known
    body = await request.read()
    if body and request.content_type != FORM_TYPE:
        raise BadInput(f"send a form ({FORM_TYPE})")
    try:
        text = body.decode()
        fields = MultiDict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_FORM_FIELDS))
    except ValueError:
        raise BadInput("the form cannot be read: it must be UTF-8 and not too long") from None
    request[_FORM] = fields
    return fields
