"""Where something is, when a report does not say it: asked back once on the same line, and taken from what follows.

A bare answer ("人民路12号", "opposite the school") gives the report its place and is no post. What says more is kept
as everything said is, and the place it names goes to the report all the same; so nothing is lost by taking it for an
answer.
"""

import re
from datetime import timedelta

from gateway import clock
from gateway.journey import folding, masking, place_signs, placing, telling
from gateway.journey.draft import Draft
from gateway.runtime import Question, Runtime
from gateway.schema import Kind, Place, PlaceFrom, Ruling, State
from gateway.schema_incoming import Incoming, Outcome, Taken
from gateway.schema_outgoing import Priority, Say
from store import changes, history, questions
from store.database import Transaction
from store.events import About, Happening
from store.facts import KnownThread

# The kind of our question.
WHERE = "where"
# A longer text is not only the answer to "where?".
LONGEST = 60
_LEADING = re.compile(
    r"(?:就?是?在|位于|地[点址]是?[:：]?|(?:it'?s\s+|it is\s+|that'?s\s+)?\b(?:at|in|on)\b)\s*", re.IGNORECASE
)


def is_asked(runtime: Runtime, incoming: Incoming, text: str, place: Place) -> bool:
    """Whether the author of a new report is asked where it is: when it does not say so, neither by an address nobody
    knows nor by a photo, which may tell."""
    photo = any(media.type.startswith("image/") for media in incoming.media)
    return not photo and _says_nothing(runtime, incoming.kind, text, place)


def is_open(runtime: Runtime, place: Place) -> bool:
    """Whether a place is none, or too wide to send somebody there."""
    nowhere = place.name is None and place.lat is None
    return nowhere or runtime.gazetteer.is_coarse(place.slug)


def ask(draft: Draft, post_id: str) -> None:
    """Make "where?" the open question of the sender's line."""
    draft.ask(Question(WHERE, (), post_id))


def answer(draft: Draft) -> Taken | None:
    """Take a message as the answer to "where?"; None when it says something else, or more."""
    prepared, thread = draft.prepared, awaited(draft)
    if thread is None or prepared.command:
        return None
    if prepared.number is not None:
        say = Say("where_words", {"ticket": thread.ticket})
        draft.reply(say)
        return Taken(Outcome.COMMAND, say, draft.language)
    place = _answered(draft)
    if place is None:
        return None
    _put(draft, thread, place, PlaceFrom.ANSWER)
    _note(draft, thread)
    draft.close_question()
    say = Say("where_thanks", {"ticket": thread.ticket, "place": place.name})
    draft.reply(say, post_id=thread.id)
    return Taken(Outcome.COMMAND, say, draft.language, thread.ticket)


def awaited(draft: Draft) -> KnownThread | None:
    """The report of which its author is still to say where it is, when that is the open question of his line."""
    question = draft.address.question if draft.address else None
    if question is None or question.kind != WHERE:
        return None
    thread = next((one for one in draft.own_threads if one.id == question.post_id), None)
    return thread if thread and is_open(draft.runtime, thread.place) else None


async def ask_later(runtime: Runtime, transaction: Transaction, post_id: str) -> None:
    """Ask the author of a report that was spoken and is written down now, where his line can be written to."""
    post = await changes.load(transaction.connection, post_id)
    if post.state not in (State.PENDING, State.HELD) or post.urgent or not post.author_id:
        return
    if not _says_nothing(runtime, post.kind, post.text, post.place):
        return
    reaches = await changes.reaches(transaction.connection, post.author_id)
    lines = [(reach, outlet) for reach in reaches if (outlet := runtime.outlet(reach.scheme, post.channel))]
    if any(outlet.name == post.channel or reach.scheme == "tel" for reach, outlet in lines):
        until = clock.now() + timedelta(minutes=runtime.settings.intake.question_minutes)
        await questions.put(transaction, [reach.id for reach, _ in lines], WHERE, post.id, until)
        say = Say("where_ask", {"ticket": post.ticket})
        await telling.tell_author(runtime, transaction, post, say, Priority.RECEIPT)


def take_from(draft: Draft, thread: KnownThread) -> None:
    """Give a report without a place the one that its author names in what he adds to it."""
    filed = draft.prepared.filed
    asked = draft.incoming.answers_where
    if not is_open(draft.runtime, thread.place) or not (asked or thread.person == draft.sender.person):
        return
    if filed.place_from is PlaceFrom.WORDS or filed.place.lat is not None:
        _put(draft, thread, filed.place, PlaceFrom.ANSWER if asked else filed.place_from)
    elif asked and (place := _in_his_words(draft)):
        _put(draft, thread, place, PlaceFrom.ANSWER)
    else:
        return
    if draft.address and draft.address.question and draft.address.question.post_id == thread.id:
        draft.close_question()


def _says_nothing(runtime: Runtime, kind: Kind, text: str, place: Place) -> bool:
    """Whether a report's words, if there are any yet, say nothing of where it is."""
    return (
        runtime.settings.intake.ask_where
        and bool(runtime.gazetteer)
        and kind is Kind.REPORT
        and bool(text)
        and is_open(runtime, place)
        and not place_signs.has_address(folding.fold(text))
    )


def _answered(draft: Draft) -> Place | None:
    """The place a short message gives and nothing else; None for what may be about something."""
    prepared, filed = draft.prepared, draft.prepared.filed
    elsewhere = prepared.mentioned or draft.incoming.media or prepared.private
    if not prepared.text or len(prepared.text) > LONGEST or elsewhere or prepared.verdict.ruling is not Ruling.PASS:
        return None
    if filed.category_from == placing.WORDS:
        return None  # it says what is wrong, too
    if filed.place_from is not None:
        return filed.place
    return _in_his_words(draft) if place_signs.tells_where(folding.fold(prepared.text)) else None


def _in_his_words(draft: Draft) -> Place | None:
    """A place nobody knows but who answered, as he called it."""
    name = _LEADING.sub("", draft.prepared.text, count=1) if draft.prepared.text else ""
    return Place(folding.clean(name.strip(" .。!！"), LONGEST)) if name.strip() else None


def _put(draft: Draft, thread: KnownThread, place: Place, place_from: PlaceFrom | None) -> None:
    """Give a thread its place; what is public already is shown with it."""
    masked = place.name and masking.mask_as_set(draft.runtime.settings, place.name)
    values = placing.columns(place) | {"place": masked, "place_from": place_from}
    draft.rows.changed.append((thread.id, values))
    thread.place = place
    if thread.state is State.PUBLISHED and not thread.private and not thread.joined:
        draft.rows.events.append(
            {"event": Happening.UPDATE, "about": About.UPDATED, "post_id": thread.id, "at": draft.at}
        )


def _note(draft: Draft, thread: KnownThread) -> None:
    """Keep the words of an answer beside the history of its report."""
    words = history.sealed_words(
        draft.runtime.vault, draft.sender.key, thread.id, history.What.NOTE, draft.prepared.text
    )
    draft.rows.words.append(words)
    draft.rows.history.append(history.entry(thread.id, "author", "placed", words_id=words["id"]))
