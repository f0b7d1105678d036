"""Who may: passwords, sessions of browsers, tokens of programs, the first administrator, and forms that are our own.

A session is 32 random bytes in a cookie that scripts cannot read; the store keeps only their hash, so it can be ended
and a stolen database opens nothing. A form carries a token bound to its session or visitor (CSRF).
"""

import asyncio
import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from aiohttp import web
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from itsdangerous import BadData, URLSafeTimedSerializer

from gateway import clock
from gateway.errors import BadInput, NotAllowed, NotFound, NotLoggedIn, TooMany
from gateway.runtime import Runtime
from gateway.web.keys import ACCOUNT, NEW_VISITOR, RUNTIME, SETUP, VISITOR
from store import accounts
from store.accounts import Account, Role, Session, SessionKind
from store.database import Transaction

VISITOR_COOKIE = "everyline_visitor"
FORM_SECONDS = 12 * 3600
VISITOR_SECONDS = 365 * 24 * 3600
# OWASP's profile for argon2id: 19 MiB, two passes, one lane; about 20 ms. A few at a time, so that a flood of logins
# takes neither all memory nor all cores.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_THREADS = ThreadPoolExecutor(4, "password")
# Checked when there is no such account, so that the time taken tells nobody which names exist.
_NOBODY = _HASHER.hash("nobody")
LONGEST_PASSWORD = 200
LOCKED = "this account is locked for a while after too many wrong passwords"
LONGEST_NAME = 64
# Histories and the audit call by these names what no account did.
NO_NAMES = ("rule", "author", "nobody", "command line")


async def hash_password(runtime: Runtime, password: str) -> str:
    """What to keep of a password. Raises `BadInput` for one too short or too long."""
    shortest = runtime.settings.accounts.shortest_password
    if not shortest <= len(password) <= LONGEST_PASSWORD:
        raise BadInput("this password is too short or too long", "password")
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, password)


def clean_name(name: str) -> str:
    """A name as it is kept. Raises `BadInput` for one that is no line of text, or means somebody else in a history."""
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable() or name in NO_NAMES:
        raise BadInput("give a name", "name")
    return name


async def log_in(runtime: Runtime, name: str, password: str) -> str:
    """Check a password and open a session; gives its secret for the cookie.

    Raises `NotLoggedIn` for a wrong name or password alike, `TooMany` while the account is locked.
    """
    async with runtime.database.reading() as connection:
        known = await accounts.named(connection, name[:LONGEST_NAME])
    if known and known.locked_until and known.locked_until > clock.now():
        wait = int((known.locked_until - clock.now()).total_seconds()) + 1
        raise TooMany(LOCKED, retry_after=wait)
    account = known.account if known else None
    right = await _matches(known.password_hash if known else _NOBODY, password[:LONGEST_PASSWORD])
    if known is None or not right:
        await runtime.database.write(lambda transaction: _failed(runtime, transaction, account))
        raise NotLoggedIn("name or password is wrong")
    secret = secrets.token_urlsafe(32)
    hours = timedelta(hours=runtime.settings.accounts.session_hours)

    async def work(transaction: Transaction) -> None:
        if not await accounts.succeeded(transaction, known.account.id, clock.now()):
            raise TooMany(LOCKED, retry_after=60)
        await accounts.open_session(
            transaction, known.account.id, SessionKind.COOKIE, digest(secret), clock.now() + hours
        )
        await accounts.note(transaction, known.account.name, "login")

    await runtime.database.write(work)
    return secret


async def log_out(request: web.Request) -> None:
    """End the session of a request."""
    runtime = request.app[RUNTIME]
    secret = request.cookies.get(session_cookie(runtime), "")

    session = await _session(runtime, secret)
    if session is None:
        return

    async def work(transaction: Transaction) -> None:
        await accounts.close_session(transaction, session.id)
        await accounts.note(transaction, session.account.name, "logout")

    await runtime.database.write(work)


async def set_up(request: web.Request, token: str, name: str, password: str) -> None:
    """Make the first administrator. Raises `NotFound` for a wrong token or when there is one already."""
    runtime = request.app[RUNTIME]
    if not request.app[SETUP].fits(token):
        raise NotFound("this link is not good any more")
    name = clean_name(name)
    password_hash = await hash_password(runtime, password)

    async def work(transaction: Transaction) -> None:
        # Asked inside: of two who open the link at once, at one process or at two, one is first.
        await accounts.add_first(transaction, name, password_hash)
        await accounts.note(transaction, name, "setup")

    await runtime.database.write(work)


async def setup_is_open(runtime: Runtime) -> bool:
    """Whether the first administrator is still to be made."""
    async with runtime.database.reading() as connection:
        return not await accounts.has_administrator(connection)


async def identify(request: web.Request) -> Account | None:
    """Whose request this is: by bearer token, else by session cookie."""
    runtime, token = request.app[RUNTIME], bearer(request)
    kind = SessionKind.COOKIE if token is None else SessionKind.TOKEN
    secret = request.cookies.get(session_cookie(runtime), "") if token is None else token
    if not secret:
        return None
    session = await _session(runtime, secret)
    return session.account if session and session.kind is kind else None


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


