"""The console's pages of deliveries: what left, why one did not arrive, and the dead letters."""

from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from gateway import clock
from gateway.errors import BadInput
from gateway.journey import redelivery
from gateway.schema_outgoing import DeliveryState
from gateway.web import auth
from gateway.web.console import draw
from gateway.web.keys import ACCOUNT, RUNTIME
from store import dead_letters, deliveries
from store.accounts import Role

SHOWN = 200
LAST = 2**62


def routes() -> list[web.RouteDef]:
    """Its addresses."""
    return [
        web.get("/console/deliveries", _list),
        web.get("/console/deliveries/{id:[0-9]{1,18}}", _one),
        web.get("/console/dead-letters", _dead),
        web.post("/console/deliveries/again", _again),
        web.post("/console/deliveries/drop", _drop),
    ]


async def _list(request: web.Request) -> web.Response:
    ticket, state = request.query.get("ticket", "").replace(" ", ""), _state(request)
    before, known = before_number(request, "before"), sorted(request.app[RUNTIME].channels)
    channel = request.query.get("channel", "")[:32]
    async with request.app[RUNTIME].database.reading() as connection:
        found = await deliveries.search(
            connection, ticket=ticket or None, state=state, channel=channel or None, limit=SHOWN + 1, before=before
        )
    asked = {name: value for name, value in (("state", state), ("channel", channel), ("ticket", ticket)) if value}
    earlier = "?" + urlencode({**asked, "before": found[SHOWN - 1].id}) if len(found) > SHOWN else None
    values = {
        "deliveries": found[:SHOWN],
        "states": list(DeliveryState),
        "chosen": state,
        # Also one that is off now: what it sent is still there.
        "channels": known if channel in ("", *known) else [*known, channel],
        "channel": channel,
        "ticket": ticket,
        "show_ticket": True,
        "earlier": earlier,
        "begin": "?" + urlencode(asked) if before != LAST else None,
    }
    return await _draw(request, "console/deliveries.html", values)


def before_number(request: web.Request, name: str) -> int:
    """The delivery before which a page begins. Raises `BadInput`."""
    value = request.query.get(name) or str(LAST)
    if not value.isascii() or not value.isdigit() or len(value) > len(str(LAST)):
        raise BadInput("this cursor was not given by us", name)
    return min(int(value), LAST)


async def _one(request: web.Request) -> web.Response:
    return await _draw_one(request, int(request.match_info["id"]))


async def _dead(request: web.Request) -> web.Response:
    return await _draw_dead(request)


async def _again(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    form = await request.post()
    try:
        await redelivery.send_again(request.app[RUNTIME], _chosen(form), actor=account.name)
    except BadInput as error:
        return await _back(request, form, error)
    raise web.HTTPSeeOther(_onward(form))


async def _drop(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    form = await request.post()
    try:
        await redelivery.drop(request.app[RUNTIME], _chosen(form), str(form.get("reason", "")), actor=account.name)
    except BadInput as error:
        return await _back(request, form, error)
    raise web.HTTPSeeOther(_onward(form))


async def _back(request: web.Request, form: Any, error: BadInput) -> web.Response:
    """The page it came from, with what was wrong."""
    one = _onward(form).rpartition("/")[2]
    if one.isdecimal():
        return await _draw_one(request, int(one), str(error), error.status)
    return await _draw_dead(request, str(error), error.status)


async def _draw_one(request: web.Request, number: int, fault: str | None = None, status: int = 200) -> web.Response:
    one, standings = await redelivery.look(request.app[RUNTIME], number)
    values = {"one": one, "standings": standings, "fault": fault, "reasons": redelivery.REASONS}
    return await _draw(request, "console/delivery.html", values, status)


async def _draw_dead(request: web.Request, fault: str | None = None, status: int = 200) -> web.Response:
    state = _state(request)
    state = state if state in dead_letters.STATES else None
    channel, reason = request.query.get("channel") or None, request.query.get("reason") or None
    async with request.app[RUNTIME].database.reading() as connection:
        piles = await dead_letters.piles(connection)
        found = await dead_letters.found(
            connection, clock.now(), state=state, channel=channel, reason=reason, limit=SHOWN
        )
    values = {
        "deliveries": found,
        "piles": piles,
        "states": dead_letters.STATES,
        "channels": sorted({*request.app[RUNTIME].channels, *(pile.channel for pile in piles)}),
        "chosen": {"state": state, "channel": channel, "reason": reason},
        "fault": fault,
        "reasons": redelivery.REASONS,
    }
    return await _draw(request, "console/dead_letters.html", values, status)


async def _draw(request: web.Request, template: str, values: dict[str, Any], status: int = 200) -> web.Response:
    return await draw(request, template, status, may_act=auth.may(request, Role.MODERATOR), **values)


def _state(request: web.Request) -> DeliveryState | None:
    chosen = request.query.get("state")
    return DeliveryState(chosen) if chosen in list(DeliveryState) else None


def _chosen(form: Any) -> list[int]:
    """The deliveries that were ticked, or all that the page showed."""
    ticked = form.get("shown", "").split(",") if "all" in form else form.getall("id", [])
    return [int(number) for number in ticked if str(number).isdecimal() and len(str(number)) <= 18]


def _onward(form: Any) -> str:
    back = str(form.get("back", ""))
    known = back.startswith("/console/deliveries/") and back.rpartition("/")[2].isdecimal()
    return back if known else "/console/dead-letters"
