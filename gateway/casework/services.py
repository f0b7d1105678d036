"""Convenience services: departments write them, the filter or a moderator lets them out, and citizens are given them.

    draft --publish--> published --retire--> retired --publish--> published
            (the filter holds it) -> held --approve--> published, --send back--> draft

What an entry was before its last change can be put back. Those that end (an outage, another bus stop) may be told to
followers too (`service_news`); who takes such an entry away takes that back with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from pypinyin import lazy_pinyin

from gateway import clock
from gateway.casework import service_news, service_words
from gateway.casework.cases import check_department
from gateway.errors import BadInput, Conflict, NotAllowed, NotFound
from gateway.journey import folding, organisation
from gateway.runtime import Runtime
from gateway.schema import LANGUAGES, Ruling
from gateway.settings import Settings
from store import audit, services, unanswered
from store.accounts import Account, Role
from store.database import Transaction
from store.services import NEWS_KINDS, Entry, Said, Service, ServiceKind, ServiceState, Standing

LONGEST_TITLE, LONGEST_TEXT, LONGEST_WORD = 80, 2000, 32
MOST_WORDS = 20


class Step(StrEnum):
    """What may be done to an entry beside writing it."""

    PUBLISH = "publish"
    APPROVE = "approve"
    SEND_BACK = "send_back"
    RETIRE = "retire"


# From which states a step may be taken, and where it leads.
TABLE: Mapping[Step, tuple[frozenset[ServiceState], ServiceState]] = {
    Step.PUBLISH: (frozenset({ServiceState.DRAFT, ServiceState.RETIRED}), ServiceState.PUBLISHED),
    Step.APPROVE: (frozenset({ServiceState.HELD}), ServiceState.PUBLISHED),
    Step.SEND_BACK: (frozenset({ServiceState.HELD}), ServiceState.DRAFT),
    Step.RETIRE: (frozenset({ServiceState.PUBLISHED, ServiceState.HELD}), ServiceState.RETIRED),
}
# What the filter held is let out by who decides about citizens' posts too.
REVIEWING = frozenset({Role.ADMINISTRATOR, Role.MODERATOR})
OF_REVIEW = frozenset({Step.APPROVE, Step.SEND_BACK})


@dataclass(frozen=True, slots=True)
class Typed:
    """An entry as somebody typed it; `said` is title, text and words (one a line, or with commas) by language."""

    department: str
    kind: str
    said: Mapping[str, tuple[str, str, str]]
    valid_from: datetime | None = None
    valid_until: datetime | None = None


def managed(account: Account, settings: Settings) -> list[str]:
    """The departments whose entries an account may write: an officer's own, the first, with all below it."""
    departments = [one.slug for one in settings.departments]
    if account.role is Role.ADMINISTRATOR:
        return departments
    if account.role is not Role.OFFICER:
        return []
    return organisation.own_first(settings.departments, account.department) if account.department else departments


def steps_for(account: Account, settings: Settings, known: Service) -> list[Step]:
    """What an account may do to an entry now, in the order of the buttons."""
    own = known.entry.department in managed(account, settings)
    return [
        step
        for step, (states, _) in TABLE.items()
        if known.state in states and (account.role in REVIEWING if step in OF_REVIEW else own)
    ]


def clean(runtime: Runtime, typed: Typed) -> Entry:
    """An entry as it can be kept. Raises `BadInput` naming the field that is wrong."""
    check_department(runtime, typed.department)
    if typed.kind not in list(ServiceKind):
        raise BadInput("choose one of the list", "kind")
    kind = ServiceKind(typed.kind)
    said = {
        language: _clean_said(language, *typed.said[language])
        for language in LANGUAGES
        if any(part.strip() for part in typed.said.get(language, ()))
    }
    if not said:
        raise BadInput("give a title", f"title_{LANGUAGES[0]}")
    if kind not in NEWS_KINDS:
        return Entry(typed.department, kind, said)
    if typed.valid_until is None:
        raise BadInput("say until when it is valid", "valid_until")
    if typed.valid_from and typed.valid_from >= typed.valid_until:
        raise BadInput("it must end after it begins", "valid_until")
    return Entry(typed.department, kind, said, typed.valid_from, typed.valid_until)


def verdict(runtime: Runtime, entry: Entry) -> tuple[str, ...]:
    """What the filter holds an entry for; nothing when it passes."""
    text = "\n".join(part for said in entry.said.values() for part in (said.title, said.text, *said.words))
    judged = runtime.judge(text)
    return (judged.rules or ("filter",)) if judged.ruling in (Ruling.HOLD, Ruling.BLOCK) else ()