async def make_token(runtime: Runtime, name: str) -> str:
    """A bearer token for a program of this account; shown once. Raises `NotFound`."""
    secret = secrets.token_urlsafe(32)
    until = clock.now() + timedelta(days=runtime.settings.accounts.token_days)

    async def work(transaction: Transaction) -> None:
        known = await accounts.named(transaction.connection, name)
        if known is None:
            raise NotFound(f"there is no account {name!r}")
        await accounts.open_session(transaction, known.account.id, SessionKind.TOKEN, digest(secret), until)
        await accounts.note(transaction, name, "token made")

    await runtime.database.write(work)
    return secret


def session_cookie(runtime: Runtime) -> str:
    """The cookie's name; browsers take one with this prefix only over HTTPS, for this host, from the root."""
    return "__Host-everyline" if _secure(runtime) else "everyline_session"


def put_session(request: web.Request, response: web.StreamResponse, secret: str) -> None:
    """Give the browser its session."""
    runtime = request.app[RUNTIME]
    seconds = int(runtime.settings.accounts.session_hours * 3600)
    _put(runtime, response, session_cookie(runtime), secret, seconds)


def drop_session(request: web.Request, response: web.StreamResponse) -> None:
    """Take the session from the browser."""
    runtime = request.app[RUNTIME]
    response.del_cookie(
        session_cookie(runtime), path="/", secure=_secure(runtime) or None, httponly=True, samesite="Lax"
    )


def visitor(request: web.Request) -> str:
    """The URN of the browser that asks; a new one gets its cookie when the answer goes out (`keep_visitor`)."""
    known = request.get(VISITOR)
    if known is None:
        try:
            known = _signer(request, "visitor").loads(request.cookies.get(VISITOR_COOKIE, ""), max_age=VISITOR_SECONDS)
        except BadData:
            known = clock.new_id()
            request[NEW_VISITOR] = True
        request[VISITOR] = known
    return f"web:{known}"


def keep_visitor(request: web.Request, response: web.StreamResponse) -> None:
    """Give a new visitor its cookie."""
    if request.get(NEW_VISITOR):
        value = _signer(request, "visitor").dumps(request[VISITOR])
        _put(request.app[RUNTIME], response, VISITOR_COOKIE, value, VISITOR_SECONDS)


def rename_visitor(request: web.Request, urn: str) -> None:
    """Know the browser by another URN from this answer on."""
    request[VISITOR], request[NEW_VISITOR] = urn.partition(":")[2], True


def drop_visitor(request: web.Request, response: web.StreamResponse) -> None:
    """Have the browser forget who it was."""
    secure = _secure(request.app[RUNTIME]) or None
    response.del_cookie(VISITOR_COOKIE, path="/", secure=secure, httponly=True, samesite="Lax")


def csrf_token(request: web.Request) -> str:
    """The token that a form of this page must bring back."""
    return _signer(request, "csrf").dumps(_holder(request))


def check_csrf(request: web.Request, token: str) -> None:
    """Whether a form is our own, for this very browser. Raises `NotAllowed`."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if site not in ("same-origin", "none"):
        raise NotAllowed("this form was sent from another site")
    try:
        holder = _signer(request, "csrf").loads(token, max_age=FORM_SECONDS)
    except BadData as error:
        raise NotAllowed("this form has expired; load the page again") from error
    if not secrets.compare_digest(str(holder), _holder(request)):
        raise NotAllowed("this form was made for another browser")


def digest(secret: str) -> str:
    """What the store keeps of a secret: enough to know it again, not to use it."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def _session(runtime: Runtime, secret: str) -> Session | None:
    async with runtime.database.reading() as connection:
        return await accounts.session(connection, digest(secret), clock.now())


async def _failed(runtime: Runtime, transaction: Transaction, account: Account | None) -> None:
    settings = runtime.settings.accounts
    locked = False
    if account:
        until = clock.now() + timedelta(minutes=settings.lock_minutes)
        locked = await accounts.failed(transaction, account.id, settings.tries, until)
    await accounts.note(transaction, account.name if account else "nobody", "locked" if locked else "login failed")


async def _matches(password_hash: str, password: str) -> bool:
    try:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.verify, password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _holder(request: web.Request) -> str:
    """Whom a form is for: the logged-in session, else the visitor."""
    secret = request.cookies.get(session_cookie(request.app[RUNTIME]), "")
    return digest(secret) if secret else visitor(request)


def _signer(request: web.Request, purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(request.app[RUNTIME].vault.lookup(f"signing:{purpose}"), salt=purpose)


def _secure(runtime: Runtime) -> bool:
    return runtime.settings.public_url.startswith("https://")


def _put(runtime: Runtime, response: web.StreamResponse, name: str, value: str, seconds: int) -> None:
    response.set_cookie(name, value, max_age=seconds, path="/", httponly=True, samesite="Lax", secure=_secure(runtime))
