"""What all feeds share: XML that holds any words, and telling who has a feed already that it reads the same."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from xml.etree import ElementTree

from aiohttp import web

from gateway import clock

ATOM = "http://www.w3.org/2005/Atom"
FRESH_FOR = 30
REMEMBERED = 1000
# What XML 1.0 cannot hold at all, not even escaped.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

ElementTree.register_namespace("atom", ATOM)


class Seen:
    """How the feeds of one channel read, and since when, as far as this process knows."""

    def __init__(self) -> None:
        self.addresses: dict[str, tuple[str, datetime]] = {}

    def answer(self, request: web.Request, address: str, body: bytes, kind: str) -> web.Response:
        """A feed, or that the asker's copy is still right; `address` is what it is known by, `kind` its MIME type."""
        etag = hashlib.sha256(body).hexdigest()[:32]
        response = web.Response(headers={"Cache-Control": f"public, max-age={FRESH_FOR}"})
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.etag = etag
        response.last_modified = self._changed_at(address, etag)
        if _has_it(request, etag, response.last_modified):
            response.set_status(304)
        else:
            response.body = body
            response.headers["Content-Type"] = f"{kind}; charset=utf-8"
        return response

    def _changed_at(self, address: str, etag: str) -> datetime:
        """Since when a feed reads as it does.

        The newest entry's time would not do: a withdrawal changes the feed as well and must reach whoever asks by time.
        """
        known = self.addresses.pop(address, None)
        if known is None:
            known = (etag, clock.now().replace(microsecond=0))
        elif known[0] != etag:
            # Whole seconds, and never the same one twice: two changes within a second differ too.
            known = (etag, max(clock.now().replace(microsecond=0), known[1] + timedelta(seconds=1)))
        self.addresses[address] = known
        if len(self.addresses) > REMEMBERED:
            self.addresses.pop(next(iter(self.addresses)))
        return known[1]


def add(
    parent: ElementTree.Element, name: str, text: str | None = None, attributes: Mapping[str, str] | None = None
) -> ElementTree.Element:
    """Add an element with its text; what XML cannot hold is replaced."""
    element = ElementTree.SubElement(parent, name, dict(attributes or {}))
    element.text = _NOT_XML.sub("\ufffd", text) if text is not None else None
    return element


def written(root: ElementTree.Element) -> bytes:
    """A document as bytes."""
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def _has_it(request: web.Request, etag: str, changed_at: datetime) -> bool:
    """Whether the asker's copy is still right (RFC 9110 section 13.2.2: the entity tag outweighs the time)."""
    if request.if_none_match is not None:
        return any(tag.value in (etag, "*") for tag in request.if_none_match)
    since = request.if_modified_since
    return since is not None and changed_at <= since
