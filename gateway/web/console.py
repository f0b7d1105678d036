"""The console: what staff see and do. Every change is a plain form; `live.js` only saves the reload."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.casework import cases
from gateway.errors import BadInput, Conflict
from gateway.journey import mailbox, moderation, routing, undoing
from gateway.schema import Action, State
from gateway.web import auth
from gateway.web.keys import ACCOUNT, DRAWING, RUNTIME
from store import changes, deliveries, history, posts, progress, waiting
from store.accounts import Role
from store.history import Entry
from store.posts import StaffPost

QUEUE_LENGTH = 100


def routes() -> list[web.RouteDef]:
    """Its addresses; `middleware.admit` lets only staff near them."""
    return [
        web.get("/console", _queue),
        web.get("/console/queue/rows", _rows),
        web.get("/console/find", _find),
        web.get("/console/posts/{ticket}", _post),
        web.get("/console/posts/{ticket}/typing", _typing),
        web.post("/console/posts/{id}/decision", _decide),
        web.post("/console/posts/{id}/undo", _undo),
        web.post("/console/posts/{ticket}/answers", _answer),
        web.post("/console/logout", _log_out),
    ]


async def _queue(request: web.Request) -> web.Response:
    return await _draw_queue(request)


async def _rows(request: web.Request) -> web.Response:
    """The rows of the queue alone, for the page to take in."""
    return await draw(request, "console/rows.html", **await _waiting(request))


async def _find(request: web.Request) -> web.Response:
    digits = "".join(character for character in request.query.get("ticket", "") if character.isdecimal())
    raise web.HTTPSeeOther(f"/console/posts/{digits}" if digits else "/console")


async def _post(request: web.Request) -> web.Response:
    return await _draw_post(request, request.match_info["ticket"])


async def _typing(request: web.Request) -> web.Response:
    """Whether the thread's author is typing just now; the page asks for it every few seconds."""
    typing = await mailbox.is_typing(request.app[RUNTIME], request.match_info["ticket"])
    return await request.app[DRAWING].page(request, "console/typing.html", {"typing": typing})


async def _decide(request: web.Request) -> web.Response:
    account = auth.require(request, Role.MODERATOR)
    form = {name: str(value).strip() for name, value in (await request.post()).items()}
    try:
        if form.get("action") not in list(Action):
            raise BadInput("choose what to do", "action")
        await moderation.decide(
            request.app[RUNTIME],
            request.match_info["id"],
            Action(form["action"]),
            actor=account.name,
            reason=form.get("reason") or None,
            note=form.get("note") or None,
            text=form.get("text") or None,
            version=int(form["version"]) if form.get("version", "").isdecimal() else None,
            alike="alike" in form,
            expires_at=_end(request, form) if form["action"] == Action.PUBLISH else None,
        )
    except (BadInput, Conflict) as error:
        return await _again(request, form.get("back", ""), error)
    onward = back_to(form.get("back", ""))
    undoable = request.app[RUNTIME].settings.broadcast.undo_seconds > 0 and onward == "/console"
    raise web.HTTPSeeOther(f"{onward}?done={request.match_info['id']}" if undoable else onward)


async def _undo(request: web.Request) -> web.Response:
    account, form = auth.require(request, Role.MODERATOR), await request.post()
    back = str(form.get("back", ""))
    try:
        await undoing.undo(request.app[RUNTIME], request.match_info["id"], actor=account.name)
    except Conflict as error:
        return await _again(request, back, error)
    raise web.HTTPSeeOther(back_to(back))


async def _answer(request: web.Request) -> web.Response:
    account = auth.require(request, Role.OFFICER)
    ticket, form = request.match_info["ticket"], await request.post()
    text, department = str(form.get("text", "")), str(form.get("department", ""))
    try:
        auth.answers_as(account, department)
        await cases.answer(request.app[RUNTIME], ticket, text, department, actor=account.name)
    except (BadInput, Conflict) as error:
        return await _draw_post(request, ticket, str(error), error.status, typed=text)
    raise web.HTTPSeeOther(f"/console/posts/{ticket}")


async def _log_out(request: web.Request) -> web.Response:
    await auth.log_out(request)
    response = web.HTTPSeeOther("/login")
    auth.drop_session(request, response)
    raise response


async def _again(request: web.Request, back: str, error: BadInput | Conflict) -> web.Response:
    """The page a decision came from, with what was wrong."""
    onward = back_to(back)
    if onward == "/console":
        return await _draw_queue(request, str(error), error.status)
    return await _draw_post(request, onward.rpartition("/")[2], str(error), error.status)


async def _draw_queue(request: web.Request, fault: str | None = None, status: int = 200) -> web.Response:
    done = request.query.get("done", "")
    undoable = await _just_decided(request, done) if done.isalnum() and request.method == "GET" else {}
    return await draw(request, "console/queue.html", status, fault=fault, undoable=undoable, **await _waiting(request))


