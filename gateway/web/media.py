"""Citizens' files: the public ones of published posts for everybody, all others for staff and whoever sent them.

Moderators take a single photo from the public here, put it back, and have one that could not be used tried again; they
let a recording be heard on the radio.
"""

from typing import Any

from aiohttp import web

from gateway.errors import NotAllowed, NotFound
from gateway.journey import photos, showing, transcription
from gateway.schema import State
from gateway.web import access, auth
from gateway.web.console import back_to
from gateway.web.keys import ACCOUNT, RUNTIME
from store import citizens, media, mine, posts_for_staff
from store.media import MediaFile

# Types a browser shows without running anything in them; all else is handed over as bytes.
SAFE_TYPES = ("audio/", "image/jpeg", "image/png", "image/webp")
HEADERS = {"Content-Security-Policy": "default-src 'none'; sandbox", "Content-Disposition": "inline"}
FILE = r"{id:[0-9a-f]{32}}"


def routes() -> list[web.RouteDef]:
    """A file whole and small, and what moderators do with it."""
    return [
        web.get(f"/media/{FILE}", _serve_whole),
        web.get(f"/media/{FILE}/preview", _serve_preview),
        web.post(f"/console/media/{FILE}/visibility", _set_visibility),
        web.post(f"/console/media/{FILE}/transcript", _correct),
        web.post(f"/console/media/{FILE}/transcription", _write_again),
        web.post(f"/console/media/{FILE}/again", _try_again),
        web.post(f"/console/media/{FILE}/air", _air),
        web.post(f"/console/posts/{FILE}/voice", _take_back_voice),
    ]


async def _serve_whole(request: web.Request) -> web.StreamResponse:
    file = await _seen_by(request)
    return _serve(request, file, file.sha256, file.type)


async def _serve_preview(request: web.Request) -> web.StreamResponse:
    file = await _seen_by(request)
    return _serve(request, file, file.preview, photos.PREVIEW_TYPE)


async def _seen_by(request: web.Request) -> MediaFile:
    """The file, if whoever asks may see it. Raises `NotFound`."""
    async with request.app[RUNTIME].database.reading() as connection:
        file = await media.find(connection, request.match_info["id"])
        shown = _is_public(file) or await _is_staffs(request, connection, file)
        shown = shown or await _sent_it(request, connection, file)
    if not shown:
        raise NotFound("there is no such file")
    return file


def _serve(request: web.Request, file: MediaFile, sha256: str | None, kind: str) -> web.FileResponse:
    if sha256 is None:
        raise NotFound("there is no such file")
    # Asked anew each time (by ETag): what is withdrawn must be gone at once, also behind a shared cache.
    headers = {
        "Content-Type": kind if kind.startswith(SAFE_TYPES) else "application/octet-stream",
        "Cache-Control": "public, no-cache" if _is_public(file) and ACCOUNT not in request else "private, no-cache",
    }
    return web.FileResponse(request.app[RUNTIME].blobs.path(sha256), headers=HEADERS | headers)


async def _set_visibility(request: web.Request) -> web.Response:
    account, form = request[ACCOUNT], await request.post()
    public = form.get("public") == "1"
    await showing.show(request.app[RUNTIME], request.match_info["id"], public, actor=account.name)
    raise web.HTTPSeeOther(back_to(str(form.get("back", ""))))


async def _correct(request: web.Request) -> web.Response:
    account, form = request[ACCOUNT], await request.post()
    text = str(form.get("text", ""))
    await transcription.correct(request.app[RUNTIME], request.match_info["id"], text, actor=account.name)
    raise web.HTTPSeeOther(back_to(str(form.get("back", ""))))


async def _write_again(request: web.Request) -> web.Response:
    account, form = request[ACCOUNT], await request.post()
    model = str(form.get("model", "")) or None
    await transcription.again(request.app[RUNTIME], request.match_info["id"], model, actor=account.name)
    raise web.HTTPSeeOther(back_to(str(form.get("back", ""))))


async def _try_again(request: web.Request) -> web.Response:
    account, form = request[ACCOUNT], await request.post()
    await showing.try_again(request.app[RUNTIME], request.match_info["id"], actor=account.name)
    raise web.HTTPSeeOther(back_to(str(form.get("back", ""))))


async def _is_staffs(request: web.Request, connection: Any, file: MediaFile) -> bool:
    """Whether staff asks who may read its post."""
    if ACCOUNT not in request:
        return False
    if access.own_department(request[ACCOUNT]) is None:
        return True
    settings = request.app[RUNTIME].settings
    try:
        thread = access.readable(settings, request[ACCOUNT], await posts_for_staff.thread(connection, file.post_id))
    except NotAllowed:
        return False
    return any(post.id == file.post_id for post in thread)


async def _air(request: web.Request) -> web.Response:
    account, form = request[ACCOUNT], await request.post()
    await showing.air(request.app[RUNTIME], request.match_info["id"], form.get("allowed") == "1", actor=account.name)
    raise web.HTTPSeeOther(back_to(str(form.get("back", ""))))


async def _take_back_voice(request: web.Request) -> web.Response:
    """The author told staff that he does not agree any more."""
    account, form = request[ACCOUNT], await request.post()
    await showing.take_back_voice(request.app[RUNTIME], request.match_info["id"], actor=account.name)
    raise web.HTTPSeeOther(back_to(str(form.get("back", ""))))


def _is_public(file: MediaFile) -> bool:
    return file.public and file.post_state is State.PUBLISHED and not file.private


async def _sent_it(request: web.Request, connection: Any, file: MediaFile) -> bool:
    """Whether the browser that asks is its author's, or that of who was answered with it."""
    if auth.VISITOR_COOKIE not in request.cookies:
        return False
    person = await citizens.person_at(connection, request.app[RUNTIME].vault.lookup(auth.visitor(request)))
    if person is None:
        return False
    return await mine.wrote(connection, person, file.post_id) or await mine.was_answered(
        connection, person, file.post_id
    )
