"""The console's inbox: all that was said, looked through by filters that can be bookmarked and saved under names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from gateway import clock
from gateway.casework import inbox as wanting
from gateway.errors import BadInput, Conflict
from gateway.journey import finding, organisation, tokens
from gateway.schema import Kind, State
from gateway.schema_cases import Progress
from gateway.web import access
from gateway.web.console import draw
from gateway.web.keys import ACCOUNT, LANGUAGE, RUNTIME
from store import inbox, inbox_filters
from store.inbox import Count, Filter
from store.inbox_filters import SavedFilter

PATH = "/console/inbox"
PAGE = 50
# The first of the side list show how many fit; each number is a question to the store.
MOST_COUNTED = 12
NOTHING = inbox.Page((), None)
# Of a removed filter's query in the address, in characters.
LONGEST_HELD = 2000
# What is on an officer's own table.
MINE_OPEN = {"progress": "open", "officer": "me"}
# Filters that stand behind "more" until one of them is used.
MORE = ("kind", "channel", "urgent", "late", "mark", "days", "since", "until", "sort")


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved filter as the side list shows it: where it leads, and how many fit (None: not counted)."""

    filter: SavedFilter
    address: str
    count: int | None
    whole: bool
    mine: bool
    changeable: bool


def routes() -> list[web.RouteDef]:
    """Its addresses."""
    return [
        web.get(PATH, _show),
        web.post(f"{PATH}/filters", _save),
        web.post(f"{PATH}/filters/{{id}}", _change),
    ]


def address(query: Mapping[str, str], saved: str | None = None, **other: str | None) -> str:
    """Where the inbox shows a query, known by the saved filter it came from; what is None is left out."""
    given = {**query, "saved": saved, **other}
    found = urlencode({name: value for name, value in given.items() if value})
    return f"{PATH}?{found}" if found else PATH


async def _show(request: web.Request) -> web.Response:
    return await _draw(request, wanting.tidy(request.query))


async def _save(request: web.Request) -> web.Response:
    account, form = request[ACCOUNT], await request.post()
    query = wanting.tidy(dict(parse_qsl(str(form.get("query", "")))))
    try:
        name, shared = str(form.get("name", "")), "shared" in form
        saved = await wanting.save(request.app[RUNTIME], account, name, shared, query)
    except (BadInput, Conflict) as error:
        return await _draw(request, query, str(error), error.status, typed=str(form.get("name", "")))
    raise web.HTTPSeeOther(address(query, saved.id))


async def _change(request: web.Request) -> web.Response:
    """Rename, share, replace or delete one, by the button that was pressed."""
    account, form = request[ACCOUNT], await request.post()
    filter_id, action = request.match_info["id"], str(form.get("action", ""))
    query = wanting.tidy(dict(parse_qsl(str(form.get("query", "")))))
    runtime = request.app[RUNTIME]
    try:
        if action == "delete":
            gone = await wanting.remove(runtime, account, filter_id)
            if gone.account_id != account.id:  # made again it would be somebody else's
                raise web.HTTPSeeOther(address(query))
            # What is needed to make it again stands in the address, for as long as one stays there.
            raise web.HTTPSeeOther(
                address(query, removed=gone.name, held=urlencode(gone.query), shared="1" if gone.shared else None)
            )
        if action not in ("rename", "share", "keep", "replace"):
            raise BadInput("choose what to do")
        await wanting.change(
            runtime,
            account,
            filter_id,
            name=str(form.get("name", "")) if action == "rename" else None,
            shared={"share": True, "keep": False}.get(action),
            query=query if action == "replace" else None,
        )
    except (BadInput, Conflict) as error:
        return await _draw(request, query, str(error), error.status, saved_id=filter_id)
    raise web.HTTPSeeOther(address(query, filter_id))


async def _draw(
    request: web.Request,
    query: Mapping[str, str],
    fault: str | None = None,
    status: int = 200,
    *,
    typed: str = "",
    saved_id: str | None = None,
) -> web.Response:
    account, settings = request[ACCOUNT], request.app[RUNTIME].settings
    cursor = request.query.get("cursor") or None
    try:
        wanted = wanting.read(query, settings, clock.now(), access.own_department(account), account.id)
        page, counts = await _look(request, wanted, cursor)
    except BadInput as error:
        page, counts, fault, status = NOTHING, Count({}, True), str(error), error.status
    side = await _side(request)
    chosen = saved_id or request.query.get("saved")
    sought = () if fault else tokens.phrases(query.get("q", ""))
    return await draw(
        request,
        "console/inbox.html",
        status,
        fault=fault,
        query=query,
        asked={name: query.get(name, "") for name in wanting.NAMES},
        query_without_state={name: value for name, value in query.items() if name != "state"},
        address=address,
        encoded=urlencode(query),
        removed={name: request.query.get(name, "")[:LONGEST_HELD] for name in ("removed", "held", "shared")},
        phrases=sought,
        excerpt=finding.excerpt,
        page=page,
        counts=counts,
        cursor=cursor,
        side=side,
        current=next((one for one in side if one.filter.id == chosen), None),
        typed=typed,
        may_share=wanting.may_share(account),
        own=access.own_department(account),
        within=_departments(request),
        states=list(State),
        kinds=list(Kind),
        progresses=["open", *Progress],
        days=wanting.DAYS,
        mine_open=MINE_OPEN,
        channels=sorted({*request.app[RUNTIME].channels, "console"}),
        more=any(name in query for name in MORE),
    )


def _departments(request: web.Request) -> Sequence[tuple[str, str]]:
    """The departments that can be asked for, in the order of their tree, each with its name."""
    settings, language = request.app[RUNTIME].settings, request[LANGUAGE]
    seen = access.seen_departments(settings, request[ACCOUNT])
    tree = organisation.in_tree(settings.departments)
    return [(one.slug, organisation.name(one, language)) for one, _ in tree if seen is None or one.slug in seen]


async def _look(request: web.Request, wanted: Filter, cursor: str | None) -> tuple[inbox.Page, Count]:
    async with request.app[RUNTIME].database.reading() as connection:
        page = await inbox.page(connection, wanted, limit=PAGE, cursor=cursor)
        return page, await inbox.count_states(connection, wanted)


async def _side(request: web.Request) -> Sequence[Saved]:
    """The saved filters, the first of them with how many fit now."""
    account, settings, at = request[ACCOUNT], request.app[RUNTIME].settings, clock.now()
    own = access.own_department(account)
    side = []
    async with request.app[RUNTIME].database.reading() as connection:
        for number, one in enumerate(await inbox_filters.of_account(connection, account.id)):
            count = None
            if number < MOST_COUNTED:
                try:
                    count = await inbox.count(connection, wanting.read(one.query, settings, at, own, account.id))
                except BadInput:  # what it names was taken out of the settings since
                    count = None
            side.append(
                Saved(
                    one,
                    address(one.query, one.id),
                    count.all if count else None,
                    count is None or count.whole,
                    one.account_id == account.id,
                    wanting.may_change(account, one),
                )
            )
    return side
