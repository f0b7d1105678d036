"""Who asks: sessions of browsers, tokens of programs, visitors, and forms that are our own.

A session is 32 random bytes in a cookie that scripts cannot read; the store keeps only their hash, so it can be ended
and a stolen database opens nothing. A form carries a token bound to its session or visitor (CSRF).
"""

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta

from aiohttp import web
from itsdangerous import BadData, URLSafeTimedSerializer

from gateway import clock
from gateway.errors import NotAllowed, NotFound, NotLoggedIn
from gateway.runtime import Runtime
from gateway.web import access
from gateway.web.keys import ACCOUNT, NEW_VISITOR, RUNTIME, VISITOR
from store import accounts, audit, sessions
from store.accounts import Account, Role
from store.database import Transaction
from store.sessions import Scope, Session, SessionKind

VISITOR_COOKIE = "everyline_visitor"
FORM_SECONDS = 12 * 3600
VISITOR_SECONDS = 365 * 24 * 3600
# Where a token says who asks: beside the API, what programs fetch for it.
FOR_TOKENS = ("/api/", "/media/", "/metrics")
# When a session was last used is known to these minutes: not each request is worth a write.
SEEN_AFTER = timedelta(minutes=5)


async def log_out(request: web.Request) -> None:
    """End the session of a request."""
    runtime = request.app[RUNTIME]
    secret = request.cookies.get(session_cookie(runtime), "")
    session = await _session(runtime, secret)
    if session is None:
        return

    async def work(transaction: Transaction) -> None:
        await sessions.end(transaction, session.account.id, session.id)
        await audit.note(transaction, session.account.name, "logout")

    await runtime.database.write(work)


async def identify(request: web.Request) -> Session | None:
    """Whose request this is: by bearer token, else by session cookie. A token opens no pages."""
    runtime, token = request.app[RUNTIME], bearer(request)
    kind = SessionKind.COOKIE if token is None else SessionKind.TOKEN
    secret = request.cookies.get(session_cookie(runtime), "") if token is None else token
    if not secret or (token is not None and not request.path.startswith(FOR_TOKENS)):
        return None
    session = await _session(runtime, secret)
    if session is None or session.kind is not kind:
        return None
    at = clock.now()
    if session.seen_at is None or session.seen_at < at - SEEN_AFTER:
        await runtime.database.write(lambda transaction: sessions.touch(transaction, session.id, at))
    return session


def bearer(request: web.Request) -> str | None:
    """The token a program sends instead of a cookie; then nothing else of the request says who asks."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def require(request: web.Request, *roles: Role) -> Account:
    """The account of a request, which must have one of these roles; an administrator has all.

    Raises `NotLoggedIn` or `NotAllowed`.
    """
    account: Account | None = request.get(ACCOUNT)
    if account is None:
        raise NotLoggedIn("log in first")
    if roles and account.role is not Role.ADMINISTRATOR and account.role not in roles:
        raise NotAllowed("your role does not allow this")
    return account


def may(request: web.Request, role: Role) -> bool:
    """Whether the account of a request has a role, or every one."""
    return request[ACCOUNT].role in (role, Role.ADMINISTRATOR)


def answers_as(account: Account, department: str) -> str:
    """The department an account answers as. Raises `NotAllowed` for another than an officer's own."""
    if account.department and department != account.department:
        raise NotAllowed("you answer for your own department only")
    return department


async def make_token(
    runtime: Runtime,
    name: str,
    *,
    actor: str | None = None,
    scopes: Collection[Scope] | None = None,
    days: float | None = None,
    label: str | None = None,
) -> str:
    """A bearer token for a program of this account; shown once. Raises `NotFound`.

    Without `scopes` it may all that the account may; it holds for the settings' days, or fewer.
    """
    secret = secrets.token_urlsafe(32)
    longest = runtime.settings.accounts.token_days
    until = clock.now() + timedelta(days=min(days or longest, longest))

    async def work(transaction: Transaction) -> None:
        known = await accounts.named(transaction.connection, name)
        if known is None:
            raise NotFound(f"there is no account {name!r}")
        allowed = access.scopes_of(known.account)
        granted = [scope for scope in allowed if scopes is None or scope in scopes]
        await sessions.open_token(transaction, known.account.id, digest(secret), until, scopes=granted, label=label)
        await audit.note(transaction, actor or name, "token made", name)

    await runtime.database.write(work)
    return secret


