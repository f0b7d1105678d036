"""The line on which somebody of the staff is told of his work, and of what: a part of the page of his account."""

from collections.abc import Awaitable

from aiohttp import web

from gateway.errors import EverylineError
from gateway.journey import alarm_lines
from gateway.web.keys import ACCOUNT, LANGUAGE, RUNTIME
from gateway.web.own_account import HERE, draw_account

ALARM = f"{HERE}/alarm"


def routes() -> list[web.RouteDef]:
    """Its addresses."""
    return [
        web.post(ALARM, _ask),
        web.post(f"{ALARM}/code", _prove),
        web.post(f"{ALARM}/remove", _remove),
        web.post(f"{ALARM}/subjects", _choose),
    ]


async def _ask(request: web.Request) -> web.Response:
    number = str((await request.post()).get("number", ""))[:40]
    asked = alarm_lines.ask(request.app[RUNTIME], request[ACCOUNT].id, number, request[LANGUAGE])
    return await _then_back(request, asked, number=number)


async def _prove(request: web.Request) -> web.Response:
    account, code = request[ACCOUNT], str((await request.post()).get("code", ""))
    return await _then_back(request, alarm_lines.prove(request.app[RUNTIME], account.id, code, actor=account.name))


async def _remove(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    return await _then_back(request, alarm_lines.remove(request.app[RUNTIME], account.id, actor=account.name))


async def _choose(request: web.Request) -> web.Response:
    form = await request.post()
    chosen, told_by = [str(one) for one in form.getall("subject", [])], str(form.get("told_by", ""))
    return await _then_back(request, alarm_lines.choose(request.app[RUNTIME], request[ACCOUNT], chosen, told_by))


async def _then_back(request: web.Request, work: Awaitable[None], **typed: str) -> web.Response:
    try:
        await work
    except EverylineError as error:
        return await draw_account(request, error, typed)
    raise web.HTTPSeeOther(f"{HERE}#alarm")
