"""Keeps the city's days counted, so that a year of figures is read at once (`analytics`).

A day that runs is counted again when somebody looks and the last count is some seconds old. A day that is over is
counted once more, and each of the next days again for a week: what was said then may have been routed or withdrawn
since. After that it stands.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway import clock
from gateway.runtime import Runtime
from store import counting, figures
from store.counting import HOUR, Day
from store.figures import Known

FRESH, AGAIN, SETTLES = timedelta(seconds=10), timedelta(days=1), timedelta(days=7)
# The more was said today, the longer counting it takes (60 to 100 µs a post): it is done the less often.
FRESH_FOR_EACH = timedelta(milliseconds=5)
# Today and yesterday: who waits for a page does not wait for what the clock will count anyway.
WHILE_WAITING = 2


async def keep_up(runtime: Runtime, most: int | None = None) -> None:
    """Count the days that are due, or so many of them, the newest first."""
    zone, at = runtime.settings.city.zone, clock.now()
    async with runtime.database.reading() as connection:
        begun = await figures.begun(connection)
        first = min(begun or at, at).astimezone(zone).date()
        known = await figures.counted(connection, first)
    channels = sorted({plan.name for plan in runtime.plans} | set(runtime.channels))
    for day in due(first, known, zone, at)[:most]:
        await _count(runtime, day, channels)


def due(first: date, known: Mapping[str, Known], zone: ZoneInfo, at: datetime) -> Sequence[Day]:
    """The days to be counted now, the newest first; `known` are those that were counted."""
    today = at.astimezone(zone).date()
    days = [today - timedelta(days=back) for back in range((today - first).days + 1)]
    return [day for day in (day_of(one, zone) for one in days) if _is_due(day, known.get(day.date.isoformat()), at)]


def day_of(day: date, zone: ZoneInfo) -> Day:
    """A day from the city's midnight to the next: 23 or 25 hours where clocks change."""
    begin, end = (datetime.combine(one, time(), zone).astimezone(UTC) for one in (day, day + timedelta(days=1)))
    number = -(-(end - begin) // HOUR)
    return Day(day, begin, end, [f"{(begin + passed * HOUR).astimezone(zone):%H}" for passed in range(number)])


def _is_due(day: Day, known: Known | None, at: datetime) -> bool:
    if known is None:
        return True
    if at < day.end:
        return at - known.at >= FRESH + known.said * FRESH_FOR_EACH
    return known.at < day.end or (known.at < day.end + SETTLES and at - known.at >= AGAIN)


async def _count(runtime: Runtime, day: Day, channels: Sequence[str]) -> None:
    at = clock.now()
    async with runtime.database.reading() as connection:
        found = await counting.count(connection, day, channels)
    await runtime.database.write(lambda transaction: figures.keep(transaction, day.date, found, at))
