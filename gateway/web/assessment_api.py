"""How departments are judged, for programs: the league table, a department's months, the reports behind a number."""

from typing import Any

from aiohttp import web

from gateway.casework import league
from gateway.casework.league import League, Place
from gateway.runtime import Runtime
from gateway.schema_public import moment
from gateway.web import api, assessment
from gateway.web.keys import RUNTIME
from store.judging import Judged
from store.scores import Kept

PATH = "/api/v1/assessment"


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get(PATH, _table),
        web.get(f"{PATH}/{{department}}", _department),
        web.get(f"{PATH}/{{department}}/posts", _posts),
    ]


def table(runtime: Runtime, found: League) -> dict[str, Any]:
    """A month's league table, as everybody may know it."""
    return {
        **_month(runtime, found),
        "months": list(found.known),
        "items": [_place(runtime, found, place) for place in found.places],
    }


async def _table(request: web.Request) -> web.Response:
    return api.answer(table(request.app[RUNTIME], await assessment.known_league(request)))


async def _department(request: web.Request) -> web.Response:
    runtime, found = request.app[RUNTIME], await assessment.known_league(request)
    place = found.place(request.match_info["department"])
    trend = [{"month": name, "total": place.trend.get(name)} for name in found.shown]
    return api.answer({**_month(runtime, found), **_place(runtime, found, place), "trend": trend})


async def _posts(request: web.Request) -> web.Response:
    runtime, found = request.app[RUNTIME], await assessment.known_league(request)
    which = assessment.asked_list(request)
    place = found.place(request.match_info["department"])
    limit = api.whole_number(request, "limit", api.USUAL, api.MOST)
    cursor = request.query.get("cursor") or None
    page = await league.behind(runtime, found.counted, place.department, which, cursor, limit)
    items = [_post(runtime, one) for one in page.items]
    return api.answer({"items": items, "hidden": page.hidden, "next": page.next})


def _month(runtime: Runtime, found: League) -> dict[str, Any]:
    zone, counted = runtime.settings.city.zone, found.counted
    return {
        "month": str(found.month),
        "begin": moment(found.month.begin(zone)),
        "end": moment(found.month.end(zone)),
        "counted_at": moment(counted.counted_at),
        "frozen_at": moment(counted.frozen_at) if counted.frozen_at else None,
        "formula": counted.formula,
        "city": counted.city,
    }


def _place(runtime: Runtime, found: League, place: Place) -> dict[str, Any]:
    names = {known.slug: known.name for known in runtime.settings.departments}
    given = found.points.get(place.department)
    return {
        "department": place.department,
        "name": names.get(place.department),
        "url": f"{runtime.settings.public_url}{assessment.PATH}/{place.department}?month={found.month}",
        "rank": place.rank,
        "total": place.score.total,
        "before": place.before,
        "inputs": place.score.inputs,
        "parts": place.score.lines,
        "points": {"points": given.points, "reason": given.reason, "at": moment(given.at)} if given else None,
        "corrections": [_correction(one) for one in place.history[1:]],
    }


def _correction(one: Kept) -> dict[str, Any]:
    return {"at": moment(one.at), "cause": one.cause, "reason": one.reason, "total": one.total}


def _post(runtime: Runtime, one: Judged) -> dict[str, Any]:
    return {
        "ticket": one.ticket,
        "url": f"{runtime.settings.public_url}/posts/{one.ticket}",
        "due_at": moment(one.due_at),
        "answered_at": moment(one.answered_at) if one.answered_at else None,
        "in_time": one.in_time,
        "solved": one.solved,
        "mark": one.mark,
        "left_out": one.out,
    }
