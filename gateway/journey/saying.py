"""A message that says something becomes a post: the first of a thread, or a word added to one."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from gateway import clock
from gateway.journey import commands, followups, identity, masking, placing, sameness, sender, whereabouts, writing
from gateway.journey.draft import Draft
from gateway.journey.followups import Belonging
from gateway.schema import Kind, MediaState, Place, PlaceFrom, Ruling, State, TranscriptState, Verdict
from gateway.schema_incoming import IncomingMedia, Outcome, Taken
from gateway.schema_outgoing import Priority, Say
from store import history
from store.facts import Alike, KnownComment, KnownThread
from store.media import KEPT

# A recording is announced before it can be fetched; the carrier's callback makes it due sooner.
FIRST_FETCH = timedelta(seconds=15)
RULED = {Ruling.BLOCK: State.REJECTED, Ruling.HOLD: State.HELD}
# What a post is rejected by that a city's lists had nothing against.
REPEATED, TOO_MANY = "repeat:own", "limit:address"


def post(draft: Draft) -> Taken:
    """Make a post: the first of a thread, or a word added to one."""
    intake = draft.runtime.settings.intake
    prepared, incoming = draft.prepared, draft.incoming
    belongs = _answering(draft) or followups.belonging(
        draft.facts,
        draft.sender.person,
        text=prepared.masked,
        files=bool(incoming.media),
        mentioned=prepared.mentioned,
        converses=incoming.commands,
        at=draft.at,
        window=timedelta(minutes=intake.follow_up_minutes),
        about=_asked_about(draft),
    )
    too_many = draft.address is not None and draft.address.heard > intake.messages_per_hour
    verdict = _ruled_out(prepared.verdict, repeated=belongs.repeats, too_many=too_many)
    post_id, state = clock.new_id(), RULED.get(verdict.ruling, State.PENDING)
    if belongs.thread:
        ticket = belongs.thread.ticket
        _add_to(draft, belongs.thread, post_id, state)
        whereabouts.take_from(draft, belongs.thread)
    else:
        ticket = draft.ticket()
        _open_thread(draft, post_id, ticket, state)
    _keep(draft, post_id, ticket, state, verdict, belongs)
    asks = not belongs.thread and state is not State.REJECTED and not verdict.emergency
    asks = asks and whereabouts.is_asked(draft.runtime, incoming, prepared.text, prepared.filed.place)
    say = _receipt(draft, ticket, belongs, post_id, verdict, asks=asks)
    code_sent = _challenge(draft, ticket, post_id) if prepared.contact else False
    outcome = Outcome.FOLLOW_UP if belongs.thread else Outcome.POST
    return Taken(outcome, say, draft.language, ticket, post_id, state, code_sent, asks_where=asks)


def known_thread(
    draft: Draft, post_id: str, ticket: str, state: State, *, private: bool, text: str = ""
) -> KnownThread:
    """A thread that begins with this message, as the rest of its batch knows it."""
    return KnownThread(
        id=post_id,
        ticket=ticket,
        person=draft.sender.person,
        state=state,
        private=private,
        progress=None,
        department=None,
        text=text,
        created_at=draft.at,
        last_at=draft.at,
    )


def _asked_about(draft: Draft) -> KnownThread | None:
    """The thread of which the sender was asked to say something in words; the question is answered by that."""
    question = draft.address.question if draft.address and draft.incoming.commands else None
    if question is None or question.options or question.kind == whereabouts.WHERE:
        return None
    draft.close_question()
    return next((thread for thread in draft.own_threads if thread.id == question.post_id), None)


def _answering(draft: Draft) -> Belonging | None:
    """The report of which a medium asked where it is, and was answered by this; whoever called, it is the same call."""
    thread = draft.facts.threads.get(draft.incoming.thread or "") if draft.incoming.answers_where else None
    return Belonging(thread) if thread and thread.state in followups.OPEN else None


def _add_to(draft: Draft, thread: KnownThread, post_id: str, state: State) -> None:
    thread.last_at = draft.at
    draft.facts.own[draft.sender.person].last = KnownComment(post_id, thread.root, state)


def _open_thread(draft: Draft, post_id: str, ticket: str, state: State) -> None:
    prepared = draft.prepared
    known = known_thread(draft, post_id, ticket, state, private=draft.private, text=prepared.masked)
    known.place = prepared.filed.place
    known.category, known.asked_private = prepared.filed.category, draft.asks_privacy
    draft.facts.own[draft.sender.person].threads.insert(0, known)
    draft.facts.threads[ticket] = known


def _keep(draft: Draft, post_id: str, ticket: str, state: State, verdict: Verdict, belongs: Belonging) -> None:
    """The rows of a post: itself, its sealed words, its history and its files."""
    group = None if belongs.thread or state is State.REJECTED else _group(draft, post_id)
    draft.rows.posts.append(_post_row(draft, post_id, ticket, state, verdict, belongs, group))
    draft.rows.words.append(
        history.sealed_words(draft.runtime.vault, draft.sender.key, post_id, history.What.ORIGINAL, draft.prepared.text)
    )
    draft.rows.history.append(history.entry(post_id, "author", "taken", to_state=State.PENDING))
    if state is not State.PENDING:
        reason = verdict.rules[0][:64] if verdict.rules else None
        judged = history.entry(post_id, "rule", "judged", from_state=State.PENDING, to_state=state, reason=reason)
        draft.rows.history.append(judged)
    for media in draft.incoming.media:
        _keep_file(draft, post_id, media, state)


def _post_row(
    draft: Draft, post_id: str, ticket: str, state: State, verdict: Verdict, belongs: Belonging, group: str | None
) -> dict[str, Any]:
    incoming, thread, filed = draft.incoming, belongs.thread, draft.prepared.filed
    # What is added to a thread is about what that is about, unless its author says otherwise.
    suggests = thread is None or filed.place_from is not PlaceFrom.WORDS
    place = filed.place if suggests else Place()
    return {
        "id": post_id,
        "thread_id": thread.root if thread else post_id,
        "parent_id": thread.root if thread else None,
        "ticket": None if thread else ticket,
        "kind": Kind.COMMENT if thread else incoming.kind,
        "state": state,
        "text": draft.prepared.masked,
        "channel": incoming.channel,
        "citizen_id": draft.sender.citizen_id,
        "category": filed.category if thread is None or filed.category_from == placing.AUTHOR else None,
        "category_from": filed.category_from if thread is None else None,
        "place": place.name and masking.mask_as_set(draft.runtime.settings, place.name),
        "lat": place.lat,
        "lon": place.lon,
        "place_slug": place.slug,
        "place_from": filed.place_from if suggests else None,
        "language": draft.language,
        # What is added in confidence is read by nobody else, also where the rest is public.
        "private": thread.private or draft.asks_privacy if thread else draft.private,
        "asked_private": draft.asks_privacy,
        "own_voice": incoming.own_voice,
        "urgent": verdict.emergency,
        "group_id": group,
        "ruling": verdict.ruling,
        "rules": list(verdict.rules),
        "created_at": draft.at,
    }


def _group(draft: Draft, post_id: str) -> str | None:
    """The first of the posts that say the same, from whomever; when this is the first, later ones find it."""
    for gist in draft.prepared.gists:
        known = draft.facts.alike.get(gist)
        if known and sameness.alike(known.text, draft.prepared.masked):
            return known.post_id
    for gist in draft.prepared.gists:
        draft.facts.alike[gist] = Alike(post_id, draft.prepared.masked)
        draft.rows.gists.append({"gist": gist, "post_id": post_id, "created_at": draft.at})
    return None


def _keep_file(draft: Draft, post_id: str, media: IncomingMedia, state: State) -> None:
    """The row of a file; of a recording that was written down as it was spoken also its words."""
    row = _media_row(draft, post_id, media)
    if media.heard and media.transcribe:
        kept = writing.down(draft.runtime.vault, draft.sender.key, post_id, media.heard, before=state, after=state)
        draft.rows.words.extend((kept.words, kept.timing))
        draft.rows.history.append(kept.entry)
        row |= kept.file
    draft.rows.media.append(row)


def _media_row(draft: Draft, post_id: str, media: IncomingMedia) -> dict[str, Any]:
    spoken = media.type.startswith("audio/") and media.transcribe
    # What lies on our own disk need not be waited for.
    due_at = draft.at if media.url.startswith(KEPT) else draft.at + FIRST_FETCH
    return {
        "id": clock.new_id(),
        "post_id": post_id,
        "channel": draft.incoming.channel,
        "external_id": media.external_id,
        "url": media.url,
        "type": media.type,
        "language": media.language,
        "state": MediaState.DUE,
        "public": media.type.startswith("image/"),
        **dict.fromkeys(writing.UNWRITTEN),
        "transcript_state": TranscriptState.DUE if spoken else TranscriptState.NONE,
        "due_at": due_at,
        "created_at": draft.at,
    }


def _receipt(draft: Draft, ticket: str, belongs: Belonging, post_id: str, verdict: Verdict, *, asks: bool) -> Say:
    """What the sender hears of his post, said through the outbox where the line can be answered."""
    values: dict[str, Any] = {"ticket": ticket}
    if verdict.emergency:
        say = Say("emergency", values)
        draft.reply(say, post_id=post_id, priority=Priority.EMERGENCY, despite_stop=True)
        return say
    if TOO_MANY in verdict.rules:
        phrase = "too_many"
    elif belongs.thread:
        # Under what others said, or on a page of its own, there is nothing to take back by a word.
        talking = belongs.thread.person == draft.sender.person and draft.incoming.commands
        phrase = "repeated" if belongs.repeats else "follow_up" if talking else "added"
        if draft.asks_privacy and not belongs.repeats:
            phrase = "received_private"
    elif belongs.perhaps and draft.prepared.outlet:
        question, options = commands.offer_threads(belongs.perhaps, post_id)
        draft.ask(question)
        phrase, values = "received_ask", {**values, "options": options}
    elif asks and draft.incoming.commands and draft.prepared.outlet and draft.address and not draft.address.stopped:
        whereabouts.ask(draft, post_id)
        phrase = "received_private_where" if draft.private else "received_where"
    else:
        phrase = _usual_receipt(draft)
    say = Say(phrase, values)
    draft.reply(say, post_id=post_id)
    return say


def _usual_receipt(draft: Draft) -> str:
    if draft.private:
        return "received_private"
    if draft.incoming.media and not draft.prepared.text and not draft.incoming.commands:
        return "received_call"
    if draft.prepared.cut:
        return "received_cut"
    return "received" if draft.prepared.outlet else "received_form"


def _challenge(draft: Draft, ticket: str, post_id: str) -> bool:
    """Send a code to the typed contact, unless it is the sender's own already; nothing else goes there."""
    vault, lookup, urn = draft.runtime.vault, draft.prepared.contact or "", draft.incoming.contact or ""
    contact = draft.facts.addresses.get(lookup)
    if contact and contact.person == draft.sender.person:
        return False
    if contact is None:
        contact = sender.new_address(vault, lookup, urn, None, draft.language, draft.rows, draft.at)
        draft.facts.addresses[lookup] = contact
    key = vault.unwrap(contact.key_id, contact.wrapped)
    row, code = identity.challenge(draft.runtime, draft.sender.citizen_id, contact.id, post_id, draft.at)
    draft.rows.challenges.append(row)
    say = Say("code", {"ticket": ticket}, {"code": code})
    draft.deliver(say, contact.id, draft.prepared.contact_outlet or "", key, Priority.ANSWER, post_id)
    return True


def _ruled_out(verdict: Verdict, *, repeated: bool, too_many: bool) -> Verdict:
    """A verdict with what the lists cannot know: said before, or far too much from one line. Kept, and restorable."""
    rules = [rule for rule, holds in ((REPEATED, repeated), (TOO_MANY, too_many)) if holds]
    if not rules:
        return verdict
    return replace(verdict, ruling=Ruling.BLOCK, rules=(*rules, *verdict.rules))
