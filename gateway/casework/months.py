"""Months by the city's clock: from its midnight of the first to that of the next first. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.errors import BadInput

_NAME = re.compile(r"(?P<year>2[0-9]{3})-(?P<month>0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """One month; `str` gives its name, 2026-03."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year}-{self.number:02}"

    def __add__(self, months: int) -> "Month":
        passed = self.year * 12 + self.number - 1 + months
        return Month(passed // 12, passed % 12 + 1)

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    @property
    def last(self) -> date:
        """Its last day."""
        return (self + 1).first - timedelta(days=1)

    def begin(self, zone: ZoneInfo) -> datetime:
        """Its first moment."""
        return _midnight(self.first, zone)

    def end(self, zone: ZoneInfo) -> datetime:
        """The first moment after it."""
        return (self + 1).begin(zone)

    def settled(self, zone: ZoneInfo, days: int) -> datetime:
        """The midnight so many days of the city after its end."""
        return _midnight((self + 1).first + timedelta(days=days), zone)


def of(moment: datetime, zone: ZoneInfo) -> Month:
    """The month a moment lies in."""
    day = moment.astimezone(zone)
    return Month(day.year, day.month)


def read(name: str) -> Month:
    """A month by its name. Raises `BadInput`."""
    fits = _NAME.fullmatch(name)
    if fits is None:
        raise BadInput("give a month, like 2026-03", "month")
    return Month(int(fits["year"]), int(fits["month"]))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
