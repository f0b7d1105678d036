"""The public site: what is happening now, and the page of every post. A timeline everybody may read."""

from collections.abc import Mapping, Sequence
from functools import partial

from aiohttp import web

from channels.base import Capabilities, Channel, DeliveryKind, Desk, Guard, Route
from gateway.errors import BadInput, NotFound, TooMany
from gateway.schema import Outgoing, SendResult

PAGE = 20


class Adapter(Channel):
    """The portal."""

    name = "portal"
    capabilities = Capabilities(delivery=DeliveryKind.TIMELINE)

    def routes(self, desk: Desk) -> Sequence[Route]:
        """Home, a post's page, and where a code is typed."""
        return (
            Route("GET", "/", Guard.PUBLIC, partial(self._home, desk)),
            Route("GET", r"/posts/{ticket:\d{8}}", Guard.PUBLIC, partial(self._post, desk)),
            Route("POST", r"/posts/{ticket:\d{8}}/code", Guard.PUBLIC, partial(self._prove, desk)),
        )

    async def send(self, outgoing: Outgoing) -> SendResult:
        """Nothing is left to do: a publication is readable, and in the live stream, from its commit on."""
        return SendResult(final=True)

    async def _home(self, desk: Desk, request: web.Request) -> web.Response:
        cursor, department = request.query.get("cursor"), request.query.get("department")
        posts, following = await desk.published(limit=PAGE, cursor=cursor, department=department or None)
        values = {"posts": posts, "next": following, "first": not cursor and not department, "department": department}
        return await desk.page(request, "home.html", values)

    async def _post(self, desk: Desk, request: web.Request) -> web.Response:
        """A post's page; `?new=1` greets who just sent it, `?code=1` asks for the code sent to his contact."""
        values = {
            "new": "new" in request.query,
            "ask_code": "code" in request.query,
            "proved": "proved" in request.query,
            "fault": None,
        }
        return await self._draw(desk, request, values)

    async def _prove(self, desk: Desk, request: web.Request) -> web.Response:
        ticket, form = request.match_info["ticket"], await request.post()
        try:
            await desk.prove(ticket, str(form.get("code", "")))
        except (BadInput, TooMany) as error:
            values = {"new": False, "ask_code": True, "proved": False, "fault": str(error)}
            return await self._draw(desk, request, values, error.status)
        raise web.HTTPSeeOther(f"/posts/{ticket}?proved=1")

    async def _draw(
        self, desk: Desk, request: web.Request, values: Mapping[str, object], status: int = 200
    ) -> web.Response:
        ticket = request.match_info["ticket"]
        try:
            post = await desk.post(ticket)
        except NotFound:
            return await desk.page(request, "no_post.html", {"ticket": ticket}, 404)
        return await desk.page(request, "post.html", {"post": post, **values}, status)
