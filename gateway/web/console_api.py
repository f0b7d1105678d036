"""The staff's JSON API: queue, post, decisions, answers, deliveries, channels. By session or bearer token."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from aiohttp import web

from channels import _uploads
from gateway.casework import answer_templates, cases
from gateway.errors import BadInput
from gateway.journey import batches, moderation, redelivery, undoing
from gateway.journey.claiming import Held
from gateway.schema_incoming import IncomingMedia
from gateway.schema_outgoing import DeliveryState
from gateway.schema_public import moment
from gateway.web import (
    access,
    answering,
    auth,
    bodies,
    bodies_casework,
    bodies_deliveries,
    bodies_moderation,
    channels,
    large_forms,
)
from gateway.web.api import whole_number
from gateway.web.console import check_readable, may_decide
from gateway.web.deliveries import before_number
from gateway.web.keys import ACCOUNT, RUNTIME
from store import deliveries, history, marks, notes, posts_for_staff, waiting
from store.marks import Mark

MOST = 500
USUAL = 100


def routes() -> list[web.RouteDef]:
    """Every address of the staff's API."""
    return [
        web.get("/api/v1/console/queue", _queue),
        web.get("/api/v1/console/posts/{reference}", _post),
        web.post("/api/v1/console/posts/{reference}/decision", _decide),
        web.post("/api/v1/console/posts/{reference}/undo", _undo),
        web.post("/api/v1/console/decisions", _decide_several),
        web.post("/api/v1/console/decisions/{decision}/undo", _undo_several),
        web.post("/api/v1/console/posts/{reference}/answers", _answer),
        web.get("/api/v1/console/deliveries", _deliveries),
        web.get("/api/v1/console/deliveries/{id:[0-9]{1,18}}", _delivery),
        web.post("/api/v1/console/deliveries/again", _again),
        web.post("/api/v1/console/deliveries/drop", _drop),
        web.get("/api/v1/console/channels", _channels),
    ]


def plain(value: Any) -> Any:
    """Dataclasses as JSON: fields by name, moments in RFC 3339."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


async def _queue(request: web.Request) -> web.Response:
    access.check_queue(request[ACCOUNT])
    async with request.app[RUNTIME].database.reading() as connection:
        found = await waiting.queue(connection, whole_number(request, "limit", USUAL, MOST))
    return web.json_response({"items": [plain(asdict(post)) for post in found]})


async def _post(request: web.Request) -> web.Response:
    runtime = request.app[RUNTIME]
    reference = request.match_info["reference"]
    async with runtime.database.reading() as connection:
        thread = access.readable(
            runtime.settings, request[ACCOUNT], await posts_for_staff.thread(connection, reference)
        )
        named = next((post for post in thread if post.id == reference), thread[0])
        ids = [post.id for post in thread]
        entries = await history.of_thread(connection, runtime.vault, ids)
        sent = await deliveries.of_posts(connection, ids)
        originals = await history.originals(connection, runtime.vault, ids if may_decide(request) else [])
        noted = await notes.of_posts(connection, runtime.vault, ids)
        judged = (await marks.of_threads(connection, [thread[0].id])).get(thread[0].id, ())
    return web.json_response(
        {
            **plain(asdict(named)),
            "original": originals.get(named.id),
            "actions": list(moderation.allowed(named.state)),
            "thread": [plain(asdict(post)) for post in thread],
            "marks": [mark_of(mark) for mark in judged],
            "notes": [plain(asdict(note)) for note in noted],
            "history": {post_id: [plain(asdict(entry)) for entry in entries.get(post_id, [])] for post_id in ids},
            "deliveries": [plain(asdict(delivery)) for delivery in sent],
        }
    )


def mark_of(mark: Mark) -> dict[str, Any]:
    """What an author says of an answer, as staff's programs get it: never who he is."""
    return {
        "round": mark.round,
        "department": mark.department,
        "mark": mark.mark,
        "solved": mark.solved,
        "channel": mark.channel,
        "at": moment(mark.at),
    }


