"""What the handsets page asks with, checked piece by piece: each raises `BadInput` for what cannot be."""

from typing import Any

from aiohttp import web

from gateway.errors import BadInput
from gateway.simulator.account import is_number
from gateway.simulator.caller import KEYS

MOST_AT_ONCE = 1000
MOST_KEYS = 20


async def read(request: web.Request) -> dict[str, Any]:
    """The body as an object; only as application/json, which no other site's form can send."""
    if request.content_type != "application/json":
        raise BadInput("not_json")
    try:
        data = await request.json()
    except web.HTTPRequestEntityTooLarge:
        raise BadInput("too_large") from None
    except ValueError:
        raise BadInput("not_json") from None
    if not isinstance(data, dict):
        raise BadInput("not_json")
    return data


def number(request: web.Request) -> str:
    """The telephone number in an address."""
    named = request.match_info["number"]
    if not is_number(named):
        raise BadInput("bad_number", "number")
    return named


def string(data: dict[str, Any], name: str, longest: int) -> str:
    """A text of bounded length; empty when it is missing."""
    value = data.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise BadInput("bad_value", name)
    return value


def whole(data: dict[str, Any], name: str, default: int) -> int:
    """A whole number, not negative and not large."""
    value = data.get(name, default)
    if not isinstance(value, int) or not 0 <= value <= MOST_AT_ONCE:
        raise BadInput("bad_value", name)
    return value


def keys(value: object) -> str:
    """Keys of a telephone."""
    if not isinstance(value, str) or len(value) > MOST_KEYS or any(key not in KEYS for key in value):
        raise BadInput("bad_value", "keys")
    return value


def script(value: object) -> list[str]:
    """Keys for each time the line asks."""
    if not isinstance(value, list) or len(value) > MOST_AT_ONCE:
        raise BadInput("bad_value", "keys")
    return [keys(one) for one in value]
