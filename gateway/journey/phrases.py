"""The phrase of the day posted back: not a report, but taking part in the city's campaign, once that day a person.

Pure but for the one look-up: `key` and `same` compare, `meant` says which phrase a message is, `take_part` decides it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway import clock
from gateway.journey import folding, likeness
from gateway.journey.draft import Draft, Prepared
from gateway.runtime import Runtime
from gateway.schema_incoming import Outcome, Taken
from gateway.schema_outgoing import Say
from store import participating
from store.database import Transaction
from store.facts import Facts
from store.participating import KnownParticipant, KnownPhrase

# What is longer than any phrase with the signs around it is something said.
LONGEST = 160
# For so many days a phrase is still known for what it was, and answered kindly instead of taken for a report.
KNOWN_DAYS = 7
DIGITS = 12


def key(text: str) -> str:
    """The form in which a text and the phrase it repeats are equal: folded, its letters and figures alone."""
    return "".join(letter for letter in folding.fold(text) if letter.isalnum()) if len(text) <= LONGEST else ""


def same(written: str, phrase: str, *, heard: bool) -> bool:
    """Whether a `key` is that of a phrase; what was `heard` on the phone may also only sound like it."""
    meant = key(phrase)
    if written == meant:
        return bool(meant)
    sounds_alike = heard and likeness.may_sound(meant) and len(written) == len(meant)
    return sounds_alike and likeness.sounds(written) == likeness.sounds(meant)


def candidate(prepared: Prepared) -> bool:
    """Whether a message may be the phrase of a day, by itself: short words, nothing with them, under nobody's post."""
    incoming = prepared.incoming
    recorded = all(media.type.startswith("audio/") for media in incoming.media)
    plain = not (prepared.command or prepared.number or prepared.private or incoming.private or incoming.thread)
    return plain and recorded and bool(key(prepared.text)) and not prepared.verdict.emergency


def begins(phrase: KnownPhrase, zone: ZoneInfo) -> datetime:
    """From when on a phrase is the day's."""
    return datetime.fromisoformat(f"{phrase.day}T{phrase.publish_at}").replace(tzinfo=zone)


def told_by(phrases: Iterable[KnownPhrase], at: datetime, zone: ZoneInfo) -> list[KnownPhrase]:
    """The phrases that were told up to a moment; what is still to come is nobody's business."""
    return [phrase for phrase in phrases if begins(phrase, zone) <= at]


def new_number() -> str:
    """What the public will know of a participant: digits drawn by chance."""
    return f"{int.from_bytes(clock.random_bytes(8)) % 10**DIGITS:0{DIGITS}}"


async def look_up(runtime: Runtime, transaction: Transaction, requests: Sequence[Prepared], facts: Facts) -> None:
    """Add to a batch's facts what is said in these days and who took part, if any message may be about it."""
    asking = [request for request in requests if candidate(request)]
    if not asking:
        return
    at, zone = clock.now(), runtime.settings.city.zone
    today = at.astimezone(zone).date()
    since = (today - timedelta(days=KNOWN_DAYS)).isoformat()
    known = told_by(await participating.of_days(transaction.connection, since, today.isoformat()), at, zone)
    meaning = [(request, phrase) for request in asking if (phrase := _find(request, known))]
    if not meaning:
        return
    senders = [facts.addresses[r.lookup] for r, _ in meaning if r.lookup and r.lookup in facts.addresses]
    networks = {request.network for request, _ in meaning if request.network}
    persons = {address.person for address in senders if address.person}
    found = list({phrase.id: phrase for _, phrase in meaning}.values())
    facts.participating = await participating.look_up(transaction.connection, found, persons, networks)
    facts.participating.phrases = known


def meant(draft: Draft) -> KnownPhrase | None:
    """The phrase that a message posts back, of this day before others."""
    known = draft.facts.participating.phrases
    return _find(draft.prepared, known) if known and candidate(draft.prepared) else None


def take_part(draft: Draft, phrase: KnownPhrase) -> Taken:
    """Count the sender in, once a day a person, and say so; else say kindly why not. No post is made."""
    lines = draft.facts.participating.known.get((phrase.campaign_id, draft.sender.person), [])
    refused = _refusal(draft, phrase, lines)
    if refused:
        return _answer(
            draft, Say(refused, {"days": phrase.line_days, "url": f"{draft.runtime.settings.public_url}/phrase"})
        )
    if any(phrase.id in line.posted for line in lines):
        return _answer(draft, Say("phrase_again", {"number": lines[0].number}))
    line = lines[0] if lines else _enter(draft, phrase)
    line.posted.add(phrase.id)
    network = draft.prepared.network
    draft.rows.participations.append(
        {"phrase_id": phrase.id, "participant_id": line.id, "network": network, "at": draft.at}
    )
    if network:
        counted = draft.facts.participating.networks
        counted[phrase.id, network] = counted.get((phrase.id, network), 0) + 1
    return _answer(draft, Say("phrase_taken", {"number": line.number}))


def _find(prepared: Prepared, known: Iterable[KnownPhrase]) -> KnownPhrase | None:
    written, heard = key(prepared.text), not prepared.incoming.text
    return next((p for p in known if any(same(written, text, heard=heard) for text in p.texts)), None)


def _refusal(draft: Draft, phrase: KnownPhrase, lines: Sequence[KnownParticipant]) -> str | None:
    """Why somebody cannot take part with a phrase now, as a phrase to say."""
    address, network = draft.address, draft.prepared.network
    if phrase.day != draft.at.astimezone(draft.runtime.settings.city.zone).date().isoformat():
        return "phrase_over"
    if address is None:
        return "phrase_no_line"
    if any(line.barred for line in lines):
        return "phrase_barred"
    age = draft.at - (address.since or draft.at)
    if age < timedelta(days=phrase.line_days):
        return "phrase_young"
    full = network and draft.facts.participating.networks.get((phrase.id, network), 0) >= phrase.per_network > 0
    already = any(phrase.id in line.posted for line in lines)
    return "phrase_network" if full and not already else None


def _enter(draft: Draft, phrase: KnownPhrase) -> KnownParticipant:
    """A participant of the campaign, with a number of his own that says nothing of him."""
    number = new_number()
    line = KnownParticipant(clock.new_id(), number, barred=False)
    draft.facts.participating.known.setdefault((phrase.campaign_id, draft.sender.person), []).append(line)
    address_id = draft.address.id if draft.address else ""
    channel = draft.prepared.outlet or draft.incoming.channel
    draft.rows.participants.append(
        participating.participant_row(
            line.id, phrase.campaign_id, draft.sender.citizen_id, address_id, channel, number, draft.at
        )
    )
    return line


def _answer(draft: Draft, say: Say) -> Taken:
    draft.reply(say)
    return Taken(Outcome.PHRASE, say, draft.language)
