"""Marks: one of each author for each round, the later one counts, and which are bad is the same in both places."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from gateway.runtime import Runtime
from store import citizens, erasure, marks
from store.database import Database
from store.marks import Mark
from store.tables_marks import marks as table

AT = datetime(2026, 11, 25, 1, tzinfo=UTC)
THREAD = "1" * 32


def given(citizen_id: str | None, mark: int | None, *, solved: bool | None = None, of_round: int = 0) -> Mark:
    return Mark(THREAD, of_round, citizen_id, "roads", solved, mark, "texting", AT)


async def kept(database: Database) -> list[Mark]:
    async with database.reading() as connection:
        return list((await marks.of_threads(connection, [THREAD])).get(THREAD, ()))


async def test_the_later_mark_of_an_author_in_a_round_counts(database: Database) -> None:
    first, second = given("a", 2, solved=False), given("a", 5, solved=True)
    other, next_round = given("b", 3), given("a", 4, of_round=1)
    for mark in (replace(first, before={"progress": "answered"}), second, other, next_round):
        await database.write(lambda tx, m=mark: marks.keep(tx, m))  # type: ignore[misc]
    found = await kept(database)
    assert {(one.citizen_id, one.round): (one.mark, one.solved) for one in found} == {
        ("a", 0): (5, True),
        ("b", 0): (3, None),
        ("a", 1): (4, None),
    }
    assert [one.round for one in found] == [0, 0, 1]
    assert all(one.before is None for one in found)


async def test_a_person_has_one_mark_whatever_line_he_gave_it_on(runtime: Runtime) -> None:
    database, vault = runtime.database, runtime.vault
    known = [
        await database.write(
            lambda tx, n=number: citizens.enter(tx, vault, f"tel:+861380000000{n}", language="zh", at=AT, owned=True)  # type: ignore[misc]
        )
        for number in range(2)
    ]
    one, other = [str(line.citizen_id) for line in known]
    await database.write(lambda tx: marks.keep(tx, given(one, 1, solved=False)))
    await database.write(lambda tx: citizens.link(tx, one, other))
    head = await database.write(lambda tx: citizens.person_of(tx.connection, one))
    assert [left.citizen_id for left in await kept(database)] == [head]
    await database.write(lambda tx: marks.keep(tx, given(head, 5, solved=True)))
    assert [(left.citizen_id, left.mark) for left in await kept(database)] == [(head, 5)]
    assert not marks.is_awaited(await kept(database), 0, head)
    assert marks.is_awaited(await kept(database), 1, head)
    async with database.reading() as connection:
        assert [mark.mark for mark in await marks.of_person(connection, head)] == [5]
    await database.write(lambda tx: erasure.erase(tx, [one, other], AT))
    assert [(left.citizen_id, left.mark) for left in await kept(database)] == [(None, 5)]


@pytest.mark.parametrize(
    ("mark", "solved", "bad"),
    [(1, None, True), (2, True, True), (3, None, False), (4, False, True), (5, True, False), (None, False, True)],
)
async def test_what_is_bad_is_the_same_for_a_mark_and_a_question(
    database: Database, mark: int | None, solved: bool | None, bad: bool
) -> None:
    one = given("a", mark, solved=solved)
    await database.write(lambda tx: marks.keep(tx, one))
    async with database.reading() as connection:
        found = (await connection.execute(select(table.c.id).where(marks.is_bad()))).all()
    assert (one.bad, len(found) == 1) == (bad, bad)
