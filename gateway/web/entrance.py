"""The pages by which staff come in: name and password, the code of the second step, and one-time links."""

from typing import Any

from aiohttp import web

from gateway.errors import BadInput, NotFound, NotLoggedIn, TooMany
from gateway.schema import LANGUAGES
from gateway.web import addresses, auth, entering, passwords
from gateway.web.keys import ACCOUNT, DRAWING, LOGINS, RUNTIME, SETUP
from gateway.web.middleware import LANGUAGE_COOKIE
from store.accounts import Credentials


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get("/login", _login_page),
        web.post("/login", _log_in),
        web.get("/login/code", _code_page),
        web.post("/login/code", _give_code),
        web.get("/setup/{token}", _setup_page),
        web.post("/setup/{token}", _set_up),
    ]


def inside(path: str) -> str:
    """Where to go after logging in: a page of ours and nowhere else."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path
    return path if ours else "/console"


async def _login_page(request: web.Request) -> web.Response:
    onward = inside(request.query.get("next", ""))
    if ACCOUNT in request:
        raise web.HTTPSeeOther(onward)
    return await _draw_login(request, onward, "", None)


async def _log_in(request: web.Request) -> web.Response:
    form = await _own_form(request)
    name, onward = str(form.get("name", "")), inside(str(form.get("next", "")))
    try:
        _count(request)
        known = await passwords.prove(request.app[RUNTIME], name, str(form.get("password", "")))
        return await _let_in(request, known, onward)
    except (NotLoggedIn, TooMany) as error:
        return await _draw_login(request, onward, name[: passwords.LONGEST_NAME], str(error), error.status)


async def _code_page(request: web.Request) -> web.Response:
    await _second_step(request)
    return await _draw(request, "login_code.html", next=inside(request.query.get("next", "")), fault=None)


async def _give_code(request: web.Request) -> web.Response:
    form = await _own_form(request)
    onward = inside(str(form.get("next", "")))
    known = await _second_step(request)
    try:
        _count(request)
        secret = await entering.give_code(request, known, str(form.get("code", "")))
    except (BadInput, TooMany) as error:
        return await _draw(request, "login_code.html", error.status, next=onward, fault=str(error))
    except NotLoggedIn as error:
        raise web.HTTPSeeOther("/login") from error
    response = _welcome(request, known, secret, onward)
    auth.drop_cookie(request, response, entering.STEP_COOKIE)
    raise response


async def _setup_page(request: web.Request) -> web.Response:
    if await _is_first(request):
        return await _draw_setup(request, "", None)
    known = await entering.invited(request.app[RUNTIME], request.match_info["token"])
    return await _draw_invited(request, known, None)


async def _set_up(request: web.Request) -> web.Response:
    """Make the first administrator, or let whoever was invited choose a password; then log them in."""
    runtime, token = request.app[RUNTIME], request.match_info["token"]
    first = await _is_first(request)
    form = await _own_form(request)
    name, password = str(form.get("name", "")), str(form.get("password", ""))
    if first:
        try:
            secret = await entering.set_up(request, token, name, password)
        except BadInput as error:
            return await _draw_setup(request, name, str(error), error.status)
        response = web.HTTPSeeOther("/console")
        auth.put_session(request, response, secret)
        raise response
    known = await entering.invited(runtime, token)
    try:
        return await _let_in(request, await entering.accept(request, token, password), "/console")
    except BadInput as error:
        return await _draw_invited(request, known, str(error), error.status)


async def _let_in(request: web.Request, known: Credentials, onward: str) -> web.Response:
    """Open the session, or go on to the second step."""
    if await entering.needs_code(request.app[RUNTIME], known):
        response = web.HTTPSeeOther(str(request.url.with_path("/login/code").with_query(next=onward).relative()))
        entering.keep_step(request, response, known)
        raise response
    raise _welcome(request, known, await entering.enter(request, known), onward)


def _welcome(request: web.Request, known: Credentials, secret: str, onward: str) -> web.HTTPSeeOther:
    """Into the console, in the language that was chosen there."""
    response = web.HTTPSeeOther(onward)
    auth.put_session(request, response, secret)
    if known.language in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, str(known.language), max_age=auth.VISITOR_SECONDS, path="/", samesite="Lax"
        )
    return response


async def _second_step(request: web.Request) -> Credentials:
    try:
        return await entering.at_second_step(request)
    except NotLoggedIn as error:
        raise web.HTTPSeeOther("/login") from error


async def _is_first(request: web.Request) -> bool:
    """Whether the link is that of the first administrator. Raises `NotFound` when there is one."""
    if not request.app[SETUP].fits(request.match_info["token"]):
        return False
    if not await entering.setup_is_open(request.app[RUNTIME]):
        raise NotFound("this link is not good any more")
    return True


async def _own_form(request: web.Request) -> Any:
    form = await request.post()
    auth.check_csrf(request, str(form.get("csrf", "")))
    return form


def _count(request: web.Request) -> None:
    """One try more from this network. Raises `TooMany`."""
    trusted = request.app[RUNTIME].settings.server.trusted_proxies
    request.app[LOGINS].take(addresses.household(addresses.client(request, trusted)))


async def _draw_login(
    request: web.Request, onward: str, name: str, fault: str | None, status: int = 200
) -> web.Response:
    settings = request.app[RUNTIME].settings.accounts
    locks = {"tries": settings.tries, "minutes": settings.lock_minutes}
    return await _draw(request, "login.html", status, next=onward, name=name, fault=fault, locks=locks)


async def _draw_setup(request: web.Request, name: str, fault: str | None, status: int = 200) -> web.Response:
    shown = name[: passwords.LONGEST_NAME]
    return await _draw(request, "setup.html", status, name=shown, fault=fault, shortest=_shortest(request))


async def _draw_invited(request: web.Request, known: Credentials, fault: str | None, status: int = 200) -> web.Response:
    values = {"name": known.account.name, "fault": fault, "shortest": _shortest(request)}
    return await _draw(request, "invited.html", status, **values)


def _shortest(request: web.Request) -> int:
    return request.app[RUNTIME].settings.accounts.shortest_password


async def _draw(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    return await request.app[DRAWING].page(request, template, values, status)