def session_cookie(runtime: Runtime) -> str:
    """The cookie's name; browsers take one with this prefix only over HTTPS, for this host, from the root."""
    return "__Host-everyline" if _secure(runtime) else "everyline_session"


def put_session(request: web.Request, response: web.StreamResponse, secret: str) -> None:
    """Give the browser its session."""
    runtime = request.app[RUNTIME]
    seconds = int(runtime.settings.accounts.session_hours * 3600)
    put_cookie(request, response, session_cookie(runtime), secret, seconds)


def drop_session(request: web.Request, response: web.StreamResponse) -> None:
    """Take the session from the browser."""
    drop_cookie(request, response, session_cookie(request.app[RUNTIME]))


def visitor(request: web.Request) -> str:
    """The URN of the browser that asks; a new one gets its cookie when the answer goes out (`keep_visitor`)."""
    known = request.get(VISITOR)
    if known is None:
        try:
            known = signer(request, "visitor").loads(request.cookies.get(VISITOR_COOKIE, ""), max_age=VISITOR_SECONDS)
        except BadData:
            known = clock.new_id()
            request[NEW_VISITOR] = True
        request[VISITOR] = known
    return f"web:{known}"


def keep_visitor(request: web.Request, response: web.StreamResponse) -> None:
    """Give a new visitor its cookie."""
    if request.get(NEW_VISITOR):
        value = signer(request, "visitor").dumps(request[VISITOR])
        put_cookie(request, response, VISITOR_COOKIE, value, VISITOR_SECONDS)


def rename_visitor(request: web.Request, urn: str) -> None:
    """Know the browser by another URN from this answer on."""
    request[VISITOR], request[NEW_VISITOR] = urn.partition(":")[2], True


def drop_visitor(request: web.Request, response: web.StreamResponse) -> None:
    """Have the browser forget who it was."""
    drop_cookie(request, response, VISITOR_COOKIE)


def csrf_token(request: web.Request) -> str:
    """The token that a form of this page must bring back."""
    return signer(request, "csrf").dumps(_holder(request))


def check_csrf(request: web.Request, token: str) -> None:
    """Whether a form is our own, for this very browser. Raises `NotAllowed`."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if site not in ("same-origin", "none"):
        raise NotAllowed("this form was sent from another site")
    try:
        holder = signer(request, "csrf").loads(token, max_age=FORM_SECONDS)
    except BadData as error:
        raise NotAllowed("this form has expired; load the page again") from error
    if not secrets.compare_digest(str(holder), _holder(request)):
        raise NotAllowed("this form was made for another browser")


def signer(request: web.Request, purpose: str) -> URLSafeTimedSerializer:
    """Signs what a browser keeps for us, for one purpose."""
    return URLSafeTimedSerializer(request.app[RUNTIME].vault.lookup(f"signing:{purpose}"), salt=purpose)


def put_cookie(request: web.Request, response: web.StreamResponse, name: str, value: str, seconds: int) -> None:
    """Give the browser something that scripts cannot read and other sites cannot send."""
    secure = _secure(request.app[RUNTIME])
    response.set_cookie(name, value, max_age=seconds, path="/", httponly=True, samesite="Lax", secure=secure)


def drop_cookie(request: web.Request, response: web.StreamResponse, name: str) -> None:
    """Take it back."""
    secure = _secure(request.app[RUNTIME]) or None
    response.del_cookie(name, path="/", secure=secure, httponly=True, samesite="Lax")


def digest(secret: str) -> str:
    """What the store keeps of a secret: enough to know it again, not to use it."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def _session(runtime: Runtime, secret: str) -> Session | None:
    async with runtime.database.reading() as connection:
        return await sessions.find(connection, digest(secret), clock.now())


def _holder(request: web.Request) -> str:
    """Whom a form is for: the logged-in session, else the visitor."""
    secret = request.cookies.get(session_cookie(request.app[RUNTIME]), "")
    return digest(secret) if secret else visitor(request)


def _secure(runtime: Runtime) -> bool:
    return runtime.settings.public_url.startswith("https://")
