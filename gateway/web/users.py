"""The administrators' page of users, and the same as JSON: who there is, one made, one changed."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.errors import BadInput, Conflict, EverylineError, NotFound
from gateway.runtime import Runtime
from gateway.web import bodies, bodies_organisation, staffing
from gateway.web.console import draw
from gateway.web.console_api import plain
from gateway.web.keys import ACCOUNT, RUNTIME
from store import accounts, audit, sessions
from store.accounts import Member, Role

ACTIONS = ("role", "disable", "enable", "reset", "second-factor")
SHOWN_TRACES = 20


def routes() -> list[web.RouteDef]:
    """Pages and API."""
    return [
        web.get("/console/users", _list),
        web.post("/console/users", _add),
        web.get("/console/users/{id}", _show),
        web.post("/console/users/{id}/{action}", _change),
        web.get("/api/v1/console/users", _list_json),
        web.post("/api/v1/console/users", _add_json),
        web.post("/api/v1/console/users/{id}/change", _change_json),
    ]


async def _list(request: web.Request) -> web.Response:
    return await _draw_list(request)


async def _add(request: web.Request) -> web.Response:
    form = {name: str(value).strip() for name, value in (await request.post()).items()}
    try:
        account, link = await staffing.invite(
            request.app[RUNTIME],
            form.get("name", ""),
            form.get("role", ""),
            form.get("department") or None,
            head="head" in form,
            actor=request[ACCOUNT].name,
        )
    except (BadInput, Conflict) as error:
        return await _draw_list(request, error, form)
    return await _draw_one(request, account.id, link=link)


async def _show(request: web.Request) -> web.Response:
    return await _draw_one(request, request.match_info["id"])


async def _change(request: web.Request) -> web.Response:
    account_id, action = request.match_info["id"], request.match_info["action"]
    form = await request.post()
    try:
        role, department = str(form.get("role", "")), str(form.get("department", ""))
        link = await _act(request, account_id, action, role, department, head="head" in form)
    except (BadInput, Conflict) as error:
        return await _draw_one(request, account_id, fault=error)
    if link:
        return await _draw_one(request, account_id, link=link)
    raise web.HTTPSeeOther(f"/console/users/{account_id}")


async def _list_json(request: web.Request) -> web.Response:
    async with request.app[RUNTIME].database.reading() as connection:
        known = await accounts.everybody(connection)
    return web.json_response({"items": [_json(member) for member in known]})


async def _add_json(request: web.Request) -> web.Response:
    body = await bodies.read(request, bodies_organisation.NewUser)
    runtime, actor = request.app[RUNTIME], request[ACCOUNT].name
    account, link = await staffing.invite(runtime, body.name, body.role, body.department, actor=actor, head=body.head)
    return web.json_response({**_json(await _member(runtime, account.id)), "link": link}, status=201)


async def _change_json(request: web.Request) -> web.Response:
    body, account_id = await bodies.read(request, bodies_organisation.UserChange), request.match_info["id"]
    link = await _act(request, account_id, body.action, body.role or "", body.department or "", head=body.head)
    changed = _json(await _member(request.app[RUNTIME], account_id))
    return web.json_response(changed | ({"link": link} if link else {}))


async def _act(
    request: web.Request, account_id: str, action: str, role: str, department: str, *, head: bool
) -> str | None:
    """Do one of `ACTIONS`; gives the one-time link when it makes one."""
    runtime, actor = request.app[RUNTIME], request[ACCOUNT].name
    match action:
        case "role":
            await staffing.set_role(runtime, account_id, role, department or None, actor=actor, head=head)
        case "disable":
            await staffing.disable(runtime, account_id, actor=actor)
        case "enable":
            await staffing.enable(runtime, account_id, actor=actor)
        case "reset":
            return await staffing.reset_password(runtime, account_id, actor=actor)
        case "second-factor":
            await staffing.remove_second_factor(runtime, account_id, actor=actor)
        case _:
            raise NotFound("there is no such change")
    return None


async def _member(runtime: Runtime, account_id: str) -> Member:
    async with runtime.database.reading() as connection:
        known = await accounts.everybody(connection)
    found = next((member for member in known if member.account.id == account_id), None)
    if found is None:
        raise NotFound("there is no such account")
    return found


def _json(member: Member) -> dict[str, Any]:
    known = asdict(member)
    return {**plain(known.pop("account")), **plain(known)}


async def _draw_list(
    request: web.Request, fault: EverylineError | None = None, typed: Mapping[str, str] | None = None
) -> web.Response:
    async with request.app[RUNTIME].database.reading() as connection:
        known = await accounts.everybody(connection)
    return await draw(
        request,
        "console/users.html",
        fault.status if fault else 200,
        members=known,
        at=clock.now(),
        roles=list(Role),
        hours=request.app[RUNTIME].settings.accounts.invitation_hours,
        fault=str(fault) if fault else None,
        typed=typed or {},
    )


async def _draw_one(
    request: web.Request, account_id: str, *, link: str | None = None, fault: EverylineError | None = None
) -> web.Response:
    runtime, at = request.app[RUNTIME], clock.now()
    member = await _member(runtime, account_id)
    async with runtime.database.reading() as connection:
        running = await sessions.of_account(connection, account_id, at)
        did = await audit.traces(connection, audit.Wanted(actor=member.account.name), limit=SHOWN_TRACES)
    return await draw(
        request,
        "console/user.html",
        fault.status if fault else 200,
        member=member,
        running=running,
        did=did,
        at=at,
        roles=list(Role),
        own=member.account.id == request[ACCOUNT].id,
        link=link,
        hours=runtime.settings.accounts.invitation_hours,
        fault=str(fault) if fault else None,
    )
