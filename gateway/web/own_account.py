"""The page of one's own account: password, language, tokens of programs, and the sessions that run."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.errors import BadInput, EverylineError
from gateway.journey import alarm_lines, identity
from gateway.schema import LANGUAGES
from gateway.web import access, auth, passwords
from gateway.web.console import draw
from gateway.web.keys import ACCOUNT, RUNTIME, SESSION
from gateway.web.middleware import LANGUAGE_COOKIE
from store import accounts, alarms, audit, second_factors, sessions
from store.database import Transaction
from store.sessions import Scope, SessionKind

HERE = "/console/account"
LONGEST_LABEL = 64
# How many tokens one account may have: each is a key left somewhere.
MOST_TOKENS = 50


def routes() -> list[web.RouteDef]:
    """Its addresses."""
    return [
        web.get(HERE, _show),
        web.post(f"{HERE}/password", _set_password),
        web.post(f"{HERE}/language", _set_language),
        web.post(f"{HERE}/tokens", _make_token),
        web.post(f"{HERE}/sessions/others/end", _end_others),
        web.post(f"{HERE}/sessions/{{id}}/end", _end),
    ]


async def _show(request: web.Request) -> web.Response:
    return await draw_account(request)


async def _set_password(request: web.Request) -> web.Response:
    runtime, account, form = request.app[RUNTIME], request[ACCOUNT], await request.post()
    try:
        await passwords.confirm(runtime, account, str(form.get("current", "")))
        hashed = await passwords.hashed(runtime, str(form.get("password", "")))
    except BadInput as error:
        return await draw_account(request, error)

    async def work(transaction: Transaction) -> None:
        await accounts.renew_password(transaction, account.id, hashed)
        await sessions.end_others(transaction, account.id, request[SESSION].id)
        await audit.note(transaction, account.name, "password changed", account.name)

    await runtime.database.write(work)
    raise web.HTTPSeeOther(f"{HERE}?done=password")


async def _set_language(request: web.Request) -> web.Response:
    account, form = request[ACCOUNT], await request.post()
    chosen = str(form.get("language", ""))
    language = chosen if chosen in LANGUAGES else None
    await request.app[RUNTIME].database.write(lambda tx: accounts.set_language(tx, account.id, language))
    response = web.HTTPSeeOther(f"{HERE}?done=language")
    if language:
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=auth.VISITOR_SECONDS, path="/", samesite="Lax")
    else:
        response.del_cookie(LANGUAGE_COOKIE, path="/")
    raise response


async def _make_token(request: web.Request) -> web.Response:
    runtime, account, form = request.app[RUNTIME], request[ACCOUNT], await request.post()
    chosen = [str(scope) for scope in form.getall("scope", [])]
    typed = {name: str(form.get(name, "")) for name in ("label", "days")} | {"scopes": chosen}
    try:
        label, days, scopes = await _asked_token(request, typed)
        await passwords.confirm(runtime, account, str(form.get("current", "")))
    except BadInput as error:
        return await draw_account(request, error, typed)
    secret = await auth.make_token(runtime, account.name, scopes=scopes, days=days, label=label)
    return await draw_account(request, token=secret)


async def _asked_token(request: web.Request, typed: Mapping[str, Any]) -> tuple[str, int, list[Scope]]:
    """Label, days and scopes of a token to be made. Raises `BadInput`."""
    label, days = typed["label"].strip(), typed["days"]
    if not 0 < len(label) <= LONGEST_LABEL or not label.isprintable():
        raise BadInput("say what the token is for", "label")
    longest = int(request.app[RUNTIME].settings.accounts.token_days)
    if not days.isascii() or not days.isdecimal() or not 1 <= int(days[:9]) <= longest:
        raise BadInput("give a number of days that is allowed", "days")
    scopes = [scope for scope in access.scopes_of(request[ACCOUNT]) if scope in typed["scopes"]]
    if not scopes:
        raise BadInput("choose what the token may do", "scope")
    async with request.app[RUNTIME].database.reading() as connection:
        running = await sessions.of_account(connection, request[ACCOUNT].id, clock.now())
    if sum(one.kind is SessionKind.TOKEN for one in running) >= MOST_TOKENS:
        raise BadInput("end tokens that are not used any more first")
    return label, int(days[:9]), scopes


async def _end(request: web.Request) -> web.Response:
    account, own = request[ACCOUNT], request[SESSION].id

    async def work(transaction: Transaction) -> None:
        ended = await sessions.end(transaction, account.id, request.match_info["id"])
        action = "token ended" if ended.kind is SessionKind.TOKEN else "session ended"
        await audit.note(transaction, account.name, action, account.name)

    await request.app[RUNTIME].database.write(work)
    if request.match_info["id"] == own:
        response = web.HTTPSeeOther("/login")
        auth.drop_session(request, response)
        raise response
    raise web.HTTPSeeOther(f"{HERE}?done=ended")


async def _end_others(request: web.Request) -> web.Response:
    account = request[ACCOUNT]

    async def work(transaction: Transaction) -> None:
        await sessions.end_others(transaction, account.id, request[SESSION].id)
        await audit.note(transaction, account.name, "other sessions ended", account.name)

    await request.app[RUNTIME].database.write(work)
    raise web.HTTPSeeOther(f"{HERE}?done=ended")


async def draw_account(
    request: web.Request,
    fault: EverylineError | None = None,
    typed: Mapping[str, Any] | None = None,
    token: str | None = None,
) -> web.Response:
    """The page; `typed` is what was typed and could not be taken."""
    runtime, account = request.app[RUNTIME], request[ACCOUNT]
    async with runtime.database.reading() as connection:
        known = await accounts.by_id(connection, account.id)
        factor = await second_factors.of_account(connection, runtime.vault, account.id)
        running = await sessions.of_account(connection, account.id, clock.now())
        alarm = await alarms.of_account(connection, runtime.vault, account.id)
    settings = runtime.settings.accounts
    return await draw(
        request,
        "console/account.html",
        fault.status if fault else 200,
        chosen=known.language,
        factor=factor,
        alarm=alarm,
        offered=alarms.OFFERED[account.role],
        hears=alarms.heard(account.role, alarm.hears if alarm else None),
        ways=alarm_lines.ways(runtime),
        at=clock.now(),
        country=runtime.settings.city.country,
        masked=identity.masked,
        needed=account.role in settings.second_factor_for,
        browsers=[one for one in running if one.kind is SessionKind.COOKIE],
        tokens=[one for one in running if one.kind is SessionKind.TOKEN],
        own=request[SESSION].id,
        scopes=access.scopes_of(account),
        most_days=int(settings.token_days),
        shortest=settings.shortest_password,
        fault=fault,
        done=request.query.get("done", "") if request.method == "GET" else "",
        typed=typed or {},
        token=token,
    )
