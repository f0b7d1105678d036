"""By when a department must act, counted in the working time of the city.

Pure: a moment, a span and the calendar give a moment. The calendar knows the country's public holidays and the weekends
worked to make up for them (the `holidays` library), the city's own exceptions, and the hours of a working day. Hours
are those of the city's clock, so a day on which the clocks change is as long as it is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import holidays

# A span never reaches further than this: a calendar without a working day in it is a mistake in the settings.
FURTHEST_DAYS = 1500
_SPAN = re.compile(r"(?P<number>[1-9][0-9]{0,3}) (?P<unit>working hours?|working days?|hours?)")
_OFFSET = re.compile(r"(?P<span>.+) (?P<side>before|after)")
AT_THE_DEADLINE = "at the deadline"
_HOURS = re.compile(r"([0-2][0-9]:[0-5][0-9])-([0-2][0-9]:[0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Span:
    """How long a department has: so much time, of the clock or of the working hours only."""

    length: timedelta
    working: bool


@dataclass(frozen=True, slots=True)
class Offset:
    """How far from a deadline something happens, on which side of it; None for the deadline itself."""

    span: Span | None
    before: bool


@dataclass(frozen=True)
class Calendar:
    """When the city works. `hours` are the stretches of a working day, in order and apart; `closed` and `open` are the
    city's own days off and its own working days, over what the country says.

    Raises `ValueError` for a country nobody knows the holidays of, and hours that are none.
    """

    zone: ZoneInfo
    country: str
    hours: tuple[tuple[time, time], ...]
    region: str | None = None
    closed: frozenset[date] = frozenset()
    open: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        edges = [edge for stretch in self.hours for edge in stretch]
        if not edges or edges != sorted(set(edges)):
            raise ValueError("give the stretches of a working day in their order, apart from each other")
        try:
            self._known.is_working_day(date(2026, 1, 1))
        except NotImplementedError:
            raise ValueError(f"the public holidays of {self.country} {self.region or ''} are not known") from None

    def works(self, day: date) -> bool:
        """Whether the city works on a day."""
        if day in self.open or day in self.closed:
            return day in self.open
        return self._known.is_working_day(day)

    @property
    def day(self) -> timedelta:
        """How long a working day is."""
        some = date(2026, 1, 1)
        return sum(
            (datetime.combine(some, to) - datetime.combine(some, since) for since, to in self.hours), timedelta()
        )

    def after(self, start: datetime, span: Span) -> datetime:
        """The moment at which a span that begins at `start` is over, in UTC."""
        if not span.working:
            return start.astimezone(UTC) + span.length
        left = span.length
        for since, until in self._stretches(start):
            if left <= until - since:
                return since + left
            left -= until - since
        raise ValueError("the calendar has no working day for years")

    def before(self, end: datetime, span: Span) -> datetime:
        """The moment from which a span lasts until `end`, the last one there is, in UTC."""
        if not span.working:
            return end.astimezone(UTC) - span.length
        left = span.length
        for since, until in self._stretches_back(end):
            if left <= until - since:
                return until - left
            left -= until - since
        raise ValueError("the calendar has no working day for years")

    def offset(self, deadline: datetime, offset: Offset) -> datetime:
        """The moment that is so far from a deadline."""
        if offset.span is None:
            return deadline
        return self.before(deadline, offset.span) if offset.before else self.after(deadline, offset.span)

    def spent(self, start: datetime, end: datetime, *, working: bool) -> timedelta:
        """How much time of a kind lies between two moments; none when they are in the wrong order."""
        if not working or end <= start:
            return max(end - start, timedelta())
        total = timedelta()
        for since, until in self._stretches(start):
            if since >= end:
                break
            total += min(until, end) - since
        return total

    def _stretches(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The working time from a moment on, in UTC."""
        first = start.astimezone(self.zone).date()
        for day in (first + timedelta(days=number) for number in range(FURTHEST_DAYS)):
            for opens, closes in self._worked(day):
                if closes > start:
                    yield max(opens, start.astimezone(UTC)), closes

    def _stretches_back(self, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The working time up to a moment, the last first, in UTC."""
        last = end.astimezone(self.zone).date()
        for day in (last - timedelta(days=number) for number in range(FURTHEST_DAYS)):
            for opens, closes in reversed(self._worked(day)):
                if opens < end:
                    yield opens, min(closes, end.astimezone(UTC))

    def _worked(self, day: date) -> list[tuple[datetime, datetime]]:
        """The stretches of a day in which the city works, in UTC."""
        if not self.works(day):
            return []
        edges = [tuple(datetime.combine(day, edge, self.zone).astimezone(UTC) for edge in one) for one in self.hours]
        return [(opens, closes) for opens, closes in edges]

    @cached_property
    def _known(self) -> holidays.HolidayBase:
        return _country(self.country, self.region)


def span(text: str, calendar: Calendar) -> Span:
    """Read a span: "24 hours" of the clock, "2 working hours", "7 working days". Raises `ValueError`."""
    found = _SPAN.fullmatch(text)
    if not found:
        raise ValueError('write a time like "24 hours", "2 working hours" or "7 working days"')
    number, unit = int(found["number"]), found["unit"]
    if unit.startswith("working day"):
        return Span(number * calendar.day, True)
    return Span(timedelta(hours=number), unit.startswith("working"))


def offset(text: str, calendar: Calendar) -> Offset:
    """Read how far from a deadline: "1 working day before", "at the deadline", "4 hours after". Raises `ValueError`."""
    if text == AT_THE_DEADLINE:
        return Offset(None, before=False)
    found = _OFFSET.fullmatch(text)
    if not found:
        raise ValueError('write a time like "1 working day before", "at the deadline" or "4 hours after"')
    return Offset(span(found["span"], calendar), before=found["side"] == "before")


def stretch(text: str) -> tuple[time, time]:
    """Read a stretch of a working day: "08:30-12:00". Raises `ValueError`."""
    found = _HOURS.fullmatch(text)
    if not found:
        raise ValueError('write hours like "08:30-12:00"')
    return time.fromisoformat(found[1]), time.fromisoformat(found[2])


@lru_cache(maxsize=4)
def _country(country: str, region: str | None) -> holidays.HolidayBase:
    """The days of a country; the library works a year out when it is first asked for it, and keeps it."""
    return holidays.country_holidays(country, subdiv=region)
