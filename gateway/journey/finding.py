"""Search over what is public: the index kept true, and questions to it: by words, and by what posts are filed under.

Only what everybody may read is indexed: masked words of published posts with their answers and additions. What was
sealed, held or withdrawn cannot be found, for it is not there.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from gateway.errors import BadInput, NotFound
from gateway.journey import folding, organisation, tickets, tokens
from gateway.journey.tokens import BETWEEN, Phrase
from gateway.runtime import Runtime
from gateway.schema import FIRST_KINDS, State
from gateway.schema_cases import Progress
from gateway.schema_public import Finding, Findings, Marked, PublicPost
from gateway.sections_departments import Category, Department
from store import posts, search
from store.database import Transaction
from store.search import LAST, Wanted

# What posts are filed under, by the names that questions use.
FILTERS = ("category", "department", "place", "kind", "progress", "ticket")
CHOICES: Mapping[str, tuple[str, ...]] = {"kind": FIRST_KINDS, "progress": tuple(Progress)}
# How many of the words of a question that found nothing are tried alone.
MOST_TRIED = 5
# What a post is filed under for its place and for each around it, by their slugs.
WITHIN = "within"
# Characters shown of a text, and before the first hit in it.
EXCERPT, BEFORE_HIT = 240, 80

_NUMBER = re.compile(r"[\d\s\-\u2010-\u2015\u2212]+")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the index: phrases, labels (one of each), and between which numbers."""

    phrases: tuple[Phrase, ...]
    filed: tuple[tuple[str, ...], ...]
    first: int
    before: int


async def renew(runtime: Runtime, transaction: Transaction, thread_ids: Iterable[str]) -> None:
    """Have threads found as they stand now, or not at all where they are not public any more.

    To be called in the transaction that changes what the public reads of them.
    """
    for thread_id in dict.fromkeys(thread_ids):
        await search.drop(transaction, search.PUBLIC, [thread_id])
        found = await search.findable(transaction.connection, thread_id)
        if found:
            await search.put(transaction, search.PUBLIC, found.post_id, found.published_at, _tokens_of(runtime, found))


async def find(
    runtime: Runtime,
    query: str,
    *,
    limit: int,
    cursor: str | None = None,
    since: str | None = None,
    until: str | None = None,
    **filters: str | None,
) -> Findings:
    """Public posts that have all words of a query, newest first.

    Filters are those of `FILTERS`; `since` and `until` are days (of the city, both counted in) or moments. Raises
    `BadInput`.
    """
    question = _question(runtime, query, cursor, since, until, filters)
    if query.strip() and not question.phrases:
        return Findings()
    ticket = None if cursor else await _ticket(runtime, query)
    if ticket is not None:
        return Findings((_hit(ticket, ()),) if ticket.text else (), ticket=ticket.ticket)
    shown, following = await _page(runtime, question, limit)
    hits = tuple(_hit(post, question.phrases) for post in shown)
    suggestions = () if hits or cursor else await _suggestions(runtime, question)
    return Findings(hits, following, suggestions=suggestions)


async def filed(
    runtime: Runtime, *, limit: int, cursor: str | None = None, until: datetime | None = None, **filters: str | None
) -> tuple[list[PublicPost], str | None]:
    """Public posts by what they are filed under (`FILTERS`), newest first, and the next page's cursor.

    With `until`, none that was published later. Raises `BadInput`.
    """
    question = _question(runtime, "", cursor, None, None, filters)
    if until is not None:
        question = replace(question, before=min(question.before, search.number_at(until) + 1))
    return await _page(runtime, question, max(1, min(limit, posts.MOST)))


async def count(runtime: Runtime, **filters: str | None) -> int:
    """How many posts are public that are filed so."""
    wanted = _wanted(_question(runtime, "", None, None, None, filters))
    async with runtime.database.reading() as connection:
        return await search.count(connection, search.PUBLIC, wanted)


async def _page(runtime: Runtime, question: Question, limit: int) -> tuple[list[PublicPost], str | None]:
    """The newest posts that a question finds, and where the next page begins."""
    async with runtime.database.reading() as connection:
        found = await search.find(
            connection, search.PUBLIC, _wanted(question), limit + 1, first=question.first, before=question.before
        )
        shown = await posts.public_by_id(connection, [one.post_id for one in found[:limit]])
    following = str(found[limit - 1].number) if len(found) > limit else None
    return [shown[one.post_id] for one in found[:limit] if _is_public(shown, one.post_id)], following


def _question(
    runtime: Runtime,
    query: str,
    cursor: str | None,
    since: str | None,
    until: str | None,
    filters: Mapping[str, str | None],
) -> Question:
    zone = runtime.settings.city.zone
    given = [(name, value) for name, value in filters.items() if value]
    for name, value in given:
        if name in CHOICES and value not in CHOICES[name]:
            raise BadInput("this is none of the choices", name)
    filed = tuple(_labels(runtime, name, value) for name, value in given)
    first = search.number_at(_moment(since, zone, "since", 0)) if since else 0
    before = search.number_at(_moment(until, zone, "until", 1)) if until else LAST
    return Question(tokens.phrases(query), filed, first, min(before, _number(cursor)))


