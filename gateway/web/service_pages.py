"""The pages where departments write their services, see how they read, and what is asked for in vain."""

from datetime import datetime
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.casework import service_previews
from gateway.casework import services as work
from gateway.casework.services import REVIEWING, Step, Typed
from gateway.errors import BadInput, Conflict, NotAllowed
from gateway.schema import LANGUAGES
from gateway.web.console import draw, version_of
from gateway.web.keys import ACCOUNT, LANGUAGE, RUNTIME
from store import posts, services, unanswered
from store.accounts import Role
from store.services import NEWS_KINDS, Entry, Service, ServiceKind, ServiceState

PATH = "/console/services"
ONE = PATH + "/{id:[0-9a-f]{32}}"
MOST_LISTED, MOST_CHANGES, MOST_WORDS = 300, 50, 200


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get(PATH, _list),
        web.post(PATH, _add),
        web.get(f"{PATH}/new", _new),
        web.get(f"{PATH}/words", _words),
        web.post(f"{PATH}/words", _dismiss),
        web.get(ONE, _one),
        web.post(ONE, _save),
        web.post(f"{ONE}/undo", _undo),
        web.post(f"{ONE}/tell", _tell),
        web.post(ONE + "/{step:" + "|".join(Step) + "}", _take),
    ]


def visible(request: web.Request) -> list[str]:
    """The departments whose entries this account may look at: its own, or all for who is of none, also those that are
    no more."""
    account, settings = request[ACCOUNT], request.app[RUNTIME].settings
    if account.role is Role.OFFICER:
        return work.managed(account, settings)
    return [one.slug for one in settings.known_departments]


async def known_to(request: web.Request) -> Service:
    """The entry of the address. Raises `NotFound`, and `NotAllowed` when it is another department's."""
    known = await work.find(request.app[RUNTIME], request.match_info["id"])
    if known.entry.department not in visible(request):
        raise NotAllowed("these are another department’s services")
    return known


async def _list(request: web.Request) -> web.Response:
    account, runtime, at = request[ACCOUNT], request.app[RUNTIME], clock.now()
    chosen = request.query.get("state", "")
    state = ServiceState(chosen) if chosen in list(ServiceState) else None
    async with runtime.database.reading() as connection:
        known = await services.of_departments(connection, visible(request), state, limit=MOST_LISTED)
        used = await services.uses_of(connection, [one.id for one in known], work.since(runtime, at))
        asked = await unanswered.most(connection, MOST_WORDS)
    return await draw(
        request,
        "console/services.html",
        services=known,
        used=used,
        state=state or "",
        states=list(ServiceState),
        asked=len(asked),
        at=at,
        writes=bool(work.managed(account, runtime.settings)),
        reviews=account.role in REVIEWING,
    )


async def _new(request: web.Request) -> web.Response:
    """An empty form, or one for a word that was asked for in vain."""
    managed = _managed(request)
    word, language = request.query.get("word", "")[: work.LONGEST_WORD], request.query.get("language", "")
    language = language if language in LANGUAGES else request[LANGUAGE]
    department = request.query.get("department", "")
    said = {language: (word.capitalize(), "", word)} if word else {}
    typed = Typed(department if department in managed else managed[0], ServiceKind.GUIDE, said)
    return await _form(request, None, typed)


async def _one(request: web.Request) -> web.Response:
    known = await known_to(request)
    return await _form(request, known, as_typed(known.entry))


async def _add(request: web.Request) -> web.Response:
    return await _keep(request, None)


async def _save(request: web.Request) -> web.Response:
    return await _keep(request, await known_to(request))


async def _keep(request: web.Request, known: Service | None) -> web.Response:
    """Keep what was typed, and publish it if that was the button; or show how it would read."""
    runtime, account = request.app[RUNTIME], request[ACCOUNT]
    form = {name: str(value).replace("\r\n", "\n") for name, value in (await request.post()).items()}
    typed = _typed(request, form)
    try:
        _check_moments(request, form)
        entry = work.clean(runtime, typed)
        if "preview" in form:
            return await _form(request, known, typed, form=form, preview=entry)
        if known:
            await work.save(runtime, account, known, entry, version_of(form))
        made = known.id if known else await work.add(runtime, account, entry)
        if "publish" in form:
            await work.take(runtime, account, made, Step.PUBLISH)
    except (BadInput, Conflict) as error:
        return await _form(request, known, typed, error, form=form)
    raise web.HTTPSeeOther(f"{PATH}/{made}?done=saved")


async def _take(request: web.Request) -> web.Response:
    known, step = await known_to(request), Step(request.match_info["step"])
    version = version_of(await request.post())
    try:
        await work.take(request.app[RUNTIME], request[ACCOUNT], known.id, step, version)
    except (BadInput, Conflict) as error:
        return await _form(request, known, as_typed(known.entry), error)
    raise web.HTTPSeeOther(f"{PATH}/{known.id}?done={step}")


async def _undo(request: web.Request) -> web.Response:
    known = await known_to(request)
    try:
        await work.undo(request.app[RUNTIME], request[ACCOUNT], known.id)
    except Conflict as error:
        return await _form(request, known, as_typed(known.entry), error)
    raise web.HTTPSeeOther(f"{PATH}/{known.id}?done=undone")


