"""What every request passes through, outermost first: its id and log line, language, errors, staff.

Whatever goes wrong inside becomes one clear answer: problem+json (RFC 9457) for programs, a page for people.
"""

import asyncio
import time
import traceback
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from babel import Locale, UnknownLocaleError

from gateway import clock
from gateway.errors import BadInput, EverylineError, NotAllowed, NotLoggedIn, TooMany
from gateway.schema import LANGUAGES
from gateway.web import access, auth, large_forms, typed
from gateway.web.access import STAFF_API, STAFF_PAGES
from gateway.web.kept_pages import give_kept
from gateway.web.keys import ACCOUNT, DRAWING, KEPT, LANGUAGE, METRICS, REQUEST_ID, RUNTIME, SESSION, THEME
from store.sessions import Scope

LANGUAGE_COOKIE = "lang"
THEME_COOKIE = "theme"
# "auto": as the browser says, which needs no cookie.
THEMES = ("light", "dark", "auto")
# No inline script or style anywhere, nothing from another site, no frame around us. `blob:` is what somebody chose or
# recorded in the page and looks at before sending it.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(self), geolocation=(self)",
}
STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"
# Where one gets without the second factor that one's role must have.
FIRST_STEPS = ("/console/account/second-factor", "/console/logout")
OWN_PAGES = "/me"
# Carriers have no language, no cookies and no account, and come by the thousand.
FOR_CARRIERS = "/hooks/"
# What the log calls an answer that nobody waited for.
GONE = 499
FOR_PROGRAMS = ("/api/", "/hooks/", "/open311/", "/metrics", "/healthz", "/readyz")

log = structlog.get_logger()


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Name the request, time it, and write one line about it: its route, never its query or who asked."""
    request[REQUEST_ID] = clock.new_id()[-12:]
    begun = time.perf_counter()
    status = 500
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as redirect:
        status = redirect.status
        raise
    except asyncio.CancelledError:
        status = GONE
        raise
    except ConnectionResetError:
        # Whoever asked has left, as whoever closes a live page does: no fault of ours, and nobody reads an answer.
        status = GONE
        return web.Response(status=GONE)
    finally:
        seconds = time.perf_counter() - begun
        route = _route(request)
        request.app[METRICS].requested(request.method, route, status, seconds)
        # Carriers and readers come by the thousand a second at a peak; what went well with them, and cost nothing, is
        # counted, not told one by one.
        routine = status < 400 and (request.path.startswith(FOR_CARRIERS) or request.get(KEPT, False))
        (log.debug if routine else log.info)(
            "request",
            action="http",
            request=request[REQUEST_ID],
            method=request.method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
        )


async def on_prepare(request: web.Request, response: web.StreamResponse) -> None:
    """Headers that every answer carries, just before it goes out; what a carrier reads runs in no browser."""
    if request.path.startswith(FOR_CARRIERS):
        return
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if request.app[RUNTIME].settings.public_url.startswith("https://"):
        response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
    own = request.path == OWN_PAGES or request.path.startswith(f"{OWN_PAGES}/")
    if own or request.path.startswith((STAFF_PAGES, STAFF_API, "/login", "/setup")):
        response.headers["Cache-Control"] = "no-store"
    if response.content_type == "text/html":
        response.headers.setdefault("Cache-Control", "no-cache")
        response.headers.setdefault("Vary", "Accept-Language, Cookie")


@web.middleware
async def speak(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Settle language and theme of the answer, and give the browser the cookies it lacks; ?lang= and ?theme= stay."""
    if request.path.startswith(FOR_CARRIERS):
        return await handler(request)
    chosen = request.query.get("lang")
    settings = request.app[RUNTIME].settings
    kept = request.cookies.get(LANGUAGE_COOKIE)
    known = next((language for language in (chosen, kept) if language in LANGUAGES), None)
    request[LANGUAGE] = known or preferred(request.headers.get("Accept-Language", "")) or settings.city.language
    theme = request.query.get("theme", request.cookies.get(THEME_COOKIE))
    if theme in THEMES[:-1]:
        request[THEME] = theme
    try:
        response = await handler(request)
    except web.HTTPException as redirect:
        _put_cookies(request, redirect, chosen if chosen != kept else None)
        raise
    if not response.prepared:
        _put_cookies(request, response, chosen if chosen != kept else None)
    return response


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong into one clear answer."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return await _answer(request, error.status, error.reason, None, None, headers)
    except NotLoggedIn as error:
        if request.path.startswith(STAFF_PAGES):
            # What was to be changed is lost with the session; after logging in only a page can be shown.
            onward = request.rel_url.raw_path if request.method == "GET" else STAFF_PAGES
            raise web.HTTPSeeOther(f"/login?next={quote(onward, safe='/')}") from error
        headers = {"WWW-Authenticate": "Bearer"}
        return await _answer(request, error.status, error.title, str(error), None, headers)
    except EverylineError as error:
        if error.status >= 500 and not isinstance(error, TooMany):
            _note(request, error)
            return await _answer(request, error.status, error.title, None, None, {})
        headers = {"Retry-After": str(error.retry_after)} if isinstance(error, TooMany) else {}
        field = error.field if isinstance(error, BadInput) else None
        return await _answer(request, error.status, error.title, str(error), field, headers)
    except ConnectionResetError:
        raise
    except Exception as error:  # noqa: BLE001  (a crash is one request's 500, and noted)
        _note(request, error)
        return await _answer(request, 500, "Internal error", None, None, {})


