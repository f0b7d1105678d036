"""The console's page of duty: who is on now, the week, swaps, what is handed over, and an alarm to claim."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.casework import duty_alarms, rota
from gateway.errors import BadInput, Conflict, NotFound
from gateway.runtime import Runtime
from gateway.schema_public import moment
from gateway.web.console import draw
from gateway.web.duty_labels import DUTY_DONE
from gateway.web.keys import ACCOUNT, RUNTIME
from store import alarms, duty
from store.duty import AlarmState, Shift

PATH = "/console/duty"
ID = "{id:[0-9a-f]{32}}"
WEEK = timedelta(days=7)
# How far back and ahead weeks are shown.
FARTHEST = timedelta(days=370)
ACTS: dict[str, Callable[..., Awaitable[None]]] = {"drop": rota.drop, "resume": rota.put_back}


def routes() -> list[web.RouteDef]:
    """Its addresses."""
    return [
        web.get(PATH, _show),
        web.post(f"{PATH}/shifts", _add),
        web.post(f"{PATH}/shifts/{ID}/swap", _swap),
        web.post(f"{PATH}/shifts/{ID}/{{act:drop|resume}}", _act),
        web.post(f"{PATH}/notes", _note),
        web.post(f"{PATH}/notes/{ID}/read", _read),
        web.post(f"{PATH}/alarms/{ID}/claim", _claim),
        web.get("/api/v1/console/duty", _api),
    ]


def monday(runtime: Runtime, asked: str) -> date:
    """The first day of the week that is asked for, else of this one."""
    today = clock.now().astimezone(runtime.settings.city.zone).date()
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        day = today
    day = day if abs(day - today) < FARTHEST else today
    return day - timedelta(days=day.weekday())


async def _show(request: web.Request) -> web.Response:
    return await _draw(request)


async def _add(request: web.Request) -> web.Response:
    form = await request.post()
    typed = {name: str(form.get(name, ""))[:64] for name in ("account", "day", "begins", "ends")}
    try:
        await rota.add(
            request.app[RUNTIME], typed["account"], typed["day"], typed["begins"], typed["ends"], actor=_who(request)
        )
    except BadInput as error:
        return await _draw(request, error.status, typed=typed, faults={error.field: str(error)})
    raise web.HTTPSeeOther(f"{PATH}?week={typed['day']}&done=added")


async def _swap(request: web.Request) -> web.Response:
    account_id = str((await request.post()).get("account", ""))[:32]
    return await _try(request, rota.swap, "swapped", account_id)


async def _act(request: web.Request) -> web.Response:
    act = request.match_info["act"]
    shift_id = request.match_info["id"]
    await ACTS[act](request.app[RUNTIME], shift_id, actor=_who(request))
    dropped = f"&dropped={shift_id}" if act == "drop" else ""
    raise web.HTTPSeeOther(f"{PATH}?done={act}{dropped}")


async def _note(request: web.Request) -> web.Response:
    text = str((await request.post()).get("text", ""))
    try:
        await rota.hand_over(request.app[RUNTIME], text, actor=_who(request))
    except BadInput as error:
        return await _draw(request, error.status, noted=text, faults={"text": str(error)})
    raise web.HTTPSeeOther(f"{PATH}?done=noted#notes")


async def _read(request: web.Request) -> web.Response:
    return await _try(request, rota.acknowledge, "read")


async def _claim(request: web.Request) -> web.Response:
    return await _try(request, duty_alarms.claim, "claimed")


async def _try(request: web.Request, act: Callable[..., Awaitable[None]], done: str, *given: str) -> web.Response:
    try:
        await act(request.app[RUNTIME], request.match_info["id"], *given, actor=_who(request))
    except (Conflict, NotFound) as error:
        return await _draw(request, error.status, refused=str(error))
    raise web.HTTPSeeOther(f"{PATH}?done={done}")


async def _draw(request: web.Request, status: int = 200, **values: Any) -> web.Response:
    runtime, done = request.app[RUNTIME], request.query.get("done", "")
    at, zone = clock.now(), runtime.settings.city.zone
    first = monday(runtime, request.query.get("week", ""))
    begin = datetime.combine(first, time(), zone)
    async with runtime.database.reading() as connection:
        coming = await duty.between(connection, at, at + duty_alarms.AHEAD)
        week = await duty.between(connection, begin, datetime.combine(first + WEEK, time(), zone))
        alarm = await duty.newest_alarm(connection)
        usual: dict[str, Any] = {
            "workers": await duty.workers(connection),
            "notes": await duty.notes(connection, runtime.vault),
            "told": await duty.steps(connection, alarm.id) if alarm else [],
            "line": await alarms.of_account(connection, runtime.vault, request[ACCOUNT].id),
        }
    days = [first + timedelta(days=passed) for passed in range(WEEK.days)]
    usual |= {
        "now": [shift for shift in coming if shift.begins_at <= at],
        "next": next((shift for shift in coming if shift.begins_at > at), None),
        "days": [(day, [s for s in week if s.begins_at.astimezone(zone).date() == day]) for day in days],
        "today": at.astimezone(zone).date(),
        "before": first - WEEK,
        "after": first + WEEK,
        "alarm": alarm if alarm and alarm.state is not AlarmState.OVER else None,
        "limits": runtime.settings.duty.alarm,
        "done": done if done in DUTY_DONE else None,
        "dropped": request.query.get("dropped", "")[:32] if done == "drop" else "",
        "typed": {},
        "faults": {},
        "noted": "",
        "refused": None,
    }
    return await draw(request, "console/duty.html", status, **{**usual, **values})


async def _api(request: web.Request) -> web.Response:
    runtime, at = request.app[RUNTIME], clock.now()
    async with runtime.database.reading() as connection:
        coming = await duty.between(connection, at, at + duty_alarms.AHEAD)
        alarm = await duty.newest_alarm(connection)
    shown = None
    if alarm and alarm.state is not AlarmState.OVER:
        shown = {
            **{"id": alarm.id, "state": alarm.state, "claimed_by": alarm.claimed_by},
            **{"waiting_since": moment(alarm.waiting_since), "opened_at": moment(alarm.opened_at)},
        }
    now = [_shift(shift) for shift in coming if shift.begins_at <= at]
    return web.json_response(
        {"now": now, "next": [_shift(shift) for shift in coming if shift.begins_at > at], "alarm": shown}
    )


def _shift(shift: Shift) -> dict[str, str]:
    span = {"begins_at": moment(shift.begins_at), "ends_at": moment(shift.ends_at)}
    return {"id": shift.id, "account": shift.name, **span}


def _who(request: web.Request) -> str:
    return request[ACCOUNT].name
