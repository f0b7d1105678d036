"""Whether a channel is far too quiet for this hour of this weekday. Pure.

The usual rate is the median of the same hour of the same weekday in the last six weeks (blended from the two hours
that the last sixty minutes lie in), so that one feast or one outage among them changes nothing. The window is as short
as still holds thirty usual messages, from fifteen minutes to an hour. It is an alarm when a tenth of the usual or less
came, and less than half of what came in the quietest of those weeks: Sunday nights are quiet by themselves. Less than
three known weeks, or fewer than twelve usual messages in an hour, tell nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from statistics import median
from zoneinfo import ZoneInfo

from store.tallies import Span, begin

WEEKS = 6
KNOWN_WEEKS = 3
ENOUGH = 12
PLENTY = 30
SHORTEST, LONGEST = 15, 60
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Usual:
    """How many messages usually come in the last so many minutes, and how many in the quietest known week."""

    minutes: int
    expected: float
    quietest: float


def weeks_ago(at: datetime, zone: ZoneInfo) -> list[datetime]:
    """This moment of the city's clock in each of the last weeks, in UTC, the latest first."""
    local = at.astimezone(zone)
    return [(local - timedelta(weeks=back)).astimezone(UTC) for back in range(1, WEEKS + 1)]


def hours_of(moments: Sequence[datetime]) -> list[datetime]:
    """The hours whose counts `usual` needs for these moments."""
    return [begin(Span.HOUR, moment) - back for moment in moments for back in (HOUR, timedelta())]


def usual(moments: Sequence[datetime], counts: Mapping[datetime, int]) -> Usual | None:
    """What is usual by the counts of past hours (those without any are not in them); None when too little is known."""
    rates = []
    for moment in moments:
        hour = begin(Span.HOUR, moment)
        if hour in counts or hour - HOUR in counts:
            share = (moment - hour) / HOUR
            rates.append((1 - share) * counts.get(hour - HOUR, 0) + share * counts.get(hour, 0))
    if len(rates) < KNOWN_WEEKS or (rate := median(rates)) < ENOUGH:
        return None
    minutes = min(LONGEST, max(SHORTEST, ceil(60 * PLENTY / rate)))
    return Usual(minutes, rate * minutes / 60, min(rates) * minutes / 60)


def too_quiet(standard: Usual, came: int) -> bool:
    """Whether so few messages in the window are an alarm."""
    return came <= standard.expected / 10 and came < standard.quietest / 2
