"""The radio's bulletins for staff: which there are, what each says, one by hand, and taking one off the air."""

from typing import Any

from aiohttp import web

from gateway.casework import bulletins
from gateway.casework.bulletins import ACTS
from gateway.errors import Conflict
from gateway.schema import LANGUAGES
from gateway.schema_public import moment
from gateway.web.channel_labels import BULLETIN_DONE
from gateway.web.console import draw
from gateway.web.keys import ACCOUNT, RUNTIME
from store import bulletins as rows
from store.bulletins import Made

PATH = "/console/bulletins"
API = "/api/v1/console/bulletins"
ACT = "/{id:[0-9a-f]{32}}/{act:" + "|".join(ACTS) + "}"
SHOWN = 30


def routes() -> list[web.RouteDef]:
    """Their addresses, for people and for programs."""
    return [
        web.get(PATH, _show),
        web.post(PATH, _make),
        web.post(PATH + ACT, _act),
        web.get(API, _api_list),
        web.post(API, _api_make),
        web.post(API + ACT, _api_act),
    ]


async def _show(request: web.Request) -> web.Response:
    return await _draw(request)


async def _make(request: web.Request) -> web.Response:
    await bulletins.make_now(request.app[RUNTIME], actor=request[ACCOUNT].name)
    raise web.HTTPSeeOther(f"{PATH}?done=made")


async def _act(request: web.Request) -> web.Response:
    account, act = request[ACCOUNT], request.match_info["act"]
    try:
        await ACTS[act](request.app[RUNTIME], request.match_info["id"], actor=account.name)
    except Conflict as error:
        return await _draw(request, error.status, refused=str(error))
    raise web.HTTPSeeOther(f"{PATH}?done={act}")


async def _draw(request: web.Request, status: int = 200, *, refused: str | None = None) -> web.Response:
    runtime, done = request.app[RUNTIME], request.query.get("done", "")
    return await draw(
        request,
        "console/bulletins.html",
        status,
        bulletins=[(made, made.public()) for made in await _newest(request)],
        radio=runtime.settings.radio,
        done=done if done in BULLETIN_DONE else None,
        refused=refused,
    )


async def _api_list(request: web.Request) -> web.Response:
    return web.json_response({"items": [_shown(made) for made in await _newest(request)]})


async def _api_make(request: web.Request) -> web.Response:
    made = await bulletins.make_now(request.app[RUNTIME], actor=request[ACCOUNT].name)
    return web.json_response({"ids": made}, status=201)


async def _api_act(request: web.Request) -> web.Response:
    bulletin_id, account = request.match_info["id"], request[ACCOUNT]
    await ACTS[request.match_info["act"]](request.app[RUNTIME], bulletin_id, actor=account.name)
    return web.json_response({"id": bulletin_id})


async def _newest(request: web.Request) -> list[Made]:
    async with request.app[RUNTIME].database.reading() as connection:
        return await rows.newest(connection, LANGUAGES, SHOWN)


def _shown(made: Made) -> dict[str, Any]:
    """A bulletin as programs get it: what may be said of it now, and how it stands."""
    public = made.public()
    return {
        **{"id": made.id, "language": made.language, "edition": made.edition, "state": made.state},
        **{"version": made.version, "title": made.title, "at": moment(made.at)},
        **{"since": moment(made.since), "until": moment(made.until), "made_by": made.actor, "error": made.error},
        "sound": {"url": public.file("mp3"), "bytes": public.size, "seconds": public.seconds} if public.size else None,
        "parts": [
            {"title": part.title, "text": part.text, "ticket": part.ticket, "start": part.start, "own": part.own_voice}
            for part in public.items
        ],
    }
