"""The public JSON API: what was published, for any program on any site."""

from dataclasses import asdict
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.errors import BadInput
from gateway.journey import organisation
from gateway.schema_public import public_json
from gateway.web import openapi
from gateway.web.keys import DESK, RUNTIME
from store import cases, posts_for_staff

MOST = 100
USUAL = 20
FILTERS = ("category", "department", "place")
# What only the index of search knows; a question with any of these is asked of it.
SEARCHED = ("q", "kind", "progress", "since", "until")
ANY_SITE = {"Access-Control-Allow-Origin": "*"}


def routes() -> list[web.RouteDef]:
    """Every address of the public API but taking posts, which is a channel's."""
    return [
        web.get("/api/v1/posts", _posts),
        web.get(r"/api/v1/posts/{ticket:\d{8}}", _post),
        web.get(r"/api/v1/posts/{ticket:\d{8}}/comments", _comments),
        web.get("/api/v1/departments", _departments),
        web.get("/api/v1/categories", _categories),
        web.get("/api/v1/stats", _stats),
        web.get("/api/openapi.json", _described),
    ]


def whole_number(request: web.Request, name: str, usual: int, most: int) -> int:
    """A number from the query, between 1 and `most`. Raises `BadInput`."""
    value = request.query.get(name, str(usual))
    if not value.isascii() or not value.isdigit() or not 1 <= int(value[:9]) <= most:
        raise BadInput(f"a number from 1 to {most}", name)
    return int(value)


def answer(value: Any) -> web.Response:
    """JSON that pages of any site may read."""
    return web.json_response(value, headers=ANY_SITE)


async def _posts(request: web.Request) -> web.Response:
    filters = {name: request.query[name] for name in (*FILTERS, *SEARCHED[1:]) if request.query.get(name)}
    cursor, limit = request.query.get("cursor") or None, whole_number(request, "limit", USUAL, MOST)
    desk, query = request.app[DESK], request.query.get("q", "")
    if query or filters.keys() & set(SEARCHED):
        findings = await desk.search(query, limit=limit, cursor=cursor, **filters)
        return answer({"items": [public_json(hit.post) for hit in findings.hits], "next": findings.next})
    found, following = await desk.published(limit=limit, cursor=cursor, settled=False, **filters)
    return answer({"items": [public_json(post) for post in found], "next": following})


async def _post(request: web.Request) -> web.Response:
    return answer(public_json(await request.app[DESK].post(request.match_info["ticket"])))


async def _comments(request: web.Request) -> web.Response:
    found, following = await request.app[DESK].comments(
        request.match_info["ticket"],
        limit=whole_number(request, "limit", USUAL, MOST),
        cursor=request.query.get("cursor") or None,
    )
    return answer({"items": [public_json(post) for post in found], "next": following})


async def _departments(request: web.Request) -> web.Response:
    """In the order of their tree."""
    known, at = request.app[RUNTIME].settings.departments, clock.now()
    async with request.app[RUNTIME].database.reading() as connection:
        loads = await cases.loads(connection, [one.slug for one in known], at)
    items = [one.model_dump(mode="json") | asdict(loads[one.slug]) for one, _ in organisation.in_tree(known)]
    return answer({"items": items})


async def _categories(request: web.Request) -> web.Response:
    """In the order of their tree; `sensitive` also below one that is."""
    settings = request.app[RUNTIME].settings
    hidden = organisation.sensitive(settings)
    known = [one for one, _ in organisation.in_tree(settings.categories)]
    return answer({"items": [one.model_dump(mode="json") | {"sensitive": one.slug in hidden} for one in known]})


async def _stats(request: web.Request) -> web.Response:
    async with request.app[RUNTIME].database.reading() as connection:
        numbers = await posts_for_staff.counts(connection)
    return answer({"posts": {state: number for state, number in numbers.items()}})


async def _described(request: web.Request) -> web.Response:
    return answer(openapi.describe(request.app[RUNTIME]))