@web.middleware
async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let only staff onto staff paths, and know them everywhere; forms of staff must be our own."""
    session = await auth.identify(request) if _may_know(request) else None
    staff = access.is_staff(request.path)
    # Elsewhere an account only sees more than others do: a token that may not read is nobody there.
    if session and (staff or session.scopes is None or Scope.READ in session.scopes):
        request[ACCOUNT], request[SESSION] = session.account, session
    if staff:
        auth.require(request)
        access.check(request, request[SESSION])
        _second_factor(request)
        return await _let_staff_in(request, handler)
    return await handler(request)


async def _let_staff_in(request: web.Request, handler: Handler) -> web.StreamResponse:
    async def admitted(request: web.Request) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD") and auth.bearer(request) is None:
            await _own_form(request)
        return await handler(request)

    if request.content_type == large_forms.TYPE and access.brings_files(request):
        most = request.app[RUNTIME].settings.media.most_together
        return await large_forms.take(request, most, _read_first(admitted))
    return await admitted(request)


def _read_first(handler: Handler) -> Handler:
    async def reading(request: web.Request) -> web.StreamResponse:
        await large_forms.read(request)
        return await handler(request)

    return reading


@lru_cache(1024)
def preferred(header: str) -> str | None:
    """The best of our languages for an Accept-Language header (RFC 9110 section 12.5.4)."""
    wishes: list[tuple[float, int, str]] = []
    for part in header[:500].split(","):
        tag, _, rest = part.strip().partition(";")
        quality = rest.strip().removeprefix("q=")
        try:
            wishes.append((-float(quality or 1), len(wishes), Locale.parse(tag.strip(), sep="-").language))
        except (ValueError, UnknownLocaleError, TypeError):
            continue
    return next((language for quality, _, language in sorted(wishes) if language in LANGUAGES and quality < 0), None)


def middlewares() -> Iterable[Middleware]:
    """In their order, outermost first."""
    return (observe, speak, give_kept, explain, admit)


def _second_factor(request: web.Request) -> None:
    """Send whoever must have a second factor and has none to where it is set up. A token was made by somebody who had
    one, or by whoever runs the gateway."""
    session = request[SESSION]
    needed = request.app[RUNTIME].settings.accounts.second_factor_for
    if session.second_factor or session.scopes is not None or session.account.role not in needed:
        return
    if request.path.startswith(FIRST_STEPS):
        return
    if request.method == "GET" and request.path.startswith(STAFF_PAGES):
        raise web.HTTPSeeOther(FIRST_STEPS[0])
    raise NotAllowed("your role needs a second factor first")


def _may_know(request: web.Request) -> bool:
    """Whether to look up who asks: on staff paths, and wherever a page greets or a file is guarded."""
    return not request.path.startswith(("/hooks/", "/static/", "/healthz", "/readyz"))


def _put_cookies(request: web.Request, response: web.StreamResponse, language: str | None) -> None:
    """The cookies of whoever asked: before the answer is prepared, for then its headers are settled."""
    theme = request.query.get("theme")
    if theme == THEMES[-1]:
        response.del_cookie(THEME_COOKIE, path="/")
    elif theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, max_age=auth.VISITOR_SECONDS, path="/", samesite="Lax")
    if language in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, str(language), max_age=auth.VISITOR_SECONDS, path="/", samesite="Lax")
    auth.keep_visitor(request, response)


async def _own_form(request: web.Request) -> None:
    """A browser's change: a form with its token, or JSON with the token in a header."""
    token = request.headers.get("X-CSRF-Token")
    if token is None:
        form = await request.post()
        token = str(form.get("csrf", ""))
    if not token:
        raise NotAllowed("this form lacks its token; load the page again")
    auth.check_csrf(request, token)


async def _answer(
    request: web.Request, status: int, title: str, detail: str | None, field: str | None, headers: dict[str, str]
) -> web.Response:
    if request.path.startswith(FOR_PROGRAMS):
        problem = {"type": "about:blank", "title": title, "status": status, "instance": request[REQUEST_ID]}
        problem |= {"detail": detail} if detail else {}
        problem |= {"field": field} if field else {}
        if request.path.startswith("/api/") and not request.path.startswith(STAFF_API):
            headers = {**headers, "Access-Control-Allow-Origin": "*"}
        return web.json_response(problem, status=status, headers=headers, content_type="application/problem+json")
    response = await request.app[DRAWING].error_page(request, status, request[REQUEST_ID], await typed.kept(request))
    response.headers.update(headers)
    return response


def _note(request: web.Request, error: Exception) -> None:
    """Log where a request failed. Not what the error says: databases and parsers put citizens' words into it."""
    chain: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < 5:
        chain.append(type(cause).__qualname__)
        cause = cause.__cause__ or cause.__context__
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error("a request failed", action="http.failed", request=request[REQUEST_ID], error=chain, where=where[-20:])


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unknown"
