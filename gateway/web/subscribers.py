"""The console's page of subscribers: which other systems are told of publications, how they fare, and all one does."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from gateway.errors import BadInput, Conflict
from gateway.journey import subscribing
from gateway.journey.subscribing import Entered
from gateway.web.console import draw
from gateway.web.keys import ACCOUNT, RUNTIME
from store import subscribers
from store.events import About

PATH = "/console/subscribers"
# What may be done with one that gives nothing to show; the page says it was done.
ACTS: Mapping[str, Callable[..., Awaitable[None]]] = {
    "pause": subscribing.pause,
    "resume": subscribing.resume,
    "test": subscribing.test,
    "replay": subscribing.replay,
    "remove": subscribing.remove,
}


def routes() -> list[web.RouteDef]:
    """Its addresses, all for administrators."""
    return [
        web.get(PATH, _show),
        web.post(PATH, _add),
        web.post(PATH + "/{id}/rotate", _rotate),
        web.post(PATH + "/{id}/{act:" + "|".join(ACTS) + "}", _act),
    ]


async def _show(request: web.Request) -> web.Response:
    done = request.query.get("done", "")
    return await _draw(request, done=done if done in ACTS else None)


async def _add(request: web.Request) -> web.Response:
    """Enter one; its secret is in this answer and never again, so that the answer is no redirect."""
    account, form = request[ACCOUNT], await request.post()
    typed = {name: str(form.get(name, "")).strip() for name in ("url", "name", "category", "department", "place")}
    about = [str(value) for value in form.getall("about", [])]
    try:
        entered = await subscribing.add(request.app[RUNTIME], **typed, about=about, actor=account.name)
    except (BadInput, Conflict) as error:
        field = getattr(error, "field", None) or "url"
        return await _draw(request, error.status, faults={field: str(error)}, typed=typed, about=about)
    return await _draw(request, entered=entered)


async def _rotate(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    entered = await subscribing.rotate(request.app[RUNTIME], request.match_info["id"], actor=account.name)
    return await _draw(request, entered=entered, renewed=True)


async def _act(request: web.Request) -> web.Response:
    account, act = request[ACCOUNT], request.match_info["act"]
    try:
        await ACTS[act](request.app[RUNTIME], request.match_info["id"], actor=account.name)
    except Conflict as error:
        return await _draw(request, error.status, refused=str(error))
    raise web.HTTPSeeOther(f"{PATH}?done={act}")


async def _draw(
    request: web.Request,
    status: int = 200,
    *,
    entered: Entered | None = None,
    typed: Mapping[str, str] | None = None,
    **values: Any,
) -> web.Response:
    runtime = request.app[RUNTIME]
    async with runtime.database.reading() as connection:
        found = await subscribers.everyone(connection)
    known: dict[str, Any] = {
        "subscribers": found,
        "entered": entered,
        "named": next((one.name for one in found if entered and one.id == entered.id), ""),
        "typed": typed or {},
        "abouts": list(About),
        "about": [],
        "faults": {},
        "renewed": False,
        "done": None,
        "refused": None,
        "running": runtime.subscribing() is not None,
        "days": runtime.settings.subscribers.failing_days,
        "longest_name": subscribing.LONGEST_NAME,
        "longest_place": subscribing.LONGEST_PLACE,
    }
    return await draw(request, "console/subscribers.html", status, **{**known, **values})
