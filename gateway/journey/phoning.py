"""What a caller is told: how his ticket stands, and what is new; for the ear, without links and things to type."""

from gateway import clock
from gateway.journey import rendering, tickets
from gateway.journey.commands import status_of
from gateway.runtime import Asked, Runtime
from gateway.schema import PublicPost
from store import facts, posts

# How many posts are read out, and how much of each.
NEWS = 6
LONGEST_TEXT = 300


async def spoken_status(runtime: Runtime, ticket: str, address: str | None, language: str) -> list[str] | None:
    """How a ticket stands, sentence by sentence, with its answer where the caller may hear it.

    To its author all, to others what is public. None for what is no ticket of ours.
    """
    if not tickets.is_ticket(ticket):
        return None
    lookup = runtime.vault.lookup(address) if address else None
    async with runtime.database.reading() as connection:
        caller, thread = await facts.of_ticket(connection, ticket, lookup, clock.now())
    if thread is None:
        return None
    say = status_of(Asked("", caller, ticket, thread), thread, ticket).say
    words = rendering.words(runtime, language, say.values)
    sentences = [runtime.phrase("voice_status", language, words)]
    if text := say.values.get("text"):
        sentences += [runtime.phrase("voice_answer", language, words), str(text)]
    return sentences


async def spoken_news(runtime: Runtime, language: str) -> list[str]:
    """What was published last, with its answers, newest first."""
    async with runtime.database.reading() as connection:
        found, _ = await posts.published(connection, limit=NEWS)
    return [sentence for post in found for sentence in _told(runtime, post, language)]


async def chosen_language(runtime: Runtime, address: str) -> str | None:
    """The language somebody chose for good on a line; None when he never did."""
    lookup = runtime.vault.lookup(address)
    async with runtime.database.reading() as connection:
        caller = await facts.of_address(connection, lookup, clock.now())
    return caller.language if caller and caller.chosen else None


def _told(runtime: Runtime, post: PublicPost, language: str) -> list[str]:
    told = [post.text[:LONGEST_TEXT]]
    for answer in post.answers[-1:]:
        name = rendering.department_name(runtime, answer.department, language)
        told += [runtime.phrase("voice_answer", language, {"department": name}), answer.text[:LONGEST_TEXT]]
    return told
