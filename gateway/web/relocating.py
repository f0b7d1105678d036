"""Where something is, set by those who decide: on the staff's page of a post, and in the API."""

from aiohttp import web

from gateway.errors import BadInput
from gateway.journey import relocating
from gateway.web import bodies, bodies_moderation, console
from gateway.web.keys import ACCOUNT, RUNTIME


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.post("/console/posts/{ticket}/place", _move),
        web.post("/api/v1/console/posts/{reference}/place", _move_by_program),
    ]


async def _move(request: web.Request) -> web.Response:
    ticket, form = request.match_info["ticket"], await request.post()
    try:
        await relocating.move(
            request.app[RUNTIME], ticket, str(form.get("place", "")).strip(), actor=request[ACCOUNT].name
        )
    except BadInput as error:
        return await console.draw_post(request, ticket, error.status, fault=str(error))
    raise web.HTTPSeeOther(f"/console/posts/{ticket}")


async def _move_by_program(request: web.Request) -> web.Response:
    body = await bodies.read(request, bodies_moderation.Whereabouts)
    await relocating.move(
        request.app[RUNTIME], request.match_info["reference"], body.place.strip(), actor=request[ACCOUNT].name
    )
    return web.json_response({})
