"""Public pages that belong to no channel: what the city says of itself."""

from typing import Any

from aiohttp import web

from gateway import clock
from gateway.errors import NotFound
from gateway.journey import automatic
from gateway.settings import Settings
from gateway.web.keys import DRAWING, RUNTIME
from store import cases

# How many of the late ones are listed, the longest late first; how many there are stands with each department.
MOST_LATE = 50


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get("/departments", _departments),
        web.get("/departments/{slug}", _department),
        web.get("/rules", _rules),
        web.get("/privacy", _privacy),
        web.get("/follow", _follow),
    ]


async def _draw(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    # They tell what the settings are and whether a rule publishes: the same to everybody.
    return await request.app[DRAWING].page(request, template, values, status, lasting=True)


async def _departments(request: web.Request) -> web.Response:
    settings, at = request.app[RUNTIME].settings, clock.now()
    async with request.app[RUNTIME].database.reading() as connection:
        loads = await cases.loads(connection, [department.slug for department in settings.departments], at)
        late = await cases.overdue(connection, at, MOST_LATE)
    served = {
        department.slug: [category.slug for category in settings.categories if category.department == department.slug]
        for department in settings.departments
    }
    return await _draw(request, "departments.html", served=served, loads=loads, late=late)


async def _department(request: web.Request) -> web.Response:
    """What a department was given is a question to the timeline."""
    slug = request.match_info["slug"]
    if slug not in {department.slug for department in request.app[RUNTIME].settings.departments}:
        raise NotFound("there is no such department")
    raise web.HTTPSeeOther(f"/?department={slug}")


async def _rules(request: web.Request) -> web.Response:
    settings = request.app[RUNTIME].settings
    mode, _ = await automatic.in_force(request.app[RUNTIME])
    values: dict[str, Any] = {"rules": settings, "hidden": _hidden(settings), "by_hand": mode is automatic.Mode.BY_HAND}
    return await _draw(request, "rules.html", reasons=settings.reasons[:-1], **values)


async def _privacy(request: web.Request) -> web.Response:
    settings = request.app[RUNTIME].settings
    return await _draw(request, "privacy.html", rules=settings, hidden=_hidden(settings))


async def _follow(request: web.Request) -> web.Response:
    return await _draw(request, "follow.html")


def _hidden(settings: Settings) -> list[str]:
    """Which private numbers are hidden in texts, as `labels.MASKED` names them."""
    return [kind for kind, on in settings.filters.masking.model_dump().items() if on]
