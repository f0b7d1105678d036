"""The day's phrase is told on every channel; a job looks what is due, so a late start is caught up the same day.

On lines that cost money only those hear it who follow the phrase; all else hears it as any post.
"""

from datetime import date, datetime, timedelta

import structlog

from gateway import clock
from gateway.casework.campaigns import today
from gateway.errors import Busy
from gateway.journey import folding, moderation, tickets
from gateway.journey.topics import ALL
from gateway.runtime import Runtime
from gateway.schema import Kind, Ruling, State
from store import campaigns as rows
from store import changes, history, looking_up
from store.campaigns import Campaign, Phrase
from store.database import Transaction
from store.participating import FOLLOWED

# Whom the history names for what the clock did.
CLOCK = "clock"
SPARE_TICKETS = 10

log = structlog.get_logger()


async def keep_up(runtime: Runtime) -> None:
    """Tell the phrases of today whose time has come. Those of days that are over are not told any more."""
    at, day = clock.now(), today(runtime)
    async with runtime.database.reading() as connection:
        known = await rows.of_day(connection, day.isoformat())
    for campaign, phrase in known:
        if phrase.post_id is None and moment(runtime, phrase.day, campaign.publish_at) <= at:
            await _tell(runtime, campaign, phrase)


def moment(runtime: Runtime, day: str, time: str) -> datetime:
    """A time of a day of the city; one that the clocks skip comes as much later."""
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=runtime.settings.city.zone)


def words(runtime: Runtime, phrase: Phrase) -> str:
    """What the notice says, in each language that has a phrase, the city's first."""
    said = {"zh": phrase.text_zh, "en": phrase.text_en}
    order = sorted(said, key=lambda language: language != runtime.settings.city.language)
    lines = [
        runtime.phrase("phrase_notice", language, {"text": said[language]}) for language in order if said[language]
    ]
    return "\n".join(lines)


async def _tell(runtime: Runtime, campaign: Campaign, phrase: Phrase) -> None:
    post_id, text = clock.new_id(), words(runtime, phrase)
    ends = moment(runtime, (date.fromisoformat(phrase.day) + timedelta(days=1)).isoformat(), "00:00")

    async def work(transaction: Transaction) -> bool:
        if not await rows.publish(transaction, phrase.id, post_id, clock.now()):
            return False  # another process told it
        await changes.insert(transaction, await _post(runtime, transaction, post_id, text))
        sealed = history.sealed_words(runtime.vault, None, post_id, history.What.ORIGINAL, text)
        await history.add(transaction, history.entry(post_id, CLOCK, "written", to_state=State.PENDING), sealed)
        topics = [ALL, FOLLOWED]
        await moderation.publish_notice(runtime, transaction, post_id, actor=CLOCK, topics=topics, expires_at=ends)
        return True

    if await runtime.database.write(work):
        log.info("phrase of the day told", action="phrase.told", campaign=campaign.slug, day=phrase.day, post=post_id)


async def _post(runtime: Runtime, transaction: Transaction, post_id: str, text: str) -> dict[str, object]:
    free = await looking_up.unused(transaction.connection, tickets.draw(SPARE_TICKETS))
    if not free:
        raise Busy("no unused ticket was drawn")
    return {
        "id": post_id,
        "thread_id": post_id,
        "parent_id": None,
        "ticket": free[0],
        "kind": Kind.NOTICE,
        "state": State.PENDING,
        "text": text,
        "channel": "console",
        "language": folding.language_of(text) or runtime.settings.city.language,
        "private": False,
        "ruling": Ruling.PASS,
        "rules": [],
        "created_at": clock.now(),
    }
