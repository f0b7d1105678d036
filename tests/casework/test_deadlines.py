"""Deadlines to the minute: over nights, weekends, holidays, days that make up for them, and changes of the clocks."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.casework.deadlines import Calendar, Span, span, stretch
from gateway.settings import read

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
OFFICE = (stretch("08:30-12:00"), stretch("13:30-17:30"))


def calendar(zone: ZoneInfo = SHANGHAI, country: str = "CN", **values: Any) -> Calendar:
    return Calendar(zone, country, **{"hours": OFFICE, **values})


CHINA = calendar()


@pytest.mark.parametrize(
    ("begin", "text", "end"),
    [
        # Wednesday 2026-11-25 and on: no holiday near.
        ("2026-11-25 09:00", "2 working hours", "2026-11-25 11:00"),
        ("2026-11-25 11:00", "2 working hours", "2026-11-25 14:30"),
        ("2026-11-25 17:00", "2 working hours", "2026-11-26 10:00"),
        ("2026-11-25 06:00", "2 working hours", "2026-11-25 10:30"),
        ("2026-11-25 23:00", "24 hours", "2026-11-26 23:00"),
        ("2026-11-27 17:30", "1 working day", "2026-11-30 17:30"),
        ("2026-11-28 12:00", "1 working day", "2026-11-30 17:30"),
        ("2026-11-25 09:00", "7 working days", "2026-12-04 09:00"),
        # National Day: closed from 1 to 7 October, the Saturday after is worked.
        ("2026-09-30 17:00", "2 working hours", "2026-10-08 10:00"),
        ("2026-10-08 08:30", "3 working days", "2026-10-10 17:30"),
        # Spring Festival of 2026: the Saturday before is worked, then nine days off.
        ("2026-02-13 17:30", "1 working day", "2026-02-14 17:30"),
        ("2026-02-14 16:30", "2 working hours", "2026-02-24 09:30"),
    ],
)
def test_a_span_ends_to_the_minute(begin: str, text: str, end: str) -> None:
    start = datetime.fromisoformat(begin).replace(tzinfo=SHANGHAI)
    assert CHINA.after(start, span(text, CHINA)).astimezone(SHANGHAI).isoformat(" ", "minutes")[:16] == end


@pytest.mark.parametrize(
    ("day", "works"),
    [("2026-10-01", False), ("2026-10-10", True), ("2026-10-11", False), ("2026-11-25", True), ("2026-02-14", True)],
)
def test_holidays_and_days_that_make_up_for_them(day: str, works: bool) -> None:
    assert CHINA.works(date.fromisoformat(day)) is works


def test_the_citys_own_days_come_before_the_countrys() -> None:
    festival, saturday = date(2026, 11, 26), date(2026, 11, 28)
    own = calendar(closed=frozenset({festival}), open=frozenset({saturday}))
    assert not own.works(festival)
    assert own.works(saturday)
    assert own.works(date(2026, 11, 27))


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 7), ("2026-10-25", 9), ("2026-11-25", 8)])
def test_a_night_in_which_the_clocks_change_is_as_long_as_it_is(day: str, hours: int) -> None:
    changes = frozenset({date(2026, 3, 29), date(2026, 10, 25)})
    nights = calendar(BERLIN, "DE", hours=(stretch("00:00-08:00"),), open=changes)
    begin = datetime.fromisoformat(day).replace(tzinfo=BERLIN)
    assert nights.spent(begin, begin + timedelta(hours=12), working=True) == timedelta(hours=hours)
    end = nights.after(begin, span(f"{hours} working hours", nights))
    assert end.astimezone(BERLIN).isoformat()[:16] == f"{day}T08:00"


@given(
    some.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=some.just(UTC)),
    some.integers(1, 60 * 200),
)
def test_what_was_spent_until_the_end_of_a_span_is_the_span(start: datetime, minutes: int) -> None:
    length = timedelta(minutes=minutes)
    assert CHINA.spent(start, CHINA.after(start, Span(length, True)), working=True) == length


@given(
    some.datetimes(datetime(2026, 1, 1), datetime(2026, 11, 1), timezones=some.just(UTC)),
    some.integers(1, 60 * 100),
    some.integers(1, 60 * 100),
)
def test_a_span_may_be_taken_in_two_parts(start: datetime, first: int, second: int) -> None:
    parts = [Span(timedelta(minutes=minutes), True) for minutes in (first, second, first + second)]
    assert CHINA.after(CHINA.after(start, parts[0]), parts[1]) == CHINA.after(start, parts[2])


@pytest.mark.parametrize("text", ["", "7 days", "0 hours", "1.5 hours", "working days", "99999 hours"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write a time like"):
        span(text, CHINA)


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("CALENDAR__COUNTRY", "ZZ", "calendar"),
        ("CALENDAR__HOURS", '["12:00-08:30"]', "calendar"),
        ("CALENDAR__HOURS", '["08:30-12:00", "11:00-13:00"]', "calendar"),
        ("CALENDAR__HOURS", "[]", "calendar"),
        ("CALENDAR__HOURS", '["25:30-26:00"]', "calendar"),
        ("SPANS__HARD", "soon", "spans.hard"),
    ],
)
def test_settings_that_cannot_be_kept_are_named(name: str, value: str, key: str) -> None:
    settings, problems = read({f"EVERYLINE_DEADLINES__{name}": value})
    assert settings is None or problems
    assert [(problem.where, problem.key) for problem in problems] == [("config/deadlines.toml", key)]
