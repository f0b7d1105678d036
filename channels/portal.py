"""The public site: what is happening now, and the page of every post. A timeline everybody may read."""

import unicodedata
from collections.abc import Mapping, Sequence
from functools import partial
from urllib.parse import urlencode

from aiohttp import web

from channels.base import Capabilities, Channel, DeliveryKind, Guard, Route
from channels.desk import Desk
from gateway.errors import BadInput, NotFound, TooMany
from gateway.schema import State
from gateway.schema_outgoing import Outgoing, SendResult
from gateway.schema_public import Findings

PAGE = 20
FILTERS = ("category", "department", "place")
SEARCH_FILTERS = (*FILTERS, "kind", "progress", "since", "until")
TICKET_DIGITS = 8


class Adapter(Channel):
    """The portal."""

    name = "portal"
    capabilities = Capabilities(delivery=DeliveryKind.TIMELINE, recalls=True)

    def routes(self, desk: Desk) -> Sequence[Route]:
        """Home, search, the look-up of a ticket, a post's page, and where a code is typed."""
        return (
            Route("GET", "/", Guard.PUBLIC, partial(self._home, desk)),
            Route("GET", "/search", Guard.PUBLIC, partial(self._search, desk)),
            Route("GET", "/posts", Guard.PUBLIC, partial(self._look_up, desk)),
            Route("GET", r"/posts/{ticket:\d{8}}", Guard.PUBLIC, partial(self._post, desk)),
            Route("POST", r"/posts/{ticket:\d{8}}/code", Guard.PUBLIC, partial(self._prove, desk)),
        )

    async def send(self, outgoing: Outgoing) -> SendResult:
        """Nothing is left to do: a publication is readable, and in the live stream, from its commit on."""
        return SendResult(final=True)

    async def _home(self, desk: Desk, request: web.Request) -> web.Response:
        """The newest posts, of one category, department or place when asked; live while nothing is chosen."""
        cursor = request.query.get("cursor")
        chosen = {name: request.query[name] for name in FILTERS if request.query.get(name)}
        posts, following = await desk.published(limit=PAGE, cursor=cursor, settled=False, **chosen)
        earlier = "?" + urlencode({**chosen, "cursor": following}) if following else None
        first = not cursor and not chosen
        today = await desk.today() if first else None
        values = {"posts": tuple(posts), "earlier": earlier, "chosen": chosen, "first": first, "today": today}
        return await desk.page(request, "home.html", values, lasting=True)

    async def _search(self, desk: Desk, request: web.Request) -> web.Response:
        """Posts that have all words asked for; a ticket leads to its post. What is wrong is said above the words."""
        query, cursor = request.query.get("q", "").strip(), request.query.get("cursor") or None
        chosen = {name: value for name in SEARCH_FILTERS if (value := request.query.get(name, "").strip())}
        findings, fault, status = Findings(), None, 200
        try:
            if query or chosen:
                findings = await desk.search(query, limit=PAGE, cursor=cursor, **chosen)
        except BadInput as error:
            fault, status = error, error.status
        if findings.ticket:
            raise web.HTTPSeeOther(f"/posts/{findings.ticket}")
        asked = {**({"q": query} if query else {}), **chosen}
        earlier = "?" + urlencode({**asked, "cursor": findings.next}) if findings.next else None
        services = await desk.service_hits(query, desk.language(request)) if query and not cursor and not fault else ()
        values = {
            "services": services,
            "query": query,
            "chosen": chosen,
            "findings": findings,
            "earlier": earlier,
            "further": bool(cursor),
        }
        known = {**values, "services": services, "fault": str(fault) if fault else None}
        return await desk.page(request, "search.html", known, status)

    async def _look_up(self, desk: Desk, request: web.Request) -> web.Response:
        """To the post of a typed ticket; full-width digits, spaces and dashes are no fault."""
        typed = request.query.get("ticket", "")[:64]
        digits = "".join(str(unicodedata.digit(letter)) for letter in typed if letter.isdigit())
        if len(digits) != TICKET_DIGITS:
            return await desk.page(request, "no_post.html", {"ticket": typed}, 404)
        raise web.HTTPSeeOther(f"/posts/{digits}")

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
        if post.ticket != ticket:  # this report was put under another one
            raise web.HTTPSeeOther(f"/posts/{post.ticket}")
        comments = tuple((await desk.comments(ticket))[0]) if post.comments else ()
        known = {
            "post": post,
            "comments": comments,
            "added": "added" in request.query,
            "joined": "joined" in request.query,
        }
        # The stream does not tell how a post stands that is not public.
        lasting = post.state is State.PUBLISHED and bool(post.text)
        return await desk.page(request, "post.html", {**known, **values}, status, lasting=lasting)
