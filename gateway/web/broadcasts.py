"""Broadcasts for staff: how each stands and what became of it, on two pages of the console and as JSON."""

from dataclasses import asdict
from typing import Any

from aiohttp import web

from gateway.errors import BadInput, Conflict
from gateway.journey import broadcasting
from gateway.schema_outgoing import DeliveryState
from gateway.web import auth, bodies, bodies_deliveries
from gateway.web.api import whole_number
from gateway.web.console import draw
from gateway.web.console_api import MOST, USUAL, plain
from gateway.web.keys import ACCOUNT, RUNTIME
from store import progress
from store.accounts import Account, Role
from store.broadcasts import BY_HAND, UNSETTLED, WAITING, BroadcastState
from store.progress import Standing

LISTED = 50
# What costs money is agreed to by those who answer for it.
ALLOWED = {"pause": Role.MODERATOR, "resume": Role.MODERATOR, "stop": Role.MODERATOR, "agree": Role.ADMINISTRATOR}


def routes() -> list[web.RouteDef]:
    """Pages and API."""
    return [
        web.get("/console/broadcasts", _list),
        web.get("/console/broadcasts/{id}", _show),
        web.post("/console/broadcasts/{id}/{action}", _change),
        web.get("/api/v1/console/broadcasts", _list_json),
        web.get("/api/v1/console/broadcasts/{id}", _show_json),
        web.post("/api/v1/console/broadcasts/{id}/change", _change_json),
    ]


def actions(standing: Standing, left: int, account: Account) -> list[str]:
    """What an account may do with a broadcast of which so many have not left, in the order of the buttons."""
    if standing.state is BroadcastState.EXPANDED and not left:
        return []
    possible = (one for one in ("agree", "resume", "pause", "stop") if standing.state in BY_HAND[one][0])
    return [one for one in possible if account.role in (ALLOWED[one], Role.ADMINISTRATOR)]


async def _list(request: web.Request) -> web.Response:
    chosen = _state(request)
    async with request.app[RUNTIME].database.reading() as connection:
        known = await progress.newest(connection, LISTED, chosen)
        asking = await progress.asking(connection)
    values: dict[str, Any] = {"known": known, "asking": asking, "states": list(BroadcastState), "chosen": chosen}
    return await draw(request, "console/broadcasts.html", **values)


async def _show(request: web.Request) -> web.Response:
    return await _draw_one(request, request.match_info["id"])


async def _change(request: web.Request) -> web.Response:
    broadcast_id, action = request.match_info["id"], request.match_info["action"]
    if action not in BY_HAND:
        raise web.HTTPNotFound
    account = auth.require(request, ALLOWED[action])
    try:
        await broadcasting.change(request.app[RUNTIME], broadcast_id, action, actor=account.name)
    except Conflict as error:
        return await _draw_one(request, broadcast_id, str(error), error.status)
    raise web.HTTPSeeOther(f"/console/broadcasts/{broadcast_id}")


async def _list_json(request: web.Request) -> web.Response:
    limit, state = whole_number(request, "limit", USUAL, MOST), _state(request)
    async with request.app[RUNTIME].database.reading() as connection:
        known = await progress.newest(connection, limit, state)
    return web.json_response({"items": [plain(asdict(one)) for one in known]})


async def _show_json(request: web.Request) -> web.Response:
    async with request.app[RUNTIME].database.reading() as connection:
        standing, account = await progress.one(connection, request.match_info["id"])
    reasons = [{"state": state, "reason": reason, "number": number} for state, reason, number in account.reasons]
    became = {"channels": account.channels, "states": account.states, "reasons": reasons, "seconds": account.seconds}
    return web.json_response({**plain(asdict(standing)), **became})


async def _change_json(request: web.Request) -> web.Response:
    body = await bodies.read(request, bodies_deliveries.BroadcastChange)
    account = auth.require(request, ALLOWED[body.action])
    await broadcasting.change(request.app[RUNTIME], request.match_info["id"], body.action, actor=account.name)
    return await _show_json(request)


def _state(request: web.Request) -> BroadcastState | None:
    wanted = request.query.get("state")
    if not wanted:
        return None
    if wanted not in list(BroadcastState):
        raise BadInput(f"one of {', '.join(BroadcastState)}", "state")
    return BroadcastState(wanted)


async def _draw_one(
    request: web.Request, broadcast_id: str, fault: str | None = None, status: int = 200
) -> web.Response:
    async with request.app[RUNTIME].database.reading() as connection:
        standing, account = await progress.one(connection, broadcast_id)
    shown = [state for state in DeliveryState if account.states[state]]
    return await draw(
        request,
        "console/broadcast.html",
        status,
        fault=fault,
        one=standing,
        became=account,
        states=shown,
        actions=actions(standing, sum(account.states[state] for state in (*WAITING, *UNSETTLED)), request[ACCOUNT]),
        limit=request.app[RUNTIME].settings.broadcast.ask_above,
    )
