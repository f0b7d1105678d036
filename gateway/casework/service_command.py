"""INFO and 办事: citizens ask for a service by a word, on every channel where they converse.

One entry is told at once, several are offered by their numbers; what is found nowhere is said so, and the word listed
for the departments, masked.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from gateway import clock
from gateway.casework import service_news, service_words
from gateway.journey import masking
from gateway.runtime import Asked, Command, Noted, Question, Reply, Runtime
from gateway.schema import Ruling
from gateway.schema_outgoing import Say
from store import services, unanswered
from store.database import Transaction
from store.services import Entry, Service

# As many as can be answered by a bare number.
MOST_OFFERED = 5
# What is longer is no word but a story, which is nobody's to read in a list.
LONGEST_WORD = 24
# One statement looks up so many words; a batch of messages may hold more.
WORDS_AT_ONCE = 5000
# Behind the word anything, parted from it; in Chinese a few characters may follow at once, but not those that make it
# the beginning of a complaint about an office.
_ARGUMENT = (
    r"(?:(?:^|(?<=[\s:：])).{1,56}|(?!大厅|窗口|人员|员|处|中心|态度|效率|难|慢|不|太|了|的)[\u4e00-\u9fff]{1,6})?"
)


@dataclass(frozen=True, slots=True)
class Told:
    """Noted: an entry was given."""

    service_id: str


@dataclass(frozen=True, slots=True)
class Missed:
    """Noted: nothing was found for a word."""

    word: str


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a batch may ask for: the entries that each question means, the best first, and all entries by id."""

    meant: Mapping[str, Sequence[str]] = field(default_factory=dict)
    known: Mapping[str, Service] = field(default_factory=dict)


def command(runtime: Runtime) -> Command:
    """The command of a city."""

    async def learn(transaction: Transaction, arguments: Collection[str], options: Collection[str]) -> Learnt:
        return await _learn(transaction, arguments, options)

    async def keep_notes(transaction: Transaction, notes: Sequence[Noted]) -> None:
        await keep(runtime, transaction, notes)

    return Command(
        ("info", "办事", "办事指南"),
        _ARGUMENT,
        lambda asked: _run(runtime, asked),
        lambda asked, option: _choose(runtime, asked, option),
        learn,
        keep_notes,
    )


def _run(runtime: Runtime, asked: Asked) -> Reply:
    learnt: Learnt = asked.learnt
    if not asked.argument:
        return _offer("info_which", learnt, learnt.meant.get("", ()), asked.language)
    found = learnt.meant[asked.argument]
    if not found:
        return Reply(Say("info_none"), note=missed(runtime, asked.argument))
    if len(found) == 1:
        return _tell(runtime, learnt.known[found[0]], asked.language)
    return _offer("info_several", learnt, found, asked.language)


def _choose(runtime: Runtime, asked: Asked, option: str) -> Reply:
    learnt: Learnt | None = asked.learnt
    known = learnt.known.get(option) if learnt else None
    return _tell(runtime, known, asked.language) if known else Reply(Say("info_gone"))


def say(runtime: Runtime, slug: str, entry: Entry, language: str) -> Say:
    """What an entry tells who asked for it by a text."""
    written, said = entry.in_language(language)
    when = service_news.validity(runtime, entry, written)
    values = {"title": said.title, "text": " ".join(said.text.split()), "when": when}
    url = f"{runtime.settings.public_url}/services/{slug}"
    return Say("info_news" if when else "info", {**values, "url": url})


def _tell(runtime: Runtime, known: Service, language: str) -> Reply:
    return Reply(say(runtime, known.slug, known.entry, language), note=Told(known.id))


def _offer(phrase: str, learnt: Learnt, found: Sequence[str], language: str) -> Reply:
    offered = tuple(found[:MOST_OFFERED])
    if not offered:
        return Reply(Say("info_empty"))
    options = [{"ticket": learnt.known[one].entry.in_language(language)[1].title, "text": ""} for one in offered]
    return Reply(Say(phrase, {"options": options}), ask=Question("info", offered))


def missed(runtime: Runtime, argument: str) -> Missed | None:
    """What is listed of a word: nothing of what is long, or what the filter would not let anybody read."""
    word = masking.mask_as_set(runtime.settings, argument)
    if not service_words.asked(word).tokens or len(word) > LONGEST_WORD:
        return None
    return Missed(word) if runtime.judge(argument).ruling is Ruling.PASS else None


async def _learn(transaction: Transaction, arguments: Collection[str], options: Collection[str]) -> Learnt:
    at, connection = clock.now(), transaction.connection
    questions = {argument: service_words.asked(argument) for argument in arguments if argument}
    words = sorted({word for question in questions.values() for word in question.words})
    matches = [
        match
        for start in range(0, len(words), WORDS_AT_ONCE)
        for match in await services.matches(connection, words[start : start + WORDS_AT_ONCE], at)
    ]
    meant = {
        argument: service_words.ranked(question, matches)[:MOST_OFFERED] for argument, question in questions.items()
    }
    known = await services.public_by_id(connection, {*options, *(one for found in meant.values() for one in found)}, at)
    if "" in arguments:
        usual = await services.most_used(connection, service_words.lately(at), at, MOST_OFFERED)
        known |= {one.id: one for one in usual}
        meant[""] = [one.id for one in usual]
    return Learnt(meant, known)


async def keep(runtime: Runtime, transaction: Transaction, notes: Sequence[Noted]) -> None:
    """Count what was given, and what was asked for in vain."""
    at = clock.now()
    day = at.astimezone(runtime.settings.city.zone).date()
    told = Counter((noted.note.service_id, noted.channel) for noted in notes if isinstance(noted.note, Told))
    await services.count_uses(transaction, day, told)
    missed: dict[str, tuple[str, int]] = {}
    for noted in notes:
        if isinstance(noted.note, Missed):
            language, times = missed.get(noted.note.word, (noted.language, 0))
            missed[noted.note.word] = (language, times + 1)
    if missed:
        await unanswered.count(transaction, missed, at)