async def add(runtime: Runtime, account: Account, entry: Entry) -> str:
    """Keep a clean entry as a new draft; gives its id. Raises `NotAllowed` for another's department."""
    _admit(runtime, account, entry.department)

    async def work(transaction: Transaction) -> str:
        slug = await _free_slug(transaction, entry)
        made = await services.add(transaction, slug, entry, account.name)
        await services.put_words(transaction, made, service_words.weights(entry))
        await audit.note(transaction, account.name, "service added", made)
        return made

    return await runtime.database.write(work)


async def save(runtime: Runtime, account: Account, known: Service, entry: Entry, version: int | None = None) -> None:
    """Give an entry other words. What is published stays so if the filter passes them, else it waits for a moderator.

    Raises `NotAllowed`, and `Conflict` when it is not of this version any more.
    """
    _admit(runtime, account, known.entry.department)
    _admit(runtime, account, entry.department)
    rules = verdict(runtime, entry) if known.state is ServiceState.PUBLISHED else ()
    after = ServiceState.DRAFT if known.state is ServiceState.HELD else known.state
    standing = Standing(ServiceState.HELD, rules) if rules else Standing(after)
    await _change(runtime, account, known, entry, standing, "changed", version)


async def take(runtime: Runtime, account: Account, service_id: str, step: Step, version: int | None = None) -> Service:
    """Take a step with an entry, and give it as it stands then.

    Raises `NotFound`, `NotAllowed` when it is not for this account, `Conflict` when its state does not allow it, and
    `BadInput` for publishing what has ended already.
    """
    known = await find(runtime, service_id)
    states, after = TABLE[step]
    if step in OF_REVIEW and account.role not in REVIEWING:
        raise NotAllowed("this is for moderators")
    if step not in OF_REVIEW:
        _admit(runtime, account, known.entry.department)
    if known.state not in states:
        raise Conflict("this change is not possible any more")
    if after is ServiceState.PUBLISHED and known.entry.has_ended(clock.now()):
        raise BadInput("this has ended already: say until when it is valid", "valid_until")
    rules = verdict(runtime, known.entry) if step is Step.PUBLISH else ()
    standing = Standing(ServiceState.HELD, rules) if rules else Standing(after)
    await _change(runtime, account, known, known.entry, standing, step, version)
    return await find(runtime, service_id)


async def undo(runtime: Runtime, account: Account, service_id: str, version: int | None = None) -> Service:
    """Put an entry back to what it was before its last change. Raises `Conflict` when there was nothing before."""
    known = await find(runtime, service_id)
    if account.role not in REVIEWING:
        _admit(runtime, account, known.entry.department)
    async with runtime.database.reading() as connection:
        last = await services.changes(connection, service_id, 2)
    if len(last) < 2:
        raise Conflict("there is nothing to undo")
    before = last[1]
    if account.role not in REVIEWING:
        _admit(runtime, account, before.entry.department)
    # What a moderator sent back is not put out again by undoing that.
    looks = before.state is ServiceState.HELD or (
        before.state is ServiceState.PUBLISHED and account.role not in REVIEWING
    )
    rules = verdict(runtime, before.entry) if looks else ()
    standing = Standing(ServiceState.HELD, rules) if rules else Standing(before.state)
    await _change(runtime, account, known, before.entry, standing, "undone", version)
    return await find(runtime, service_id)


async def tell(runtime: Runtime, account: Account, service_id: str) -> str:
    """Tell followers on every channel of an entry that ends, as a notice of its department; gives the ticket.

    Raises `Conflict` when it is not public, has ended, or was told already.
    """
    known = await find(runtime, service_id)
    _admit(runtime, account, known.entry.department)
    if known.entry.kind not in NEWS_KINDS or known.state is not ServiceState.PUBLISHED:
        raise Conflict("only published news can be told to followers")
    if known.entry.has_ended(clock.now()):
        raise Conflict("this has ended already")

    async def work(transaction: Transaction) -> str:
        # Read again where nobody else changes it: two who press the button tell it once.
        held = await services.one(transaction.connection, service_id, hold=True)
        if held.notice_id or held.version != known.version:
            raise Conflict("followers were told already, or somebody changed this meanwhile")
        post_id, ticket = await service_news.publish(runtime, transaction, held, account.name)
        await services.set_notice(transaction, service_id, post_id)
        await audit.note(transaction, account.name, "service told", service_id)
        return ticket

    return await runtime.database.write(work)


