"""The phrase of the day in a recording that was written down after its post was made: he who said it takes part.

The post is nobody's report then, and waits for no decision; its author hears what a text of the same words hears.
"""

from datetime import timedelta
from typing import Any

from gateway import clock
from gateway.journey import phrases, telling
from gateway.runtime import Runtime
from gateway.schema_outgoing import Priority, Say
from store import citizens, participating
from store.changes import Changing
from store.database import Transaction
from store.participating import KnownParticipant, KnownPhrase, Speaker

# Why such a post was turned away: a rule, as those of `saying`.
RULE = "phrase:day"


async def take_part(runtime: Runtime, transaction: Transaction, post: Changing, text: str) -> bool:
    """Count the author of a recording in whose words are the phrase; false when they are something else."""
    written, at, zone = phrases.key(text), clock.now(), runtime.settings.city.zone
    if not written or post.author_id is None or post.thread_id != post.id or post.private:
        return False
    today = at.astimezone(zone).date()
    since = (today - timedelta(days=phrases.KNOWN_DAYS)).isoformat()
    known = await participating.of_days(transaction.connection, since, today.isoformat())
    told = phrases.told_by(known, at, zone)
    phrase = next((p for p in told if any(phrases.same(written, said, heard=True) for said in p.texts)), None)
    if phrase is None:
        return False
    say = await _count_in(runtime, transaction, post.author_id, phrase, today.isoformat())
    await telling.tell_author(runtime, transaction, post, say, Priority.RECEIPT)
    return True


async def _count_in(
    runtime: Runtime, transaction: Transaction, citizen_id: str, phrase: KnownPhrase, today: str
) -> Say:
    """Count a citizen in, unless he may not take part or does already; gives what he hears."""
    connection, at = transaction.connection, clock.now()
    person = await citizens.person_of(connection, citizen_id)
    found = await participating.look_up(connection, [phrase], [person], [])
    lines = found.known.get((phrase.campaign_id, person), [])
    speaker = await participating.speaker(connection, citizen_id)
    refused = _refusal(phrase, lines, speaker, today)
    if refused:
        url = f"{runtime.settings.public_url}/phrase"
        return Say(refused, {"days": phrase.line_days, "url": url})
    if any(phrase.id in line.posted for line in lines):
        return Say("phrase_again", {"number": lines[0].number})
    values: dict[str, Any] = {"phrase_id": phrase.id, "network": None, "at": at}
    if lines:
        number = lines[0].number
        await participating.add(transaction, None, {**values, "participant_id": lines[0].id})
    else:
        number, participant_id = phrases.new_number(), clock.new_id()
        address_id, channel = (speaker.address_id, speaker.channel) if speaker else ("", "")
        row = participating.participant_row(
            participant_id, phrase.campaign_id, citizen_id, address_id, channel, number, at
        )
        await participating.add(transaction, row, {**values, "participant_id": participant_id})
    return Say("phrase_taken", {"number": number})


def _refusal(phrase: KnownPhrase, lines: list[KnownParticipant], speaker: Speaker | None, today: str) -> str | None:
    if phrase.day != today:
        return "phrase_over"
    if speaker is None:
        return "phrase_no_line"
    if any(line.barred for line in lines):
        return "phrase_barred"
    return "phrase_young" if clock.now() - speaker.since < timedelta(days=phrase.line_days) else None