async def _tell(request: web.Request) -> web.Response:
    known = await known_to(request)
    try:
        await work.tell(request.app[RUNTIME], request[ACCOUNT], known.id)
    except Conflict as error:
        return await _form(request, known, as_typed(known.entry), error)
    raise web.HTTPSeeOther(f"{PATH}/{known.id}?done=told")


async def _words(request: web.Request) -> web.Response:
    """What is asked for in vain, the most first; of what was dismissed, the one just now to be put back."""
    async with request.app[RUNTIME].database.reading() as connection:
        asked = await unanswered.most(connection, MOST_WORDS)
        dismissed = await unanswered.most(connection, MOST_WORDS, dismissed=True)
    writes = bool(work.managed(request[ACCOUNT], request.app[RUNTIME].settings))
    return await draw(request, "console/service_words.html", asked=asked, dismissed=dismissed, writes=writes)


async def _dismiss(request: web.Request) -> web.Response:
    _managed(request)
    form = await request.post()
    word, back = str(form.get("word", "")), "back" in form
    await work.dismiss(request.app[RUNTIME], request[ACCOUNT], word, not back)
    raise web.HTTPSeeOther(f"{PATH}/words")


async def _form(
    request: web.Request,
    known: Service | None,
    typed: Typed,
    error: BadInput | Conflict | None = None,
    *,
    form: dict[str, str] | None = None,
    preview: Entry | None = None,
) -> web.Response:
    runtime, account = request.app[RUNTIME], request[ACCOUNT]
    shown = preview or (known.entry if known and form is None else None)
    slug = known.slug if known else "…"
    done = request.query.get("done", "")
    return await draw(
        request,
        "console/service.html",
        error.status if error else 200,
        known=known,
        typed=typed,
        moments=_moments(request, typed, form),
        version=(form or {}).get("version", "") or (str(known.version) if known else ""),
        fault=str(error) if error else None,
        at_fault=getattr(error, "field", None),
        previews=service_previews.of_entry(runtime, slug, shown) if shown else [],
        languages=sorted(LANGUAGES, key=lambda one: one != request[LANGUAGE]),
        managed=work.managed(account, runtime.settings),
        kinds=list(ServiceKind),
        steps=work.steps_for(account, runtime.settings, known) if known else [],
        done=done if done in ("saved", "told", "undone", *Step) else "",
        **await _about(request, known),
    )


async def _about(request: web.Request, known: Service | None) -> dict[str, Any]:
    """What became of an entry, how often it was given, and whether followers can be told of it."""
    if known is None:
        return {"changes": [], "used": 0, "ticket": None, "may_tell": False, "ended": False, "may_write": True}
    runtime, at = request.app[RUNTIME], clock.now()
    async with runtime.database.reading() as connection:
        changes = await services.changes(connection, known.id, MOST_CHANGES)
        used = await services.uses_of(connection, [known.id], work.since(runtime, at))
        ticket = await posts.ticket_of(connection, known.notice_id) if known.notice_id else None
    ended, mine = known.entry.has_ended(at), known.entry.department in work.managed(request[ACCOUNT], runtime.settings)
    news = known.entry.kind in NEWS_KINDS and known.state is ServiceState.PUBLISHED
    return {
        "changes": changes,
        "used": used.get(known.id, 0),
        "ticket": ticket,
        "may_tell": mine and news and not ended and not known.notice_id,
        "ended": ended,
        "may_write": mine,
    }


def as_typed(entry: Entry) -> Typed:
    """An entry as it stands in its form."""
    said = {language: (one.title, one.text, "\n".join(one.words)) for language, one in entry.said.items()}
    return Typed(entry.department, entry.kind, said, entry.valid_from, entry.valid_until)


def _typed(request: web.Request, form: dict[str, str]) -> Typed:
    said = {
        language: (
            form.get(f"title_{language}", ""),
            form.get(f"text_{language}", ""),
            form.get(f"words_{language}", ""),
        )
        for language in LANGUAGES
    }
    since, until = (_moment(request, form.get(name, "")) for name in ("valid_from", "valid_until"))
    return Typed(form.get("department", ""), form.get("kind", ""), said, since, until)


def _check_moments(request: web.Request, form: dict[str, str]) -> None:
    for name in ("valid_from", "valid_until"):
        if form.get(name) and _moment(request, form[name]) is None:
            raise BadInput("give a day and a time", name)


def _moment(request: web.Request, typed: str) -> datetime | None:
    """A day and a time of the city, as a browser's field gives them."""
    try:
        at = datetime.fromisoformat(typed)
    except ValueError:
        return None
    if not clock.in_every_zone(at):
        return None
    return at.replace(tzinfo=request.app[RUNTIME].settings.city.zone) if at.tzinfo is None else at


def _moments(request: web.Request, typed: Typed, form: dict[str, str] | None) -> dict[str, str]:
    """The same the other way round; what was typed and is no moment stays as it was."""
    zone = request.app[RUNTIME].settings.city.zone
    known = {"valid_from": typed.valid_from, "valid_until": typed.valid_until}
    return {
        name: at.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if at else (form or {}).get(name, "")
        for name, at in known.items()
    }


def _managed(request: web.Request) -> list[str]:
    managed = work.managed(request[ACCOUNT], request.app[RUNTIME].settings)
    if not managed:
        raise NotAllowed("your role does not allow this")
    return managed
