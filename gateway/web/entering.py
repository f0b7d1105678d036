"""How somebody of the staff comes in: password, then the second factor, then a session; and by a one-time link.

Between the two steps the browser keeps a signed note of who has given the right password. It is good for a few
minutes, for that password, and opens nothing by itself.
"""

import secrets
from datetime import timedelta
from urllib.parse import quote

from aiohttp import web
from itsdangerous import BadData

from gateway import clock
from gateway.errors import BadInput, NotFound, NotLoggedIn
from gateway.runtime import Runtime
from gateway.web import addresses, auth, devices, passwords, second_factor
from gateway.web.keys import RUNTIME, SETUP
from store import accounts, audit, invitations, second_factors, sessions
from store.accounts import Credentials
from store.database import Transaction

STEP_COOKIE = "everyline_step"
STEP_SECONDS = 300


async def enter(request: web.Request, known: Credentials) -> str:
    """Open a session for whoever has made all steps; gives its secret.

    Raises `NotLoggedIn` for an account locked or shut meanwhile.
    """
    runtime = request.app[RUNTIME]
    secret = secrets.token_urlsafe(32)
    until = clock.now() + timedelta(hours=runtime.settings.accounts.session_hours)
    device = devices.device(request.headers.get("User-Agent", "")[:500])
    network = addresses.coarse(addresses.client(request, runtime.settings.server.trusted_proxies))

    async def work(transaction: Transaction) -> None:
        if not await accounts.succeeded(transaction, known.account.id, clock.now()):
            raise NotLoggedIn(passwords.WRONG)
        await sessions.open_cookie(
            transaction, known.account.id, auth.digest(secret), until, device=device, network=network
        )
        await audit.note(transaction, known.account.name, "login")

    await runtime.database.write(work)
    return secret


async def needs_code(runtime: Runtime, known: Credentials) -> bool:
    """Whether a password alone does not let this account in."""
    async with runtime.database.reading() as connection:
        factor = await second_factors.of_account(connection, runtime.vault, known.account.id)
    return factor is not None and factor.confirmed_at is not None


def keep_step(request: web.Request, response: web.StreamResponse, known: Credentials) -> None:
    """Let the browser go on to the second step."""
    value = auth.signer(request, "step").dumps([known.account.id, _fingerprint(known)])
    auth.put_cookie(request, response, STEP_COOKIE, value, STEP_SECONDS)


async def at_second_step(request: web.Request) -> Credentials:
    """Who has given the right password in this browser just now. Raises `NotLoggedIn`."""
    runtime = request.app[RUNTIME]
    try:
        signed = auth.signer(request, "step").loads(request.cookies.get(STEP_COOKIE, ""), max_age=STEP_SECONDS)
        account_id, fingerprint = signed
        async with runtime.database.reading() as connection:
            known = await accounts.by_id(connection, account_id)
    except (BadData, NotFound, ValueError, TypeError) as error:
        raise NotLoggedIn("begin again with your password") from error
    if passwords.is_shut(known) or fingerprint != _fingerprint(known):
        raise NotLoggedIn("begin again with your password")
    return known


async def give_code(request: web.Request, known: Credentials, code: str) -> str:
    """Take the code of the second step and open a session; gives its secret.

    Raises `BadInput` for a wrong or used code, which counts like a wrong password.
    """
    runtime = request.app[RUNTIME]

    async def taken(transaction: Transaction) -> bool:
        # Guesses sent side by side must not outrun the lock.
        if passwords.is_shut(await accounts.by_id(transaction.connection, known.account.id)):
            return False
        how = await second_factor.take(runtime, transaction, known.account.id, code)
        if how is None:
            await passwords.failed(runtime, transaction, known)
        elif how == "recovery code":
            await audit.note(transaction, known.account.name, "recovery code used")
        return how is not None

    if not await runtime.database.write(taken):
        raise BadInput("this code is not right; take the newest one", "code")
    return await enter(request, known)


async def set_up(request: web.Request, token: str, name: str, password: str) -> str:
    """Make the first administrator; gives the secret of their session.

    Raises `NotFound` for a wrong token, or when there is an administrator already.
    """
    runtime = request.app[RUNTIME]
    if not request.app[SETUP].fits(token):
        raise NotFound("this link is not good any more")
    name = passwords.clean_name(name)
    hashed = await passwords.hashed(runtime, password)

    async def work(transaction: Transaction) -> Credentials:
        # Asked inside: of two who open the link at once, at one process or at two, one is first.
        account = await accounts.add_first(transaction, name, hashed)
        await audit.note(transaction, name, "setup")
        return await accounts.by_id(transaction.connection, account.id)

    return await enter(request, await runtime.database.write(work))


async def setup_is_open(runtime: Runtime) -> bool:
    """Whether the first administrator is still to be made."""
    async with runtime.database.reading() as connection:
        return not await accounts.has_administrator(connection)


async def invite(runtime: Runtime, account_id: str, *, actor: str, action: str) -> str:
    """The path of a new one-time link by which an account chooses its password. Raises `NotFound`."""
    secret = secrets.token_urlsafe(32)
    until = clock.now() + timedelta(hours=runtime.settings.accounts.invitation_hours)

    async def work(transaction: Transaction) -> None:
        known = await accounts.by_id(transaction.connection, account_id)
        await invitations.invite(transaction, account_id, auth.digest(secret), until)
        await audit.note(transaction, actor, action, known.account.name)

    await runtime.database.write(work)
    return f"{runtime.settings.public_url}/setup/{quote(secret)}"


async def invited(runtime: Runtime, token: str) -> Credentials:
    """Whose link this is. Raises `NotFound` for one that is not good any more."""
    async with runtime.database.reading() as connection:
        known = await invitations.invited(connection, auth.digest(token), clock.now())
    if known is None or known.disabled_at is not None:
        raise NotFound("this link is not good any more")
    return known


async def accept(request: web.Request, token: str, password: str) -> Credentials:
    """Use a link up to choose a password; ends what ran under the old one. Raises `NotFound`, `BadInput`."""
    runtime = request.app[RUNTIME]
    hashed = await passwords.hashed(runtime, password)

    async def work(transaction: Transaction) -> Credentials:
        known = await invitations.accept(transaction, auth.digest(token), clock.now())
        await accounts.set_password(transaction, known.account.id, hashed)
        await audit.note(transaction, known.account.name, "password chosen")
        return await accounts.by_id(transaction.connection, known.account.id)

    return await runtime.database.write(work)


def _fingerprint(known: Credentials) -> str:
    return auth.digest(known.password_hash)[:16]
