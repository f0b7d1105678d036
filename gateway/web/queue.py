"""The moderators' queue: its pages, what changed of them since, what stands behind one row, and who looks at it.

It is a list of plain forms; `queue.js` brings the keys, and what happens meanwhile.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.errors import BadInput, NotFound
from gateway.journey import automatic, claiming, pace, routing
from gateway.journey.automatic import Mode
from gateway.journey.commands import UNDECIDED
from gateway.schema import State
from gateway.schema_public import moment
from gateway.web import access, auth
from gateway.web.behind import behind, versions
from gateway.web.console import draw, listened, others, undoable
from gateway.web.keys import ACCOUNT, DRAWING, LANGUAGE, RUNTIME
from store import changes, claims, history, likeness, waiting
from store.accounts import Role
from store.history import Entry
from store.posts_for_staff import StaffPost

PAGE = 30
# What one page may ask about at once.
MOST_ASKED = 400
MOST_DRAWN = 60
MOST_NEW = 20
# Posts may be committed a little later than they were taken.
LATE = timedelta(seconds=30)


def routes() -> list[web.RouteDef]:
    """Its addresses; `middleware.admit` lets only staff near them."""
    return [
        web.get("/console", _queue),
        web.get("/console/queue/rows", _rows),
        web.post("/console/queue/marks", _marks),
        web.get("/console/queue/{id}/behind", _behind),
        web.post("/console/queue/{id}/open", _open),
        web.post("/console/queue/{id}/leave", _leave),
        web.post("/console/queue/mode", _mode),
    ]


async def draw_queue(request: web.Request, status: int = 200, **values: Any) -> web.Response:
    """The queue; `values` say what was just done in it, or could not be."""
    runtime, cursor = request.app[RUNTIME], request.query.get("cursor")
    done = request.query.get("done", "")
    known: dict[str, Any] = {"fault": None, "asked": None, "results": None, "undo_all": None}
    known["undoable"] = await _just_decided(request, done) if done.isalnum() and request.method == "GET" else {}
    mode, switched = await automatic.in_force(runtime)
    known |= {"mode": mode, "modes": list(Mode), "switched": switched, "pace": await pace.look(runtime)}
    known |= {"since": moment(clock.now()), "claim_seconds": runtime.settings.moderation.claim_seconds}
    return await draw(request, "console/queue.html", status, **{**known, **values}, **await page(request, cursor))


async def page(request: web.Request, cursor: str | None) -> dict[str, Any]:
    """One page of what waits, as its rows need it."""
    async with request.app[RUNTIME].database.reading() as connection:
        found, following = await waiting.page(connection, PAGE, cursor)
        return {**await dressed(request, connection, found), "following": following}


async def dressed(request: web.Request, connection: Any, found: Sequence[StaffPost]) -> dict[str, Any]:
    """Posts with all that a row of the queue shows of them.

    To be read by the connection that found them: a row with the mark of a later state would never be drawn anew.
    """
    runtime, at, ids = request.app[RUNTIME], clock.now(), [post.id for post in found]
    marks = await waiting.marks(connection, ids)
    at_work = await claims.at_work(connection, ids, at)
    decided = [post for post in found if post.state is not State.PENDING]
    last: Mapping[str, Entry] = await history.lasts(connection, [post.id for post in decided]) if decided else {}
    return {
        "posts": found,
        "marks": marks,
        "at_work": {post_id: others(request, names) for post_id, names in at_work.items()},
        "last": last,
        "likely": await likeness.noted(connection, [post.id for post in found if post.state in UNDECIDED]),
        "heard": await listened(request, connection, found),
        "left": undoable(request, [(post.id, post.state, last.get(post.id)) for post in decided]),
        "suggested": {post.id: routing.route_post(runtime, post).department for post in found},
        "following": None,
    }


async def _queue(request: web.Request) -> web.Response:
    if access.own_department(request[ACCOUNT]):
        raise web.HTTPSeeOther("/console/inbox")
    return await draw_queue(request)


async def _rows(request: web.Request) -> web.Response:
    """Rows alone, for the page to take in: the next ones, or those it names."""
    access.check_queue(request[ACCOUNT])
    if asked := request.query.get("ids"):
        async with request.app[RUNTIME].database.reading() as connection:
            found = await waiting.some(connection, _ids(asked, MOST_DRAWN))
            values = await dressed(request, connection, found)
        return await draw(request, "console/rows.html", **values)
    return await draw(request, "console/rows.html", **await page(request, request.query.get("cursor")))


async def _marks(request: web.Request) -> web.Response:
    """Of the posts a page shows, which are other than it shows them, and what came beside them."""
    access.check_queue(request[ACCOUNT])
    form, runtime, at = await request.post(), request.app[RUNTIME], clock.now()
    ids = _ids(str(form.get("ids", "")), MOST_ASKED)
    begin = _moment(str(form.get("since", ""))) - LATE
    async with runtime.database.reading() as connection:
        known = await waiting.marks(connection, ids)
        at_work = await claims.at_work(connection, ids, at)
        urgent = await waiting.urgent(connection, MOST_NEW)
        new = await waiting.since(connection, begin, MOST_NEW + len(ids))
    shown = set(ids)
    people = {post_id: await _people(request, names) for post_id, names in at_work.items()}
    fresh = [post_id for post_id in new if post_id not in shown][:MOST_NEW]
    return web.json_response(
        {
            "marks": known,
            "people": people,
            "urgent": [post_id for post_id in urgent if post_id not in shown],
            "fresh": fresh,
            "at": moment(at),
        }
    )


async def _behind(request: web.Request) -> web.Response:
    async with request.app[RUNTIME].database.reading() as connection:
        found = await waiting.some(connection, _ids(request.match_info["id"], 1))
    if not found:
        raise NotFound("there is no such post")
    runtime, post = request.app[RUNTIME], found[0]
    shown = (await versions(runtime, found)).get(post.id)
    return await draw(request, "console/behind.html", versions=shown, **await behind(runtime, post), back="/console")


async def _open(request: web.Request) -> web.Response:
    """Somebody has a post open, now or still."""
    account = request[ACCOUNT]
    names = await claiming.open_post(request.app[RUNTIME], request.match_info["id"], account.name)
    return web.json_response({"people": await _people(request, names)})


async def _leave(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    await claiming.leave(request.app[RUNTIME], request.match_info["id"], account.name)
    return web.Response(status=204)


async def _mode(request: web.Request) -> web.Response:
    """Whoever moderates may take all into his own hands; to let a rule publish is for administrators."""
    wanted = str((await request.post()).get("mode", ""))
    if wanted not in list(Mode):
        raise BadInput("choose a mode", "mode")
    account = auth.require(request, Role.MODERATOR if wanted == Mode.BY_HAND else Role.ADMINISTRATOR)
    await automatic.switch(request.app[RUNTIME], Mode(wanted), actor=account.name)
    raise web.HTTPSeeOther("/console")


async def _just_decided(request: web.Request, post_id: str) -> dict[str, int]:
    """For how many seconds the last decision about a post can still be undone, by post; empty when it cannot."""
    async with request.app[RUNTIME].database.reading() as connection:
        known = await changes.load_many(connection, [post_id])
        entry = await history.last(connection, post_id)
    return undoable(request, [(post.id, post.state, entry) for post in known.values()])


async def _people(request: web.Request, names: Sequence[str]) -> str:
    drawing, language = request.app[DRAWING], request[LANGUAGE]
    return drawing.draw(language, "console/people.html", {"people": others(request, names)}).strip()


def _ids(listed: str, most: int) -> list[str]:
    ids = [one for one in listed.split(",") if one]
    if len(ids) > most or not all(one.isalnum() and len(one) <= 32 for one in ids):
        raise BadInput(f"at most {most} ids of posts", "ids")
    return ids


def _moment(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput("a moment like 2026-03-02T08:00:00Z", "since") from None
