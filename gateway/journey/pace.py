"""How fast people decide: what waits longest, and how long a post of the last day waited for its decision."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median, quantiles

from gateway import clock
from gateway.runtime import Runtime
from store import waiting

WITHIN = timedelta(hours=24)
# Of so many of the newest decisions.
COUNTED = 2000


@dataclass(frozen=True, slots=True)
class Pace:
    """Since when the oldest waits (None: nothing does), and seconds from taking in to decision: half were faster than
    `median`, of twenty nineteen were faster than `p95` (None: nothing was decided lately)."""

    oldest: datetime | None
    median: float | None
    p95: float | None


async def look(runtime: Runtime) -> Pace:
    """The pace of the last day."""
    async with runtime.database.reading() as connection:
        times = await waiting.waited(connection, clock.now() - WITHIN, COUNTED)
        oldest = await waiting.oldest(connection)
    slowest = quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else (times[0] if times else None)
    return Pace(oldest, median(times) if times else None, slowest)
