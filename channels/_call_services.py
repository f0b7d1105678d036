"""Services on the phone: all by keys, a few at a time, the usual ones first; by a word where words are understood at
once. One is read out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from channels._call_state import Call
from channels._call_steps import Step
from channels._call_talk import Talk
from channels._turn import ForKeys, ForSpeech, Prompt, Said, Turn
from gateway.schema_services import SpokenService

Key = Callable[[Talk], Awaitable[tuple[Call, Turn]]]

# Keys 1 to 5 choose, 6 asks for a word, 7 for more of them.
MOST_OFFERED = 5
KEY = ForKeys(1, "", 6.0)
# One says a word, or a few: seconds of the longest, and of the silence that ends it.
WORD = ForSpeech(10, 2)


async def ask(talk: Talk, step: Step) -> tuple[Call, Turn]:
    """Offer services, ask for a word, or read one out again."""
    if step is Step.SERVICE and talk.call.service:
        return await _read(talk, talk.call.service)
    if step is Step.SERVICE_WORD and talk.call.live:
        talk.say("service_word")
        return talk.then(step, WORD)
    skip = talk.call.skipped or 0
    usual = await talk.desk.services(talk.call.language, skip, MOST_OFFERED + 1)
    if not usual and skip:  # some are gone meanwhile
        talk.call = replace(talk.call, skipped=0)
        return await ask(talk, Step.SERVICES)
    if not usual:
        talk.say("no_services")
        return await talk.ask(talk, Step.MENU)
    talk.say("services")
    return _offer(talk, usual, skip, more=len(usual) > MOST_OFFERED)


async def look_up(talk: Talk, said: Said) -> tuple[Call, Turn]:
    """Read out what a word means, or offer what it may mean; the words are of no report."""
    talk.call = replace(talk.call, said=None)
    if not said.text:
        talk.say("service_unheard")
        return await talk.ask(talk, Step.SERVICES)
    if talk.desk.is_emergency(said.text):
        talk.say("emergency", whole=True)
    found = await talk.desk.find_services(said.text, talk.call.language)
    if len(found) == 1:
        return await _read(talk, found[0].id)
    if not found:
        talk.say("service_none", own=True, text=said.text)
        return await talk.ask(talk, Step.SERVICES)
    talk.say("service_several")
    return _offer(talk, found, None, more=True)


def _offer(talk: Talk, found: Sequence[SpokenService], skipped: int | None, *, more: bool) -> tuple[Call, Turn]:
    """Say under which keys services are, each in a language it is written in, and what else there is."""
    offered = found[:MOST_OFFERED]
    for key, known in enumerate(offered, 1):
        talk.say("service_key", title=known.title, key=key, language=known.language)
    if more:
        talk.say("service_more")
    if talk.call.live:
        talk.say("service_say")
    talk.say("after_news")
    ids = tuple(known.id for known in offered)
    return talk.then(Step.SERVICES, KEY, offered=ids, skipped=skipped, more=more)


async def _read(talk: Talk, service_id: str) -> tuple[Call, Turn]:
    again = talk.call.service == service_id
    known = await talk.desk.spoken_service(service_id, talk.call.language, None if again else talk.call.channel)
    if known is None:
        talk.say("service_gone")
        talk.call = replace(talk.call, service=None)
        return await talk.ask(talk, Step.SERVICES)
    talk.first += [Prompt(words, known.language) for words in known.said]
    talk.say("after_service")
    return talk.then(Step.SERVICE, KEY, service=service_id)


def _chooses(number: int) -> Key:
    async def choose(talk: Talk) -> tuple[Call, Turn]:
        if number <= len(talk.call.offered):
            return await _read(talk, talk.call.offered[number - 1])
        return await talk.wrong_key(talk)

    return choose


async def begin(talk: Talk) -> tuple[Call, Turn]:
    """Offer the usual ones."""
    talk.call = replace(talk.call, skipped=0)
    return await ask(talk, Step.SERVICES)


async def _more(talk: Talk) -> tuple[Call, Turn]:
    """Offer those behind the ones just offered; behind what a word found, the usual ones."""
    call = talk.call
    if not call.more:
        return await talk.wrong_key(talk)
    talk.call = replace(call, skipped=0 if call.skipped is None else call.skipped + MOST_OFFERED)
    return await ask(talk, Step.SERVICES)


async def _by_word(talk: Talk) -> tuple[Call, Turn]:
    """Ask for a word where it is understood at once; elsewhere it would be kept as a report."""
    return await (talk.ask(talk, Step.SERVICE_WORD) if talk.call.live else talk.wrong_key(talk))


async def _others(talk: Talk) -> tuple[Call, Turn]:
    return await talk.ask(talk, Step.SERVICES)


KEYS: Mapping[Step, Mapping[str, Key]] = {
    Step.SERVICES: {
        **{str(number): _chooses(number) for number in range(1, MOST_OFFERED + 1)},
        "6": _by_word,
        "7": _more,
    },
    Step.SERVICE: {"4": _others},
}
