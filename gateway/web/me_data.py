"""Everything about whoever asks, taken away as one file or erased; with a fresh code from a linked phone first."""

import json
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.journey import erasure, export, folding, identity
from gateway.web import auth, visitors
from gateway.web.keys import RUNTIME
from gateway.web.visitors import Me

# What is typed to show that it is meant, in each language of the page; either is taken.
WORDS = {"zh": "删除", "en": "ERASE"}


def routes() -> list[web.RouteDef]:
    """Two pages, what they do, and a last word."""
    return [
        web.get("/me/export", _export_page),
        web.post("/me/export", _export),
        web.get("/me/erase", _erase_page),
        web.post("/me/erase", _erase),
        web.get("/me/gone", _gone),
    ]


async def _export_page(request: web.Request) -> web.Response:
    return await _draw(request, "me_export.html")


async def _export(request: web.Request) -> web.Response:
    """The file, as a download."""
    await visitors.form(request)
    _, person, me = await visitors.must_be_somebody(request)
    if not (await _standing(request, me))["vouched"]:
        raise web.HTTPSeeOther("/me/export")
    document = await export.gather(request.app[RUNTIME], person)
    name = f"everyline-{clock.now():%Y-%m-%d}.json"
    return web.Response(
        text=json.dumps(document, ensure_ascii=False, indent=2),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _erase_page(request: web.Request) -> web.Response:
    return await _draw(request, "me_erase.html", fault=None, typed={})


async def _erase(request: web.Request) -> web.Response:
    """Erase whoever asks, once he typed the word; his browser forgets him too."""
    fields = await visitors.form(request)
    _, person, me = await visitors.must_be_somebody(request)
    if not (await _standing(request, me))["vouched"]:
        raise web.HTTPSeeOther("/me/erase")
    meant = {folding.fold(word) for word in WORDS.values()}
    if folding.fold(fields.get("word", "")) not in meant:
        fault = "type the word to show that you mean it"
        return await _draw(request, "me_erase.html", 422, fault=fault, typed=fields)
    await erasure.erase(request.app[RUNTIME], person, withdraw=fields.get("posts") != "leave")
    response = web.HTTPSeeOther("/me/gone")
    auth.drop_visitor(request, response)
    raise response


async def _gone(request: web.Request) -> web.Response:
    return await visitors.draw(request, "me_gone.html")


async def _draw(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    _, _, me = await visitors.must_be_somebody(request)
    return await visitors.draw(request, template, status, me=me, words=WORDS, **await _standing(request, me), **values)


async def _standing(request: web.Request, me: Me) -> dict[str, Any]:
    """Which phones vouch for whoever asks, and whether one did lately."""
    if me.browser is None or me.person is None:
        return {"phones": [], "vouched": False}
    runtime = request.app[RUNTIME]
    phones = await identity.vouching(runtime, me.lines, me.person)
    return {"phones": phones, "vouched": await identity.vouched(runtime, me.browser, phones)}
