"""What somebody wants to see of the city's figures: which days, along what, beside which other days. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar

from gateway.errors import BadInput
from store.figures import Dimension

T = TypeVar("T", bound=StrEnum)
LONGEST_DAYS = 1100
# More bars than this are told by the month.
MOST_BARS = 92


class Period(StrEnum):
    """What is looked at: a number of days that ends today, this month so far, or days of one's own."""

    TODAY = "today"
    WEEK = "7"
    MONTH = "30"
    QUARTER = "90"
    THIS_MONTH = "month"
    OWN = "own"


class Against(StrEnum):
    """What it is compared with: nothing, the days before, the same days a year ago."""

    NOTHING = "nothing"
    BEFORE = "before"
    YEAR = "year"


class By(StrEnum):
    """Along what it is told."""

    TIME = "time"
    CHANNEL = "channel"
    CATEGORY = "category"
    DEPARTMENT = "department"
    PLACE = "place"
    HOUR = "hour"


DAYS: Mapping[Period, int] = {Period.TODAY: 1, Period.WEEK: 7, Period.MONTH: 30, Period.QUARTER: 90}


@dataclass(frozen=True, slots=True)
class Span:
    """Days of the city, the first and the last of them included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many they are."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to see."""

    period: Period
    against: Against
    by: By
    now: Span
    before: Span | None

    @property
    def along(self) -> Dimension | None:
        """The dimension, None for days and months. One day along the time is told by its hours."""
        if self.by is By.TIME:
            return Dimension.HOUR if self.now.days == 1 else None
        return Dimension(self.by)

    @property
    def monthly(self) -> bool:
        """Whether the time is told by months, not by days."""
        return self.by is By.TIME and self.now.days > MOST_BARS


def ask(query: Mapping[str, str], today: date) -> Question:
    """Read `period`, `against`, `by`, and for days of one's own `first` and `last` (ISO). Raises `BadInput`."""
    period = _one_of(Period, query.get("period") or Period.WEEK, "period")
    against = _one_of(Against, query.get("against") or Against.BEFORE, "against")
    by = _one_of(By, query.get("by") or By.TIME, "by")
    now = _span(period, query, today)
    return Question(period, against, by, now, _other(period, against, now))


def _span(period: Period, query: Mapping[str, str], today: date) -> Span:
    if period in DAYS:
        return Span(today - timedelta(days=DAYS[period] - 1), today)
    if period is Period.THIS_MONTH:
        return Span(today.replace(day=1), today)
    first, last = _day(query, "first"), _day(query, "last")
    if last < first:
        raise BadInput("the last day is before the first", "last")
    if (last - first).days >= LONGEST_DAYS:
        raise BadInput("at most three years at once", "first")
    return Span(first, last)


def _other(period: Period, against: Against, now: Span) -> Span | None:
    if against is Against.NOTHING:
        return None
    if against is Against.YEAR:
        return _shifted(now, lambda day: _in_year(day, day.year - 1))
    if period is Period.THIS_MONTH:
        # As many days of the month before, where it has them.
        end = now.first - timedelta(days=1)
        return Span(end.replace(day=1), min(end, end.replace(day=1) + timedelta(days=now.days - 1)))
    return _shifted(now, lambda day: day - timedelta(days=now.days))


def _shifted(span: Span, shift: Callable[[date], date]) -> Span:
    try:
        return Span(shift(span.first), shift(span.last))
    except (ValueError, OverflowError):
        raise BadInput("there is nothing before that", "first") from None


def _in_year(day: date, year: int) -> date:
    """The same day of another year; the last of February where there is no 29th."""
    return day.replace(year=year, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=year)


def _day(query: Mapping[str, str], name: str) -> date:
    try:
        return date.fromisoformat(query.get(name, ""))
    except ValueError:
        raise BadInput("give a day", name) from None


def _one_of(kind: type[T], value: str, name: str) -> T:
    try:
        return kind(value)
    except ValueError:
        raise BadInput(f"one of {', '.join(kind)}", name) from None