async def find(runtime: Runtime, service_id: str) -> Service:
    """An entry by id. Raises `NotFound`."""
    async with runtime.database.reading() as connection:
        return await services.one(connection, service_id)


def since(runtime: Runtime, at: datetime) -> date:
    """The first day of the city whose uses are counted now."""
    return service_words.lately(at.astimezone(runtime.settings.city.zone))


async def search(runtime: Runtime, question: str, limit: int) -> list[Service]:
    """The public entries that a question means, the best first."""
    wanted, at = service_words.asked(question[: service_words.LONGEST_QUESTION]), clock.now()
    async with runtime.database.reading() as connection:
        found = service_words.ranked(wanted, await services.matches(connection, wanted.words, at))[:limit]
        known = await services.public_by_id(connection, found, at)
    return [known[one] for one in found if one in known]


async def dismiss(runtime: Runtime, account: Account, word: str, dismissed: bool) -> None:
    """Take a word off the list of what nobody answers, or put it back. Raises `NotFound`."""
    at = clock.now() if dismissed else None

    async def work(transaction: Transaction) -> None:
        if not await unanswered.set_dismissed(transaction, word, at):
            raise NotFound("nobody asks for this word any more")
        # Which word is not noted: it is a citizen's.
        await audit.note(transaction, account.name, "word dismissed" if dismissed else "word put back")

    await runtime.database.write(work)


async def _change(
    runtime: Runtime,
    account: Account,
    known: Service,
    entry: Entry,
    standing: Standing,
    action: str,
    version: int | None,
) -> None:
    if standing.state in (ServiceState.PUBLISHED, ServiceState.HELD):
        check_department(runtime, entry.department)

    async def work(transaction: Transaction) -> None:
        await services.change(transaction, known, entry, standing, actor=account.name, action=action, version=version)
        await services.put_words(transaction, known.id, service_words.weights(entry))
        if standing.state is ServiceState.PUBLISHED:
            await _answer_words(transaction, entry)
        if known.notice_id:
            changed = replace(known, entry=entry, state=standing.state)
            await service_news.follow_up(runtime, transaction, changed, account.name)
            if standing.state is not ServiceState.PUBLISHED:
                await services.set_notice(transaction, known.id, None)
        await audit.note(transaction, account.name, f"service {action}", known.id)

    await runtime.database.write(work)


async def _answer_words(transaction: Transaction, entry: Entry) -> None:
    """What was asked for in vain and is answered by this entry is on the list no more."""
    asked = await unanswered.most(transaction.connection, unanswered.MOST)
    await unanswered.drop(transaction, [one.word for one in asked if service_words.answers(entry, one.word)])


async def _free_slug(transaction: Transaction, entry: Entry) -> str:
    """A name for the address of a page, from the title in the language that needs no spelling out."""
    title = (entry.said.get("en") or next(iter(entry.said.values()))).title
    letters = "-".join(lazy_pinyin(title, errors=lambda other: folding.fold(other)))
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in letters.lower())
    stem = "-".join(part for part in plain.split("-") if part)[:48].strip("-") or "service"
    used = await services.slugs_like(transaction.connection, stem)
    number = 2
    slug = stem
    while slug in used:
        slug, number = f"{stem}-{number}", number + 1
    return slug


def _clean_said(language: str, title: str, text: str, words: str) -> Said:
    if len(text) > LONGEST_TEXT:
        raise BadInput("this is too long", f"text_{language}")
    title, text = " ".join(folding.clean(title, LONGEST_TITLE + 1).split()), folding.clean(text, LONGEST_TEXT)
    if not title or len(title) > LONGEST_TITLE:
        raise BadInput("give a title of at most 80 characters", f"title_{language}")
    if not text:
        raise BadInput("write what citizens are told", f"text_{language}")
    typed = folding.clean(words, MOST_WORDS * (LONGEST_WORD + 2)).replace("，", ",").replace("、", ",")
    kept = dict.fromkeys(" ".join(word.split()) for word in typed.replace("\n", ",").split(","))
    found = tuple(word for word in kept if word)
    if len(found) > MOST_WORDS or any(len(word) > LONGEST_WORD for word in found):
        raise BadInput("at most 20 words, each of at most 32 characters", f"words_{language}")
    return Said(title, text, found)


def _admit(runtime: Runtime, account: Account, department: str) -> None:
    if department not in managed(account, runtime.settings):
        raise NotAllowed("these are another department’s services")
