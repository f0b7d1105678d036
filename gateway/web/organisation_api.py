"""The same for programs: `/api/v1/console/organisation`."""

from dataclasses import asdict
from typing import Any

from aiohttp import web

from gateway.casework import organising
from gateway.errors import BadInput
from gateway.web import bodies, bodies_organisation
from gateway.web.console_api import plain
from gateway.web.keys import ACCOUNT, RUNTIME
from gateway.web.organisation import ACTS, KINDS, act
from store import organisation as rows
from store.organisation import Kind

PATH = "/api/v1/console/organisation"
_UNIT = PATH + "/{kind:departments|categories}"


def routes() -> list[web.RouteDef]:
    """Its addresses, all for administrators."""
    return [
        web.get(PATH, _all),
        web.post(_UNIT, _add),
        web.get(f"{_UNIT}/{{slug}}/changes", _changes),
        web.post(f"{_UNIT}/{{slug}}/change", _change),
        web.post(f"{_UNIT}/{{slug}}/{{act:{'|'.join(ACTS)}}}", _act),
        web.post(PATH + "/categories/{slug}/withdraw", _withdraw),
        web.post(PATH + "/changes/{id:[0-9]{1,18}}/undo", _undo),
    ]


async def _all(request: web.Request) -> web.Response:
    """Both trees in order, also those that are retired."""
    async with request.app[RUNTIME].database.reading() as connection:
        known = {name: await rows.nodes(connection, kind) for name, kind in KINDS.items()}
    return web.json_response({name: [_shown(asdict(node)) for node in nodes] for name, nodes in known.items()})


async def _add(request: web.Request) -> web.Response:
    kind, body = _kind(request), await bodies.read(request, _body(request))
    made = organising.unit(kind, _values(body))
    change = await organising.add(request.app[RUNTIME], kind, made, request[ACCOUNT].name)
    return web.json_response({"slug": made.slug, "change": change}, status=201)


async def _change(request: web.Request) -> web.Response:
    kind, body = _kind(request), await bodies.read(request, _body(request))
    if body.slug != request.match_info["slug"]:
        raise BadInput("the short name is never changed", "slug")
    if body.version is None:
        raise BadInput("say which version is changed", "version")
    made, public = organising.unit(kind, _values(body)), getattr(body, "public", None)
    change = await organising.change(request.app[RUNTIME], kind, made, body.version, request[ACCOUNT].name, public)
    return web.json_response({"slug": made.slug, "change": change})


async def _act(request: web.Request) -> web.Response:
    change = await act(request, _kind(request), request.match_info["slug"], request.match_info["act"])
    return web.json_response({"slug": request.match_info["slug"], "change": change})


async def _withdraw(request: web.Request) -> web.Response:
    """What is public in a sensitive category is withdrawn."""
    slug = request.match_info["slug"]
    change = await organising.withdraw(request.app[RUNTIME], slug, request[ACCOUNT].name)
    return web.json_response({"slug": slug, "change": change})


async def _changes(request: web.Request) -> web.Response:
    async with request.app[RUNTIME].database.reading() as connection:
        node = await rows.one(connection, _kind(request), request.match_info["slug"])
        made = await rows.changes(connection, node.kind, node.slug)
    return web.json_response({"items": [plain(asdict(one)) for one in made]})


async def _undo(request: web.Request) -> web.Response:
    taken = await organising.undo(request.app[RUNTIME], int(request.match_info["id"]), request[ACCOUNT].name)
    return web.json_response({"slug": taken.slug, "kind": taken.kind})


def _kind(request: web.Request) -> Kind:
    return KINDS[request.match_info["kind"]]


def _body(request: web.Request) -> type[bodies_organisation.Department] | type[bodies_organisation.Category]:
    return bodies_organisation.Department if _kind(request) is Kind.DEPARTMENT else bodies_organisation.Category


def _values(body: bodies_organisation.Department | bodies_organisation.Category) -> dict[str, Any]:
    return body.model_dump(exclude={"version", "public"})


def _shown(node: dict[str, Any]) -> dict[str, Any]:
    values = node.pop("values")
    shown: dict[str, Any] = plain({**node, **values})
    return shown
