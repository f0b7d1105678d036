"""Citizens' files: the public ones of published posts for everybody, all others for staff and whoever sent them."""

from typing import Any

from aiohttp import web

from gateway.errors import NotFound
from gateway.schema import State
from gateway.web import auth
from gateway.web.keys import ACCOUNT, RUNTIME
from store import citizens, media, mine
from store.media import MediaFile

# Types a browser shows without running anything in them; all else is handed over as bytes.
SAFE_TYPES = ("audio/", "image/jpeg", "image/png", "image/webp")
HEADERS = {"Content-Security-Policy": "default-src 'none'; sandbox", "Content-Disposition": "inline"}


def routes() -> list[web.RouteDef]:
    """The one route."""
    return [web.get(r"/media/{id:[0-9a-f]{32}}", _serve)]


async def _serve(request: web.Request) -> web.StreamResponse:
    runtime = request.app[RUNTIME]
    async with runtime.database.reading() as connection:
        file = await media.find(connection, request.match_info["id"])
        public = _is_public(file)
        own = not public and await _sent_it(request, connection, file)
    staff = ACCOUNT in request
    if file.sha256 is None or not (staff or public or own):
        raise NotFound("there is no such file")
    kind = file.type if file.type.startswith(SAFE_TYPES) else "application/octet-stream"
    # Asked anew each time (by ETag): what is withdrawn must be gone at once, also behind a shared cache.
    caching = "public, no-cache" if public and not staff else "private, no-cache"
    return web.FileResponse(
        runtime.blobs.path(file.sha256), headers={**HEADERS, "Content-Type": kind, "Cache-Control": caching}
    )


def _is_public(file: MediaFile) -> bool:
    return file.public and file.post_state is State.PUBLISHED and not file.private


async def _sent_it(request: web.Request, connection: Any, file: MediaFile) -> bool:
    """Whether the browser that asks is its author's."""
    if auth.VISITOR_COOKIE not in request.cookies:
        return False
    person = await citizens.person_at(connection, request.app[RUNTIME].vault.lookup(auth.visitor(request)))
    return person is not None and await mine.wrote(connection, person, file.post_id)
