"""Calls that tell staff of cases: who wants to be called instead of texted hears the same words read to him.

A call is noted in the transaction of what it tells, and is claimed before it is placed: nobody is called twice for one
thing. Whoever cannot be called, or was perhaps not, is texted.
"""

import re
from datetime import timedelta

import structlog

from gateway import clock
from gateway.journey import rendering, ringing, staff_messages
from gateway.journey.staff_messages import Message
from gateway.runtime import Runtime
from gateway.schema_outgoing import AlarmSubject
from store import duty, staff_calls
from store.database import Transaction
from store.staff_calls import StaffCall

AT_ONCE = 20
# A call that was claimed so long ago was not placed, or its process ended before it could say so.
LOST_AFTER = timedelta(minutes=2)
_TICKET = re.compile(r"(?<!\d)\d{8}(?!\d)")

log = structlog.get_logger()


async def place_due(runtime: Runtime) -> None:
    """Place the calls that wait, one after the other."""
    at = clock.now()
    for call in await runtime.database.write(lambda tx: staff_calls.claim(tx, at, at - LOST_AFTER, AT_ONCE)):
        why = "lost" if call.lost else await _place(runtime, call)
        if why:
            log.warning("somebody cannot be called and is texted", action="staff_calls.texted", why=why)
        await runtime.database.write(lambda tx, c=call, w=why: _end(runtime, tx, c, text=bool(w)))  # type: ignore[misc]


async def _place(runtime: Runtime, call: StaffCall) -> str | None:
    """Call somebody; gives why not, if it could not be."""
    async with runtime.database.reading() as connection:
        line = (await duty.staff_lines(connection, runtime.vault, [call.account_id])).get(call.account_id)
    if line is None:
        return "no line"
    language = line.language or runtime.settings.city.language
    said = rendering.words(runtime, language, call.values)
    # A number of eight digits is heard as millions; a ticket is said figure by figure.
    spoken = {name: _TICKET.sub(lambda found: " ".join(found[0]), str(value)) for name, value in said.items()}
    words = runtime.phrase(f"voice_{call.phrase}", language, spoken)
    # Nothing is to be claimed by a key: any ends the call.
    return await ringing.ring(runtime, line.urn, words, "", language, "")


async def _end(runtime: Runtime, transaction: Transaction, call: StaffCall, *, text: bool) -> None:
    if not await staff_calls.end(transaction, call.id) or not text:
        return
    line = (await staff_messages.lines(runtime, transaction, *AlarmSubject)).get(call.account_id)
    if line is None:
        return
    message = Message(line, call.phrase, call.values, urgent=call.urgent)
    await staff_messages.text(runtime, transaction, [message], clock.now())
