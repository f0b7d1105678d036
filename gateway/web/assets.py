"""Static files under addresses that change with their content, so that browsers may keep them for ever."""

import hashlib
from functools import cache
from pathlib import Path

from aiohttp import web

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
FOR_EVER = "public, max-age=31536000, immutable"


@cache
def url(name: str) -> str:
    """The address of a static file, with the hash of its content. Raises KeyError for one that is not there."""
    path = FOLDER / name
    if not path.is_file():
        raise KeyError(name)
    return f"{PREFIX}{name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"


def routes() -> list[web.RouteDef]:
    """The one route of all static files."""
    return [web.get(PREFIX + r"{name:[\w./-]+}", _serve)]


async def _serve(request: web.Request) -> web.StreamResponse:
    name = request.match_info["name"]
    path = FOLDER / name
    if any(odd in name for odd in ("..", "./", "//")) or path.suffix not in TYPES or not path.is_file():
        raise NotFound("there is no such file")
    # While a new version is rolled out, a page of one may ask the other: what does not fit must not be kept for ever.
    caching = FOR_EVER if request.query_string and url(name).endswith("?" + request.query_string) else "no-cache"
    return web.FileResponse(path, headers={"Content-Type": TYPES[path.suffix], "Cache-Control": caching})
