"""Which bulletins there are: one each morning and evening in each language, and those somebody asks for.

What is due is a question with the clock: the last time that is set for one, if its bulletin is not there. So after a
downtime one bulletin tells of all that was missed. A bulletin that says what is not true any more (a post was withdrawn
or corrected since) is made anew from what is public now; until then nobody is given that part of it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import structlog

from gateway import clock
from gateway.casework import newsreading
from gateway.errors import Conflict, NotFound
from gateway.runtime import Runtime
from gateway.schema import LANGUAGES
from gateway.schema_radio import Bulletin
from store import audit, bulletins, history
from store import news as news_rows
from store.bulletins import Composed, Edition, Made, Making
from store.database import Transaction

DAY = timedelta(days=1)
# What is older is no news, even after a long downtime.
LONGEST = timedelta(days=7)
# Whom the audit names for what the clock did.
CLOCK = "clock"
# All but what staff took back.
SAID = (Making.DUE, Making.READY, Making.FAILED)

log = structlog.get_logger()


async def keep_up(runtime: Runtime) -> None:
    """Put the bulletin there whose time has come, and make those anew that say what is not true any more."""
    slot = last_slot(runtime, clock.now())
    if slot is not None:
        await _begin_slot(runtime, *slot)
    async with runtime.database.reading() as connection:
        # As many of each language as its podcast has.
        known = [made for language in LANGUAGES for made in await bulletins.newest(connection, [language])]
    for made in known:
        if made.stale and made.state is not Making.WITHDRAWN:
            await _renew(runtime, made)


def last_slot(runtime: Runtime, at: datetime) -> tuple[Edition, datetime, str] | None:
    """The last moment before now at which a bulletin was due by the city's clock: which one, when, and its name.

    A time that the clocks skip comes as much later; one that they show twice comes the first time.
    """
    zone, radio = runtime.settings.city.zone, runtime.settings.radio
    today = at.astimezone(zone).date()
    slots = []
    for edition, set_for in ((Edition.MORNING, radio.morning), (Edition.EVENING, radio.evening)):
        for day in (today - DAY, today) if set_for else ():
            moment = datetime.combine(day, time.fromisoformat(set_for), zone).astimezone(UTC)
            if moment <= at:
                slots.append((moment, edition, day))
    if not slots:
        return None
    moment, edition, day = max(slots)
    return edition, moment, slot_name(day, edition)


def slot_name(day: date, edition: Edition) -> str:
    """What the bulletin of a day and an edition is known by."""
    return f"{day.isoformat()} {edition}"


async def make_now(runtime: Runtime, *, actor: str) -> list[str]:
    """Put a bulletin there in each language with what is new up to now; gives their ids."""
    at, slot = clock.now(), clock.new_id()
    made = []
    for language in LANGUAGES:
        bulletin_id = clock.new_id()
        if await _begin(runtime, bulletin_id, slot, Edition.NOW, language, at, actor=actor):
            made.append(bulletin_id)
    return made


async def make_anew(runtime: Runtime, bulletin_id: str, *, actor: str) -> None:
    """Have a bulletin composed and spoken again, of the same time. Raises `NotFound`, `Conflict` for one withdrawn."""
    made = await _found(runtime, bulletin_id)
    if made.state is Making.WITHDRAWN:
        raise Conflict("this bulletin was withdrawn; restore it first")
    await _renew(runtime, made)
    await _note(runtime, actor, "bulletin anew", bulletin_id)


async def withdraw(runtime: Runtime, bulletin_id: str, *, actor: str) -> None:
    """Take a bulletin off the air; what it told may be told by the next one. Raises `NotFound`."""
    await _found(runtime, bulletin_id)
    await runtime.database.write(lambda tx: bulletins.stand(tx, bulletin_id, Making.WITHDRAWN))
    await _note(runtime, actor, "bulletin withdrawn", bulletin_id)


async def restore(runtime: Runtime, bulletin_id: str, *, actor: str) -> None:
    """Put a bulletin on the air again that was taken off. Raises `NotFound`, `Conflict` for one that was not."""
    made = await _found(runtime, bulletin_id)
    if made.state is not Making.WITHDRAWN:
        raise Conflict("this bulletin was not withdrawn")
    state = Making.READY if made.sha256 else Making.DUE
    await runtime.database.write(lambda tx: bulletins.stand(tx, bulletin_id, state))
    await _note(runtime, actor, "bulletin restored", bulletin_id)


# What may be done with a bulletin that is there.
ACTS: Mapping[str, Callable[..., Awaitable[None]]] = {"anew": make_anew, "withdraw": withdraw, "restore": restore}


async def newest(runtime: Runtime, language: str, limit: int) -> Sequence[Bulletin]:
    """The bulletins of a language, newest first, each without what is not true any more; `size` is 0 while one cannot
    be heard."""
    async with runtime.database.reading() as connection:
        found = await bulletins.newest(connection, [language], limit, SAID)
    return [made.public() for made in found]


async def one(runtime: Runtime, bulletin_id: str) -> tuple[Bulletin, Path | None]:
    """A bulletin that was not withdrawn, and its sound while that is there. Raises `NotFound`."""
    made = await _found(runtime, bulletin_id)
    if made.state is Making.WITHDRAWN:
        raise NotFound("there is no such bulletin")
    return made.public(), runtime.blobs.path(made.sha256) if made.whole and made.sha256 else None


async def _begin_slot(runtime: Runtime, edition: Edition, at: datetime, slot: str) -> None:
    async with runtime.database.reading() as connection:
        there = await bulletins.languages_of(connection, slot)
    for language in LANGUAGES:
        if language not in there:
            await _begin(runtime, clock.new_id(), slot, edition, language, at, actor=CLOCK)


async def _begin(
    runtime: Runtime, bulletin_id: str, slot: str, edition: Edition, language: str, at: datetime, *, actor: str
) -> bool:
    """Compose a bulletin up to a moment, less the time in which what was published may still be undone."""
    until = at - timedelta(seconds=runtime.settings.broadcast.undo_seconds)
    async with runtime.database.reading() as connection:
        reached = await bulletins.last_until(connection, language)
    if reached is not None and reached >= until and actor == CLOCK:
        return False  # somebody had it told by hand meanwhile
    since = max(reached or until - DAY, until - LONGEST)
    composed, told = await _compose(runtime, language, edition, at, since, until)
    if reached is None and not told and actor == CLOCK:
        return False  # the radio begins with the first news
    row = {
        **{"id": bulletin_id, "slot": slot, "language": language, "edition": edition, "actor": actor},
        **{"since": since, "until": until, "at": at, "composed_at": clock.now()},
    }

    async def work(transaction: Transaction) -> bool:
        begun = await bulletins.begin(transaction, row, composed)
        if begun:
            await audit.note(transaction, actor, "bulletin made", bulletin_id)
        return begun

    if not await runtime.database.write(work):
        return False
    log.info("bulletin composed", action="bulletin.composed", bulletin=bulletin_id, language=language, told=told)
    return True


async def _renew(runtime: Runtime, made: Made) -> None:
    composed, _ = await _compose(runtime, made.language, made.edition, made.at, made.since, made.until)
    at = clock.now()
    if await runtime.database.write(lambda transaction: bulletins.renew(transaction, made, composed, at)):
        log.info("bulletin made anew", action="bulletin.anew", bulletin=made.id)


async def _compose(
    runtime: Runtime, language: str, edition: Edition, at: datetime, since: datetime, until: datetime
) -> tuple[Composed, int]:
    """What a bulletin is to say, and of how many threads it tells."""
    async with runtime.database.reading() as connection:
        news = await news_rows.between(connection, since, until, runtime.settings.radio.posts)
        spoken = [item.first.id for item in news.items if item.voice]
        heard = await history.heard(connection, runtime.vault, spoken) if spoken else {}
    return newsreading.compose(runtime, language, edition, at, news, heard), len(news.items)


async def _found(runtime: Runtime, bulletin_id: str) -> Made:
    async with runtime.database.reading() as connection:
        return await bulletins.one(connection, bulletin_id)


async def _note(runtime: Runtime, actor: str, action: str, bulletin_id: str) -> None:
    await runtime.database.write(lambda transaction: audit.note(transaction, actor, action, bulletin_id))
