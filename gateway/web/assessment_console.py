"""Where supervisors give their points and correct what is frozen, and the same for programs; all staff may look."""

from typing import Any

from aiohttp import web

from gateway.casework import assessing, handling, league, months
from gateway.casework.league import League
from gateway.errors import BadInput, Conflict, NotFound
from gateway.schema_public import moment
from gateway.web import assessment, assessment_api, assessment_words, bodies, bodies_casework
from gateway.web.console import draw
from gateway.web.keys import ACCOUNT, LANGUAGE, RUNTIME

PATH = "/console/assessment"
API = "/api/v1/console/assessment"
# What was just done, for the page to say.
DONE = ("points", "left_out", "taken_in")


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get(PATH, _page),
        web.post(f"{PATH}/points", _give),
        web.post(f"{PATH}/corrections", _correct),
        web.get(API, _api_page),
        web.post(f"{API}/points", _api_give),
        web.post(f"{API}/corrections", _api_correct),
    ]


async def _page(request: web.Request) -> web.Response:
    found = await league.read(request.app[RUNTIME], assessment.asked_month(request))
    return await _draw(request, found)


async def _give(request: web.Request) -> web.Response:
    form = {name: str(value).replace("\r\n", "\n") for name, value in (await request.post()).items()}
    try:
        month, points = months.read(form.get("month", "")), _number(form.get("points", ""))
        department = form.get("department", "")
        await assessing.give(request.app[RUNTIME], month, department, points, form.get("reason", ""), request[ACCOUNT])
    except (BadInput, Conflict) as error:
        return await _again(request, form, error)
    raise web.HTTPSeeOther(f"{PATH}?month={month}&done=points#{department}")


async def _correct(request: web.Request) -> web.Response:
    form = {name: str(value).replace("\r\n", "\n") for name, value in (await request.post()).items()}
    out = form.get("act") != "take_in"
    try:
        month = months.read(form.get("month", ""))
        ticket = "".join(character for character in form.get("ticket", "")[:32] if character in "0123456789")
        await assessing.set_out(request.app[RUNTIME], month, ticket, out, form.get("reason", ""), request[ACCOUNT])
    except (BadInput, Conflict, NotFound) as error:
        return await _again(request, form, error)
    raise web.HTTPSeeOther(f"{PATH}?month={month}&done={'left_out' if out else 'taken_in'}#corrections")


async def _api_page(request: web.Request) -> web.Response:
    found = await assessment.known_league(request)
    told = assessment_api.table(request.app[RUNTIME], found)
    told["points"] = [
        {
            "department": one.department,
            "points": one.points,
            "reason": one.reason,
            "by": one.actor,
            "at": moment(one.at),
        }
        for one in found.points.values()
    ]
    return web.json_response(told)


async def _api_give(request: web.Request) -> web.Response:
    body = await bodies.read(request, bodies_casework.AssessmentPoints)
    month = months.read(body.month)
    await assessing.give(request.app[RUNTIME], month, body.department, body.points, body.reason, request[ACCOUNT])
    return web.json_response({})


async def _api_correct(request: web.Request) -> web.Response:
    body = await bodies.read(request, bodies_casework.AssessmentCorrection)
    month = months.read(body.month)
    await assessing.set_out(request.app[RUNTIME], month, body.ticket, body.out, body.reason, request[ACCOUNT])
    return web.json_response({})


async def _again(request: web.Request, form: dict[str, str], error: BadInput | Conflict | NotFound) -> web.Response:
    """The page with what was typed and what is wrong with it."""
    try:
        found = await league.read(request.app[RUNTIME], months.read(form.get("month", "")))
    except (BadInput, NotFound):
        found = await league.read(request.app[RUNTIME], None)
    return await _draw(request, found, error.status, fault=error, typed=form)


async def _draw(request: web.Request, found: League | None, status: int = 200, **tried: Any) -> web.Response:
    language, done = request[LANGUAGE], request.query.get("done", "")
    return await draw(
        request,
        "console/assessment.html",
        status,
        **{"fault": None, "typed": {}, **tried},
        league=found,
        done=done if done in DONE else None,
        may_judge=handling.supervises(request[ACCOUNT]),
        longest=assessing.LONGEST_REASON,
        settled_at=assessment.settled_at(request, found) if found else None,
        **(assessment.around(found) if found else {}),
        **assessment_words.drawn(language),
    )


def _number(typed: str) -> float | None:
    """Points as people type them; nothing typed takes back what was given. Raises `BadInput`."""
    if not typed.strip():
        return None
    try:
        number = float(typed.strip()[:8].replace(",", "."))
    except ValueError:
        number = -1.0
    # Not a number is neither below nor above anything.
    if not number >= 0:
        raise BadInput("give points from 0 to what the formula allows", "points")
    return number
