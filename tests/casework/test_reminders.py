"""The plan of a case's reminders, to the minute: over National Day and the day that makes up for it, and over nights in
which the clocks change."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.casework import reminders
from gateway.casework.deadlines import Calendar, Span, offset, stretch
from gateway.journey import due
from gateway.schema_cases import Due, Level, Progress
from gateway.settings import Settings, load, read
from store.cases import Case
from tests.conftest import ROOT

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
AMERICAN = {
    "EVERYLINE_TIMEZONE": "America/New_York",
    "EVERYLINE_DEADLINES__CALENDAR__COUNTRY": "US",
    "EVERYLINE_DEADLINES__CALENDAR__HOURS": '["09:00-17:00"]',
}


def city(environ: dict[str, str] | None = None) -> Settings:
    return load({"EVERYLINE_CONFIG": str(ROOT / "config"), **(environ or {})})


CHINA, AMERICA = city(), city(AMERICAN)


def case(settings: Settings, begun: datetime, span: Any = "normal", **values: Any) -> Case:
    """A case that was given to a department at a moment."""
    clock = due.renewed(settings, span, begun)
    known = {"opened_at": begun, "handed_to": None, "handed_at": None, "answered_at": None, "reopened": 0}
    return Case(thread_id="t", **{"department": "roads", "progress": Progress.ASSIGNED, **known, **clock, **values})


def at(zone: ZoneInfo, moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=zone)


def planned(settings: Settings, known: Case, which: Due) -> list[tuple[Level, str]]:
    """Who is told when, by the city's clock."""
    return [
        (step.level, step.at.astimezone(settings.city.zone).isoformat(" ", "minutes")[:16])
        for step in reminders.plan(settings, known)
        if step.clock.due is which
    ]


def test_an_answer_over_national_day_and_the_day_that_makes_up_for_it() -> None:
    # Tuesday 29 September. 1 to 7 October are off, Saturday the 10th is worked.
    known = case(CHINA, at(SHANGHAI, "2026-09-29 10:00"))
    assert planned(CHINA, known, Due.ANSWER) == [
        (Level.OFFICER, "2026-10-13 10:00"),
        (Level.OFFICER, "2026-10-14 10:00"),
        (Level.HEAD, "2026-10-14 12:00"),
        (Level.SUPERVISOR, "2026-10-15 10:00"),
        (Level.PUBLIC, "2026-10-16 10:00"),
    ]


def test_what_is_given_on_the_last_afternoon_before_the_holiday() -> None:
    known = case(CHINA, at(SHANGHAI, "2026-09-30 17:00"))
    # Half an hour of the two is spent; the holiday and its nights count nothing.
    assert planned(CHINA, known, Due.ACKNOWLEDGE) == [
        (Level.OFFICER, "2026-10-08 09:00"),
        (Level.HEAD, "2026-10-08 10:00"),
        (Level.SUPERVISOR, "2026-10-08 15:30"),
    ]


def test_a_saturday_that_is_worked_counts() -> None:
    known = case(CHINA, at(SHANGHAI, "2026-10-09 16:30"))
    assert planned(CHINA, known, Due.ACKNOWLEDGE)[:2] == [
        (Level.OFFICER, "2026-10-10 08:30"),
        (Level.HEAD, "2026-10-10 09:30"),
    ]


def test_what_is_urgent_is_counted_day_and_night_in_the_holiday_too() -> None:
    known = case(CHINA, at(SHANGHAI, "2026-10-01 23:00"), "urgent")
    assert planned(CHINA, known, Due.ANSWER) == [
        (Level.OFFICER, "2026-10-02 19:00"),
        (Level.OFFICER, "2026-10-02 23:00"),
        (Level.HEAD, "2026-10-02 23:00"),
        (Level.SUPERVISOR, "2026-10-03 01:00"),
        (Level.PUBLIC, "2026-10-03 07:00"),
    ]


@pytest.mark.parametrize(
    ("begun", "told"),
    [
        # The clocks go back on 1 November 2026, and forward on 14 March 2027: 24 hours are 24 hours.
        ("2026-10-31 20:00", ["2026-11-01 15:00", "2026-11-01 19:00", "2026-11-01 21:00", "2026-11-02 03:00"]),
        ("2027-03-13 20:00", ["2027-03-14 17:00", "2027-03-14 21:00", "2027-03-14 23:00", "2027-03-15 05:00"]),
        ("2026-11-02 20:00", ["2026-11-03 16:00", "2026-11-03 20:00", "2026-11-03 22:00", "2026-11-04 04:00"]),
    ],
)
def test_hours_of_the_clock_over_a_night_in_which_it_changes(begun: str, told: list[str]) -> None:
    moments = [moment for _, moment in planned(AMERICA, case(AMERICA, at(NEW_YORK, begun), "urgent"), Due.ANSWER)]
    assert sorted(set(moments)) == told


