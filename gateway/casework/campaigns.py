"""Campaigns of daily phrases as staff keep them: made, their calendar filled, called off and resumed, people kept out.

The seed of the draw is made with the campaign and sealed; its SHA-256 is public from then on, so that nobody can choose
another one when it is known who takes part.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from pydantic import ValidationError

from gateway import clock
from gateway.errors import BadInput, Conflict
from gateway.journey import conversation, folding, phrases
from gateway.runtime import Runtime
from gateway.schema import LANGUAGES
from gateway.sections_campaigns import CampaignSeed
from store import audit
from store import campaigns as rows
from store.campaigns import Campaign
from store.database import Transaction

SEED_BYTES = 32
# Who did what the files say.
CONFIG = "settings"
# What may be changed while people take part already: nothing that the draw was promised by.
LASTING = ("slug", "begins_on", "winners")
LONGEST_CALENDAR = 366
SHORTEST = 2
ORDER = "a campaign ends after it begins, and within a year"
# What is wrong with a field, in words that a page can translate.
FAULTS = {
    "slug": "small letters, figures and dashes",
    "publish_at": "a time of day, like 08:00",
    "begins_on": "give a day, like 2026-03-02",
    "name": "give it in every language",
    "prize": "give it in every language",
    **dict.fromkeys(("winners", "line_days", "per_network"), "a number within the limits"),
}


def today(runtime: Runtime) -> date:
    """The city's day."""
    return clock.now().astimezone(runtime.settings.city.zone).date()


def seed_place(campaign_id: str) -> str:
    """Where a sealed seed belongs, for the vault."""
    return f"campaigns.seed:{campaign_id}"


async def begin(runtime: Runtime) -> None:
    """Put the campaigns of the files in place, when there is none yet."""
    async with runtime.database.reading() as connection:
        if await rows.newest(connection, 1):
            return
    for given in runtime.settings.campaigns:
        await _add(runtime, given, actor=CONFIG)


async def add(runtime: Runtime, typed: Mapping[str, Any], *, actor: str) -> str:
    """Make a campaign of what was typed; gives its id. Raises `BadInput`, and `Conflict` for a slug that is taken."""
    return await _add(runtime, _checked(typed), actor=actor)


async def change(runtime: Runtime, campaign_id: str, typed: Mapping[str, Any], *, actor: str) -> None:
    """Change a campaign. Raises `BadInput`, `NotFound`, `Conflict` for what is promised since people take part."""
    given = _checked(typed)

    async def work(transaction: Transaction) -> None:
        known = await rows.find(transaction.connection, campaign_id, hold=True)
        values = _values(given)
        if known.drawn_at:
            raise Conflict("this campaign was drawn already")
        if known.begins_on <= today(runtime).isoformat():
            wrong = next((name for name in LASTING if values[name] != getattr(known, name)), None)
            if wrong:
                raise BadInput("this is promised since the campaign began", wrong)
        outside = [p for p in await rows.calendar(transaction.connection, [known.id]) if not _within(values, p.day)]
        if outside:
            raise BadInput("the calendar has phrases outside of these days; take them out first", "ends_on")
        await rows.change(transaction, known.id, **values)
        await audit.note(transaction, actor, "campaign changed", given.slug)

    await runtime.database.write(work)


async def fill(runtime: Runtime, campaign_id: str, typed: str, *, actor: str) -> int:
    """Put phrases into a calendar, a line each (`2027-03-01 | 中文 | English`); gives how many.

    All or none. Raises `BadInput` with the number of the first line that is wrong, `Conflict` for a day that is told.
    """
    lines = [(number, line.strip()) for number, line in enumerate(typed.splitlines(), 1) if line.strip()]
    if not lines or len(lines) > LONGEST_CALENDAR:
        raise BadInput("give one phrase a line: day | Chinese | English", "phrases")

    async def work(transaction: Transaction) -> int:
        known = await rows.find(transaction.connection, campaign_id, hold=True)
        told = {p.day for p in await rows.calendar(transaction.connection, [known.id]) if p.post_id}
        if known.drawn_at:
            raise Conflict("this campaign was drawn already")
        new = [_phrase(runtime, known, number, line) for number, line in lines]
        if len({row["day"] for row in new}) < len(new):
            raise BadInput("each day has one phrase", "phrases")
        if any(row["day"] in told for row in new):
            raise Conflict("one of these days was told already")
        await rows.put_phrases(transaction, new)
        await audit.note(transaction, actor, "phrases set", known.slug)
        return len(new)

    return await runtime.database.write(work)


async def drop_day(runtime: Runtime, campaign_id: str, day: str, *, actor: str) -> None:
    """Take a day out of a calendar. Raises `NotFound`, `Conflict` when it is there no more or was told."""

    async def work(transaction: Transaction) -> None:
        known = await rows.find(transaction.connection, campaign_id)
        if not await rows.drop_phrase(transaction, known.id, day):
            raise Conflict("this day was told already, or is not there any more")
        await audit.note(transaction, actor, "phrase removed", f"{known.slug} {day}"[-64:])

    await runtime.database.write(work)


async def call_off(runtime: Runtime, campaign_id: str, *, actor: str) -> None:
    """End a campaign before its time: nothing is told any more, and nobody takes part. Can be resumed."""
    await _turn(runtime, campaign_id, "campaign called off", ended=True, actor=actor)


async def resume(runtime: Runtime, campaign_id: str, *, actor: str) -> None:
    """Go on with a campaign that was called off."""
    await _turn(runtime, campaign_id, "campaign resumed", ended=False, actor=actor)


