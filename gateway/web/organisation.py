"""The console's pages of departments and categories: both trees, and the form of each with what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from aiohttp import web

from gateway.casework import organising
from gateway.casework.organising import InUse
from gateway.errors import BadInput, Conflict, NotFound
from gateway.journey import organisation
from gateway.schema import LANGUAGES
from gateway.schema_cases import Deadline
from gateway.sections_departments import WEEKDAYS
from gateway.web import organisation_form as form
from gateway.web.console import draw
from gateway.web.keys import ACCOUNT, RUNTIME
from gateway.web.organisation_form import ROWS, Typed
from store import organisation as rows
from store.organisation import Change, Kind, Node

PATH = "/console/organisation"
KINDS: Mapping[str, Kind] = {"departments": Kind.DEPARTMENT, "categories": Kind.CATEGORY}
ACTS = ("retire", "restore", "up", "down")
_KIND = "{kind:departments|categories}"


@dataclass(frozen=True, slots=True)
class Row:
    """One of a tree as the page lists it."""

    node: Node
    unit: Any
    depth: int
    first: bool
    last: bool


def routes() -> list[web.RouteDef]:
    """Their addresses, all for administrators."""
    return [
        web.get(PATH, _trees),
        web.post(PATH + "/changes/{id:[0-9]{1,18}}/undo", _undo),
        web.get(f"{PATH}/{_KIND}/new", _new),
        web.post(f"{PATH}/{_KIND}", _add),
        web.get(f"{PATH}/{_KIND}/{{slug}}", _one),
        web.post(f"{PATH}/{_KIND}/{{slug}}", _change),
        web.post(f"{PATH}/categories/{{slug}}/withdraw", _withdraw),
        web.post(f"{PATH}/{_KIND}/{{slug}}/{{act:{'|'.join(ACTS)}}}", _act),
    ]


def tree(nodes: Sequence[Node]) -> list[Row]:
    """Those that are not retired, in the order of their tree, with where each stands among its siblings."""
    live = {node.slug: node for node in nodes if node.retired_at is None}
    units = [organisation.of_node(node) for node in live.values()]
    above = {unit.slug: unit.parent if unit.parent in live else None for unit in units}
    beside: dict[str | None, list[str]] = {}
    for unit in units:
        beside.setdefault(above[unit.slug], []).append(unit.slug)
    return [
        Row(
            live[unit.slug],
            unit,
            depth,
            beside[above[unit.slug]][0] == unit.slug,
            beside[above[unit.slug]][-1] == unit.slug,
        )
        for unit, depth in organisation.in_tree(units)
    ]


async def act(request: web.Request, kind: Kind, slug: str, name: str) -> int:
    """Do one of `ACTS`; gives the id of the change."""
    runtime, actor = request.app[RUNTIME], request[ACCOUNT].name
    match name:
        case "retire":
            return await organising.retire(runtime, kind, slug, actor)
        case "restore":
            return await organising.restore(runtime, kind, slug, actor)
        case _:
            return await organising.move(runtime, kind, slug, -1 if name == "up" else 1, actor)


async def _trees(request: web.Request) -> web.Response:
    return await _draw_trees(request)


async def _draw_trees(request: web.Request, fault: str | None = None, status: int = 200) -> web.Response:
    runtime, done = request.app[RUNTIME], request.query.get("done", "")
    async with runtime.database.reading() as connection:
        known = {kind: await rows.nodes(connection, kind) for kind in Kind}
        change = await _made(connection, done)
    return await draw(
        request,
        "console/organisation.html",
        status,
        trees={name: tree(known[kind]) for name, kind in KINDS.items()},
        retired={name: [node for node in known[kind] if node.retired_at] for name, kind in KINDS.items()},
        change=change,
        path_of=_path_of,
        fault=fault,
    )


async def _made(connection: Any, done: str) -> Change | None:
    """The change that was just made, to be undone."""
    if not (done.isascii() and done.isdecimal() and len(done) < 19):
        return None
    try:
        return await rows.one_change(connection, int(done))
    except NotFound:
        return None


async def _undo(request: web.Request) -> web.Response:
    try:
        taken = await organising.undo(request.app[RUNTIME], int(request.match_info["id"]), request[ACCOUNT].name)
    except (BadInput, Conflict) as error:
        return await _draw_trees(request, str(error), error.status)
    raise web.HTTPSeeOther(f"{PATH}#{taken.kind}-{taken.slug}")


async def _new(request: web.Request) -> web.Response:
    typed = {name: request.query.get(name, "")[:64] for name in ("parent", "department")}
    return await _draw_form(request, None, typed | {"deadline": "normal"})


async def _add(request: web.Request) -> web.Response:
    kind, typed = KINDS[request.match_info["kind"]], await _typed(request)
    try:
        made = organising.unit(kind, form.read(kind, typed))
        change = await organising.add(request.app[RUNTIME], kind, made, request[ACCOUNT].name)
    except (BadInput, Conflict) as error:
        return await _draw_form(request, None, typed, error)
    raise web.HTTPSeeOther(f"{PATH}?done={change}#{kind}-{made.slug}")


async def _one(request: web.Request) -> web.Response:
    node = await _known(request)
    return await _draw_form(request, node, form.filled(organisation.of_node(node)))


async def _change(request: web.Request) -> web.Response:
    node, typed = await _known(request), await _typed(request)
    typed["slug"] = node.slug
    version = typed.get("version", "")
    try:
        made = organising.unit(node.kind, form.read(node.kind, typed))
        number = int(version) if version.isdecimal() and len(version) < 10 else 0
        public = typed.get("public") or None
        change = await organising.change(request.app[RUNTIME], node.kind, made, number, request[ACCOUNT].name, public)
    except (BadInput, Conflict) as error:
        return await _draw_form(request, node, typed, error)
    raise web.HTTPSeeOther(f"{PATH}?done={change}#{node.kind}-{node.slug}")


async def _act(request: web.Request) -> web.Response:
    node = await _known(request)
    try:
        change = await act(request, node.kind, node.slug, request.match_info["act"])
    except InUse as error:
        return await _draw_form(request, node, form.filled(organisation.of_node(node)), error)
    except (BadInput, Conflict) as error:
        return await _draw_trees(request, str(error), error.status)
    raise web.HTTPSeeOther(f"{PATH}?done={change}#{node.kind}-{node.slug}")


async def _withdraw(request: web.Request) -> web.Response:
    slug = request.match_info["slug"]
    try:
        change = await organising.withdraw(request.app[RUNTIME], slug, request[ACCOUNT].name)
    except Conflict as error:
        return await _draw_trees(request, str(error), error.status)
    raise web.HTTPSeeOther(f"{PATH}?done={change}#{Kind.CATEGORY}-{slug}")


async def _draw_form(
    request: web.Request, node: Node | None, typed: Mapping[str, str], error: BadInput | Conflict | None = None
) -> web.Response:
    runtime, kind = request.app[RUNTIME], KINDS[request.match_info["kind"]]
    async with runtime.database.reading() as connection:
        made = await rows.changes(connection, kind, node.slug) if node else []
        holds = await organising.holding(runtime, connection, kind, node.slug) if node else []
        nodes = await rows.nodes(connection, kind)
    public = await organising.standing_public(runtime, node.slug) if node and kind is Kind.CATEGORY else 0
    below = organisation.with_children([organisation.of_node(one) for one in nodes], node.slug) if node else ()
    return await draw(
        request,
        "console/organisation_unit.html",
        error.status if error else 200,
        kind=kind,
        where=f"{PATH}/{request.match_info['kind']}",
        node=node,
        typed={"version": str(node.version) if node else "", **typed},
        fault=str(error) if error else None,
        at_fault=form.field_of(getattr(error, "field", None)),
        parents=[row for row in tree(nodes) if row.node.slug not in below],
        holds=holds,
        public=public,
        changes=[(one, differing(one)) for one in made],
        languages=LANGUAGES,
        weekdays=WEEKDAYS,
        rows=range(ROWS),
        deadlines=get_args(Deadline),
    )


def differing(change: Change) -> list[str]:
    """The parts that a change made other; none for what was new."""
    before = change.before
    return [] if before is None else [name for name, value in change.after.items() if before.get(name) != value]


async def _known(request: web.Request) -> Node:
    async with request.app[RUNTIME].database.reading() as connection:
        return await rows.one(connection, KINDS[request.match_info["kind"]], request.match_info["slug"])


async def _typed(request: web.Request) -> Typed:
    sent = await request.post()
    return {name: value.replace("\r\n", "\n") for name, value in sent.items() if isinstance(value, str)}


def _path_of(kind: Kind, slug: str) -> str:
    return f"{PATH}/{'departments' if kind is Kind.DEPARTMENT else 'categories'}/{slug}"
