"""Services of departments for everybody: their list and their pages, made to be printed too, and the same as JSON."""

import re
from collections import defaultdict
from typing import Any

from aiohttp import hdrs, web

from gateway import clock
from gateway.casework import service_speech
from gateway.casework import services as work
from gateway.casework.service_words import LONGEST_QUESTION
from gateway.errors import BadInput, NotFound
from gateway.schema_public import moment
from gateway.schema_services import ServiceHit
from gateway.web.api import answer, whole_number
from gateway.web.keys import DESK, DRAWING, LANGUAGE, RUNTIME
from gateway.web.openapi_services import MOST_FOUND, MOST_LISTED
from store import services
from store.services import NEWS_KINDS, Service

PATH, API = "/services", "/api/v1/services"
SLUG = "/{slug:[a-z0-9-]{1,64}}"
# Uses on pages are counted under this name, those of programs under the other.
CHANNEL, PROGRAMS = "portal", "api"
_CRAWLER = re.compile(r"bot\b|crawl|spider|slurp|preview|monitor", re.IGNORECASE)


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get(PATH, _list),
        web.get(PATH + SLUG, _page),
        web.get(API, _api_list),
        web.get(API + SLUG, _api_one),
    ]


async def _list(request: web.Request) -> web.Response:
    """All services by department, what is news first; or those that words mean."""
    runtime, language = request.app[RUNTIME], request[LANGUAGE]
    query, department = request.query.get("q", "").strip()[:LONGEST_QUESTION], request.query.get("department", "")
    values: dict[str, Any] = {"query": query, "department": department, "found": None, "news": [], "groups": []}
    if query:
        found = await request.app[DESK].service_hits(query, language)
        if not found and _is_a_person(request):
            request.app[DESK].service_uses.miss(query, language, CHANNEL)
        values["found"] = found
    else:
        known = await _public(request, department)
        news = [one for one in known if one.entry.kind in NEWS_KINDS]
        groups: defaultdict[str, list[ServiceHit]] = defaultdict(list)
        for one in known:
            if one not in news:
                groups[one.entry.department].append(service_speech.hit(runtime, one, language))
        values["news"] = [service_speech.hit(runtime, one, language) for one in news]
        values["groups"] = sorted(groups.items())
    return await request.app[DRAWING].page(request, "services.html", values, lasting=True)


async def _page(request: web.Request) -> web.Response:
    language = request[LANGUAGE]
    known = await _one(request)
    written, said = known.entry.in_language(language)
    if request.method == hdrs.METH_GET and _is_a_person(request):
        request.app[DESK].service_uses.count(known.id, CHANNEL)
    values = {
        "service": known,
        "said": said,
        "written": written,
        "when": service_speech.hit(request.app[RUNTIME], known, language).when,
        "ended": known.entry.has_ended(clock.now()),
        "word": next(iter((*said.words, said.title))),
    }
    return await request.app[DRAWING].page(request, "service.html", values)


async def _api_list(request: web.Request) -> web.Response:
    query, limit = request.query.get("q", "").strip(), whole_number(request, "limit", MOST_FOUND, MOST_LISTED)
    if len(query) > LONGEST_QUESTION:
        raise BadInput(f"a search has at most {LONGEST_QUESTION} characters", "q")
    if query:
        found = await work.search(request.app[RUNTIME], query, min(limit, MOST_FOUND))
    else:
        found = (await _public(request, request.query.get("department", "")))[:limit]
    return answer({"items": [public_json(request.app[RUNTIME].settings.public_url, one) for one in found]})


async def _api_one(request: web.Request) -> web.Response:
    known = await _one(request)
    request.app[DESK].service_uses.count(known.id, PROGRAMS)
    return answer(public_json(request.app[RUNTIME].settings.public_url, known))


def public_json(public_url: str, known: Service) -> dict[str, Any]:
    """A service as programs get it; titles and texts by language."""
    entry = known.entry
    return {
        "slug": known.slug,
        "url": f"{public_url}{PATH}/{known.slug}",
        "department": entry.department,
        "kind": entry.kind,
        "title": {language: said.title for language, said in entry.said.items()},
        "text": {language: said.text for language, said in entry.said.items()},
        "words": {language: list(said.words) for language, said in entry.said.items()},
        "valid_from": entry.valid_from and moment(entry.valid_from),
        "valid_until": entry.valid_until and moment(entry.valid_until),
        "published_at": known.published_at and moment(known.published_at),
        "changed_at": moment(known.changed_at),
    }


async def _public(request: web.Request, department: str) -> list[Service]:
    if department and department not in {one.slug for one in request.app[RUNTIME].settings.departments}:
        raise NotFound("there is no such department")
    async with request.app[RUNTIME].database.reading() as connection:
        return await services.public(connection, clock.now(), MOST_LISTED, department or None)


async def _one(request: web.Request) -> Service:
    async with request.app[RUNTIME].database.reading() as connection:
        return await services.by_slug(connection, request.match_info["slug"])


def _is_a_person(request: web.Request) -> bool:
    return not _CRAWLER.search(request.headers.get(hdrs.USER_AGENT, ""))
