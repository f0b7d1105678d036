"""The city's line at a glance: what waits, what was done today, and whether the channels are well."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.casework import analytics, periods
from gateway.casework.analytics import Report
from gateway.runtime import Runtime
from gateway.schema_public import moment
from gateway.web import channels, measures
from gateway.web.analytics import charts, drawn
from gateway.web.console import draw
from gateway.web.keys import LANGUAGE, RUNTIME
from gateway.web.measures import COLUMNS
from store import glance
from store.glance import Waiting

TODAY = {"period": "today", "against": "before"}
TOLD = ("posts", "published", "rejected", "decision_median", "decision_p95", "answered", "answer_median")


@dataclass(frozen=True, slots=True)
class Glance:
    """What the page shows: what waits, today beside yesterday, and how many channels stand how."""

    at: datetime
    waiting: Waiting
    unanswered: int
    today: Report
    stand: channels.Stand
    incidents: int
    dead: int


def routes() -> list[web.RouteDef]:
    """Their addresses; all staff may read them."""
    return [web.get("/console/overview", _page), web.get("/api/v1/console/overview", _json)]


async def look(runtime: Runtime) -> Glance:
    """Everything at this moment."""
    at = clock.now()
    today = await analytics.report(runtime, periods.ask(TODAY, at.astimezone(runtime.settings.city.zone).date()))
    found = [row for row in await channels.rows(runtime) if row.activity]
    departments = [department.slug for department in runtime.settings.departments]
    async with runtime.database.reading() as connection:
        waiting = await glance.waiting(connection)
        unanswered = await glance.unanswered(connection, departments)
    return Glance(
        at,
        waiting,
        unanswered,
        today,
        stand=channels.together(found),
        incidents=sum(len(row.incidents) for row in found),
        dead=sum(row.activity.failed + row.activity.unknown for row in found if row.activity),
    )


async def _page(request: web.Request) -> web.Response:
    found = await look(request.app[RUNTIME])
    language, total = request[LANGUAGE], found.today.total

    def today(key: str, before: bool = False) -> str:
        column, measured = COLUMNS[key], total.before if before else total.now
        return measures.written(column.of(measured) if measured else None, column.unit, language)

    return await draw(
        request,
        "console/overview.html",
        found=found,
        today=today,
        decided=total.now.figures.decided,
        decided_before=total.before.figures.decided if total.before else 0,
        lasting=lambda since: measures.lasting((found.at - since).total_seconds(), language),
        charts=[chart for chart in charts(request, found.today) if chart.key in ("posts", "outcomes")],
        **drawn(language),
    )


async def _json(request: web.Request) -> web.Response:
    found = await look(request.app[RUNTIME])
    total, waiting = found.today.total, found.waiting

    def facts(measured: analytics.Measures | None) -> dict[str, Any] | None:
        return {key: COLUMNS[key].of(measured) for key in TOLD} if measured else None

    return web.json_response(
        {
            "at": moment(found.at),
            "waiting": {
                "number": waiting.number,
                "urgent": waiting.urgent,
                "held": waiting.held,
                "oldest": moment(waiting.oldest) if waiting.oldest else None,
            },
            "unanswered": found.unanswered,
            "today": facts(total.now),
            "yesterday": facts(total.before),
            "channels": {
                "running": found.stand.running,
                "needing_a_person": found.stand.sick,
                "healing": found.stand.healing,
                "by_hand": found.stand.held,
            },
            "open_incidents": found.incidents,
            "dead_letters": found.dead,
        }
    )
