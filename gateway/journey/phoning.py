"""What a caller is told: how his ticket stands; for the ear, without links and things to type."""

from gateway import clock
from gateway.journey import rendering, tickets
from gateway.journey.commands import status_of
from gateway.runtime import Asked, Runtime
from gateway.schema_cases import Progress
from store import looking_up, marks


async def spoken_status(runtime: Runtime, ticket: str, address: str | None, language: str) -> list[str] | None:
    """How a ticket stands, sentence by sentence, with its answer where the caller may hear it.

    To its author all, to others what is public. None for what is no ticket of ours.
    """
    if not tickets.is_ticket(ticket):
        return None
    lookup = runtime.vault.lookup(address) if address else None
    async with runtime.database.reading() as connection:
        caller, thread = await looking_up.of_ticket(connection, ticket, lookup, clock.now())
    if thread is None:
        return None
    say = status_of(Asked("", caller, ticket, thread), thread, ticket).say
    words = rendering.words(runtime, language, say.values)
    sentences = [runtime.phrase("voice_status", language, words)]
    if text := say.values.get("text"):
        sentences += [runtime.phrase("voice_answer", language, words), str(text)]
    return sentences


async def asks_mark(runtime: Runtime, ticket: str, address: str | None) -> bool:
    """Whether a caller may judge the answer to his ticket, and did not yet."""
    if address is None or not tickets.is_ticket(ticket):
        return False
    async with runtime.database.reading() as connection:
        caller, thread = await looking_up.of_ticket(connection, ticket, runtime.vault.lookup(address), clock.now())
        if caller is None or caller.person is None or thread is None or thread.person != caller.person:
            return False
        known = (await marks.of_threads(connection, [thread.root])).get(thread.root, ())
    answered = thread.progress in (Progress.ANSWERED, Progress.CLOSED) and thread.answer is not None
    return answered and marks.is_awaited(known, thread.reopened, caller.person)


async def chosen_language(runtime: Runtime, address: str) -> str | None:
    """The language somebody chose for good on a line; None when he never did."""
    lookup = runtime.vault.lookup(address)
    async with runtime.database.reading() as connection:
        caller = await looking_up.of_address(connection, lookup, clock.now())
    return caller.language if caller and caller.chosen else None
