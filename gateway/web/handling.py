"""The steps of a case on the staff's page of a post, and in the API."""

from aiohttp import web

from gateway.casework import assigning, handling
from gateway.errors import BadInput, Conflict
from gateway.schema_cases import CaseStep
from gateway.web import bodies, bodies_casework, console
from gateway.web.keys import ACCOUNT, RUNTIME


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.post("/console/posts/{ticket}/case", _take),
        web.post("/api/v1/console/posts/{reference}/case", _take_by_program),
        web.post("/console/posts/{ticket}/officer", _assign),
        web.post("/api/v1/console/posts/{reference}/officer", _assign_by_program),
    ]


async def _take(request: web.Request) -> web.Response:
    ticket, form = request.match_info["ticket"], await request.post()
    await console.check_readable(request, ticket)
    step, words = str(form.get("step", "")), str(form.get("text", "")).replace("\r\n", "\n")
    try:
        if step not in list(CaseStep):
            raise BadInput("choose what to do", "step")
        department, other = (str(form.get(name, "")) or None for name in ("department", "other"))
        wanted = handling.Wanted(CaseStep(step), department, words, other)
        await handling.take(request.app[RUNTIME], ticket, wanted, request[ACCOUNT])
    except (BadInput, Conflict) as error:
        return await console.draw_post(request, ticket, error.status, fault=str(error), stepping=step, stepped=words)
    raise web.HTTPSeeOther(f"/console/posts/{ticket}#case")


async def _take_by_program(request: web.Request) -> web.Response:
    body = await bodies.read(request, bodies_casework.Handling)
    await console.check_readable(request, request.match_info["reference"])
    wanted = handling.Wanted(body.step, body.department, body.text, body.other)
    await handling.take(request.app[RUNTIME], request.match_info["reference"], wanted, request[ACCOUNT])
    return web.json_response({})


async def _assign(request: web.Request) -> web.Response:
    ticket, form = request.match_info["ticket"], await request.post()
    await console.check_readable(request, ticket)
    try:
        await assigning.assign(request.app[RUNTIME], ticket, str(form.get("officer", "")) or None, request[ACCOUNT])
    except (BadInput, Conflict) as error:
        return await console.draw_post(request, ticket, error.status, fault=str(error))
    raise web.HTTPSeeOther(f"/console/posts/{ticket}#case")


async def _assign_by_program(request: web.Request) -> web.Response:
    body = await bodies.read(request, bodies_casework.Officer)
    await console.check_readable(request, request.match_info["reference"])
    await assigning.assign(request.app[RUNTIME], request.match_info["reference"], body.officer, request[ACCOUNT])
    return web.json_response({})
