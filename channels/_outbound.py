"""Calls to addresses that others chose: only to the public internet, within bounds, and nothing believed of the answer.

Whoever may name a URL could have us call our own machines by it. A name is checked after it was looked up, where the
socket is made: what is checked there is the very address that is connected to, however it was written.
"""

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    TCPConnector,
)
from yarl import URL

from channels._http import Answer
from channels.failures import RetryLater, Unknown
from gateway.errors import BadInput

LONGEST_URL = 1000
ANSWER_BYTES = 512
_CONNECT_SECONDS = 5.0
_BODY_SECONDS = 0.2
_INSIDE = "not on the public internet"
# What embeds an IPv4 address and would reach it through a translator (RFC 6052, RFC 8215).
_TRANSLATED = ("64:ff9b:",)


class NotPublic(OSError):
    """An address that is not on the public internet, and is not connected to."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far calls may go: whether to networks and by schemes that only tests use, never to `own_host`, how long."""

    own_host: str
    seconds: float
    anywhere: bool = False


def checked(url: str, bounds: Bounds) -> URL:
    """A URL that somebody typed, fit to be called. Raises `BadInput` with what is wrong with it.

    What its name leads to is not known before the call: that is checked then, each time.
    """
    try:
        parsed = URL(url.strip())
        fit = parsed.host is not None and parsed.port is not None
    except ValueError:
        fit = False
    if not fit or len(url) > LONGEST_URL:
        raise BadInput("this is no usable address", "url")
    if parsed.scheme != "https" and not (bounds.anywhere and parsed.scheme == "http"):
        raise BadInput("the address must begin with https://", "url")
    if parsed.user is not None or parsed.password is not None or parsed.raw_fragment:
        raise BadInput("the address may hold no password and no #", "url")
    if bounds.anywhere:
        return parsed
    host = (parsed.host or "").rstrip(".").lower()
    if host == bounds.own_host.rstrip(".").lower():
        raise BadInput("this is our own address", "url")
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or not _may_be_public(host):
        raise BadInput("this address is not on the public internet", "url")
    return parsed


def is_public(address: str) -> bool:
    """Whether a numeric address, written in the one usual way, is on the public internet."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            return is_public(str(inner))
        if found.compressed.startswith(_TRANSLATED):
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


async def post(url: URL, body: bytes, headers: Mapping[str, str], bounds: Bounds) -> Answer:
    """Post a body and look at the answer, whatever its status; redirects are not followed.

    Raises `RetryLater` when nothing was sent, `Unknown` when it may have been. Details never hold the address.
    """
    limits = ClientTimeout(total=None, connect=min(_CONNECT_SECONDS, bounds.seconds / 2))
    connector = TCPConnector(force_close=True, socket_factory=None if bounds.anywhere else public_socket)
    # A session of its own for each call: nothing of one receiver (a connection, a cookie) is ever used for another.
    async with ClientSession(
        connector=connector, cookie_jar=DummyCookieJar(), auto_decompress=False, timeout=limits
    ) as session:
        try:
            async with (
                asyncio.timeout(bounds.seconds),
                session.post(url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                return Answer(response.status, response.headers, await _glance(response))
        except (ClientConnectorError, ConnectionTimeoutError) as error:
            raise RetryLater(_not_connected(error)) from None
        except TimeoutError:
            raise Unknown("no answer in time") from None
        except ClientError:
            raise Unknown("the connection was lost before the answer") from None


async def _glance(response: ClientResponse) -> bytes:
    """The beginning of an answer's body, as far as it comes at once: its status has said all that counts."""
    with contextlib.suppress(TimeoutError, ClientError):
        async with asyncio.timeout(_BODY_SECONDS):
            return await response.content.read(ANSWER_BYTES)
    return b""


def public_socket(info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
    """A socket for one looked-up address (as `getaddrinfo` gives it). Raises `NotPublic`."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise NotPublic(_INSIDE)
    return socket.socket(family, kind, protocol)


def _may_be_public(host: str) -> bool:
    """Of a host as it is written: a name may be; what looks like a number must be one, and public.

    2130706433, 0177.0.0.1 and 0x7f.1 are other ways to write 127.0.0.1; no honest receiver is called so.
    """
    last = host.rpartition(".")[2]
    if ":" in host or last.isdigit() or last.startswith("0x"):
        return is_public(host)
    return True


def _not_connected(error: Exception) -> str:
    if isinstance(error, ClientSSLError):
        return "no secure connection: its certificate is not valid"
    # Of several addresses the reasons come as one.
    inside = _INSIDE in str(getattr(error, "os_error", ""))
    return "its address is not on the public internet" if inside else "no connection"
