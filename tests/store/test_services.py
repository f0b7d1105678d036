"""Entries of services: kept, changed once at a time, found by their words while they last, counted by day."""

from collections.abc import Mapping
from datetime import date, timedelta

import pytest

from gateway import clock
from gateway.errors import Conflict, NotFound
from store import services, unanswered
from store.database import Database
from store.services import Entry, Said, Service, ServiceKind, ServiceState, Standing

PASSPORT = Entry("police", ServiceKind.GUIDE, {"en": Said("Passport", "Come with a photo.", ("passport", "travel"))})
OUTAGE = Entry("water", ServiceKind.OUTAGE, {"zh": Said("停水", "今晚停水。", ("停水",))})
DRAFT, PUBLISHED, RETIRED = (Standing(s) for s in (ServiceState.DRAFT, ServiceState.PUBLISHED, ServiceState.RETIRED))


async def known(database: Database, service_id: str) -> Service:
    async with database.reading() as connection:
        return await services.one(connection, service_id)


async def made(database: Database, slug: str, entry: Entry, weights: Mapping[str, int], standing: Standing) -> str:
    service_id = await database.write(lambda tx: services.add(tx, slug, entry, "anna"))
    before = await known(database, service_id)
    await database.write(lambda tx: services.put_words(tx, service_id, weights))
    await database.write(lambda tx: services.change(tx, before, entry, standing, actor="anna", action="published"))
    return service_id


async def found(database: Database, *words: str) -> set[tuple[str, int]]:
    async with database.reading() as connection:
        return {(one.word, one.weight) for one in await services.matches(connection, words, clock.now())}


async def test_an_entry_reads_as_it_was_written(database: Database) -> None:
    now = clock.now()
    entry = Entry("water", ServiceKind.OUTAGE, OUTAGE.said, now, now + timedelta(hours=3))
    service_id = await made(database, "water-off", entry, {"停水": 9}, PUBLISHED)
    read = await known(database, service_id)
    assert (read.entry, read.state, read.version) == (entry, ServiceState.PUBLISHED, 2)
    assert read.published_at
    assert not read.retired_at
    assert [read.entry.is_current(now + timedelta(seconds=one)) for one in (-1, 0)] == [False, True]
    assert read.entry.has_ended(now + timedelta(hours=3))


async def test_the_faster_of_two_changes_counts(database: Database) -> None:
    service_id = await made(database, "passport", PASSPORT, {}, DRAFT)
    before = await known(database, service_id)
    await database.write(lambda tx: services.change(tx, before, OUTAGE, DRAFT, actor="bo", action="changed"))
    with pytest.raises(Conflict):
        await database.write(lambda tx: services.change(tx, before, PASSPORT, DRAFT, actor="anna", action="changed"))
    assert (await known(database, service_id)).entry == OUTAGE


async def test_each_state_is_remembered(database: Database) -> None:
    service_id = await made(database, "passport", PASSPORT, {}, PUBLISHED)
    before = await known(database, service_id)
    await database.write(lambda tx: services.change(tx, before, OUTAGE, RETIRED, actor="bo", action="retired"))
    async with database.reading() as connection:
        told = await services.changes(connection, service_id, 10)
    assert [(one.action, one.actor, one.entry, one.state) for one in told] == [
        ("retired", "bo", OUTAGE, ServiceState.RETIRED),
        ("published", "anna", PASSPORT, ServiceState.PUBLISHED),
        ("added", "anna", PASSPORT, ServiceState.DRAFT),
    ]


async def test_only_what_is_published_and_lasts_is_found(database: Database) -> None:
    ended = Entry("water", ServiceKind.OUTAGE, OUTAGE.said, None, clock.now() - timedelta(minutes=1))
    await made(database, "passport", PASSPORT, {"passport": 9, "photo": 1}, PUBLISHED)
    await made(database, "passport-2", PASSPORT, {"passport": 9}, DRAFT)
    await made(database, "water-off", ended, {"停水": 9}, PUBLISHED)
    assert await found(database, "passport", "photo", "停水") == {("passport", 9), ("photo", 1)}
    assert await found(database) == set()
    async with database.reading() as connection:
        assert [one.slug for one in await services.public(connection, clock.now(), 10)] == ["passport"]
        assert await services.public(connection, clock.now(), 10, "water") == []
        assert (await services.by_slug(connection, "water-off")).slug == "water-off"
        with pytest.raises(NotFound):
            await services.by_slug(connection, "passport-2")


async def test_uses_are_added_up_by_day(database: Database) -> None:
    passport = await made(database, "passport", PASSPORT, {}, PUBLISHED)
    outage = await made(database, "water-off", OUTAGE, {}, PUBLISHED)
    first, second = date(2026, 3, 1), date(2026, 3, 2)
    for day, uses in ((first, {(passport, "sms"): 2}), (first, {(passport, "sms"): 1, (outage, "portal"): 1})):
        await database.write(lambda tx, d=day, u=uses: services.count_uses(tx, d, u))  # type: ignore[misc]
    await database.write(lambda tx: services.count_uses(tx, second, {(outage, "portal"): 9}))
    async with database.reading() as connection:
        assert await services.uses_of(connection, [passport, outage], first) == {passport: 3, outage: 10}
        assert [one.id for one in await services.most_used(connection, first, clock.now(), 5)] == [outage, passport]


async def test_of_what_nobody_answers_the_most_wanted_stay(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unanswered, "MOST", 2)
    now = clock.now()

    async def ask(word: str, times: int, minutes: int) -> None:
        at = now + timedelta(minutes=minutes)
        await database.write(lambda tx: unanswered.count(tx, {word: ("en", times)}, at))

    for minutes, (word, times) in enumerate((("parking", 2), ("dogs", 1), ("dogs", 2), ("kayak", 1))):
        await ask(word, times, minutes)
    await database.write(lambda tx: unanswered.set_dismissed(tx, "parking", now))
    async with database.reading() as connection:
        assert [(one.word, one.asked) for one in await unanswered.most(connection, 9)] == [("dogs", 3)]
        assert [one.word for one in await unanswered.most(connection, 9, dismissed=True)] == ["parking"]
    assert await database.write(lambda tx: unanswered.forget(tx, now + timedelta(minutes=1))) == 1
