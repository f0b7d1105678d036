"""The console's pages of the routing rules, and the same for programs: in order, tried on past posts, then saved."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from gateway.errors import BadInput, Conflict, EverylineError
from gateway.journey import in_force, ruling
from gateway.journey.routing import WEEKDAYS
from gateway.journey.ruling import NotTried, Trial, Wanted
from gateway.runtime import Runtime
from gateway.sections import Rule
from gateway.web import bodies, bodies_casework
from gateway.web.console import draw, version_of
from gateway.web.console_api import plain
from gateway.web.keys import ACCOUNT, LANGUAGE, RUNTIME
from store import routing_rules
from store.routing_rules import KeptRule

PATH = "/console/routing"
API = "/api/v1/console/routing"
NEW = "new"
CHOSEN = ("name", "category", "department", "suggests")
EMPTY: Mapping[str, Any] = {
    **dict.fromkeys(("name", "department", "hours"), ""),
    **dict.fromkeys(("words", "channels", "days"), ()),
    **dict.fromkeys(("category", "suggests", "place")),
}
# What a form may ask for: each is tried first, and then carried out.
ACTS = ("try", "save", "try-retire", "retire")


def routes() -> list[web.RouteDef]:
    """Pages and API."""
    return [
        web.get(PATH, _list),
        web.get(f"{PATH}/{{id}}", _show),
        web.post(f"{PATH}/{{id}}", _act),
        web.post(f"{PATH}/{{id}}/undo", _undo),
        web.get(API, _api_list),
        web.post(API, _api_add),
        web.post(f"{API}/trial", _api_try),
        web.post(f"{API}/{{id}}/change", _api_change),
        web.post(f"{API}/{{id}}/trial", _api_try_without),
        web.delete(f"{API}/{{id}}", _api_retire),
    ]


async def _list(request: web.Request) -> web.Response:
    async with request.app[RUNTIME].database.reading() as connection:
        kept = await routing_rules.everything(connection)
        changes = await routing_rules.changes(connection)
    done = next((one for one in kept if one.id == request.query.get("done", "")), None)
    return await draw(
        request,
        "console/routing.html",
        rules=[one for one in kept if one.retired_at is None],
        retired=[one for one in kept if one.retired_at],
        changes=changes,
        done=done,
        places=_places(request, *(one.rule.get("place") for one in kept)),
    )


async def _show(request: web.Request) -> web.Response:
    """One rule to change, or a new one."""
    return await _draw(request, await _known(request), None)


async def _act(request: web.Request) -> web.Response:
    """Try what was typed, or carry it out once it was tried as it is; what cannot be taken stands there again."""
    runtime, form = request.app[RUNTIME], await request.post()
    known, act = await _known(request), str(form.get("act", "try"))
    typed = _typed(form)
    try:
        rule = ruling.clean(runtime, _resolved(runtime, typed, request[LANGUAGE])) if "retire" not in act else None
        wanted = Wanted(known.id if known else None, rule, str(form.get("before", "")) or None)
        if act not in ("save", "retire"):
            return await _draw(request, known, typed, trial=await ruling.attempt(runtime, wanted), act=act)
        proof = str(form.get("proof", ""))
        try:
            made = await ruling.save(runtime, wanted, version_of(form), proof=proof, actor=request[ACCOUNT].name)
        except NotTried as error:
            return await _draw(request, known, typed, trial=await ruling.attempt(runtime, wanted), act=act, error=error)
    except (BadInput, Conflict) as error:
        return await _draw(request, known, typed, error=error)
    await in_force.renew(runtime)
    raise web.HTTPSeeOther(f"{PATH}?done={made}")


async def _undo(request: web.Request) -> web.Response:
    runtime = request.app[RUNTIME]
    await ruling.undo(runtime, request.match_info["id"], actor=request[ACCOUNT].name)
    await in_force.renew(runtime)
    raise web.HTTPSeeOther(PATH)


async def _draw(
    request: web.Request,
    known: KeptRule | None,
    typed: Mapping[str, Any] | None,
    *,
    trial: Trial | None = None,
    act: str = "",
    error: EverylineError | None = None,
) -> web.Response:
    runtime = request.app[RUNTIME]
    async with runtime.database.reading() as connection:
        kept = await routing_rules.everything(connection)
    standing = [one for one in kept if one.retired_at is None]
    rule = {**EMPTY, **(typed or (known.rule if known else {}))}
    return await draw(
        request,
        "console/routing_rule.html",
        error.status if error else 200,
        known=known,
        rule=rule,
        place=rule.get("place_name") or _places(request, rule.get("place")).get(rule.get("place"), ""),
        others=[one for one in standing if known is None or one.id != known.id],
        before=rule.get("before") if typed else _behind(standing, known),
        trial=trial,
        retiring="retire" in act,
        fault=str(error) if error else None,
        at_fault=getattr(error, "field", None),
        channels=[one.name for one in runtime.channels.values() if one.capabilities.receives],
        weekdays=WEEKDAYS,
    )


def _typed(form: Mapping[str, Any]) -> dict[str, Any]:
    """The form as a rule, and beside it what was typed for the place and the order."""
    several = form.getall  # type: ignore[attr-defined]
    values: dict[str, Any] = {name: str(form.get(name, "")).strip() for name in CHOSEN}
    hours = [str(form.get(name, "")).strip() for name in ("since", "until")]
    lines = str(form.get("words", "")).replace("，", ",").replace("、", ",").replace(",", "\n").splitlines()
    return {
        **values,
        "words": [word.strip() for word in lines if word.strip()],
        "channels": [str(one) for one in several("channels", [])],
        "days": [str(one) for one in several("days", [])],
        "hours": "-".join(hours) if any(hours) else "",
        "place_name": str(form.get("place", "")).strip(),
        "before": str(form.get("before", "")),
    }


def _resolved(runtime: Runtime, typed: Mapping[str, Any], language: str) -> dict[str, Any]:
    """What was typed as a rule: the place by its slug or by what people call it."""
    values = {name: value for name, value in typed.items() if name not in ("place_name", "before")}
    for name in ("category", "suggests"):
        values[name] = values[name] or None
    if (called := typed["place_name"]) and not runtime.gazetteer.around(called):
        found = runtime.gazetteer.find(called, language)
        if found is None or found.slug is None:
            raise BadInput("the gazetteer has no such place", "place")
        called = found.slug
    return {**values, "place": called or None}


def _behind(standing: list[KeptRule], known: KeptRule | None) -> str:
    """The rule before which one stands now."""
    ids = [one.id for one in standing]
    at = ids.index(known.id) + 1 if known and known.id in ids else len(ids)
    return ids[at] if at < len(ids) else ""


def _places(request: web.Request, *slugs: Any) -> dict[Any, str]:
    """The names of some places of the gazetteer."""
    named = request.app[RUNTIME].gazetteer.named
    return {slug: named(slug, request[LANGUAGE]) or str(slug) for slug in slugs if slug}


async def _known(request: web.Request) -> KeptRule | None:
    if request.match_info["id"] == NEW:
        return None
    async with request.app[RUNTIME].database.reading() as connection:
        return await routing_rules.one(connection, request.match_info["id"])


async def _api_list(request: web.Request) -> web.Response:
    async with request.app[RUNTIME].database.reading() as connection:
        kept = await routing_rules.everything(connection)
    return web.json_response({"items": [_json(one) for one in kept if one.retired_at is None]})


async def _api_add(request: web.Request) -> web.Response:
    return await _api_save(request, await bodies.read(request, bodies_casework.RoutingRule), None, 201)


async def _api_change(request: web.Request) -> web.Response:
    return await _api_save(
        request, await bodies.read(request, bodies_casework.RoutingRule), request.match_info["id"], 200
    )


async def _api_save(
    request: web.Request, body: bodies_casework.RoutingRule, rule_id: str | None, status: int
) -> web.Response:
    runtime = request.app[RUNTIME]
    wanted = Wanted(rule_id, _rule(runtime, body), body.before)
    made = await ruling.save(runtime, wanted, body.version, proof=body.proof, actor=request[ACCOUNT].name)
    await in_force.renew(runtime)
    return web.json_response({"id": made}, status=status)


async def _api_try(request: web.Request) -> web.Response:
    """What a rule would have done, of an `id` that exists or a new one; its `proof` lets it be saved as it is."""
    runtime, body = request.app[RUNTIME], await bodies.read(request, bodies_casework.RoutingTrial)
    return _told(await ruling.attempt(runtime, Wanted(body.id, _rule(runtime, body), body.before)))


async def _api_try_without(request: web.Request) -> web.Response:
    """What would have become without a rule; the `proof` lets it be retired."""
    return _told(await ruling.attempt(request.app[RUNTIME], Wanted(request.match_info["id"], None)))


def _told(trial: Trial) -> web.Response:
    moved = [{"ticket": one.post.ticket, "now": asdict(one.now), "then": asdict(one.then)} for one in trial.moved]
    counted = {name: getattr(trial, name) for name in ("posts", "decided", "elsewhere", "renamed", "proof")}
    return web.json_response({**counted, "moved": moved})


async def _api_retire(request: web.Request) -> web.Response:
    runtime = request.app[RUNTIME]
    wanted, proof = Wanted(request.match_info["id"], None), request.query.get("proof", "")
    await ruling.save(runtime, wanted, None, proof=proof, actor=request[ACCOUNT].name)
    await in_force.renew(runtime)
    return web.Response(status=204)


def _rule(runtime: Runtime, body: bodies_casework.RoutingRule) -> Rule:
    return ruling.clean(runtime, body.model_dump(exclude={"id", "before", "version", "proof"}))


def _json(one: KeptRule) -> dict[str, Any]:
    changed: dict[str, Any] = plain({"changed_at": one.changed_at, "changed_by": one.changed_by})
    return {"id": one.id, **one.rule, "version": one.version, **changed}
