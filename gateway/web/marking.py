"""Where the author of a report says on the site what he thinks of its answer: `/posts/<ticket>/mark`, and `/me`.

Not on the post's own page, which is kept and shown to everybody: that one leads here.
"""

from aiohttp import web

from gateway.casework import satisfaction
from gateway.errors import BadInput, Conflict
from gateway.web import visitors
from gateway.web.keys import RUNTIME

PATH = r"/posts/{ticket:\d{8}}/mark"
CHANNEL = "portal"
SOLVED = {"yes": True, "no": False}


def routes() -> list[web.RouteDef]:
    """The page, and where its form and those of `/me` are sent."""
    return [web.get(PATH, _page), web.post(PATH, _give)]


async def _page(request: web.Request) -> web.Response:
    return await _draw(request)


async def _give(request: web.Request) -> web.Response:
    fields = await visitors.form(request)
    _, person, _ = await visitors.must_be_somebody(request)
    ticket, chosen = request.match_info["ticket"], fields.get("mark", "")
    try:
        ruling = await satisfaction.give(
            request.app[RUNTIME],
            ticket,
            person,
            mark=int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) == 1 else None,
            solved=SOLVED.get(fields.get("solved", "")),
            channel=CHANNEL,
        )
    except (BadInput, Conflict) as error:
        return await _draw(request, str(error), error.status)
    done = "taken_back" if ruling.takes_back else "reopened" if ruling.reopens else "kept"
    raise web.HTTPSeeOther(f"/posts/{ticket}/mark?done={done}")


async def _draw(request: web.Request, fault: str | None = None, status: int = 200) -> web.Response:
    """The page as its author sees it; whoever else asks is told who may judge."""
    runtime, ticket, me = request.app[RUNTIME], request.match_info["ticket"], await visitors.who(request)
    standing = await satisfaction.standing(runtime, ticket, me.person)
    return await visitors.draw(
        request,
        "mark.html",
        status,
        ticket=ticket,
        standing=standing,
        done=request.query.get("done", ""),
        fault=fault,
    )
