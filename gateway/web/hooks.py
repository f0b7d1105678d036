"""The channels' own routes, each behind its guard: a handler runs only for whom the guard let through."""

import asyncio
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from channels.base import Channel, Guard, Route
from gateway.errors import BadInput, NotAllowed
from gateway.limits import Limit
from gateway.runtime import Runtime
from gateway.web import addresses, auth, large_forms
from gateway.web.keys import DESK, METRICS, RUNTIME

HOUR = 3600.0
JSON_TYPE = "application/json"

log = structlog.get_logger()


def mount(app: web.Application) -> None:
    """Add the routes of every channel that runs."""
    runtime = app[RUNTIME]
    limit = Limit(runtime.settings.intake.forms_per_hour, HOUR)
    for channel in runtime.channels.values():
        for route in channel.routes(app[DESK]):
            app.router.add_route(route.method, route.path, _guarded(runtime, channel, route, limit))
    app.on_shutdown.append(_hang_up)


async def _hang_up(app: web.Application) -> None:
    await asyncio.gather(*(channel.hang_up() for channel in app[RUNTIME].channels.values()), return_exceptions=True)


def _guarded(runtime: Runtime, channel: Channel, route: Route, limit: Limit) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        if route.guard is Guard.SIGNATURE:
            await _signed(request, channel)
        elif route.guard is Guard.SOCKET:
            _same_origin(request, runtime.settings.public_url)
        elif request.method not in ("GET", "HEAD"):
            if not route.looks:
                limit.take(addresses.household(addresses.client(request, runtime.settings.server.trusted_proxies)))
            await large_forms.read(request)
            await _from_us_or_a_program(request)
        return await route.handler(request)

    async def handler(request: web.Request) -> web.StreamResponse:
        if route.most_bytes is None or request.content_type != large_forms.TYPE:
            return await guarded(request)
        return await large_forms.take(request, route.most_bytes, guarded)

    return handler


async def _signed(request: web.Request, channel: Channel) -> None:
    if await channel.authentic(request):
        return
    request.app[METRICS].unsigned.labels(channel.name).inc()
    # The usual cause is a public URL that is not what the carrier calls: show both, without parameters.
    expected = request.app[RUNTIME].settings.public_url + request.path
    seen = f"{request.scheme}://{request.host}{request.path}"
    request.app[RUNTIME].pulse.forged(channel.name, expected, seen)
    log.warning("a signature does not fit", action="hooks.unsigned", channel=channel.name, expected=expected, seen=seen)
    raise NotAllowed("the signature does not fit")


def _same_origin(request: web.Request, public_url: str) -> None:
    # Browsers name the page's site with every WebSocket they open; who names none is no page of ours.
    origin = request.headers.get("Origin", "")
    if urlsplit(origin)[:2] != urlsplit(public_url)[:2]:
        raise NotAllowed("this connection was opened from another site")


async def _from_us_or_a_program(request: web.Request) -> None:
    """A page's form brings its token. Under /api a program speaks for itself: no cookie of a browser counts there."""
    if request.path.startswith("/api/"):
        return
    if request.content_type == JSON_TYPE:
        raise BadInput("this address takes forms; programs use /api/v1/posts")
    form = await request.post()
    auth.check_csrf(request, str(form.get("csrf", "")))
