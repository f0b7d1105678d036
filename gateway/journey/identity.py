"""Who speaks: which addresses may be answered, and how a line is proved to be the citizen's own, by a code sent to it.

There is one kind of code for both: a contact typed with a post, and a line linked on the web (or shown to be at hand,
before everything about its owner is given out or erased). It lies sealed in its delivery; the store keeps its hash.
"""

import json
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import phonenumbers
from phonenumbers import PhoneNumberType

from channels.base import Channel
from gateway import clock
from gateway.errors import BadInput, EverylineError, NotFound, TooMany
from gateway.runtime import Runtime
from gateway.schema_outgoing import Audience, Priority, Say
from store import challenges, citizens, deliveries
from store.challenges import Challenge
from store.citizens import Known, Line
from store.database import Transaction

# Of another length than a ticket, so that the two are never taken for each other.
CODE_DIGITS = 6
DAY = timedelta(days=1)
# For how long a line that was shown to be at hand counts as such.
FRESH = timedelta(minutes=15)
_MOBILES = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
_LONG_NUMBER = re.compile(r"\+[0-9]{10,15}")
_NO_TEXTS = {PhoneNumberType.FIXED_LINE, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.TOLL_FREE}


def challenge(
    runtime: Runtime, citizen_id: str, address_id: str, post_id: str | None, at: datetime
) -> tuple[dict[str, Any], str]:
    """A fresh code: the row that remembers it, and the code itself."""
    code, challenge_id = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}", clock.new_id()
    row = {
        "id": challenge_id,
        "citizen_id": citizen_id,
        "address_id": address_id,
        "post_id": post_id,
        "code_hash": runtime.vault.lookup(f"code:{challenge_id}:{code}"),
        "expires_at": at + timedelta(minutes=runtime.settings.intake.code_minutes),
        "created_at": at,
    }
    return row, code


def hears_replies(address: str | None) -> bool:
    """Whether an automatic reply may go to an address: no short code, no sender that is a name, no landline.

    Answering those makes loops with other machines, or speaks to nobody.
    """
    if not address:
        return False
    scheme, _, number = address.partition(":")
    if scheme != "tel":
        return True
    if _LONG_NUMBER.fullmatch(number):
        # Numbers are given out by the thousand: what one of a block is, all of it are, and few blocks make a city.
        number = f"{number[:-3]}000"
    return _takes_texts(number)


@lru_cache(maxsize=32_768)
def _takes_texts(number: str) -> bool:
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number(parsed) and phonenumbers.number_type(parsed) not in _NO_TEXTS


def mobile(typed: str, country: str) -> str:
    """A mobile number as somebody typed it, as a URN. Raises `BadInput`."""
    try:
        parsed = phonenumbers.parse(typed[:32], country)
    except phonenumbers.NumberParseException:
        raise BadInput("this is no telephone number", "number") from None
    urn = f"tel:{phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)}"
    if phonenumbers.number_type(parsed) not in _MOBILES:
        raise BadInput("codes go to mobile numbers only", "number")
    return urn


def masked(urn: str, country: str) -> str:
    """An address as its owner knows it again and nobody else can use it, like 138****8001."""
    scheme, _, name = urn.partition(":")
    if scheme != "tel":
        return f"****{name[-4:]}"
    try:
        parsed = phonenumbers.parse(name, None)
    except phonenumbers.NumberParseException:
        return f"****{name[-2:]}"
    national = str(parsed.national_number)
    head, tail = (3, 4) if len(national) >= 10 else (2, 2)
    home = parsed.country_code == phonenumbers.country_code_for_region(country)
    return f"{'' if home else f'+{parsed.country_code} '}{national[:head]}****{national[-tail:]}"


async def allow_code(runtime: Runtime, lookup: str) -> None:
    """Refuse (`BadInput`) when a contact was sent too many codes: nobody's phone is to be flooded from a form."""
    async with runtime.database.reading() as connection:
        sent = await challenges.sent_to(connection, lookup, clock.now() - DAY)
    if sent >= runtime.settings.intake.codes_per_day:
        raise BadInput("too many codes were sent to this number today", "contact")


async def send_code(runtime: Runtime, visitor: str, urn: str, language: str) -> None:
    """Send a code to a line that a browser says is its own, whether we know it or not; nothing else goes there.

    Raises `BadInput` when the line cannot be sent codes or had too many today, `TooMany` when the browser asked for
    too many.
    """
    outlet = runtime.outlet(urn.partition(":")[0])
    if outlet is None:
        raise BadInput("no channel can send codes just now", "number")

    async def work(transaction: Transaction) -> None:
        connection, at, vault = transaction.connection, clock.now(), runtime.vault
        if await challenges.sent_to(connection, vault.lookup(urn), at - DAY) >= runtime.settings.intake.codes_per_day:
            raise BadInput("too many codes were sent to this number today", "number")
        browser = await browser_of(runtime, transaction, visitor, language)
        asked = await challenges.asked_by(connection, str(browser.citizen_id), at - DAY)
        if asked >= runtime.settings.intake.codes_per_visitor:
            raise TooMany("you asked for too many codes today", retry_after=3600)
        line = await citizens.known(connection, vault, urn) or await citizens.enter(
            transaction, vault, urn, language=language, at=at, owned=False
        )
        row, code = challenge(runtime, str(browser.citizen_id), line.id, None, at)
        await challenges.add(transaction, row)
        await deliver_code(runtime, transaction, outlet, line, code, line.language or language)

    await runtime.database.write(work)


