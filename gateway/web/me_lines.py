"""The lines of whoever asks: linked by a code, muted, unlinked, each with its language."""

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.errors import BadInput, EverylineError, NotFound, TooMany
from gateway.journey import identity
from gateway.runtime import Runtime
from gateway.schema import LANGUAGES
from gateway.web import auth, visitors
from gateway.web.keys import CODES, LANGUAGE, RUNTIME
from gateway.web.me import draw_page
from store import citizens
from store.challenges import Challenge

# Where somebody goes on when his code was right.
ONWARD: Mapping[str, str] = {"lines": "/me?done=linked#lines", "export": "/me/export", "erase": "/me/erase"}
_LINE = "/me/lines/{id:[0-9a-f]{32}}"


def routes() -> list[web.RouteDef]:
    """Codes, and what is done to one line."""
    return [
        web.post("/me/code", _send_code),
        web.get("/me/code", _code_page),
        web.post("/me/code/prove", _prove),
        web.get(f"{_LINE}/unlink", _unlink_page),
        web.post(f"{_LINE}/unlink", _unlink),
        web.post(f"{_LINE}/mute", _mute),
        web.post(f"{_LINE}/unmute", _unmute),
        web.post(f"{_LINE}/language", _language),
    ]


async def _send_code(request: web.Request) -> web.Response:
    """Send a code to a typed number, or to a line that is linked already. The answer is the same for every number."""
    fields = await visitors.form(request)
    runtime, onward = request.app[RUNTIME], _onward(fields)
    try:
        if "line" in fields:
            urn = (await visitors.who(request)).line(fields["line"]).urn or ""
        else:
            urn = identity.mobile(fields.get("number", ""), runtime.settings.city.country)
        visitors.take(request, request.app[CODES])
        await identity.send_code(runtime, auth.visitor(request), urn, request[LANGUAGE])
    except (BadInput, TooMany) as error:
        return await draw_page(request, {"number": str(error)}, error.status, fields)
    raise web.HTTPSeeOther(f"/me/code?next={onward}")


async def _code_page(request: web.Request) -> web.Response:
    return await _draw_code(request, request.query)


async def _prove(request: web.Request) -> web.Response:
    fields = await visitors.form(request)
    runtime, visitor = request.app[RUNTIME], auth.visitor(request)
    try:
        await identity.prove_line(runtime, visitor, fields.get("code", ""))
    except (BadInput, TooMany, NotFound) as error:
        return await _draw_code(request, fields, error)
    auth.rename_visitor(request, await identity.renew(runtime, visitor))
    raise web.HTTPSeeOther(ONWARD[_onward(fields)])


async def _draw_code(
    request: web.Request, fields: Mapping[str, str], error: EverylineError | None = None
) -> web.Response:
    """Where the code is typed; without one under way, back to where one is asked for."""
    runtime = request.app[RUNTIME]
    me = await visitors.who(request)
    asked = await identity.asked_code(runtime, me.browser)
    if asked is None and error is None:
        raise web.HTTPSeeOther("/me#lines")
    number = await _number(runtime, asked) if asked else None
    return await visitors.draw(
        request,
        "me_code.html",
        error.status if error else 200,
        next=_onward(fields),
        number=number,
        fault=str(error) if error else None,
        minutes=runtime.settings.intake.code_minutes,
        may_type=asked is not None and not isinstance(error, TooMany),
    )


async def _unlink_page(request: web.Request) -> web.Response:
    browser, _, me = await visitors.must_be_somebody(request)
    line = me.line(request.match_info["id"])
    return await visitors.draw(request, "me_unlink.html", line=line, here=line.id == browser.id)


async def _unlink(request: web.Request) -> web.Response:
    await visitors.form(request)
    _, _, me = await visitors.must_be_somebody(request)
    line = me.line(request.match_info["id"])
    await request.app[RUNTIME].database.write(lambda tx: citizens.unlink(tx, line.citizen_id))
    raise web.HTTPSeeOther("/me?done=unlinked#lines")


async def _mute(request: web.Request) -> web.Response:
    return await _change(request, "muted", lambda _: {"muted_at": clock.now()})


async def _unmute(request: web.Request) -> web.Response:
    return await _change(request, "unmuted", lambda _: {"muted_at": None})


async def _language(request: web.Request) -> web.Response:
    return await _change(request, "language", _chosen)


async def _change(
    request: web.Request, done: str, values: Callable[[Mapping[str, str]], Mapping[str, Any]]
) -> web.Response:
    """Change one of his lines; `values` reads from the form what its columns become."""
    changed = values(await visitors.form(request))
    _, person, me = await visitors.must_be_somebody(request)
    line = me.line(request.match_info["id"])
    await request.app[RUNTIME].database.write(lambda tx: citizens.change_line(tx, person, line.id, **changed))
    raise web.HTTPSeeOther(f"/me?done={done}#lines")


def _chosen(fields: Mapping[str, str]) -> Mapping[str, Any]:
    """A language for a line, or none: then it is the one it writes in."""
    language = fields.get("language", "")
    if language and language not in LANGUAGES:
        raise BadInput("choose one of the list", "language")
    return {"language": language, "chosen": True} if language else {"chosen": False}


def _onward(fields: Mapping[str, str]) -> str:
    onward = fields.get("next", "")
    return onward if onward in ONWARD else "lines"


async def _number(runtime: Runtime, asked: Challenge) -> str | None:
    """Where a code went, as whoever typed it knows it again."""
    async with runtime.database.reading() as connection:
        opened = await citizens.unseal(connection, runtime.vault, [asked.address_id])
    urn, _ = opened.get(asked.address_id, (None, False))
    return identity.masked(urn, runtime.settings.city.country) if urn else None
