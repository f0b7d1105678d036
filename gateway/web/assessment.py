"""The public pages of how departments are judged: the league table, each department's month, the reports behind it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from gateway.casework import league, months
from gateway.casework.assessment import Part
from gateway.casework.league import League, Place
from gateway.casework.months import Month
from gateway.errors import BadInput, NotFound
from gateway.schema_public import moment
from gateway.sections_assessment import WHOLE
from gateway.web import assessment_words, csv_files, plots
from gateway.web.analytics import drawn as plots_drawn
from gateway.web.keys import DRAWING, LANGUAGE, RUNTIME
from gateway.web.plots import Item, Plot
from store.judging import Judged, Which
from store.scores import Kept

PATH = "/assessment"
MOST, MOST_IN_FILE = 50, 10_000
COUNTS = ("reports", "answered", "in_time", "told", "solved", "marked", "stars", "published", "used", "supervisor")


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get(PATH, _table),
        web.get(f"{PATH}.csv", _table_csv),
        web.get(f"{PATH}/trend.csv", _trend_csv),
        web.get(f"{PATH}/{{department}}", _department),
        web.get(f"{PATH}/{{department}}/posts", _posts),
        web.get(f"{PATH}/{{department}}/posts.csv", _posts_csv),
    ]


def asked_month(request: web.Request) -> Month | None:
    """The month of the query, None for the newest. Raises `BadInput`."""
    name = request.query.get("month")
    return months.read(name) if name else None


def asked_list(request: web.Request) -> Which:
    """Which list of reports the query asks for. Raises `BadInput`."""
    try:
        return Which(request.query.get("which") or Which.ALL)
    except ValueError:
        raise BadInput(f"one of {', '.join(Which)}", "which") from None


async def known_league(request: web.Request) -> League:
    """The league of the month that is asked for. Raises `NotFound` where nothing is counted, and `BadInput`."""
    found = await league.read(request.app[RUNTIME], asked_month(request))
    if found is None:
        raise NotFound("no month is counted yet")
    return found


def around(found: League) -> dict[str, str | None]:
    """The counted months before and after one."""
    at = found.known.index(str(found.month))
    following = found.known[at + 1] if at + 1 < len(found.known) else None
    return {"earlier": found.known[at - 1] if at else None, "later": following}


def settled_at(request: web.Request, found: League) -> datetime:
    """When a month is frozen, by the formula it is counted by."""
    zone = request.app[RUNTIME].settings.city.zone
    return found.month.settled(zone, int(found.counted.formula["months"]["settle_days"]))


def trend_plot(place: Place, found: League, language: str) -> Plot:
    """A department's totals of the last months."""
    items = []
    for name in found.shown:
        total = place.trend.get(name)
        shown = assessment_words.month_name(name, language, short=True)
        said = f"{shown}: {'–' if total is None else assessment_words.points(total, language)}"
        items.append(Item(shown, [] if total is None else [round(total)], None, said))
    return plots.upright(items, timed=False, reaching=round(WHOLE))


async def _table(request: web.Request) -> web.Response:
    found = await league.read(request.app[RUNTIME], asked_month(request))
    if found is None:
        return await _draw(request, "assessment_nothing.html")
    return await _draw(request, "assessment.html", league=found, settled_at=settled_at(request, found), **around(found))


async def _department(request: web.Request) -> web.Response:
    found = await known_league(request)
    place = found.place(request.match_info["department"])
    return await _draw(
        request,
        "assessment_department.html",
        league=found,
        place=place,
        services=await league.services(request.app[RUNTIME], found, place.department),
        settled_at=settled_at(request, found),
        plot=trend_plot(place, found, request[LANGUAGE]),
        ranked=sum(one.rank is not None for one in found.places),
        **around(found),
    )


async def _posts(request: web.Request) -> web.Response:
    found, which = await known_league(request), asked_list(request)
    place = found.place(request.match_info["department"])
    cursor = request.query.get("cursor") or None
    page = await league.behind(request.app[RUNTIME], found.counted, place.department, which, cursor, MOST)
    return await _draw(
        request, "assessment_posts.html", league=found, place=place, which=which, page=page, cursor=cursor
    )


async def _table_csv(request: web.Request) -> web.Response:
    found = await known_league(request)
    header = ["month", "rank", "department", "name", "total", "before", *(f"points_{part}" for part in Part), *COUNTS]
    header += ["frozen_total", "corrections"]
    rows = [
        [
            str(found.month),
            place.rank,
            place.department,
            _name(request, place.department),
            place.score.total,
            place.before,
            *(line["points"] for line in place.score.lines),
            *(place.score.inputs[name] for name in COUNTS),
            place.history[0].total if found.counted.frozen_at else None,
            "; ".join(_correction(one) for one in place.history[1:]),
        ]
        for place in found.places
    ]
    return csv_files.answer(f"everyline-assessment-{found.month}", header, rows)


async def _trend_csv(request: web.Request) -> web.Response:
    found = await known_league(request)
    rows = [
        [place.department, _name(request, place.department), *(place.trend.get(name) for name in found.shown)]
        for place in found.places
    ]
    return csv_files.answer(f"everyline-assessment-trend-{found.month}", ["department", "name", *found.shown], rows)


async def _posts_csv(request: web.Request) -> web.Response:
    found, which = await known_league(request), asked_list(request)
    place = found.place(request.match_info["department"])
    page = await league.behind(request.app[RUNTIME], found.counted, place.department, which, None, MOST_IN_FILE)
    header = ["ticket", "due_at", "answered_at", "in_time", "solved", "mark", "left_out"]
    name = f"everyline-assessment-{found.month}-{place.department}-{which}"
    return csv_files.answer(name, header, [_row(one) for one in page.items])


def _correction(one: Kept) -> str:
    """What a correction made of the total, when and why: "2026-04-09T02:00:00Z 87.5 joined: ticket=..."."""
    said = f"{moment(one.at)} {one.total} {one.cause}"
    return f"{said}: {one.reason}" if one.reason else said


def _row(one: Judged) -> Sequence[Any]:
    return [one.ticket, one.due_at, one.answered_at, one.in_time, one.solved, one.mark, one.out]


def _name(request: web.Request, slug: str) -> str:
    names: Iterable[Any] = request.app[RUNTIME].settings.departments
    return next((one.name[request[LANGUAGE]] for one in names if one.slug == slug), slug)


async def _draw(request: web.Request, template: str, **values: Any) -> web.Response:
    language = request[LANGUAGE]
    known = {**plots_drawn(language), **assessment_words.drawn(language), **values}
    return await request.app[DRAWING].page(request, template, known, lasting=True)
