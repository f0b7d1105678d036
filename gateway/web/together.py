"""Joining reports about the same thing, and separating what does not belong together: staff's forms, and the API."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.errors import BadInput, Conflict, NotFound
from gateway.journey import joining, parting
from gateway.journey.claiming import Held
from gateway.runtime import Runtime
from gateway.web import bodies, bodies_casework, console
from gateway.web.console import back_to
from gateway.web.decisions import drawn, wants_json
from gateway.web.keys import ACCOUNT, DRAWING, LANGUAGE, RUNTIME
from store import changes


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.post("/console/posts/{id}/join", _join),
        web.post("/console/posts/{id}/separate", _separate),
        web.post("/console/posts/{id}/put-back", _put_back),
        web.post("/api/v1/console/posts/{reference}/join", _join_by_program),
        web.post("/api/v1/console/posts/{reference}/separate", _separate_by_program),
        web.post("/api/v1/console/posts/{reference}/put-back", _put_back_by_program),
    ]


async def _join(request: web.Request) -> web.Response:
    """Join a report to the public one whose ticket was chosen, or typed."""
    form, post_id = await request.post(), request.match_info["id"]
    into = "".join(letter for letter in str(form.get("into", "")) if letter.isdecimal())
    try:
        if len(into) != len("12345678"):
            raise BadInput("type the ticket of the other report", "other")
        try:
            done = await joining.join_posts(
                request.app[RUNTIME],
                post_id,
                into,
                actor=request[ACCOUNT].name,
                unless_held="unless_held" in form,
            )
        except NotFound as error:
            raise BadInput("there is no such ticket", "other") from error
    except (BadInput, Conflict) as error:
        return await _again(request, form, error)
    if wants_json(request):
        return await drawn(request, [done])
    onward = back_to(str(form.get("back", "")))
    raise web.HTTPSeeOther(f"/console?done={done}" if onward == "/console" else f"{onward}#together")


async def _separate(request: web.Request) -> web.Response:
    """Have a joined report stand by itself again, or make what was added to one a report of its own."""
    try:
        ticket = await separate(request.app[RUNTIME], request.match_info["id"], actor=request[ACCOUNT].name)
    except Conflict as error:
        return await _again(request, await request.post(), error)
    raise web.HTTPSeeOther(f"/console/posts/{ticket}")


async def _put_back(request: web.Request) -> web.Response:
    try:
        ticket = await parting.put_back(request.app[RUNTIME], request.match_info["id"], actor=request[ACCOUNT].name)
    except Conflict as error:
        return await _again(request, await request.post(), error)
    raise web.HTTPSeeOther(f"/console/posts/{ticket}")


async def _join_by_program(request: web.Request) -> web.Response:
    body = await bodies.read(request, bodies_casework.Joining)
    actor = request[ACCOUNT].name
    await joining.join_posts(request.app[RUNTIME], request.match_info["reference"], body.into, actor=actor)
    return web.json_response({"ticket": body.into})


async def _separate_by_program(request: web.Request) -> web.Response:
    actor = request[ACCOUNT].name
    return web.json_response(
        {"ticket": await separate(request.app[RUNTIME], request.match_info["reference"], actor=actor)}
    )


async def _put_back_by_program(request: web.Request) -> web.Response:
    actor = request[ACCOUNT].name
    return web.json_response(
        {"ticket": await parting.put_back(request.app[RUNTIME], request.match_info["reference"], actor=actor)}
    )


async def separate(runtime: Runtime, reference: str, *, actor: str) -> str:
    """Separate what was joined or added; gives the ticket it stands under now."""
    async with runtime.database.reading() as connection:
        post = await changes.load(connection, reference)
    if post.id != post.thread_id:
        return await parting.separate(runtime, post.id, actor=actor)
    await joining.separate_post(runtime, post.id, actor=actor)
    return post.ticket


async def _again(request: web.Request, form: Mapping[str, Any], error: BadInput | Conflict) -> web.Response:
    """The page it came from, with what was wrong."""
    if wants_json(request):
        fault = request.app[DRAWING].say(request[LANGUAGE], str(error))
        holder = error.holder if isinstance(error, Held) else None
        return web.json_response({"fault": fault, "holder": holder}, status=error.status)
    post_id = request.match_info["id"]
    return await console.draw_post(request, post_id, error.status, fault=str(error), into=str(form.get("into", "")))
