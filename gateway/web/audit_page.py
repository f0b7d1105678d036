"""The audit for administrators: what staff did, found by who, what, to what and when; as a page, CSV and JSON."""

import csv
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta

from aiohttp import web

from gateway.errors import BadInput, NotFound
from gateway.schema_public import moment
from gateway.web.api import whole_number
from gateway.web.console import draw
from gateway.web.console_api import MOST, USUAL, plain
from gateway.web.keys import ACCOUNT, RUNTIME
from gateway.web.staff_labels import AUDIT
from store import accounts, audit, posts_for_staff
from store.audit import Trace, Wanted

SHOWN = 100
# What one CSV holds at most, read from the store a page at a time.
MOST_ROWS = 100_000
ROWS_AT_ONCE = 1000
# A spreadsheet computes a cell that begins so.
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
FIELDS = ("actor", "action", "post", "target", "since", "until")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for: its fields as typed, and as a question to the store."""

    fields: Mapping[str, str]
    wanted: Wanted
    before: int | None


def routes() -> list[web.RouteDef]:
    """Page, CSV and API."""
    return [
        web.get("/console/audit", _show),
        web.get("/console/audit.csv", _csv),
        web.get("/api/v1/console/audit", _json),
    ]


async def _show(request: web.Request) -> web.Response:
    try:
        asked, fault = await _asked(request), None
    except BadInput as error:
        asked, fault = None, error
    traces: list[Trace] = []
    async with request.app[RUNTIME].database.reading() as connection:
        people = [member.account.name for member in await accounts.everybody(connection)]
        if asked:
            traces = await audit.traces(connection, asked.wanted, limit=SHOWN + 1, before=asked.before)
    shown = traces[:SHOWN]
    query = dict(asked.fields) if asked else {}
    return await draw(
        request,
        "console/audit.html",
        fault.status if fault else 200,
        traces=shown,
        chosen={name: request.query.get(name, "") for name in FIELDS},
        people=people,
        actions=AUDIT,
        earlier=_address(request, {**query, "before": str(shown[-1].id)}) if len(traces) > SHOWN else None,
        newest=_address(request, query) if asked and asked.before else None,
        as_csv=str(request.url.with_path("/console/audit.csv").with_query(query).relative()),
        fault=str(fault) if fault else None,
    )


async def _csv(request: web.Request) -> web.StreamResponse:
    asked = await _asked(request)
    runtime, account = request.app[RUNTIME], request[ACCOUNT]
    await runtime.database.write(lambda transaction: audit.note(transaction, account.name, "audit exported"))
    response = web.StreamResponse(headers={"Content-Disposition": 'attachment; filename="audit.csv"'})
    response.content_type, response.charset = "text/csv", "utf-8"
    await response.prepare(request)
    # The mark tells spreadsheets that it is UTF-8.
    await response.write("\ufeff".encode() + _line("at", "who", "action", "target"))
    async for trace in _all(request, asked):
        await response.write(_line(moment(trace.at), trace.actor, trace.action, trace.target or ""))
    await response.write_eof()
    return response


async def _json(request: web.Request) -> web.Response:
    asked, limit = await _asked(request), whole_number(request, "limit", USUAL, MOST)
    async with request.app[RUNTIME].database.reading() as connection:
        traces = await audit.traces(connection, asked.wanted, limit=limit, before=asked.before)
    following = traces[-1].id if len(traces) == limit else None
    return web.json_response({"items": [plain(asdict(trace)) for trace in traces], "next": following})


async def _all(request: web.Request, asked: Asked) -> AsyncIterator[Trace]:
    """Every line that fits, up to `MOST_ROWS`, without holding a connection while the reader is slow."""
    before, given = asked.before, 0
    while given < MOST_ROWS:
        async with request.app[RUNTIME].database.reading() as connection:
            some = await audit.traces(connection, asked.wanted, limit=ROWS_AT_ONCE, before=before)
        for trace in some:
            yield trace
        given += len(some)
        if len(some) < ROWS_AT_ONCE:
            return
        before = some[-1].id


def _line(*values: str) -> bytes:
    """One row. What would be a formula is marked as text."""
    kept = io.StringIO()
    csv.writer(kept).writerow([f"'{value}" if value.startswith(FORMULAS) else value for value in values])
    return kept.getvalue().encode()


async def _asked(request: web.Request) -> Asked:
    """What the address asks for. Raises `BadInput` for a day that is none, or a post that is not there."""
    fields = {name: value for name in FIELDS if (value := request.query.get(name, "").strip()[:64])}
    before = request.query.get("before", "")
    return Asked(
        fields,
        Wanted(
            actor=fields.get("actor"),
            action=fields.get("action"),
            targets=await _targets(request, fields),
            since=_day(request, fields.get("since")),
            until=_day(request, fields.get("until"), after=True),
        ),
        int(before) if before.isascii() and before.isdecimal() and len(before) <= 18 else None,
    )


async def _targets(request: web.Request, fields: Mapping[str, str]) -> list[str] | None:
    """To what it was done: all posts of a thread by its ticket, or one thing by its name or number."""
    if "post" not in fields:
        return [fields["target"]] if "target" in fields else None
    reference = "".join(fields["post"].split())
    try:
        async with request.app[RUNTIME].database.reading() as connection:
            thread = [post.id for post in await posts_for_staff.thread(connection, reference)]
    except NotFound:
        raise BadInput("there is no such post", "post") from None
    return [one for one in thread if "target" not in fields or one == fields["target"]]


def _day(request: web.Request, value: str | None, *, after: bool = False) -> datetime | None:
    """When a day of the city begins, or the day after it."""
    if value is None:
        return None
    try:
        day = date.fromisoformat(value) + timedelta(days=1 if after else 0)
        return datetime.combine(day, time(), request.app[RUNTIME].settings.city.zone)
    except (ValueError, OverflowError):
        raise BadInput("give a day, like 2026-03-02", "until" if after else "since") from None


def _address(request: web.Request, query: Mapping[str, str]) -> str:
    return str(request.url.with_query(query).relative())
