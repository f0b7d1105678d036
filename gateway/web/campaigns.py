"""The console's pages of daily phrases: campaigns, their calendar, limits, codes, and the draw."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from gateway.casework import campaigns, draws
from gateway.casework.campaigns import days_of, today
from gateway.errors import BadInput, Conflict, NotFound
from gateway.schema import LANGUAGES
from gateway.web.console import draw as draw_page
from gateway.web.keys import ACCOUNT, RUNTIME
from gateway.web.phrase_labels import CAMPAIGN_DONE
from store import campaigns as rows
from store.accounts import Role

PATH = "/console/campaigns"
ONE = PATH + "/{id:[0-9a-f]{32}}"
NUMBERS = ("winners", "line_days", "per_network")
WORDS = ("slug", "begins_on", "ends_on", "publish_at")
LONGEST_FIELD = 300

Act = Callable[..., Awaitable[Any]]


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get(PATH, _list),
        web.post(PATH, _add),
        web.get(ONE, _show),
        web.post(ONE, _change),
        web.post(ONE + "/phrases", _fill),
        web.post(ONE + "/phrases/remove", _drop_day),
        web.post(ONE + "/codes", _codes),
        web.post(ONE + "/bar", _bar),
        web.post(ONE + "/let-in", _let_in),
        web.post(ONE + "/{act:" + "|".join(ACTS) + "}", _act),
        web.post(ONE + "/draw/{act:" + "|".join(DRAWING_ACTS) + "}", _act),
    ]


# What may be done by one button.
ACTS: Mapping[str, Act] = {"call-off": campaigns.call_off, "resume": campaigns.resume}
DRAWING_ACTS: Mapping[str, Act] = {
    "codes-remove": draws.drop_codes,
    "draw": draws.draw,
    "draw-undo": draws.undo,
}


def typed_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in the fields of a campaign, as `campaigns.add` takes it."""
    given: dict[str, Any] = {name: str(form.get(name, "")).strip()[:LONGEST_FIELD] for name in WORDS}
    given |= {name: str(form.get(name, "")).strip()[:9] or "0" for name in NUMBERS}
    for name in ("name", "prize"):
        given[name] = {lang: str(form.get(f"{name}_{lang}", "")).strip()[:LONGEST_FIELD] for lang in LANGUAGES}
    return given


async def _list(request: web.Request) -> web.Response:
    return await _draw_list(request)


async def _add(request: web.Request) -> web.Response:
    given = typed_of(await request.post())
    try:
        campaign_id = await campaigns.add(request.app[RUNTIME], given, actor=request[ACCOUNT].name)
    except (BadInput, Conflict) as error:
        return await _draw_list(request, error.status, typed=given, **_faults(error, "slug"))
    raise web.HTTPSeeOther(f"{PATH}/{campaign_id}?done=made")


async def _show(request: web.Request) -> web.Response:
    return await _draw_one(request)


async def _change(request: web.Request) -> web.Response:
    given = typed_of(await request.post())
    try:
        await campaigns.change(request.app[RUNTIME], request.match_info["id"], given, actor=request[ACCOUNT].name)
    except (BadInput, Conflict) as error:
        return await _draw_one(request, error.status, typed=given, **_faults(error, "slug"))
    raise web.HTTPSeeOther(f"{request.path}?done=changed")


async def _fill(request: web.Request) -> web.Response:
    lines = str((await request.post()).get("phrases", ""))
    try:
        await campaigns.fill(request.app[RUNTIME], request.match_info["id"], lines, actor=request[ACCOUNT].name)
    except (BadInput, Conflict) as error:
        return await _draw_one(request, error.status, lines=lines, **_faults(error, "phrases"))
    raise web.HTTPSeeOther(f"{_own(request)}?done=filled#calendar")


async def _drop_day(request: web.Request) -> web.Response:
    day = str((await request.post()).get("day", ""))[:10]
    return await _try(request, campaigns.drop_day, "dropped", day)


