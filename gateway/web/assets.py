"""Static files under addresses that change with their content, so that browsers may keep them for ever."""

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from aiohttp import hdrs, web

from gateway.errors import NotFound

FOLDER = Path(__file__).parent / "static"
PREFIX = "/static/"
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
# Sheets that are always asked for together travel as one: the first visit waits for fewer answers.
_COMMON = ("tokens.css", "elements.css", "components.css")
BUNDLES: Mapping[str, Sequence[str]] = {
    "public.css": (*_COMMON, "citizens.css", "chat.css", "radio.css", "marks.css"),
    "staff.css": (
        *_COMMON,
        "console.css",
        "queue.css",
        "wall.css",
        "charts.css",
        "inbox.css",
        "calls.css",
        "marks.css",
        "organisation.css",
    ),
    "league.css": ("charts.css", "assessment.css"),
}
WORTH_PACKING = (".css", ".js", ".svg", ".webmanifest")
FOR_EVER = "public, max-age=31536000, immutable"


@cache
def url(name: str) -> str:
    """The address of a static file or bundle, with the hash of its content. Raises KeyError for one not there."""
    return f"{PREFIX}{name}?v={hashlib.sha256(_content(name)).hexdigest()[:12]}"


def routes() -> list[web.RouteDef]:
    """The one route of all static files."""
    return [web.get(PREFIX + r"{name:[\w./-]+}", _serve)]


async def _serve(request: web.Request) -> web.StreamResponse:
    name = request.match_info["name"]
    ending = Path(name).suffix
    if any(odd in name for odd in ("..", "./", "//")) or ending not in TYPES or not _is_there(name):
        raise NotFound("there is no such file")
    # While a new version is rolled out, a page of one may ask the other: what does not fit must not be kept for ever.
    caching = FOR_EVER if request.query_string and url(name).endswith("?" + request.query_string) else "no-cache"
    headers = {hdrs.CONTENT_TYPE: TYPES[ending], hdrs.CACHE_CONTROL: caching, hdrs.VARY: hdrs.ACCEPT_ENCODING}
    if ending in WORTH_PACKING and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        return web.Response(body=_packed(name), headers={**headers, hdrs.CONTENT_ENCODING: "gzip"})
    return web.Response(body=_content(name), headers=headers)


def _is_there(name: str) -> bool:
    return name in BUNDLES or (FOLDER / name).is_file()


@cache
def _content(name: str) -> bytes:
    """What is sent: a file, or the files of a bundle behind each other."""
    if not _is_there(name):
        raise KeyError(name)
    return b"\n".join((FOLDER / part).read_bytes() for part in BUNDLES.get(name, (name,)))


@cache
def _packed(name: str) -> bytes:
    return gzip.compress(_content(name), mtime=0)
