"""The pages where departments keep the templates of their answers, and the same for programs."""

import csv
import io
from dataclasses import asdict
from typing import Any

from aiohttp import web

from gateway.casework import answer_templates as templates
from gateway.casework.answer_templates import FIELDS, WrongField
from gateway.errors import BadInput, Conflict, NotAllowed
from gateway.schema import LANGUAGES
from gateway.schema_public import moment
from gateway.web import bodies, bodies_casework
from gateway.web.console import draw, version_of
from gateway.web.console_api import plain
from gateway.web.keys import ACCOUNT, LANGUAGE, RUNTIME
from store import answer_templates
from store.answer_templates import EVERY, Template, Wording

PATH = "/console/templates"
API = "/api/v1/console/templates"


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get(PATH, _list),
        web.get(f"{PATH}/new", _new),
        web.get(f"{PATH}/changes.csv", _export),
        web.post(PATH, _add),
        web.get(f"{PATH}/{{id}}", _one),
        web.post(f"{PATH}/{{id}}", _change),
        web.post(f"{PATH}/{{id}}/remove", _remove),
        web.post(f"{PATH}/{{id}}/restore", _restore),
        web.get(API, _api_list),
        web.post(API, _api_add),
        web.post(f"{API}/{{id}}/change", _api_change),
        web.delete(f"{API}/{{id}}", _api_remove),
    ]


async def _list(request: web.Request) -> web.Response:
    known = await _managed(request)
    gone = request.query.get("removed", "")
    removed = await _removed(request, gone) if gone.isalnum() else None
    groups = templates.grouped(known, request[LANGUAGE])
    return await draw(request, "console/templates.html", groups=groups, removed=removed)


async def _new(request: web.Request) -> web.Response:
    managed = _departments(request)
    department = request.query.get("department", managed[0])
    empty = Wording(department if department in managed else managed[0], request[LANGUAGE], "", "")
    return await _draw_form(request, None, empty)


async def _one(request: web.Request) -> web.Response:
    known = await _known(request)
    return await _draw_form(request, known, known.wording)


async def _add(request: web.Request) -> web.Response:
    return await _keep(request, None)


async def _change(request: web.Request) -> web.Response:
    return await _keep(request, await _known(request))


async def _keep(request: web.Request, known: Template | None) -> web.Response:
    """Keep what was typed, or show how it would read."""
    account, runtime, form = request[ACCOUNT], request.app[RUNTIME], await request.post()
    version = str(form.get("version", ""))
    typed = Wording(
        *(str(form.get(name, "")).replace("\r\n", "\n") for name in ("department", "language", "name", "text"))
    )
    try:
        if "preview" in form:
            templates.check(typed.text)
            return await _draw_form(request, known, typed, version=version, preview=True)
        wording = templates.clean(runtime, typed.department, typed.language, typed.name, typed.text)
        await templates.save(runtime, account, wording, known, version_of(form))
    except (BadInput, Conflict) as error:
        return await _draw_form(request, known, typed, error, version=version)
    raise web.HTTPSeeOther(PATH)


async def _remove(request: web.Request) -> web.Response:
    _departments(request)
    template_id = request.match_info["id"]
    await templates.set_removed(request.app[RUNTIME], request[ACCOUNT], template_id, True)
    raise web.HTTPSeeOther(f"{PATH}?removed={template_id}")


async def _restore(request: web.Request) -> web.Response:
    _departments(request)
    await templates.set_removed(request.app[RUNTIME], request[ACCOUNT], request.match_info["id"], False)
    raise web.HTTPSeeOther(PATH)