@pytest.mark.parametrize("begun", ["2026-10-29 11:00", "2027-03-11 11:00"])
def test_working_time_keeps_to_the_clock_on_the_wall(begun: str) -> None:
    """Seven working days from a Thursday on are the Monday after the next one, at the same hour of the day."""
    start = at(NEW_YORK, begun)
    monday = (start + timedelta(days=11)).strftime("%Y-%m-%d")
    told = dict(planned(AMERICA, case(AMERICA, start), Due.ANSWER)[1:])
    assert told[Level.OFFICER] == f"{monday} 11:00"
    assert told[Level.HEAD] == f"{monday} 13:00"


def test_what_is_passed_on_has_its_own_deadline_and_keeps_that_of_the_answer() -> None:
    begun, handed = at(SHANGHAI, "2026-09-29 10:00"), at(SHANGHAI, "2026-09-30 15:30")
    known = case(CHINA, begun, progress=Progress.PASSED_ON, handed_to="water", handed_at=handed, acknowledged_at=begun)
    assert planned(CHINA, known, Due.ACCEPT) == [
        (Level.OFFICER, "2026-10-08 09:30"),
        (Level.SUPERVISOR, "2026-10-08 10:30"),
    ]
    assert planned(CHINA, known, Due.ACKNOWLEDGE) == []
    assert planned(CHINA, known, Due.ANSWER)[0] == (Level.OFFICER, "2026-10-13 10:00")


@pytest.mark.parametrize(
    "values",
    [
        {"progress": Progress.ANSWERED},
        {"progress": Progress.CLOSED},
        {"progress": Progress.WAITING, "stopped_at": at(SHANGHAI, "2026-09-29 11:00")},
    ],
)
def test_a_clock_that_does_not_run_reminds_nobody(values: dict[str, Any]) -> None:
    assert reminders.plan(CHINA, case(CHINA, at(SHANGHAI, "2026-09-29 10:00"), **values)) == []


def test_the_dispatchers_queue_is_a_matter_of_the_supervisors_alone() -> None:
    known = case(CHINA, at(SHANGHAI, "2026-09-29 10:00"), department=None, progress=Progress.NEW)
    assert {step.level for step in reminders.plan(CHINA, known)} == {Level.SUPERVISOR}


def test_a_time_too_short_for_its_reminder_has_none() -> None:
    short = city({"EVERYLINE_DEADLINES__SPANS__NORMAL": "1 working day"})
    known = case(short, at(SHANGHAI, "2026-09-29 10:00"))
    assert planned(short, known, Due.ANSWER)[0] == (Level.OFFICER, "2026-09-30 10:00")


@pytest.mark.parametrize(
    ("text", "deadline", "moment"),
    [
        ("1 working hour before", "2026-10-08 08:30", "2026-09-30 16:30"),
        ("1 working hour before", "2026-10-08 14:00", "2026-10-08 11:30"),
        ("2 working days before", "2026-10-12 10:00", "2026-10-09 10:00"),
        ("3 hours before", "2026-10-01 01:00", "2026-09-30 22:00"),
        ("at the deadline", "2026-10-12 10:00", "2026-10-12 10:00"),
        ("1 working hour after", "2026-09-30 17:30", "2026-10-08 09:30"),
    ],
)
def test_how_far_from_a_deadline(text: str, deadline: str, moment: str) -> None:
    found = CHINA.calendar.offset(at(SHANGHAI, deadline), offset(text, CHINA.calendar))
    assert found == at(SHANGHAI, moment)


@given(
    some.datetimes(datetime(2026, 2, 1), datetime(2026, 12, 1), timezones=some.just(UTC)), some.integers(1, 60 * 100)
)
def test_counting_back_is_the_way_there(end: datetime, minutes: int) -> None:
    calendar, span = CHINA.calendar, Span(timedelta(minutes=minutes), True)
    begin = calendar.before(end, span)
    assert calendar.spent(begin, end, working=True) == span.length
    assert calendar.after(begin, span) <= end
    assert calendar.spent(begin + timedelta(seconds=1), end, working=True) < span.length


def test_a_calendar_without_a_working_day_counts_back_to_nothing() -> None:
    calendar = Calendar(SHANGHAI, "CN", hours=(stretch("09:00-10:00"),))
    with pytest.raises(ValueError, match="no working day"):
        calendar.before(datetime(2026, 10, 1, tzinfo=UTC), Span(timedelta(days=9999), True))


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ('[{due = "answer", to = "head", when = "soon"}]', "reminders.0.when"),
        ('[{due = "answer", to = "head", when = "0 hours after"}]', "reminders.0.when"),
        ('[{due = "answer", to = "public", when = "4 hours before"}]', "reminders.0.to"),
        ('[{due = "accept", to = "public", when = "at the deadline"}]', "reminders.0.to"),
        ('[{due = "answer", to = "mayor", when = "at the deadline"}]', "reminders.0.to"),
    ],
)
def test_reminders_that_cannot_be_kept_are_named(values: str, key: str) -> None:
    settings, problems = read({"EVERYLINE_CONFIG": str(ROOT / "config"), "EVERYLINE_DEADLINES__REMINDERS": values})
    assert settings is None or problems
    assert [(problem.where.endswith("deadlines.toml"), problem.key) for problem in problems] == [(True, key)]