async def browser_of(runtime: Runtime, transaction: Transaction, visitor: str, language: str) -> Known:
    """The browser as a line with a citizen; a new one becomes that now."""
    found = await citizens.known(transaction.connection, runtime.vault, visitor)
    if found is None:
        return await citizens.enter(transaction, runtime.vault, visitor, language=language, at=clock.now(), owned=True)
    return found


async def prove(runtime: Runtime, ticket: str, code: str) -> None:
    """Make the contact typed with a post the citizen's own, by the code sent to it.

    Raises `NotFound` when none was sent, `TooMany` after too many tries, `BadInput` for a wrong or expired code.
    """

    async def check(transaction: Transaction) -> EverylineError | None:
        sent = await challenges.of_post(transaction.connection, ticket)
        return await _try(runtime, transaction, sent, code)

    if error := await runtime.database.write(check):
        raise error


async def prove_line(runtime: Runtime, visitor: str, code: str) -> None:
    """Link the line that a browser last asked a code for, by that code. Raises like `prove`."""

    async def check(transaction: Transaction) -> EverylineError | None:
        browser = await citizens.known(transaction.connection, runtime.vault, visitor)
        sent = None
        if browser and browser.citizen_id:
            sent = await challenges.of_line(transaction.connection, browser.citizen_id)
        # One that was right already proves nothing anew: the line may be unlinked again.
        return await _try(runtime, transaction, sent if sent and not sent.proved_at else None, code)

    if error := await runtime.database.write(check):
        raise error


async def renew(runtime: Runtime, visitor: str) -> str:
    """Give a browser another name, when it has become worth more to know: whoever copied its cookie has nothing."""
    fresh = f"web:{clock.new_id()}"

    async def work(transaction: Transaction) -> None:
        if browser := await citizens.known(transaction.connection, runtime.vault, visitor):
            await citizens.rename(transaction, runtime.vault, browser, fresh)

    await runtime.database.write(work)
    return fresh


async def asked_code(runtime: Runtime, browser: Known | None) -> Challenge | None:
    """The code a browser asked for and may still type."""
    if browser is None or browser.citizen_id is None:
        return None
    async with runtime.database.reading() as connection:
        sent = await challenges.of_line(connection, browser.citizen_id)
    return sent if sent and sent.proved_at is None and sent.expires_at > clock.now() else None


async def vouching(runtime: Runtime, lines: Sequence[Line], person: str) -> list[Line]:
    """The lines whose code shows that it is the person who asks, not somebody at a computer he used: his phones.

    A phone linked within a day does not count beside an older one, or whoever sits there would link his own.
    """
    phones = [line for line in lines if line.scheme == "tel" and line.urn and runtime.outlet(line.scheme)]
    async with runtime.database.reading() as connection:
        proofs = await challenges.proofs(connection, person)
    linked = {proof.address_id: proof.at for proof in reversed(proofs)}
    old = [phone for phone in phones if linked.get(phone.id, phone.created_at) <= clock.now() - DAY]
    return old or phones


async def vouched(runtime: Runtime, browser: Known, phones: Sequence[Line]) -> bool:
    """Whether this browser showed lately that one of these phones is at hand; true when there is none to ask."""
    if not phones:
        return True
    ids, since = {phone.id for phone in phones}, clock.now() - FRESH
    async with runtime.database.reading() as connection:
        proofs = await challenges.proofs(connection, browser.person or "")
    return any(p.address_id in ids and p.citizen_id == browser.citizen_id and p.at >= since for p in proofs)


async def _try(runtime: Runtime, transaction: Transaction, sent: Challenge | None, code: str) -> EverylineError | None:
    """One guess. Inside the one writer, so that many at once are still counted one by one; a wrong one is given, not
    raised, so that its count is kept."""
    if sent is None:
        return NotFound("no code was sent for this")
    if sent.proved_at:
        return None
    if sent.tries >= runtime.settings.intake.code_tries:
        return TooMany("this code was tried too often; ask for a new one", retry_after=60)
    if sent.expires_at <= clock.now():
        return BadInput("this code has expired", "code")
    typed = "".join(str(int(letter)) for letter in code[:32] if letter.isdecimal())
    guess = runtime.vault.lookup(f"code:{sent.id}:{typed}")
    if not secrets.compare_digest(sent.code_hash, guess):
        await challenges.count_try(transaction, sent.id)
        return BadInput("this is not the code we sent", "code")
    await challenges.prove(transaction, sent, clock.now())
    return None


async def deliver_code(
    runtime: Runtime,
    transaction: Transaction,
    outlet: Channel,
    line: Known,
    code: str,
    language: str,
    phrase: str = "code_line",
) -> None:
    """Put a code into the outbox, sealed, in the words of a phrase."""
    say = Say(phrase, {}, {"code": code})
    place = deliveries.secrets_place(None, say.phrase)
    row = deliveries.row(
        channel=outlet.name,
        kind=outlet.capabilities.delivery,
        audience=Audience.AUTHOR,
        priority=Priority.ANSWER,
        phrase=say.phrase,
        values=say.values,
        language=language,
        at=clock.now(),
        address_id=line.id,
        key=line.key,
        sealed=runtime.vault.seal(json.dumps(say.secrets).encode(), place, line.key),
    )
    await deliveries.add(transaction, [row])
