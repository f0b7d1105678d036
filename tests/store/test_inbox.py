"""The inbox: what fits, in order, page by page, and never more rows looked at than windows allow."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway import clock
from gateway.errors import BadInput
from gateway.schema import Kind, Ruling, State
from gateway.schema_cases import Progress
from store import cases, changes, inbox
from store.database import Database, Transaction
from store.inbox import Filter

BEGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)


async def put(database: Database, number: int, minutes: int | None = None, **values: Any) -> str:
    """One post; `number` makes its ticket and, unless told, its minute."""
    row: dict[str, Any] = {
        "id": f"{number:032x}",
        "thread_id": f"{number:032x}",
        "ticket": f"{10_000_000 + number}",
        "kind": Kind.REPORT,
        "state": State.PENDING,
        "text": f"number {number}",
        "channel": "form",
        "language": "en",
        "private": False,
        "ruling": Ruling.PASS,
        "rules": [],
        "created_at": BEGIN + timedelta(minutes=number if minutes is None else minutes),
        **values,
    }
    await database.write(lambda transaction: changes.insert(transaction, row))
    return str(row["id"])


def given(department: str, at: datetime) -> dict[str, Any]:
    return {"department": department, "progress": Progress.ASSIGNED, "span": "normal", "opened_at": at, "due_at": at}


async def route(database: Database, thread_id: str, department: str, *, answered: bool = False) -> None:
    at = clock.now()

    async def work(transaction: Transaction) -> None:
        await cases.open_case(transaction, thread_id, **given(department, at))
        if answered:
            await cases.answer(transaction, thread_id, department, "normal", at)

    await database.write(work)


async def found(database: Database, wanted: Filter, **paging: Any) -> list[int]:
    async with database.reading() as connection:
        page = await inbox.page(connection, wanted, **paging)
    return [int(item.post.id, 16) for item in page.items]


async def every_page(database: Database, wanted: Filter, limit: int) -> list[int]:
    numbers, cursor = [], None
    while True:
        async with database.reading() as connection:
            page = await inbox.page(connection, wanted, limit=limit, cursor=cursor)
        numbers += [int(item.post.id, 16) for item in page.items]
        cursor = page.next
        if cursor is None:
            return numbers


async def test_nothing_is_there_before_anything_was_said(database: Database) -> None:
    async with database.reading() as connection:
        page = await inbox.page(connection, Filter())
        counted = await inbox.count_states(connection, Filter())
    assert (page.items, page.next, page.looked_to) == ([], None, None)
    assert (counted.states, counted.whole) == ({}, True)


async def test_each_filter_keeps_what_fits_it(database: Database) -> None:
    await put(database, 1, state=State.PUBLISHED, category="roads", place="Elm Street 14")
    await put(database, 2, state=State.HELD, urgent=True, channel="texting")
    await put(database, 3, state=State.PUBLISHED, kind=Kind.PRAISE, place="Elm Street")
    await put(database, 4, state=State.REJECTED, place="elm street")
    await put(database, 5, parent_id=f"{1:032x}", thread_id=f"{1:032x}", ticket=None, kind=Kind.COMMENT)
    await route(database, f"{1:032x}", "roads")
    await route(database, f"{3:032x}", "water", answered=True)
    rows: list[tuple[Filter, list[int]]] = [
        (Filter(), [4, 3, 2, 1]),
        (Filter(oldest_first=True), [1, 2, 3, 4]),
        (Filter(state=State.PUBLISHED), [3, 1]),
        (Filter(state=State.PUBLISHED, oldest_first=True), [1, 3]),
        (Filter(urgent=True), [2]),
        (Filter(urgent=False), [4, 3, 1]),
        (Filter(state=State.HELD, urgent=False), []),
        (Filter(category="roads"), [1]),
        (Filter(channel="texting"), [2]),
        (Filter(departments=("roads",)), [1]),
        (Filter(departments=("police",)), []),
        (Filter(progress=(Progress.NEW, Progress.ASSIGNED)), [4, 2, 1]),
        (Filter(progress=(Progress.ANSWERED,)), [3]),
        (Filter(place="Elm Str"), [3, 1]),
        (Filter(place="Elm Street 1"), [1]),
        (Filter(place="%"), []),
        (Filter(kind=Kind.COMMENT), [5]),
        (Filter(kind=Kind.PRAISE), [3]),
        (Filter(since=BEGIN + timedelta(minutes=3)), [4, 3]),
        (Filter(until=BEGIN + timedelta(minutes=3)), [2, 1]),
        (Filter(since=BEGIN + timedelta(minutes=2), until=BEGIN + timedelta(minutes=3), urgent=True), [2]),
    ]
    for wanted, numbers in rows:
        assert await found(database, wanted) == numbers, wanted


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("wanted", [Filter(), Filter(state=State.HELD), Filter(urgent=True)])
async def test_pages_follow_each_other_without_a_gap_or_a_repeat(
    database: Database, wanted: Filter, oldest_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 10):
        # Three of one moment each: their ids settle the order.
        await put(database, number, number // 3, state=State.HELD, urgent=True)
    wanted = replace(wanted, oldest_first=oldest_first)
    expected = list(range(1, 10)) if oldest_first else list(range(9, 0, -1))
    for window, limit in ((5_000, 2), (5_000, 9), (3, 4), (4, 3), (1, 2)):
        monkeypatch.setattr(inbox, "WINDOW", window)
        assert await every_page(database, wanted, limit) == expected, (window, limit)


async def test_a_search_that_finds_little_ends_and_says_how_far_it_came(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "WINDOW", 2)
    monkeypatch.setattr(inbox, "MOST_WINDOWS", 3)
    await put(database, 1, channel="texting")
    for number in range(2, 10):
        await put(database, number)
    wanted = Filter(channel="texting")
    async with database.reading() as connection:
        first = await inbox.page(connection, wanted)
        assert (first.items, first.looked_to) == ([], BEGIN + timedelta(minutes=4))
        second = await inbox.page(connection, wanted, cursor=first.next)
        counted = await inbox.count(connection, wanted)
    assert [item.post.ticket for item in second.items] == ["10000001"]
    assert (second.next, second.looked_to) == (None, None)
    assert (counted.all, counted.whole) == (0, False)


async def test_counts_are_by_state_whatever_state_is_looked_for(database: Database) -> None:
    for number, state in enumerate((State.HELD, State.HELD, State.PUBLISHED), 1):
        await put(database, number, state=state)
    async with database.reading() as connection:
        counted = await inbox.count_states(connection, Filter(state=State.PUBLISHED))
        alone = await inbox.count(connection, Filter(state=State.PUBLISHED))
    assert (counted.states, counted.all, counted.whole) == ({State.HELD: 2, State.PUBLISHED: 1}, 3, True)
    assert alone.states == {State.PUBLISHED: 1}


async def test_an_item_says_what_was_added_to_it(database: Database) -> None:
    first = await put(database, 1, state=State.PUBLISHED)
    under: dict[str, Any] = {"parent_id": first, "thread_id": first, "ticket": None}
    await put(database, 2, kind=Kind.COMMENT, **under)
    await put(database, 3, kind=Kind.COMMENT, state=State.PUBLISHED, **under)
    await put(database, 4, kind=Kind.ANSWER, state=State.PUBLISHED, **under)
    await put(database, 5, kind=Kind.ANSWER, state=State.HELD, **under)
    async with database.reading() as connection:
        [item] = (await inbox.page(connection, Filter())).items
    assert (item.answers, item.added, item.waiting) == (1, 2, 2)


async def test_a_cursor_of_somebody_else_is_refused(database: Database) -> None:
    with pytest.raises(BadInput):
        await found(database, Filter(), cursor="not ours")
