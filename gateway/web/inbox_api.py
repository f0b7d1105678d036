"""The inbox and its saved filters for programs of the staff."""

from dataclasses import asdict
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.casework import inbox as wanting
from gateway.casework import notes
from gateway.errors import BadInput
from gateway.schema_public import moment
from gateway.web import access, bodies, bodies_casework
from gateway.web.api import whole_number
from gateway.web.console import check_readable
from gateway.web.console_api import plain
from gateway.web.keys import ACCOUNT, RUNTIME
from store import inbox, inbox_filters
from store.inbox import Item
from store.inbox_filters import SavedFilter

USUAL = 50


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get("/api/v1/console/inbox", _inbox),
        web.get("/api/v1/console/filters", _filters),
        web.post("/api/v1/console/filters", _save),
        web.post("/api/v1/console/filters/{id}/change", _change),
        web.delete("/api/v1/console/filters/{id}", _remove),
        web.post("/api/v1/console/posts/{reference}/notes", _note),
    ]


async def _inbox(request: web.Request) -> web.Response:
    unknown = set(request.query) - {*wanting.NAMES, "limit", "cursor"}
    if unknown:
        raise BadInput(f"one of {', '.join(wanting.NAMES)}", min(unknown))
    account = request[ACCOUNT]
    settings, own = request.app[RUNTIME].settings, access.own_department(account)
    wanted = wanting.read(request.query, settings, clock.now(), own, account.id)
    limit = whole_number(request, "limit", USUAL, inbox.MOST)
    async with request.app[RUNTIME].database.reading() as connection:
        page = await inbox.page(connection, wanted, limit=limit, cursor=request.query.get("cursor") or None)
        counts = await inbox.count_states(connection, wanted)
    return web.json_response(
        {
            "items": [_item(one) for one in page.items],
            "next": page.next,
            "looked_to": page.looked_to and moment(page.looked_to),
            "counts": {"states": counts.states, "whole": counts.whole},
        }
    )


async def _filters(request: web.Request) -> web.Response:
    async with request.app[RUNTIME].database.reading() as connection:
        known = await inbox_filters.of_account(connection, request[ACCOUNT].id)
    return web.json_response({"items": [_saved(one) for one in known]})


async def _save(request: web.Request) -> web.Response:
    account, body = request[ACCOUNT], await bodies.read(request, bodies_casework.InboxFilter)
    wanting.read(body.query, request.app[RUNTIME].settings, clock.now(), access.own_department(account), account.id)
    made = await wanting.save(request.app[RUNTIME], account, body.name, body.shared, body.query)
    return web.json_response(_saved(made), status=201)


async def _change(request: web.Request) -> web.Response:
    account, body = request[ACCOUNT], await bodies.read(request, bodies_casework.InboxFilterChange)
    if body.query is not None:
        wanting.read(body.query, request.app[RUNTIME].settings, clock.now(), access.own_department(account), account.id)
    await wanting.change(
        request.app[RUNTIME],
        account,
        request.match_info["id"],
        name=body.name,
        shared=body.shared,
        query=body.query,
    )
    return web.json_response({})


async def _remove(request: web.Request) -> web.Response:
    await wanting.remove(request.app[RUNTIME], request[ACCOUNT], request.match_info["id"])
    return web.Response(status=204)


async def _note(request: web.Request) -> web.Response:
    account, body = request[ACCOUNT], await bodies.read(request, bodies_casework.Note)
    await check_readable(request, request.match_info["reference"])
    post_id = await notes.add(request.app[RUNTIME], request.match_info["reference"], body.text, actor=account.name)
    return web.json_response({"post": post_id}, status=201)


def _item(item: Item) -> dict[str, Any]:
    return {**plain(asdict(item.post)), "answers": item.answers, "added": item.added, "added_waiting": item.waiting}


def _saved(one: SavedFilter) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "shared": one.shared, "owner": one.owner, "query": dict(one.query)}
