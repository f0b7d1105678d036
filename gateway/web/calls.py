"""Calls for staff: those going on, word by word, and how those of the last days ended. Who calls is shown to nobody."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.journey import masking
from gateway.runtime import Runtime
from gateway.schema_public import moment
from gateway.web import access, calls_live
from gateway.web.api import whole_number
from gateway.web.console import draw
from gateway.web.keys import ACCOUNT, RUNTIME
from store import calls
from store.calls import Call

# More calls than can be followed are counted only.
MOST_SHOWN = 200
MOST_ENDED = 100
USUAL_ENDED = 50


def routes() -> list[web.RouteDef]:
    """The page, its stream, and the same for programs."""
    return [
        web.get("/console/calls", _page),
        web.get("/console/calls/live", calls_live.stream, allow_head=False),
        web.get("/api/v1/console/calls", _json),
    ]


async def look(runtime: Runtime, most_ended: int) -> tuple[int, Sequence[Call], Sequence[Call]]:
    """How many calls are going on, these, and those that ended last."""
    async with runtime.database.reading() as connection:
        number = await calls.going_on(connection, clock.now())
        present = await calls.present(connection, runtime.vault, MOST_SHOWN)
        ended = await calls.ended(connection, runtime.vault, most_ended)
    return number, present, ended


async def _page(request: web.Request) -> web.Response:
    access.check_queue(request[ACCOUNT])
    runtime, at = request.app[RUNTIME], clock.now()
    number, present, ended = await look(runtime, USUAL_ENDED)
    return await draw(
        request,
        "console/calls.html",
        number=number,
        present=present,
        ended=ended,
        most=runtime.settings.calls.most_at_once,
        most_shown=MOST_SHOWN,
        days=runtime.settings.keeping.call_days,
        since=calls_live.number_of(at),
        **calls_live.known(runtime),
    )


async def _json(request: web.Request) -> web.Response:
    access.check_queue(request[ACCOUNT])
    runtime = request.app[RUNTIME]
    number, present, ended = await look(runtime, whole_number(request, "limit", USUAL_ENDED, MOST_ENDED))
    return web.json_response(
        {
            "going_on": number,
            "most_at_once": runtime.settings.calls.most_at_once,
            "calls": [plain(runtime, call) for call in present],
            "ended": [plain(runtime, call) for call in ended],
        }
    )


def plain(runtime: Runtime, call: Call) -> Mapping[str, Any]:
    """A call for programs; its words masked, as every text that staff see."""
    return {
        "id": call.id,
        "channel": call.channel,
        "line": call.line,
        "language": call.language,
        "live": call.live,
        "step": call.step,
        "begun_at": moment(call.begun_at),
        "ended_at": moment(call.ended_at) if call.ended_at else None,
        "ended": call.how,
        "ticket": call.ticket,
        "words": [masking.mask_as_set(runtime.settings, said) for said in call.words.settled],
        "partial": masking.mask_as_set(runtime.settings, call.words.partial),
    }
