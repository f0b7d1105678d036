"""What moderators do: decide one post or several, and undo it. All are plain forms; the page's script asks for JSON."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.errors import BadInput, Conflict
from gateway.journey import batches, moderation, undoing
from gateway.journey.batches import Batch, Chosen
from gateway.journey.claiming import Held
from gateway.schema import Action
from gateway.web.console import back_to, draw, draw_post, version_of
from gateway.web.keys import ACCOUNT, DRAWING, LANGUAGE, RUNTIME
from gateway.web.queue import MOST_DRAWN, draw_queue, dressed
from store import waiting
from store.posts_for_staff import StaffPost

# What a form that is sent again must bring with it.
KEPT = ("action", "reason", "note", "text", "version", "alike", "ends", "last_day", "back")


def routes() -> list[web.RouteDef]:
    """Their addresses; `middleware.admit` lets only staff near them."""
    return [
        web.post("/console/posts/{id}/decision", _decide),
        web.post("/console/posts/{id}/undo", _undo),
        web.post("/console/decisions", _decide_several),
        web.post("/console/decisions/{decision}/undo", _undo_several),
    ]


async def _decide(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    post_id, form = request.match_info["id"], await _form(request)
    try:
        await moderation.decide(
            request.app[RUNTIME],
            post_id,
            _action(form),
            actor=account.name,
            reason=form.get("reason") or None,
            note=form.get("note") or None,
            text=form.get("text") or None,
            version=version_of(form),
            alike="alike" in form,
            expires_at=_end(request, form) if form["action"] == Action.PUBLISH else None,
            unless_held="unless_held" in form,
        )
    except (BadInput, Conflict) as error:
        return await _again(request, form, error)
    if wants_json(request):
        return await drawn(request, [post_id])
    onward = back_to(form.get("back", ""))
    can_undo = request.app[RUNTIME].settings.broadcast.undo_seconds > 0 and onward == "/console"
    raise web.HTTPSeeOther(f"{onward}?done={post_id}" if can_undo else onward)


async def _undo(request: web.Request) -> web.Response:
    account, form = request[ACCOUNT], await _form(request)
    try:
        await undoing.undo(request.app[RUNTIME], request.match_info["id"], actor=account.name)
    except Conflict as error:
        return await _again(request, form, error)
    if wants_json(request):
        return await drawn(request, [request.match_info["id"]])
    raise web.HTTPSeeOther(back_to(form.get("back", "")))


async def _decide_several(request: web.Request) -> web.Response:
    """One decision about the posts that are ticked; each has its outcome listed."""
    account, form = request[ACCOUNT], await request.post()
    chosen = [_chosen(str(value)) for value in form.getall("post", [])]
    words = await _form(request)
    try:
        batch = await batches.decide(
            request.app[RUNTIME],
            chosen,
            _action(words),
            actor=account.name,
            reason=words.get("reason") or None,
            note=words.get("note") or None,
            unless_held="unless_held" in words,
        )
    except (BadInput, Conflict) as error:
        return await _again(request, {"back": "/console"}, error)
    return await _listed(request, batch, _action(words))


async def _undo_several(request: web.Request) -> web.Response:
    account, form = request[ACCOUNT], await _form(request)
    try:
        number = await undoing.undo_together(request.app[RUNTIME], request.match_info["decision"], actor=account.name)
    except Conflict as error:
        return await _again(request, form, error)
    if wants_json(request):
        return web.json_response({"undone": number})
    raise web.HTTPSeeOther("/console")


async def _listed(request: web.Request, batch: Batch, action: Action) -> web.Response:
    """The outcome of each, on the page they were chosen on."""
    runtime = request.app[RUNTIME]
    async with runtime.database.reading() as connection:
        known = {post.id: post for post in await waiting.some(connection, [one.post_id for one in batch.results])}
    results = [_result(request, known.get(one.post_id), one) for one in batch.results]
    undo = (
        batch.decision_id if runtime.settings.broadcast.undo_seconds and any(one["done"] for one in results) else None
    )
    values: dict[str, Any] = {"results": results, "undo_all": undo, "did": action}
    if not wants_json(request):
        return await draw_queue(request, **values)
    html = request.app[DRAWING].draw(request[LANGUAGE], "console/results.html", {**values, "csrf": None})
    return web.json_response({"results": results, "undo": undo, "html": html})


def _result(request: web.Request, post: StaffPost | None, one: batches.Result) -> dict[str, Any]:
    say = request.app[DRAWING].say
    return {
        "id": one.post_id,
        "ticket": post.ticket if post else None,
        "text": post.text[:80] if post else "",
        "done": one.problem is None,
        "problem": say(request[LANGUAGE], str(one.problem)) if one.problem else None,
        "holder": one.problem.holder if isinstance(one.problem, Held) else None,
    }


async def _again(request: web.Request, form: Mapping[str, str], error: BadInput | Conflict) -> web.Response:
    """The page a decision came from, with what was wrong; what somebody else holds can be decided all the same."""
    holder = error.holder if isinstance(error, Held) else None
    if wants_json(request):
        fault = request.app[DRAWING].say(request[LANGUAGE], str(error))
        return web.json_response({"fault": fault, "holder": holder}, status=error.status)
    asked = {name: form[name] for name in KEPT if form.get(name)} if holder else None
    values: dict[str, Any] = {
        "fault": str(error),
        "asked": asked and {"action": request.path, "holder": holder, "form": asked},
    }
    onward = back_to(form.get("back", ""))
    if onward == "/console":
        return await draw_queue(request, error.status, **values)
    return await draw_post(request, onward.rpartition("/")[2], error.status, **values)


async def drawn(request: web.Request, post_ids: Sequence[str]) -> web.Response:
    """The rows as they are now, and for how long it can be undone."""
    async with request.app[RUNTIME].database.reading() as connection:
        found = await waiting.some(connection, post_ids[:MOST_DRAWN])
        values = await dressed(request, connection, found)
    response = await draw(request, "console/rows.html", **values)
    return web.json_response({"html": response.text, "seconds": max(values["left"].values(), default=0)})


async def _form(request: web.Request) -> dict[str, str]:
    return {name: str(value).strip() for name, value in (await request.post()).items()}


def _action(form: Mapping[str, str]) -> Action:
    if form.get("action") not in list(Action):
        raise BadInput("choose what to do", "action")
    return Action(form["action"])


def _chosen(value: str) -> Chosen:
    """A ticked post: its id, and the version that was seen."""
    post_id, _, version = value.partition(":")
    return Chosen(post_id[:32], int(version) if version.isdecimal() and len(version) < 10 else None)


def wants_json(request: web.Request) -> bool:
    """Whether a page's script asks, and not a form."""
    return "application/json" in request.headers.get("Accept", "")


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
