"""The city's days are counted when they are due, and no more often."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway import clock
from gateway.casework import daybook
from gateway.casework.daybook import AGAIN, FRESH, day_of, due
from gateway.runtime import Runtime
from store import figures
from store.figures import Dimension, Known
from store.tables_posts import posts
from tests.store.test_counting import DAY, NOON, post, put

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = DAY
END = datetime(2026, 3, 2, 16, tzinfo=UTC)


def days(known: dict[str, Known], first: date = TODAY, at: datetime = NOON) -> list[str]:
    return [day.date.isoformat() for day in due(first, known, SHANGHAI, at)]


def test_what_was_never_counted_is_due_the_newest_first() -> None:
    assert days({}, TODAY - timedelta(days=2)) == ["2026-03-02", "2026-03-01", "2026-02-28"]


@pytest.mark.parametrize(
    ("counted_at", "at", "is_due"),
    [
        (NOON, NOON + FRESH / 2, False),
        (NOON, NOON + FRESH, True),
        (END - timedelta(seconds=1), END, True),
        (END, END + AGAIN / 2, False),
        (END, END + AGAIN, True),
        (END + 7 * AGAIN, END + 9 * AGAIN, False),
    ],
    ids=["fresh", "runs", "over", "counted when over", "a day later", "settled"],
)
def test_a_day_is_counted_as_it_runs_when_it_is_over_and_for_a_week(
    counted_at: datetime, at: datetime, is_due: bool
) -> None:
    assert ("2026-03-02" in days({"2026-03-02": Known(counted_at, 0)}, at=at)) is is_due


def test_the_more_was_said_today_the_less_often_it_is_counted() -> None:
    known = {"2026-03-02": Known(NOON, 8000)}
    assert days(known, at=NOON + timedelta(seconds=49)) == []
    assert days(known, at=NOON + timedelta(seconds=50)) == ["2026-03-02"]


def test_a_day_lasts_as_long_as_the_citys_clocks_say() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert [len(day_of(day, berlin).hours) for day in (date(2026, 3, 29), date(2026, 3, 30), date(2026, 10, 25))] == [
        23,
        24,
        25,
    ]


async def test_counting_catches_up(runtime: Runtime) -> None:
    old = NOON - timedelta(days=3)
    await put(runtime.database, (posts, [post("a", old), post("b", NOON)]))
    clock.replace(now=lambda: NOON)
    try:
        await daybook.keep_up(runtime)
    finally:
        clock.replace()
    async with runtime.database.reading() as connection:
        known = await figures.read(connection, DAY - timedelta(days=9), DAY)
        assert {day: one.figures.posts for day, one in known.items()} == {
            "2026-02-27": 1,
            "2026-02-28": 0,
            "2026-03-01": 0,
            "2026-03-02": 1,
        }
        assert (await figures.read(connection, DAY, DAY, Dimension.HOUR))["12"].figures.posts == 1
