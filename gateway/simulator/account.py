"""The gateway's account with the simulated carrier, and what may be reached from here at all."""

import hmac
import ipaddress
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import encode_basic_auth

API_VERSION = "2010-04-01"
CITY_NUMBER = "+8657112345"
NUMBER = re.compile(r"\+[1-9]\d{6,14}")


@dataclass(frozen=True, slots=True)
class Account:
    """One customer of the carrier: its id, its secret, and the number that citizens text and call."""

    sid: str
    token: str = field(repr=False)
    number: str

    @property
    def path(self) -> str:
        """Where this account lives below the API's root."""
        return f"/{API_VERSION}/Accounts/{self.sid}"

    def admits(self, authorization: str | None) -> bool:
        """Whether an Authorization header carries this account's id and secret (HTTP Basic)."""
        scheme, _, credentials = (authorization or "").partition(" ")
        expected = encode_basic_auth(self.sid, self.token).removeprefix("Basic ")
        return scheme.lower() == "basic" and hmac.compare_digest(credentials.strip().encode(), expected.encode())


def open_account() -> Account:
    """A fresh account, so that no secret of one run is worth anything in the next."""
    return Account(new_sid("AC"), secrets.token_hex(16), CITY_NUMBER)


def new_sid(prefix: str) -> str:
    """A Twilio identifier: two letters that tell the kind, and 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)


def is_number(text: str) -> bool:
    """Whether this is a phone number as carriers write it (E.164)."""
    return NUMBER.fullmatch(text) is not None


def is_loopback(host: str | None) -> bool:
    """Whether a host name can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def is_local(url: str, schemes: Collection[str] = ("http", "https")) -> bool:
    """Whether a URL stays on this machine. Nothing else is ever requested from here."""
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and is_loopback(parts.hostname)
    except ValueError:
        return False
