"""Public pages that belong to no channel: logging in, the first administrator, and what the city says of itself."""

from typing import Any

from aiohttp import web

from gateway.errors import BadInput, NotFound, NotLoggedIn, TooMany
from gateway.journey import automatic
from gateway.settings import Settings
from gateway.web import addresses, auth
from gateway.web.keys import ACCOUNT, DRAWING, LOGINS, RUNTIME, SETUP


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get("/login", _login_page),
        web.post("/login", _log_in),
        web.get("/setup/{token}", _setup_page),
        web.post("/setup/{token}", _set_up),
        web.get("/departments", _departments),
        web.get("/departments/{slug}", _department),
        web.get("/rules", _rules),
        web.get("/privacy", _privacy),
        web.get("/follow", _follow),
    ]


async def _draw(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    return await request.app[DRAWING].page(request, template, values, status)


async def _login_page(request: web.Request) -> web.Response:
    if ACCOUNT in request:
        raise web.HTTPSeeOther(_inside(request.query.get("next", "")))
    return await _draw(request, "login.html", next=_inside(request.query.get("next", "")), name="", fault=None)


async def _log_in(request: web.Request) -> web.Response:
    form = await request.post()
    auth.check_csrf(request, str(form.get("csrf", "")))
    name, onward = str(form.get("name", "")), _inside(str(form.get("next", "")))
    try:
        trusted = request.app[RUNTIME].settings.server.trusted_proxies
        request.app[LOGINS].take(addresses.household(addresses.client(request, trusted)))
        secret = await auth.log_in(request.app[RUNTIME], name, str(form.get("password", "")))
    except (NotLoggedIn, TooMany) as error:
        return await _draw(request, "login.html", error.status, next=onward, name=name[:64], fault=str(error))
    response = web.HTTPSeeOther(onward)
    auth.put_session(request, response, secret)
    raise response


async def _setup_page(request: web.Request) -> web.Response:
    await _still_open(request)
    return await _draw_setup(request, "", None)


async def _set_up(request: web.Request) -> web.Response:
    """Make the first administrator and log them in."""
    await _still_open(request)
    form = await request.post()
    auth.check_csrf(request, str(form.get("csrf", "")))
    name, password = str(form.get("name", "")), str(form.get("password", ""))
    try:
        await auth.set_up(request, request.match_info["token"], name, password)
    except BadInput as error:
        return await _draw_setup(request, name, str(error), error.status)
    response = web.HTTPSeeOther("/console")
    auth.put_session(request, response, await auth.log_in(request.app[RUNTIME], name.strip(), password))
    raise response


async def _still_open(request: web.Request) -> None:
    fits = request.app[SETUP].fits(request.match_info["token"])
    if not fits or not await auth.setup_is_open(request.app[RUNTIME]):
        raise NotFound("this link is not good any more")


async def _draw_setup(request: web.Request, name: str, fault: str | None, status: int = 200) -> web.Response:
    shortest = request.app[RUNTIME].settings.accounts.shortest_password
    return await _draw(request, "setup.html", status, name=name[:64], fault=fault, shortest=shortest)


async def _departments(request: web.Request) -> web.Response:
    settings = request.app[RUNTIME].settings
    served = {
        department.slug: [category.slug for category in settings.categories if category.department == department.slug]
        for department in settings.departments
    }
    return await _draw(request, "departments.html", served=served)


async def _department(request: web.Request) -> web.Response:
    """What a department was given is a question to the timeline."""
    slug = request.match_info["slug"]
    if slug not in {department.slug for department in request.app[RUNTIME].settings.departments}:
        raise NotFound("there is no such department")
    raise web.HTTPSeeOther(f"/?department={slug}")


async def _rules(request: web.Request) -> web.Response:
    settings = request.app[RUNTIME].settings
    mode, _ = await automatic.in_force(request.app[RUNTIME])
    values: dict[str, Any] = {"rules": settings, "hidden": _hidden(settings), "by_hand": mode is automatic.Mode.BY_HAND}
    return await _draw(request, "rules.html", reasons=settings.reasons[:-1], **values)


async def _privacy(request: web.Request) -> web.Response:
    settings = request.app[RUNTIME].settings
    return await _draw(request, "privacy.html", rules=settings, hidden=_hidden(settings))


async def _follow(request: web.Request) -> web.Response:
    return await _draw(request, "follow.html")


def _hidden(settings: Settings) -> list[str]:
    """Which private numbers are hidden in texts, as `labels.MASKED` names them."""
    return [kind for kind, on in settings.filters.masking.model_dump().items() if on]


def _inside(path: str) -> str:
    """Where to go after logging in: a page of ours and nowhere else."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path
    return path if inside else "/console"
