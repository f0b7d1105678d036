"""What is late, for the staff: the lists of what nobody took over, accepted or answered in time, the longest first."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway import clock
from gateway.casework.reminders import LEVELS, Clock, clocks
from gateway.runtime import Runtime
from gateway.schema_cases import Due, Level
from store import late, reminders
from store.late import LateCase
from store.reminders import Reminder

# Of each list.
MOST = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One case that is late since `deadline`, and how far it went up (None: nobody was told yet)."""

    late: LateCase
    deadline: datetime
    level: Level | None


@dataclass(frozen=True, slots=True)
class Lists:
    """What is late by what was to be done, the longest late first, of each at most `MOST`."""

    accept: Sequence[Row]
    acknowledge: Sequence[Row]
    answer: Sequence[Row]


async def look(runtime: Runtime, own: Collection[str] | None) -> Lists:
    """All that is late now; of some departments alone when who asks sees only these (`own`)."""
    settings, at = runtime.settings, clock.now()
    calendar, accept = settings.calendar, settings.span("accept")
    async with runtime.database.reading() as connection:
        accepting = await late.not_taken_over(connection, calendar.before(at, accept), own, MOST)
        acknowledging = await late.not_accepted(connection, at, own, MOST)
        answering = await late.not_answered(connection, at, own, MOST)
        everything = {one.case.thread_id for one in (*accepting, *acknowledging, *answering)}
        told = await reminders.gone(connection, list(everything))

    def rows(due: Due, found: Sequence[LateCase]) -> list[Row]:
        made = []
        for one in found:
            running = next((known for known in clocks(settings, one.case) if known.due is due), None)
            if running:
                made.append(Row(one, running.deadline, _level(running, told.get(one.case.thread_id, ()))))
        return made

    return Lists(rows(Due.ACCEPT, accepting), rows(Due.ACKNOWLEDGE, acknowledging), rows(Due.ANSWER, answering))


def _level(running: Clock, told: Sequence[Reminder]) -> Level | None:
    """How far up a deadline went since it is over."""
    reached = [
        one.level
        for one in told
        if (one.due, one.round) == (running.due, running.round) and one.due_at >= running.deadline
    ]
    return max(reached, key=LEVELS.index, default=None)
