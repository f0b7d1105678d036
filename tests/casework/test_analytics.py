"""A hand-made fortnight is told right, along every dimension and beside the days before, on both databases."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest

from gateway import clock
from gateway.casework import analytics, daybook
from gateway.casework.analytics import Report
from gateway.casework.periods import Span, ask
from gateway.errors import BadInput
from gateway.runtime import Runtime
from store.tables_channels import tallies
from store.tables_history import history
from store.tables_posts import posts
from tests.store.test_counting import DAY, NOON, change, post, put, seconds

WEEK_AGO = NOON - timedelta(days=7)


@pytest.fixture
async def city(runtime: Runtime) -> AsyncIterator[Runtime]:
    """Three posts today and one yesterday, one a week ago; each decided, one answered."""
    answer = {"thread_id": "a", "parent_id": "a", "kind": "answer", "channel": "console", "state": "published"}
    said = [
        post("old", WEEK_AGO, category="heating", place="Elm Street", state="published"),
        post("y", NOON - timedelta(days=1), channel="texting"),
        post("a", NOON, category="water", place="Elm Street", state="published"),
        post("b", NOON + timedelta(hours=1), category="water", channel="texting"),
        post("c", NOON),
        post("r", NOON, **answer, department="water", published_at=NOON + seconds(25)),
    ]
    decided = [
        change("old", WEEK_AGO + seconds(30), "pending", "published"),
        change("y", NOON - timedelta(days=1) + seconds(8), "pending", "published"),
        change("a", NOON + seconds(4), "pending", "published"),
        change("b", NOON + timedelta(hours=1) + seconds(6), "pending", "published"),
        change("c", NOON + seconds(20), "pending", "rejected"),
    ]
    await put(runtime.database, (posts, said), (history, decided))
    clock.replace(now=lambda: NOON + timedelta(hours=2))
    await daybook.keep_up(runtime)
    yield runtime
    clock.replace()


async def told(runtime: Runtime, **query: str) -> Report:
    return await analytics.report(runtime, ask(query, DAY))


async def test_a_week_is_told_by_its_days_beside_the_week_before(city: Runtime) -> None:
    found = await told(city, period="7")
    assert found.uncounted == 0
    assert [line.value for line in found.lines] == [str(DAY - timedelta(days=back)) for back in range(6, -1, -1)]
    assert [line.now.figures.posts for line in found.lines] == [0, 0, 0, 0, 0, 1, 3]
    assert [line.before and line.before.figures.posts for line in found.lines] == [0, 0, 0, 0, 0, 0, 1]
    assert found.lines[-1].other == "2026-02-23"
    now, before = found.total.now, found.total.before
    assert (now.figures.posts, now.figures.published, now.figures.rejected) == (4, 3, 1)
    assert (now.decision.number, now.decision.median, now.decision.p95) == (4, 6, 20)
    assert (now.answer.number, now.answer.median) == (1, 25)
    assert before
    assert (before.figures.posts, before.decision.median, before.answer.median) == (1, 30, None)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("channel", {"form": (2, 4), "texting": (2, 6)}),
        ("category", {"water": (2, 4), "": (2, 8), "heating": (0, None)}),
        ("place", {"": (3, 8), "Elm Street": (1, 4)}),
        ("department", {"": (4, 6), "water": (0, None)}),
    ],
)
async def test_a_week_is_told_by_what_it_was_about(
    city: Runtime, by: str, expected: dict[str, tuple[int, int | None]]
) -> None:
    lines = (await told(city, period="7", by=by)).lines
    assert {line.value: (line.now.figures.posts, line.now.decision.median) for line in lines} == expected
    assert [line.now.figures.posts for line in lines] == sorted((one for one, _ in expected.values()), reverse=True)


async def test_all_together_is_told_also_where_a_dimension_does_not_have_it(city: Runtime) -> None:
    nothing = dict.fromkeys(("received", "delivered", "later", "unknown", "unsigned", "broken", "failed"), 0)
    sent = nothing | {"span": "hour", "channel": "texting", "at": NOON, "sent": 7}
    await put(city.database, (tallies, [sent]))
    clock.replace(now=lambda: NOON + timedelta(hours=3))
    found = await told(city, by="place")
    assert found.total.now.figures.sent == 7
    assert sum(line.now.figures.sent for line in found.lines) == 0


async def test_today_is_told_by_its_hours(city: Runtime) -> None:
    lines = (await told(city, period="today")).lines
    assert len(lines) == 24
    assert {line.value: line.now.figures.posts for line in lines if line.now.figures.posts} == {"12": 2, "13": 1}
    assert {line.value: line.before.figures.posts for line in lines if line.before and line.before.figures.posts} == {
        "12": 1
    }


async def test_a_long_time_is_told_by_its_months(city: Runtime) -> None:
    found = await told(city, period="own", first="2025-11-20", last="2026-03-02", against="year")
    assert [line.value for line in found.lines] == ["2025-11", "2025-12", "2026-01", "2026-02", "2026-03"]
    assert [line.now.figures.posts for line in found.lines] == [0, 0, 0, 1, 4]
    assert found.lines[0].other == "2024-11"


async def test_days_that_the_clock_has_not_counted_yet_are_said(runtime: Runtime) -> None:
    await put(runtime.database, (posts, [post("a", WEEK_AGO), post("b", NOON)]))
    clock.replace(now=lambda: NOON)
    try:
        first = await told(runtime, period="30")
        await daybook.keep_up(runtime)
        then = await told(runtime, period="30")
    finally:
        clock.replace()
    assert (first.uncounted, first.total.now.figures.posts) == (6, 1)
    assert (then.uncounted, then.total.now.figures.posts) == (0, 2)


async def test_nothing_is_told_of_nothing(runtime: Runtime) -> None:
    found = await told(runtime, by="channel", against="nothing")
    assert (found.lines, found.total.before, found.uncounted) == ([], None, 0)
    assert found.total.now.decision.median is None


@pytest.mark.parametrize(
    ("query", "now", "before"),
    [
        ({"period": "30"}, ("2026-02-01", "2026-03-02"), ("2026-01-02", "2026-01-31")),
        ({"period": "month"}, ("2026-03-01", "2026-03-02"), ("2026-02-01", "2026-02-02")),
        ({"period": "today", "against": "year"}, ("2026-03-02", "2026-03-02"), ("2025-03-02", "2025-03-02")),
        (
            {"period": "own", "first": "2024-02-29", "last": "2024-03-01", "against": "year"},
            ("2024-02-29", "2024-03-01"),
            ("2023-02-28", "2023-03-01"),
        ),
    ],
)
def test_periods(query: dict[str, str], now: tuple[str, str], before: tuple[str, str]) -> None:
    asked = ask(query, DAY)
    assert asked.now == Span(*(date.fromisoformat(day) for day in now))
    assert asked.before == Span(*(date.fromisoformat(day) for day in before))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"period": "8"}, "period"),
        ({"by": "author"}, "by"),
        ({"against": "me"}, "against"),
        ({"period": "own"}, "first"),
        ({"period": "own", "first": "2026-03-02", "last": "x"}, "last"),
        ({"period": "own", "first": "2026-03-02", "last": "2026-03-01"}, "last"),
        ({"period": "own", "first": "1990-03-02", "last": "2026-03-01"}, "first"),
        ({"period": "own", "first": "0001-01-01", "last": "0001-01-02"}, "first"),
    ],
)
def test_what_cannot_be_told_is_said_with_its_field(query: dict[str, str], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        ask(query, DAY)
    assert caught.value.field == field
