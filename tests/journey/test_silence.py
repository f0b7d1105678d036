"""Silence against the usual: learned from past weeks, robust against one odd week, and never told from too little."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.journey import silence
from gateway.journey.silence import Usual

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 18, 2, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def usual_of(rates: list[int | None], at: datetime = NOW) -> Usual | None:
    """With so many messages an hour in each of the last weeks, latest first; None: nothing was counted."""
    moments = silence.weeks_ago(at, SHANGHAI)
    counts: dict[datetime, int] = {}
    for moment, rate in zip(moments, rates, strict=False):
        if rate is not None:
            begun = moment.replace(minute=0)
            counts |= {begun: rate, begun - HOUR: rate}
    return silence.usual(moments, counts)


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([60, 60, 60, 60, 60, 60], Usual(30, 30, 30)),
        ([60, 600, 60, 60, 1, 60], Usual(30, 30, 0.5)),
        ([12, 12, 12, None, None, None], Usual(60, 12, 12)),
        ([600, 600, 600, 600, 600, 600], Usual(15, 150, 150)),
        ([60, 60, None, None, None, None], None),
        ([11, 11, 11, 11, 11, 11], None),
        ([], None),
    ],
)
def test_the_usual_is_the_median_of_the_same_hour_and_one_odd_week_changes_nothing(
    rates: list[int | None], expected: Usual | None
) -> None:
    assert usual_of(rates) == expected


def test_the_sixty_minutes_are_blended_from_the_two_hours_they_lie_in() -> None:
    moments = silence.weeks_ago(NOW, SHANGHAI)
    counts: Mapping[datetime, int] = {
        hour: number
        for moment in moments
        for hour, number in ((moment.replace(minute=0), 90), (moment.replace(minute=0) - HOUR, 30))
    }
    found = silence.usual(moments, counts)
    assert found
    assert found.expected * 60 / found.minutes == 60


@pytest.mark.parametrize(("came", "alarm"), [(0, True), (3, True), (4, False), (30, False), (300, False)])
def test_a_tenth_of_the_usual_is_an_alarm(came: int, alarm: bool) -> None:
    assert silence.too_quiet(Usual(30, 30, 20), came) is alarm


def test_what_was_as_quiet_in_another_week_is_no_alarm() -> None:
    assert not silence.too_quiet(Usual(30, 30, 2), 1)
    assert silence.too_quiet(Usual(30, 30, 4), 1)


def test_an_hour_of_the_week_is_the_citys_even_when_its_clock_was_changed() -> None:
    in_summer = datetime(2026, 4, 1, 10, 0, tzinfo=UTC)
    hours = {moment.astimezone(BERLIN).hour for moment in silence.weeks_ago(in_summer, BERLIN)}
    assert hours == {12}
