"""The staff's page of what is late, and the same as JSON: whose matter it is, and where a supervisor must decide."""

from typing import Any

from aiohttp import web

from gateway.casework import handling, overdue
from gateway.casework.overdue import Row
from gateway.schema_public import moment
from gateway.web import access
from gateway.web.console import draw
from gateway.web.keys import ACCOUNT, RUNTIME


def routes() -> list[web.RouteDef]:
    """Its addresses."""
    return [web.get("/console/overdue", _page), web.get("/api/v1/console/overdue", _json)]


async def _page(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    runtime = request.app[RUNTIME]
    lists = await overdue.look(runtime, access.seen_departments(runtime.settings, account))
    return await draw(
        request,
        "console/overdue.html",
        lists=lists,
        most=overdue.MOST,
        supervises=handling.supervises(account),
        own=access.own_department(account),
    )


async def _json(request: web.Request) -> web.Response:
    runtime = request.app[RUNTIME]
    lists = await overdue.look(runtime, access.seen_departments(runtime.settings, request[ACCOUNT]))
    return web.json_response(
        {name: [_one(row) for row in getattr(lists, name)] for name in ("accept", "acknowledge", "answer")}
    )


def _one(row: Row) -> dict[str, Any]:
    case = row.late.case
    return {
        "ticket": row.late.ticket,
        "text": row.late.text,
        "private": row.late.private,
        "urgent": row.late.urgent,
        "department": case.department,
        "handed_to": case.handed_to,
        "officer": row.late.officer,
        "progress": case.progress,
        "deadline": moment(row.deadline),
        "level": row.level,
    }
