"""Passwords of staff: hashed, checked at equal cost for every name, and locked after too many wrong ones."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway import clock
from gateway.errors import BadInput, NotLoggedIn
from gateway.runtime import Runtime
from store import accounts, audit
from store.accounts import Account, Credentials
from store.database import Transaction

# OWASP's profile for argon2id: 19 MiB, two passes, one lane; about 20 ms. A few at a time, so that a flood of logins
# takes neither all memory nor all cores.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_THREADS = ThreadPoolExecutor(4, "password")
# Checked when nobody can log in by the name, so that the time taken does not tell which names exist.
_NOBODY = _HASHER.hash("nobody")
LONGEST = 200
# The same words for a wrong name, a wrong password, a locked and a shut account: they do not tell either.
WRONG = "name or password is wrong"
LONGEST_NAME = 64
# Histories and the audit call by these names what no account did.
NO_NAMES = ("rule", "author", "nobody", "upkeep", "delivery", "command line")


async def hashed(runtime: Runtime, password: str) -> str:
    """What to keep of a password. Raises `BadInput` for one too short or too long."""
    shortest = runtime.settings.accounts.shortest_password
    if not shortest <= len(password) <= LONGEST:
        raise BadInput("this password is too short or too long", "password")
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, password)


def clean_name(name: str) -> str:
    """A name as it is kept. Raises `BadInput` for one that is no line of text, or means somebody else in a history."""
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable() or name in NO_NAMES:
        raise BadInput("give a name", "name")
    return name


async def prove(runtime: Runtime, name: str, password: str) -> Credentials:
    """Whose name and password these are. Raises `NotLoggedIn` for wrong ones, and while the account is locked or shut.

    A right password does not yet forget the wrong ones: `accounts.succeeded` does, once all steps are made.
    """
    async with runtime.database.reading() as connection:
        known = await accounts.named(connection, name[:LONGEST_NAME])
    open_now = known is not None and not is_shut(known)
    right = await _matches(known.password_hash if known and open_now else _NOBODY, password[:LONGEST])
    if known is None or not open_now or not right:
        await runtime.database.write(lambda transaction: failed(runtime, transaction, known))
        raise NotLoggedIn(WRONG)
    return known


async def confirm(runtime: Runtime, account: Account, password: str) -> None:
    """Have whoever is logged in prove it again, before what must not be done by somebody at their unlocked screen.

    Raises `BadInput`; wrong passwords count as those of a login do.
    """
    try:
        await prove(runtime, account.name, password)
    except NotLoggedIn as error:
        raise BadInput("this is not your password", "current") from error


def is_shut(known: Credentials) -> bool:
    """Whether nobody can log in by an account now: disabled, locked, or without a password."""
    locked = known.locked_until is not None and known.locked_until > clock.now()
    return locked or known.disabled_at is not None or not known.password_hash


async def failed(runtime: Runtime, transaction: Transaction, known: Credentials | None) -> None:
    """Count a wrong password or code, and note it. One for a shut account counts no further."""
    settings = runtime.settings.accounts
    locked = False
    if known and not is_shut(known):
        until = clock.now() + timedelta(minutes=settings.lock_minutes)
        locked = await accounts.failed(transaction, known.account.id, settings.tries, until)
    await audit.note(transaction, known.account.name if known else "nobody", "locked" if locked else "login failed")


async def _matches(password_hash: str, password: str) -> bool:
    try:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.verify, password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
