"""The public pages of departments: who answers what, how to reach them, and how well they keep their time."""

from datetime import timedelta

from aiohttp import web

from gateway import clock
from gateway.casework import league
from gateway.errors import NotFound
from gateway.journey import organisation
from gateway.web.keys import DRAWING, RUNTIME
from store import cases

# How many of the late ones are listed, the longest late first; how many there are stands with each department.
MOST_LATE = 50
MOST_LATE_OF_ONE = 20
# Of how many days it is told what was answered.
DAYS = 30


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [web.get("/departments", _all), web.get("/departments/{slug}", _one)]


async def _all(request: web.Request) -> web.Response:
    settings, at = request.app[RUNTIME].settings, clock.now()
    async with request.app[RUNTIME].database.reading() as connection:
        loads = await cases.loads(connection, [department.slug for department in settings.departments], at)
        late = await cases.overdue(connection, at, MOST_LATE)
    served = {
        department.slug: [category.slug for category in settings.categories if category.department == department.slug]
        for department in settings.departments
    }
    values = {
        "served": served,
        "loads": loads,
        "late": late,
        "tree": [(department.slug, min(depth, 4)) for department, depth in organisation.in_tree(settings.departments)],
    }
    return await request.app[DRAWING].page(request, "departments.html", values, lasting=True)


async def _one(request: web.Request) -> web.Response:
    """One department, also one that is no more: its posts lead here."""
    settings, at, slug = request.app[RUNTIME].settings, clock.now(), request.match_info["slug"]
    one = next((known for known in settings.known_departments if known.slug == slug), None)
    if one is None:
        raise NotFound("there is no such department")
    async with request.app[RUNTIME].database.reading() as connection:
        load = (await cases.loads(connection, [slug], at))[slug]
        record = await cases.record(connection, slug, at - timedelta(days=DAYS))
        late = await cases.overdue(connection, at, MOST_LATE_OF_ONE, department=slug)
    values = {
        "one": one,
        "judged": await league.judged(request.app[RUNTIME], slug),
        "former": one in settings.former_departments,
        "load": load,
        "record": record,
        "days": DAYS,
        "late": late,
        "below": [known.slug for known in settings.departments if known.parent == slug],
        "served": [category.slug for category in settings.categories if category.department == slug],
    }
    return await request.app[DRAWING].page(request, "department.html", values, lasting=True)
