"""Citizens' files: the public ones of published posts for everybody, all others for staff."""

from aiohttp import web

from gateway.errors import NotFound
from gateway.schema import State
from gateway.web.keys import ACCOUNT, RUNTIME
from store import media
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
    staff = ACCOUNT in request
    if file.sha256 is None or not (staff or _is_public(file)):
        raise NotFound("there is no such file")
    kind = file.type if file.type.startswith(SAFE_TYPES) else "application/octet-stream"
    # Asked anew each time (by ETag): what is withdrawn must be gone at once, also behind a shared cache.
    caching = "private, no-cache" if staff else "public, no-cache"
    return web.FileResponse(
        runtime.blobs.path(file.sha256), headers={**HEADERS, "Content-Type": kind, "Cache-Control": caching}
    )


def _is_public(file: MediaFile) -> bool:
    return file.public and file.post_state is State.PUBLISHED and not file.private
