"""A department's answer on the staff's page of a post: written by hand, or begun with a template and then edited."""

from aiohttp import web

from channels import _uploads
from channels.base import Uploads
from gateway.casework import answer_templates as templates
from gateway.casework import cases
from gateway.errors import BadInput, Conflict, NotFound
from gateway.schema_incoming import IncomingMedia
from gateway.web import access, auth, console
from gateway.web.keys import ACCOUNT, DESK, RUNTIME
from store import answer_templates, posts_for_staff
from store.answer_templates import EVERY


def routes() -> list[web.RouteDef]:
    """Its addresses."""
    return [
        web.post("/console/posts/{ticket}/answers", _answer),
        web.get("/console/posts/{ticket}/templates/{id}", _filled),
    ]


async def _answer(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    ticket, form = request.match_info["ticket"], await request.post()
    await console.check_readable(request, ticket)
    text, department = str(form.get("text", "")).replace("\r\n", "\n"), str(form.get("department", ""))
    try:
        if department:
            auth.answers_as(account, department)
        if "insert" in form:
            filled = await _fill(request, ticket, str(form.get("template", "")), department)
            text = f"{text.rstrip()}\n\n{filled}" if text.strip() else filled
            return await console.draw_post(request, ticket, typed=text, answering_as=department)
        templates.check_answer(text)
        await cases.answer(
            request.app[RUNTIME],
            ticket,
            text,
            department,
            actor=account.name,
            own=access.own_department(account),
            files=await files_of(request),
        )
    except (BadInput, Conflict) as error:
        return await console.draw_post(
            request, ticket, error.status, fault=str(error), typed=text, answering_as=department
        )
    raise web.HTTPSeeOther(f"/console/posts/{ticket}")


async def files_of(request: web.Request) -> tuple[IncomingMedia, ...]:
    """The photos that come with an answer, kept. Raises `BadInput` for one that is none, or too many."""
    limits = request.app[RUNTIME].settings.media
    sent = _uploads.sent(await request.post())
    uploads = Uploads(limits.most_files, limits.most_bytes, limits.most_together, limits.most_seconds)
    files = await _uploads.hand_in(request.app[DESK], sent, uploads)
    if any(not file.type.startswith("image/") for file in files):
        raise BadInput("only photos can be added to an answer", _uploads.FIELD)
    return files


async def _filled(request: web.Request) -> web.Response:
    """A template as text, filled in for a thread and a department."""
    account, department = request[ACCOUNT], request.query.get("department", "")
    await console.check_readable(request, request.match_info["ticket"])
    if department:
        auth.answers_as(account, department)
    filled = await _fill(request, request.match_info["ticket"], request.match_info["id"], department)
    return web.Response(text=filled, headers={"X-Left-Open": ", ".join(templates.left_open(filled))})


async def _fill(request: web.Request, ticket: str, template_id: str, department: str) -> str:
    runtime = request.app[RUNTIME]
    try:
        async with runtime.database.reading() as connection:
            template = await answer_templates.one(connection, template_id)
            first = (await posts_for_staff.thread(connection, ticket))[0]
    except NotFound as error:
        if not template_id:
            raise BadInput("choose a template first", "template") from error
        raise
    if template.wording.department not in (EVERY, *console.answering(request)):
        raise NotFound("there is no such template")
    values = templates.values_of(runtime, first, department or template.wording.department, template.wording.language)
    return templates.fill(template.wording.text, values)