def _moment(typed: str, zone: object, field: str, days: int) -> datetime:
    """A moment, or the beginning of a day of the city and so many days later."""
    try:
        if len(typed) == len("2026-01-31"):
            day = date.fromisoformat(typed) + timedelta(days=days)
            return datetime.combine(day, time(), zone)  # type: ignore[arg-type]  # a zone
        moment = datetime.fromisoformat(typed)
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)  # type: ignore[arg-type]  # a zone
    except (ValueError, OverflowError) as error:
        raise BadInput("a day as 2026-01-31, or a moment (RFC 3339)", field) from error


def _number(cursor: str | None) -> int:
    if cursor is None:
        return LAST
    if not (cursor.isascii() and cursor.isdigit() and int(cursor[:20]) <= LAST):
        raise BadInput("this cursor was not given by us", "cursor")
    return int(cursor[:20])


async def _ticket(runtime: Runtime, query: str) -> PublicPost | None:
    """The post of a query that is a ticket and nothing else."""
    named = tickets.find(query) if _NUMBER.fullmatch(folding.fold(query)) else []
    if len(named) != 1:
        return None
    try:
        async with runtime.database.reading() as connection:
            return await posts.public_post(connection, named[0])
    except NotFound:
        return None


async def _suggestions(runtime: Runtime, question: Question) -> tuple[str, ...]:
    """Which words of a question find something alone, in all that is public."""
    if len(question.phrases) == 1 and not question.filed and question.first == 0:
        return ()
    found = []
    async with runtime.database.reading() as connection:
        for phrase in question.phrases[:MOST_TRIED]:
            if await search.find(connection, search.PUBLIC, [Wanted(phrase.tokens, phrase.begins)], 1):
                found.append(phrase.typed)
    return tuple(found)


def _wanted(question: Question) -> list[Wanted]:
    labels = [Wanted((first,), instead=tuple(others)) for first, *others in question.filed]
    words = [Wanted(phrase.tokens, phrase.begins) for phrase in question.phrases]
    # Every post has the sign between its texts.
    return [*words, *labels] or [Wanted((BETWEEN,))]


def _labels(runtime: Runtime, name: str, value: str) -> tuple[str, ...]:
    """What posts are filed under that belong to it: whatever stands below a category or department, too, and what lies
    in a place of the gazetteer."""
    settings = runtime.settings
    trees: Mapping[str, Sequence[Category | Department]] = {
        "category": settings.known_categories,
        "department": settings.known_departments,
    }
    if name in trees:
        return tuple(tokens.label(name, slug) for slug in sorted(organisation.with_children(trees[name], value)))
    around = runtime.gazetteer.called(value) if name == "place" else None
    return (tokens.label(name, value), *((tokens.label(WITHIN, around),) if around else ()))


def _tokens_of(runtime: Runtime, found: search.Findable) -> list[str]:
    within = [(WITHIN, slug) for slug in sorted(runtime.gazetteer.around(found.place_slug))]
    # What it is filed under first: a thread of very many words loses the last of them, and never this.
    return [*(tokens.label(*one) for one in (*found.filed, *within)), *tokens.of_texts(found.texts)]


def _is_public(shown: Mapping[str, PublicPost], post_id: str) -> bool:
    return post_id in shown and shown[post_id].state is State.PUBLISHED and bool(shown[post_id].text)


def _hit(post: PublicPost, wanted: tuple[Phrase, ...]) -> Finding:
    words, place = excerpt(post.text, wanted), excerpt(post.place.name or "", wanted)
    answers = [(answer, excerpt(answer.text, wanted)) for answer in post.answers]
    telling = tuple((answer, pieces) for answer, pieces in answers if _has_hit(pieces))
    added = bool(wanted) and not (_has_hit(words) or _has_hit(place) or telling)
    return Finding(post, words, place, telling, added)


def excerpt(text: str, wanted: tuple[Phrase, ...]) -> Marked:
    """A text with what was asked for marked, cut around the first of it when it is long."""
    return _cut(tokens.marked(text, wanted))


def _has_hit(pieces: Marked) -> bool:
    return any(hit for _, hit in pieces)


def _cut(pieces: Sequence[tuple[str, bool]]) -> Marked:
    """Pieces of a long text around the first hit."""
    cut: list[tuple[str, bool]] = []
    room = EXCERPT
    for number, (text, hit) in enumerate(pieces):
        leads = number == 0 and not hit and len(pieces) > 1
        kept = f"…{text[-BEFORE_HIT:]}" if leads and len(text) > BEFORE_HIT + 1 else text
        if len(kept) > room:
            cut.append((folding.cut(kept, room).rstrip() + "…", hit))
            break
        cut.append((kept, hit))
        room -= len(kept)
    return tuple(cut)
