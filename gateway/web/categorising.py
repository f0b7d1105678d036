"""Saying what a report is about, from the page of the post and by programs."""

from aiohttp import web

from gateway.errors import BadInput, Conflict
from gateway.journey.categorising import categorise
from gateway.web import bodies, bodies_moderation, console
from gateway.web.keys import ACCOUNT, RUNTIME


def routes() -> list[web.RouteDef]:
    """Its addresses, for those who decide."""
    return [
        web.post(r"/console/posts/{ticket:\d{8}}/category", _choose),
        web.post("/api/v1/console/posts/{reference}/category", _api_choose),
    ]


async def _choose(request: web.Request) -> web.Response:
    ticket, sent = request.match_info["ticket"], await request.post()
    try:
        await categorise(
            request.app[RUNTIME],
            ticket,
            str(sent.get("category", "")) or None,
            actor=request[ACCOUNT].name,
            version=console.version_of(sent),
        )
    except (BadInput, Conflict) as error:
        return await console.draw_post(request, ticket, error.status, fault=str(error))
    raise web.HTTPSeeOther(f"/console/posts/{ticket}")


async def _api_choose(request: web.Request) -> web.Response:
    body = await bodies.read(request, bodies_moderation.CategoryChoice)
    version = await categorise(
        request.app[RUNTIME],
        request.match_info["reference"],
        body.category,
        actor=request[ACCOUNT].name,
        version=body.version,
    )
    return web.json_response({"version": version})