async def _decide(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    body = await bodies.read(request, bodies_moderation.Decision)
    version = await moderation.decide(
        request.app[RUNTIME],
        request.match_info["reference"],
        body.action,
        actor=account.name,
        reason=body.reason,
        note=body.note,
        text=body.text,
        version=body.version,
        alike=body.alike,
        expires_at=body.expires_at,
        unless_held=body.unless_held,
    )
    return web.json_response({"version": version})


async def _undo(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    version = await undoing.undo(request.app[RUNTIME], request.match_info["reference"], actor=account.name)
    return web.json_response({"version": version})


async def _decide_several(request: web.Request) -> web.Response:
    """One decision about several posts: what became of each, and what to name to undo all of it."""
    account = request[ACCOUNT]
    body = await bodies.read(request, bodies_moderation.Decisions)
    batch = await batches.decide(
        request.app[RUNTIME],
        [batches.Chosen(post.id, post.version) for post in body.posts],
        body.action,
        actor=account.name,
        reason=body.reason,
        note=body.note,
        unless_held=body.unless_held,
    )
    results = [
        {
            "id": one.post_id,
            "version": one.version,
            "problem": str(one.problem) if one.problem else None,
            "holder": one.problem.holder if isinstance(one.problem, Held) else None,
        }
        for one in batch.results
    ]
    return web.json_response({"decision": batch.decision_id, "results": results})


async def _undo_several(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    number = await undoing.undo_together(request.app[RUNTIME], request.match_info["decision"], actor=account.name)
    return web.json_response({"undone": number})


async def _answer(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    body, files = await _answered(request)
    answer_templates.check_answer(body.text)
    department = auth.answers_as(account, body.department)
    await check_readable(request, request.match_info["reference"])
    answer_id = await cases.answer(
        request.app[RUNTIME],
        request.match_info["reference"],
        body.text,
        department,
        actor=account.name,
        own=access.own_department(account),
        files=files,
    )
    return web.json_response({"id": answer_id}, status=201)


async def _answered(request: web.Request) -> tuple[bodies_casework.Answer, tuple[IncomingMedia, ...]]:
    """An answer as JSON, or as a form with photos in parts named `media`."""
    if request.content_type != large_forms.TYPE:
        return await bodies.read(request, bodies_casework.Answer), ()
    form = await request.post()
    body = bodies.of_form(form, bodies_casework.Answer, {"csrf", _uploads.FIELD})
    return body, await answering.files_of(request)


async def _deliveries(request: web.Request) -> web.Response:
    wanted = request.query.get("state")
    if wanted and wanted not in list(DeliveryState):
        raise BadInput(f"one of {', '.join(DeliveryState)}", "state")
    async with request.app[RUNTIME].database.reading() as connection:
        found = await deliveries.search(
            connection,
            ticket=request.query.get("ticket") or None,
            state=DeliveryState(wanted) if wanted else None,
            channel=request.query.get("channel") or None,
            limit=(limit := whole_number(request, "limit", USUAL, MOST)) + 1,
            before=before_number(request, "cursor"),
        )
    onward = found[limit - 1].id if len(found) > limit else None
    items = [plain(asdict(delivery)) for delivery in found[:limit]]
    return web.json_response({"items": items, "next": onward and str(onward)})


async def _delivery(request: web.Request) -> web.Response:
    """One delivery with its attempts, and what it waits for."""
    found, standings = await redelivery.look(request.app[RUNTIME], int(request.match_info["id"]))
    return web.json_response({**plain(asdict(found)), "waits_for": [plain(asdict(one)) for one in standings]})


async def _again(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    body = await bodies.read(request, bodies_deliveries.Again)
    return web.json_response({"sent": await redelivery.send_again(request.app[RUNTIME], body.ids, actor=account.name)})


async def _drop(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    body = await bodies.read(request, bodies_deliveries.Drop)
    dropped = await redelivery.drop(request.app[RUNTIME], body.ids, body.reason, actor=account.name)
    return web.json_response({"dropped": dropped})


async def _channels(request: web.Request) -> web.Response:
    """How each channel stands; one that is off has only its name and why."""
    items = [
        {"name": row.name, "mode": row.mode, "why": row.why, "condition": row.condition}
        | (plain(row.facts()) if row.activity else {})
        for row in await channels.rows(request.app[RUNTIME])
    ]
    return web.json_response({"items": items})