async def bar(runtime: Runtime, campaign_id: str, number: str, *, actor: str) -> None:
    """Take somebody out of a campaign by his number. Raises `NotFound`, `Conflict` once it was drawn."""
    await _bar(runtime, campaign_id, number, actor=actor, out=True)


async def let_in(runtime: Runtime, campaign_id: str, number: str, *, actor: str) -> None:
    """Let somebody in again who was taken out."""
    await _bar(runtime, campaign_id, number, actor=actor, out=False)


async def _add(runtime: Runtime, given: CampaignSeed, *, actor: str) -> str:
    campaign_id, seed = clock.new_id(), clock.random_bytes(SEED_BYTES).hex()
    row = {
        "id": campaign_id,
        **_values(given),
        "seed": runtime.vault.seal(seed.encode(), seed_place(campaign_id)),
        "commitment": hashlib.sha256(seed.encode()).hexdigest(),
        "actor": actor,
        "created_at": clock.now(),
    }

    async def work(transaction: Transaction) -> None:
        if not await rows.add(transaction, row):
            raise Conflict("a campaign with this address is there already")
        known = await rows.find(transaction.connection, campaign_id)
        days = [_row(runtime, known, p.day.isoformat(), p.zh, p.en, n) for n, p in enumerate(given.phrases, 1)]
        await rows.put_phrases(transaction, days)
        await audit.note(transaction, actor, "campaign made", given.slug)

    await runtime.database.write(work)
    return campaign_id


async def _turn(runtime: Runtime, campaign_id: str, action: str, *, ended: bool, actor: str) -> None:
    async def work(transaction: Transaction) -> None:
        known = await rows.find(transaction.connection, campaign_id, hold=True)
        if known.drawn_at or (known.ended_at is not None) is ended:
            raise Conflict("this change is not possible any more")
        await rows.change(transaction, known.id, ended_at=clock.now() if ended else None)
        await audit.note(transaction, actor, action, known.slug)

    await runtime.database.write(work)


async def _bar(runtime: Runtime, campaign_id: str, number: str, *, actor: str, out: bool) -> None:
    digits = "".join(letter for letter in number if letter.isdecimal())[: phrases.DIGITS]

    async def work(transaction: Transaction) -> None:
        known = await rows.find(transaction.connection, campaign_id, hold=True)
        if known.drawn_at:
            raise Conflict("this campaign was drawn already")
        at = clock.now() if out else None
        await rows.bar(transaction, known.id, digits, actor if out else None, at)
        await audit.note(transaction, actor, "participant barred" if out else "participant let in", digits)

    await runtime.database.write(work)


def _checked(typed: Mapping[str, Any]) -> CampaignSeed:
    try:
        given = CampaignSeed.model_validate(typed)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = str(first["loc"][0]) if first["loc"] else "ends_on"
        wrong = FAULTS["begins_on"] if field == "ends_on" and first["loc"] else ORDER
        raise BadInput(FAULTS.get(field, wrong), field) from error
    for field, words in (("name", given.name), ("prize", given.prize)):
        if set(words) != set(LANGUAGES) or not all(said.strip() for said in words.values()):
            raise BadInput("give it in every language", field)
    return given


def _values(given: CampaignSeed) -> dict[str, Any]:
    return {
        "slug": given.slug,
        **{f"name_{language}": words.strip()[:80] for language, words in given.name.items()},
        **{f"prize_{language}": words.strip()[:200] for language, words in given.prize.items()},
        "begins_on": given.begins_on.isoformat(),
        "ends_on": given.ends_on.isoformat(),
        "publish_at": given.publish_at,
        "winners": given.winners,
        "line_days": given.line_days,
        "per_network": given.per_network,
    }


def _within(values: Mapping[str, Any], day: str) -> bool:
    return bool(values["begins_on"] <= day <= values["ends_on"])


def _phrase(runtime: Runtime, campaign: Campaign, number: int, line: str) -> dict[str, Any]:
    """The row of one line of a calendar."""
    parts = [part.strip() for part in line.replace("｜", "|").split("|")]
    try:
        day = date.fromisoformat(parts[0]).isoformat()
    except ValueError:
        raise BadInput("begin with the day, like 2027-03-01", f"phrases:{number}") from None
    if not 2 <= len(parts) <= 3:
        raise BadInput("give one phrase a line: day | Chinese | English", f"phrases:{number}")
    return _row(runtime, campaign, day, parts[1], parts[2] if len(parts) > 2 else "", number)


def _row(runtime: Runtime, campaign: Campaign, day: str, zh: str, en: str, number: int) -> dict[str, Any]:
    if not campaign.begins_on <= day <= campaign.ends_on:
        raise BadInput("this day is outside of the campaign", f"phrases:{number}")
    said = [folding.clean(text, 100) for text in (zh, en)]
    _check_words(runtime, [text for text in said if text], f"phrases:{number}")
    return {"id": clock.new_id(), "campaign_id": campaign.id, "day": day, "text_zh": said[0], "text_en": said[1]}


def _check_words(runtime: Runtime, said: Sequence[str], field: str) -> None:
    """Raises `BadInput` for words that cannot be told, or not be known again when they come back."""
    if not said:
        raise BadInput("a phrase needs words", field)
    for text in said:
        asks = conversation.recognise(text, runtime.commands) or conversation.chosen(text)
        if asks or len(phrases.key(text)) < SHORTEST:
            raise BadInput("this already means something else, or is too short", field)
        if runtime.judge(text).rules:
            raise BadInput("this has words of the filter’s lists", field)


def days_of(campaign: Campaign) -> list[str]:
    """All days of a campaign."""
    first, last = date.fromisoformat(campaign.begins_on), date.fromisoformat(campaign.ends_on)
    return [(first + timedelta(days=passed)).isoformat() for passed in range((last - first).days + 1)]