async def _export(request: web.Request) -> web.StreamResponse:
    """Every wording the templates of one's departments ever had, as CSV, sent as it is read."""
    departments = _departments(request)
    headers = {"Content-Disposition": 'attachment; filename="answer-templates.csv"'}
    response = web.StreamResponse(headers=headers)
    response.content_type, response.charset = "text/csv", "utf-8"
    await response.prepare(request)
    names = ("at", "actor", "action", "template", "department", "language", "name", "text")
    await response.write(b"\xef\xbb\xbf" + _line(names))
    async with request.app[RUNTIME].database.reading() as connection:
        async for one in answer_templates.changes(connection, departments):
            said = one.wording
            row = (moment(one.at), one.actor, one.action, one.template_id)
            await response.write(_line((*row, said.department, said.language, said.name, said.text)))
    await response.write_eof()
    return response


async def _api_list(request: web.Request) -> web.Response:
    return web.json_response({"items": [_shown(one) for one in await _managed(request)], "fields": list(FIELDS)})


async def _api_add(request: web.Request) -> web.Response:
    return await _api_keep(request, await bodies.read(request, bodies_casework.AnswerTemplate), None)


async def _api_change(request: web.Request) -> web.Response:
    return await _api_keep(
        request, await bodies.read(request, bodies_casework.AnswerTemplateChange), await _known(request)
    )


async def _api_keep(request: web.Request, body: bodies_casework.AnswerTemplate, known: Template | None) -> web.Response:
    runtime = request.app[RUNTIME]
    wording = templates.clean(runtime, body.department, body.language, body.name, body.text)
    version = body.version if isinstance(body, bodies_casework.AnswerTemplateChange) else None
    made = await templates.save(runtime, request[ACCOUNT], wording, known, version)
    return web.json_response({"id": made}, status=200 if known else 201)


async def _api_remove(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    await templates.set_removed(request.app[RUNTIME], account, request.match_info["id"], True)
    return web.Response(status=204)


async def _draw_form(
    request: web.Request,
    known: Template | None,
    typed: Wording,
    error: BadInput | Conflict | None = None,
    *,
    version: str = "",
    preview: bool = False,
) -> web.Response:
    runtime, managed = request.app[RUNTIME], _departments(request)
    language = typed.language if typed.language in LANGUAGES else request[LANGUAGE]
    filled = templates.sample(runtime, typed.department, language) if preview else {}
    return await draw(
        request,
        "console/template.html",
        error.status if error else 200,
        known=known,
        typed=typed,
        version=version or (str(known.version) if known else ""),
        fault=None if isinstance(error, WrongField) or error is None else str(error),
        wrong=error.name if isinstance(error, WrongField) else None,
        at_fault=getattr(error, "field", None),
        preview=templates.fill(typed.text, filled) if preview else None,
        managed=managed,
        every=EVERY,
        languages=LANGUAGES,
        fields=FIELDS,
    )


async def _managed(request: web.Request) -> list[Template]:
    async with request.app[RUNTIME].database.reading() as connection:
        return await answer_templates.of_departments(connection, _departments(request))


async def _known(request: web.Request) -> Template:
    async with request.app[RUNTIME].database.reading() as connection:
        known = await answer_templates.one(connection, request.match_info["id"])
    if known.wording.department not in _departments(request):
        raise NotAllowed("these are another department’s templates")
    return known


async def _removed(request: web.Request, template_id: str) -> Template | None:
    """The template that was just taken away, to be put back."""
    async with request.app[RUNTIME].database.reading() as connection:
        known = await answer_templates.one(connection, template_id)
    return known if known.removed and known.wording.department in _departments(request) else None


def _departments(request: web.Request) -> list[str]:
    """The departments whose templates this account may change."""
    return list(templates.managed(request[ACCOUNT], request.app[RUNTIME].settings))


def _shown(one: Template) -> dict[str, Any]:
    changed: dict[str, Any] = plain({"changed_at": one.changed_at, "changed_by": one.changed_by})
    return {"id": one.id, **asdict(one.wording), "version": one.version, **changed}


def _line(values: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    # A spreadsheet must not take what somebody typed for a formula.
    csv.writer(text).writerow([f"'{value}" if value[:1] in "=+-@\t\r" and value else value for value in values])
    return text.getvalue().encode()
