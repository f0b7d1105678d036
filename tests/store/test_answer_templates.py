"""Templates of answers: kept, changed once at a time, taken away and put back, each wording remembered."""

import pytest

from gateway.errors import Conflict, NotFound
from store import answer_templates
from store.answer_templates import EVERY, Change, Template, Wording
from store.database import Database

FIRST = Wording("water", "en", "On our way", "We are on our way to {place}.")
SECOND = Wording("water", "en", "On our way", "We are there.")


async def known(database: Database, template_id: str) -> Template:
    async with database.reading() as connection:
        return await answer_templates.one(connection, template_id)


async def listed(database: Database, *departments: str) -> list[Wording]:
    async with database.reading() as connection:
        return [one.wording for one in await answer_templates.of_departments(connection, departments)]


async def changes(database: Database, *departments: str) -> list[Change]:
    async with database.reading() as connection:
        return [one async for one in answer_templates.changes(connection, departments)]


async def test_a_template_is_its_departments_or_everybodys(database: Database) -> None:
    every = Wording(EVERY, "zh", "收到", "已收到")
    for wording in (FIRST, every):
        await database.write(lambda tx, w=wording: answer_templates.add(tx, w, "anna"))  # type: ignore[misc]
    assert await listed(database, "water") == [FIRST]
    assert await listed(database, EVERY, "water") == [every, FIRST]
    assert await listed(database, "roads") == []


async def test_the_faster_of_two_changes_counts(database: Database) -> None:
    made = await database.write(lambda tx: answer_templates.add(tx, FIRST, "anna"))
    await database.write(lambda tx: answer_templates.change(tx, made, SECOND, 1, "bo"))
    with pytest.raises(Conflict):
        await database.write(lambda tx: answer_templates.change(tx, made, FIRST, 1, "anna"))
    now = await known(database, made)
    assert (now.wording, now.version, now.changed_by) == (SECOND, 2, "bo")


async def test_what_was_taken_away_can_be_put_back_and_all_is_remembered(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_templates, "CHUNK", 2)
    made = await database.write(lambda tx: answer_templates.add(tx, FIRST, "anna"))
    await database.write(lambda tx: answer_templates.change(tx, made, SECOND, 1, "bo"))
    before = await known(database, made)
    await database.write(lambda tx: answer_templates.set_removed(tx, before, True, "bo"))
    assert await listed(database, "water") == []
    assert (await known(database, made)).removed
    await database.write(lambda tx: answer_templates.set_removed(tx, before, False, "anna"))
    assert await listed(database, "water") == [SECOND]
    told = [(one.action, one.actor, one.wording.text) for one in await changes(database, "water")]
    assert told == [
        ("put back", "anna", SECOND.text),
        ("removed", "bo", SECOND.text),
        ("changed", "bo", SECOND.text),
        ("added", "anna", FIRST.text),
    ]
    assert await changes(database, "roads") == []


async def test_a_template_that_is_not_there(database: Database) -> None:
    with pytest.raises(NotFound):
        await known(database, "0" * 32)