async def _just_decided(request: web.Request, post_id: str) -> dict[str, int]:
    """For how many seconds the last decision about a post can still be undone, by post; empty when it cannot."""
    async with request.app[RUNTIME].database.reading() as connection:
        known = await changes.load_many(connection, [post_id])
        entry = await history.last(connection, post_id)
    return _undoable(request, [(post.id, post.state, entry) for post in known.values()])


def _undoable(request: web.Request, last: Sequence[tuple[str, State, Entry | None]]) -> dict[str, int]:
    """Of posts with their state and what was done to them last: for how many seconds it can be undone, where it can."""
    if not may_decide(request):
        return {}
    at = clock.now()
    left = {post_id: undoing.seconds_left(request.app[RUNTIME], entry, state, at) for post_id, state, entry in last}
    return {post_id: seconds for post_id, seconds in left.items() if seconds}


def _end(request: web.Request, form: Mapping[str, str]) -> datetime | None:
    """When it is too late to tell what is published: with the end of a day of the city, or never."""
    zone = request.app[RUNTIME].settings.city.zone
    if not form.get("ends"):
        return None
    try:
        tonight = clock.now().astimezone(zone).date()
        last = tonight if form["ends"] == "tonight" else date.fromisoformat(form.get("last_day", ""))
        return datetime.combine(last + timedelta(days=1), time(), zone)
    except (ValueError, OverflowError):
        raise BadInput("this is no day that is still to come", "last_day") from None


async def _draw_post(
    request: web.Request, ticket: str, fault: str | None = None, status: int = 200, typed: str = ""
) -> web.Response:
    runtime, account = request.app[RUNTIME], request[ACCOUNT]
    async with runtime.database.reading() as connection:
        thread = await posts.thread(connection, ticket)
        ids = [post.id for post in thread]
        entries = await history.of_thread(connection, runtime.vault, ids)
        sent = await deliveries.of_posts(connection, ids)
        # Words as they came may hold what was masked: for those who decide, not for all staff.
        unmasked = ids if may_decide(request) else []
        originals = await history.originals(connection, runtime.vault, unmasked)
        transcripts = await history.transcripts(connection, runtime.vault, unmasked)
        alike = await posts.alike(connection, thread[0].group or thread[0].id)
        converses = await mailbox.converses(runtime, connection, ticket)
        told = await progress.of_posts(connection, ids)
    first = thread[0]
    undoable = _undoable(request, [(post.id, post.state, entries[post.id][-1]) for post in thread if entries[post.id]])
    chosen = account.department or first.department or _suggested(request, first)
    return await draw(
        request,
        "console/post.html",
        status,
        fault=fault,
        typed=typed,
        thread=thread,
        first=first,
        entries=sorted((entry for of_post in entries.values() for entry in of_post), key=lambda entry: entry.at),
        deliveries=sent,
        broadcasts=told,
        undoable=undoable,
        alike=[post for post in alike if post.id != first.id],
        originals=originals,
        transcripts=transcripts,
        converses=converses,
        typing=False,
        may_answer=account.role in (Role.OFFICER, Role.ADMINISTRATOR),
        answering=_answering(request),
        chosen=chosen,
        allowed=lambda state: [action for action in moderation.allowed(state) if action is not Action.CORRECT],
    )


async def _waiting(request: web.Request) -> dict[str, Any]:
    async with request.app[RUNTIME].database.reading() as connection:
        queue = await waiting.queue(connection, QUEUE_LENGTH)
    return {"posts": queue, "suggested": {post.id: _suggested(request, post) for post in queue}}


async def draw(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    """A page of the console, with what all of them know."""
    runtime = request.app[RUNTIME]
    async with runtime.database.reading() as connection:
        waiting = await posts.waiting(connection)
    known = {
        "waiting": waiting,
        "reasons": runtime.settings.reasons,
        "may_decide": may_decide(request),
        "show_ticket": False,
    }
    return await request.app[DRAWING].page(request, template, {**known, **values}, status)


def may_decide(request: web.Request) -> bool:
    """Whether this account moderates."""
    return request[ACCOUNT].role in (Role.MODERATOR, Role.ADMINISTRATOR)


def _suggested(request: web.Request, post: StaffPost) -> str | None:
    return routing.route(request.app[RUNTIME].settings, post.text, post.category).department


def _answering(request: web.Request) -> Sequence[str]:
    """The departments this account may answer as."""
    own = request[ACCOUNT].department
    return [own] if own else [department.slug for department in request.app[RUNTIME].settings.departments]


def back_to(path: str) -> str:
    """Where a form of the console leads: a page of the console, and nothing else."""
    if path.startswith("/console/posts/") and path.rpartition("/")[2].isalnum():
        return path
    return "/console"
