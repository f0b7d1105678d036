"""Services for those who ask for them otherwise than by a text: callers, and whoever searches the pages."""

import re

from gateway import clock
from gateway.casework import service_news, service_words, services
from gateway.casework.service_command import MOST_OFFERED
from gateway.journey import folding
from gateway.runtime import Runtime
from gateway.schema_services import ServiceHit, SpokenService
from store import services as rows
from store.services import Entry, Service

# Of what a voice reads, so much; and a page of results shows so much of it.
LONGEST_READ, LONGEST_SHOWN = 800, 160
# A sentence with its end; what is read is cut short between two.
_SENTENCE = re.compile(r"[^。！？!?；;\n]+?(?:[。！？!?；;\n]|\.(?=\s|$)|$)")


async def usual(runtime: Runtime, language: str, skip: int, limit: int) -> list[SpokenService]:
    """So many entries behind the first `skip`, those asked for most lately first."""
    at = clock.now()
    async with runtime.database.reading() as connection:
        known = await rows.most_used(connection, service_words.lately(at), at, limit, skip)
    return [_spoken(runtime, one, language) for one in known]


async def find(runtime: Runtime, text: str, language: str) -> list[SpokenService]:
    """The entries a spoken word means, the best first."""
    found = await services.search(runtime, text, MOST_OFFERED)
    return [_spoken(runtime, one, language) for one in found]


async def one(runtime: Runtime, service_id: str, language: str) -> SpokenService | None:
    """One entry; None for what is not public any more."""
    async with runtime.database.reading() as connection:
        known = await rows.public_by_id(connection, [service_id], clock.now())
    return _spoken(runtime, known[service_id], language) if service_id in known else None


async def hits(runtime: Runtime, query: str, language: str) -> list[ServiceHit]:
    """The entries that a search means, the best first."""
    return [hit(runtime, known, language) for known in await services.search(runtime, query, MOST_OFFERED)]


def hit(runtime: Runtime, known: Service, language: str) -> ServiceHit:
    """An entry as a list shows it."""
    written, said = known.entry.in_language(language)
    text = folding.cut(said.text, LONGEST_SHOWN)
    text = text if text == said.text else f"{text.rstrip()}…"
    when = service_news.validity(runtime, known.entry, language)
    return ServiceHit(known.slug, said.title, text, written, known.entry.department, when)


def read_out(runtime: Runtime, entry: Entry, language: str) -> tuple[str, ...]:
    """What a voice reads of an entry: its title, since and until when it is true, and its sentences up to a length."""
    written, said = entry.in_language(language)
    when = service_news.validity(runtime, entry, written)
    values = {"title": said.title, "when": when}
    title = runtime.phrase("voice_service_news", written, values) if when else said.title
    sentences, room = [title], LONGEST_READ
    for sentence in (found.strip() for found in _SENTENCE.findall(said.text)):
        room -= len(sentence)
        if room < 0:
            break
        if sentence:
            sentences.append(sentence)
    return tuple(sentences)


def _spoken(runtime: Runtime, known: Service, language: str) -> SpokenService:
    written, said = known.entry.in_language(language)
    return SpokenService(known.id, said.title, written, read_out(runtime, known.entry, written))
