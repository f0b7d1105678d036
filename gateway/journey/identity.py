"""Who speaks: which addresses may be answered, and how a typed contact is proved to be the citizen's own."""

import secrets
from datetime import timedelta
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberType

from gateway import clock
from gateway.errors import BadInput, EverylineError, NotFound, TooMany
from gateway.runtime import Runtime
from store import citizens
from store.database import Transaction

# Of another length than a ticket, so that the two are never taken for each other.
CODE_DIGITS = 6
_NO_TEXTS = {PhoneNumberType.FIXED_LINE, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.TOLL_FREE}


def new_code() -> str:
    """A fresh code to prove a contact with."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"


@lru_cache(maxsize=32_768)
def hears_replies(address: str | None) -> bool:
    """Whether an automatic reply may go to an address: no short code, no sender that is a name, no landline.

    Answering those makes loops with other machines, or speaks to nobody.
    """
    if not address:
        return False
    scheme, _, number = address.partition(":")
    if scheme != "tel":
        return True
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number(parsed) and phonenumbers.number_type(parsed) not in _NO_TEXTS


async def allow_code(runtime: Runtime, lookup: str) -> None:
    """Refuse (`BadInput`) when a contact was sent too many codes: nobody's phone is to be flooded from a form."""
    async with runtime.database.reading() as connection:
        sent = await citizens.codes_sent(connection, lookup, clock.now() - timedelta(days=1))
    if sent >= runtime.settings.intake.codes_per_day:
        raise BadInput("too many codes were sent to this number today", "contact")


async def prove(runtime: Runtime, ticket: str, code: str) -> None:
    """Make the contact typed with a post the citizen's own, by the code sent to it.

    Raises `NotFound` when none was sent, `TooMany` after too many tries, `BadInput` for a wrong or expired code.
    """

    async def check(transaction: Transaction) -> EverylineError | None:
        # Inside the one writer, so that many guesses at once are still counted one by one.
        challenge = await citizens.challenge_of(transaction.connection, ticket)
        if challenge is None:
            return NotFound("no code was sent for this ticket")
        if challenge.proved_at:
            return None
        if challenge.tries >= runtime.settings.intake.code_tries:
            return TooMany("this code was tried too often; write again to get a new one", retry_after=60)
        if challenge.expires_at <= clock.now():
            return BadInput("this code has expired", "code")
        guess = runtime.vault.lookup(f"code:{challenge.id}:{code.strip()}")
        if not secrets.compare_digest(challenge.code_hash, guess):
            await citizens.count_try(transaction, challenge.id)
            return BadInput("this is not the code we sent", "code")
        await citizens.prove(transaction, challenge, clock.now())
        return None

    if error := await runtime.database.write(check):
        raise error
