"""The telephone on which somebody of the staff is alarmed: given and taken away by himself, proved by a code."""

import secrets
from collections.abc import Collection
from datetime import timedelta

from gateway import clock
from gateway.errors import BadInput, EverylineError, NotFound, TooMany
from gateway.journey import identity, ringing
from gateway.runtime import Runtime
from gateway.schema_outgoing import ToldBy
from store import alarms, audit, citizens
from store.accounts import Account
from store.database import Transaction

DAY = timedelta(days=1)


async def ask(runtime: Runtime, account_id: str, number: str, language: str) -> None:
    """Send a code to a mobile number that an account wants to be alarmed on; until it is typed nothing else goes there.

    Raises `BadInput` for what is no mobile number and after too many codes in a day.
    """
    urn, intake = identity.mobile(number, runtime.settings.city.country), runtime.settings.intake
    outlet = runtime.outlet(urn.partition(":")[0])
    if outlet is None:
        raise BadInput("no channel can send codes just now", "number")
    code = f"{secrets.randbelow(10**identity.CODE_DIGITS):0{identity.CODE_DIGITS}}"

    async def work(transaction: Transaction) -> None:
        connection, vault, at = transaction.connection, runtime.vault, clock.now()
        before = await alarms.of_account(connection, vault, account_id)
        today = before is not None and before.sent_at > at - DAY
        sent = before.sent if before and today else 0
        if sent >= intake.codes_per_day:
            raise TooMany("you asked for too many codes today", retry_after=3600)
        line = await citizens.known(connection, vault, urn) or await citizens.enter(
            transaction, vault, urn, language=language, at=at, owned=False
        )
        await alarms.ask(
            transaction,
            account_id,
            line.id,
            code_hash=_hash(runtime, account_id, line.id, code),
            sent=sent + 1,
            sent_at=before.sent_at if before and today else at,
            expires_at=at + timedelta(minutes=intake.code_minutes),
        )
        await identity.deliver_code(runtime, transaction, outlet, line, code, line.language or language, "code_alarm")

    await runtime.database.write(work)


async def prove(runtime: Runtime, account_id: str, typed: str, *, actor: str) -> None:
    """Alarm the account on its line from now on, if this is the code; `actor` is the name the audit gives.

    Raises `NotFound` when none was sent, `TooMany` after too many tries, `BadInput` for a wrong or expired code.
    """

    async def check(transaction: Transaction) -> EverylineError | None:
        alarm, at = await alarms.of_account(transaction.connection, runtime.vault, account_id), clock.now()
        if alarm is None or alarm.proved_at:
            return NotFound("no code was sent for this")
        if alarm.tries >= runtime.settings.intake.code_tries:
            return TooMany("this code was tried too often; ask for a new one", retry_after=60)
        if alarm.expires_at <= at:
            return BadInput("this code has expired", "code")
        digits = "".join(str(int(letter)) for letter in typed[:32] if letter.isdecimal())
        guess = _hash(runtime, account_id, alarm.address_id, digits)
        if not secrets.compare_digest(alarm.code_hash, guess):
            await alarms.count_try(transaction, account_id)
            return BadInput("this is not the code we sent", "code")
        await alarms.prove(transaction, account_id, at)
        await audit.note(transaction, actor, "alarm number added", actor)
        return None

    # Given, not raised inside: a wrong guess must stay counted.
    if error := await runtime.database.write(check):
        raise error


def ways(runtime: Runtime) -> list[ToldBy]:
    """How staff may be told of cases just now: by a call only while something calls."""
    return [one for one in ToldBy if one is not ToldBy.CALL or ringing.outlet(runtime)]


async def choose(runtime: Runtime, account: Account, subjects: Collection[str], told_by: str) -> None:
    """Tell an account of these subjects alone, and of cases in this way. Raises `BadInput` for what is not offered."""
    way = {str(one): one for one in ways(runtime)}.get(told_by)
    if way is None:
        raise BadInput("choose from the list", "told_by")
    offered = {str(one): one for one in alarms.OFFERED[account.role]}
    if not set(subjects) <= set(offered):
        raise BadInput("choose from the list", "subject")

    async def work(transaction: Transaction) -> None:
        await alarms.choose(transaction, account.id, [offered[one] for one in subjects], way)
        await audit.note(transaction, account.name, "alarm subjects chosen", account.name)

    await runtime.database.write(work)


async def remove(runtime: Runtime, account_id: str, *, actor: str) -> None:
    """Alarm the account no more."""

    async def work(transaction: Transaction) -> None:
        if await alarms.remove(transaction, account_id, clock.now()):
            await audit.note(transaction, actor, "alarm number removed", actor)

    await runtime.database.write(work)


def _hash(runtime: Runtime, account_id: str, address_id: str, code: str) -> str:
    return runtime.vault.lookup(f"alarm:{account_id}:{address_id}:{code}")
