"""Services for programs of the staff: written, published, taken away, told to followers; and what is asked in vain."""

from typing import Any

from aiohttp import web

from gateway.casework import services as work
from gateway.casework.services import Step, Typed
from gateway.errors import BadInput
from gateway.schema import LANGUAGES
from gateway.schema_public import moment
from gateway.web import bodies, bodies_services
from gateway.web.api import whole_number
from gateway.web.keys import ACCOUNT, RUNTIME
from gateway.web.service_pages import MOST_CHANGES, MOST_LISTED, MOST_WORDS, known_to, visible
from gateway.web.services import public_json
from store import services, unanswered
from store.services import Service, ServiceState

API = "/api/v1/console/services"
ONE = API + "/{id:[0-9a-f]{32}}"


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get(API, _list),
        web.post(API, _add),
        web.get(f"{API}/words", _words),
        web.post(f"{API}/words", _dismiss),
        web.get(ONE, _one),
        web.post(f"{ONE}/change", _change),
        web.post(f"{ONE}/undo", _undo),
        web.post(f"{ONE}/tell", _tell),
        web.post(ONE + "/{step:" + "|".join(Step) + "}", _take),
    ]


async def _list(request: web.Request) -> web.Response:
    state, limit = request.query.get("state", ""), whole_number(request, "limit", MOST_LISTED, MOST_LISTED)
    if state and state not in list(ServiceState):
        raise BadInput("choose one of the list", "state")
    wanted = ServiceState(state) if state else None
    async with request.app[RUNTIME].database.reading() as connection:
        known = await services.of_departments(connection, visible(request), wanted, limit=limit)
    return web.json_response({"items": [_shown(request, one) for one in known]})


async def _one(request: web.Request) -> web.Response:
    known = await known_to(request)
    async with request.app[RUNTIME].database.reading() as connection:
        changes = await services.changes(connection, known.id, MOST_CHANGES)
    told = [{"at": moment(one.at), "actor": one.actor, "action": one.action, "state": one.state} for one in changes]
    return web.json_response({**_shown(request, known), "changes": told})


async def _add(request: web.Request) -> web.Response:
    body = await bodies.read(request, bodies_services.ServiceEntry)
    runtime = request.app[RUNTIME]
    made = await work.add(runtime, request[ACCOUNT], work.clean(runtime, _typed(body)))
    return web.json_response({"id": made}, status=201)


async def _change(request: web.Request) -> web.Response:
    known, body = await known_to(request), await bodies.read(request, bodies_services.ServiceChange)
    runtime = request.app[RUNTIME]
    await work.save(runtime, request[ACCOUNT], known, work.clean(runtime, _typed(body)), body.version)
    return web.json_response(_shown(request, await work.find(runtime, known.id)))


async def _take(request: web.Request) -> web.Response:
    known, step = await known_to(request), Step(request.match_info["step"])
    return web.json_response(_shown(request, await work.take(request.app[RUNTIME], request[ACCOUNT], known.id, step)))


async def _undo(request: web.Request) -> web.Response:
    known = await known_to(request)
    return web.json_response(_shown(request, await work.undo(request.app[RUNTIME], request[ACCOUNT], known.id)))


async def _tell(request: web.Request) -> web.Response:
    known = await known_to(request)
    return web.json_response({"ticket": await work.tell(request.app[RUNTIME], request[ACCOUNT], known.id)}, status=201)


async def _words(request: web.Request) -> web.Response:
    async with request.app[RUNTIME].database.reading() as connection:
        asked = await unanswered.most(connection, whole_number(request, "limit", MOST_WORDS, MOST_WORDS))
    items = [
        {"word": one.word, "language": one.language, "asked": one.asked, "last_asked_at": moment(one.last_asked_at)}
        for one in asked
    ]
    return web.json_response({"items": items})


async def _dismiss(request: web.Request) -> web.Response:
    body, account, runtime = (
        await bodies.read(request, bodies_services.WordDismissal),
        request[ACCOUNT],
        request.app[RUNTIME],
    )
    await work.dismiss(runtime, account, body.word, body.dismissed)
    return web.json_response({})


def _typed(body: bodies_services.ServiceEntry) -> Typed:
    said = {
        language: (one.title, one.text, "\n".join(one.words))
        for language in LANGUAGES
        if (one := getattr(body, language)) is not None
    }
    return Typed(body.department, body.kind, said, body.valid_from, body.valid_until)


def _shown(request: web.Request, known: Service) -> dict[str, Any]:
    public = public_json(request.app[RUNTIME].settings.public_url, known)
    return {
        "id": known.id,
        **public,
        "state": known.state,
        "rules": list(known.rules),
        "retired_at": known.retired_at and moment(known.retired_at),
        "told": known.notice_id is not None,
        "version": known.version,
        "changed_by": known.changed_by,
    }
