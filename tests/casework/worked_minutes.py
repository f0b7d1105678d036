"""A city's working time as a plain list of minutes: nothing of it is taken from the calendar that it is to prove."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class WorkedMinutes:
    """The worked minutes of some weeks, in order, each by when it begins."""

    minutes: tuple[datetime, ...]

    def after(self, start: datetime, number: int) -> datetime:
        """When so many of them are over."""
        return self.minutes[bisect_left(self.minutes, start) + number - 1] + MINUTE

    def before(self, end: datetime, number: int) -> datetime:
        """From when on there are so many of them."""
        return self.minutes[bisect_left(self.minutes, end) - number]

    def between(self, start: datetime, end: datetime) -> int:
        """How many there are."""
        return bisect_left(self.minutes, end) - bisect_left(self.minutes, start)


def worked(
    zone: str, first: date, days: int, hours: tuple[tuple[time, time], ...], off: set[date], on: set[date]
) -> WorkedMinutes:
    """The minutes of weeks from Monday to Friday, but for days `off`, and with days `on`."""
    found = []
    for day in (first + timedelta(days=number) for number in range(days)):
        if day not in on and (day in off or day.weekday() > 4):
            continue
        for opens, closes in hours:
            moment = datetime.combine(day, opens, ZoneInfo(zone)).astimezone(UTC)
            end = datetime.combine(day, closes, ZoneInfo(zone)).astimezone(UTC)
            found += [moment + number * MINUTE for number in range(int((end - moment) / MINUTE))]
    return WorkedMinutes(tuple(found))


# National Day: 1 to 7 October 2026 are off, Saturday the 10th is worked.
CHINA = worked(
    "Asia/Shanghai",
    date(2026, 9, 1),
    300,
    ((time(8, 30), time(12)), (time(13, 30), time(17, 30))),
    {date(2026, 9, 25)} | {date(2026, 10, day) for day in range(1, 8)},
    {date(2026, 9, 20), date(2026, 10, 10)},
)
# The clocks go back on 1 November 2026.
AMERICA = worked(
    "America/New_York",
    date(2026, 10, 13),
    300,
    ((time(0), time(8)), (time(9), time(17))),
    {date(2026, 11, 11), date(2026, 11, 26), date(2026, 12, 25)},
    {date(2026, 11, 1)},
)