async def _codes(request: web.Request) -> web.Response:
    """Codes from a file or typed; they are never shown again, so what is wrong is said without them."""
    form = await request.post()
    file, text = form.get("file"), str(form.get("codes", ""))
    if isinstance(file, web.FileField) and file.filename:
        try:
            text = file.file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            return await _draw_one(request, 422, faults={"codes": "this file is no text in UTF-8"})
    try:
        await draws.add_codes(request.app[RUNTIME], request.match_info["id"], text, actor=request[ACCOUNT].name)
    except (BadInput, Conflict) as error:
        return await _draw_one(request, error.status, **_faults(error, "codes"))
    raise web.HTTPSeeOther(f"{_own(request)}?done=codes#codes")


async def _bar(request: web.Request) -> web.Response:
    return await _try(request, campaigns.bar, "barred", await _number(request))


async def _let_in(request: web.Request) -> web.Response:
    return await _try(request, campaigns.let_in, "let-in", await _number(request))


async def _act(request: web.Request) -> web.Response:
    name = request.match_info["act"]
    return await _try(request, {**ACTS, **DRAWING_ACTS}[name], name)


async def _try(request: web.Request, act: Act, done: str, *given: str) -> web.Response:
    try:
        await act(request.app[RUNTIME], request.match_info["id"], *given, actor=request[ACCOUNT].name)
    except (BadInput, Conflict, NotFound) as error:
        if isinstance(error, NotFound) and not given:
            raise
        return await _draw_one(request, error.status, refused=str(error))
    raise web.HTTPSeeOther(f"{_own(request)}?done={done}")


async def _number(request: web.Request) -> str:
    return str((await request.post()).get("number", ""))[:32]


def _faults(error: BadInput | Conflict, usual: str) -> dict[str, Any]:
    """What is wrong beside its field; of lines also with which."""
    field, _, line = (getattr(error, "field", None) or usual).partition(":")
    return {"faults": {field: str(error)}, "wrong_line": line or None}


def _own(request: web.Request) -> str:
    return f"{PATH}/{request.match_info['id']}"


async def _draw_list(request: web.Request, status: int = 200, **values: Any) -> web.Response:
    runtime = request.app[RUNTIME]
    async with runtime.database.reading() as connection:
        known = await rows.newest(connection)
        codes = await rows.codes(connection, [one.id for one in known])
    day = today(runtime).isoformat()
    usual = {
        "typed": {},
        "faults": {},
        "campaigns": known,
        "codes": codes,
        "today": day,
        "known": None,
        "wrong_line": None,
    }
    return await draw_page(request, "console/campaigns.html", status, **{**usual, **values})


async def _draw_one(request: web.Request, status: int = 200, **values: Any) -> web.Response:
    runtime, done = request.app[RUNTIME], request.query.get("done", "")
    async with runtime.database.reading() as connection:
        campaign = await rows.find(connection, request.match_info["id"])
        calendar = await rows.calendar(connection, [campaign.id])
        usual: dict[str, Any] = {
            "counted": await rows.counts(connection, [phrase.id for phrase in calendar]),
            "codes": (await rows.codes(connection, [campaign.id]))[campaign.id],
            "barred": await rows.barred(connection, campaign.id),
            "won": await rows.winners_of(connection, campaign.id),
        }
    phrases = {phrase.day: phrase for phrase in calendar}
    day = today(runtime).isoformat()
    usual |= {
        "known": campaign,
        "days": [(one, phrases.get(one)) for one in days_of(campaign)],
        "today": day,
        "over": campaign.ends_on < day,
        "settled": draws.settled(runtime, campaign),
        "may_draw": request[ACCOUNT].role is Role.ADMINISTRATOR,
        "done": done if done in CAMPAIGN_DONE else None,
        "typed": {},
        "faults": {},
        "wrong_line": None,
        "lines": "",
        "refused": None,
    }
    return await draw_page(request, "console/campaign.html", status, **{**usual, **values})
