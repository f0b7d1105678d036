"""What is due when of a case's deadlines: who is reminded before, and whose matter it is after.

Pure: a case and the settings give the plan. A step belongs to the round of a clock, which is named by when that clock
began or when it runs out: a case that is opened again, given away or passed on once more has its reminders anew, and
one whose clock stood still has not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.casework.deadlines import offset
from gateway.schema_cases import OPEN_PROGRESS, Due, Level, Progress
from gateway.settings import Settings
from store.cases import Case

# From the mildest to the last.
LEVELS = tuple(Level)


@dataclass(frozen=True, slots=True)
class Clock:
    """One deadline of a case that runs: when its round began, by what the round is known, and when it is over."""

    due: Due
    begun_at: datetime
    round: datetime
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody is to be told at a moment: before the deadline, or (`late`) from it on. A round has a `name` once."""

    clock: Clock
    level: Level
    name: str
    at: datetime
    late: bool


def plan(settings: Settings, case: Case) -> list[Step]:
    """All that is to be told of a case as it stands, earliest first, whether it was told already or not."""
    steps = [step for clock in clocks(settings, case) for step in _steps(settings, case, clock)]
    return sorted(steps, key=lambda step: (step.at, LEVELS.index(step.level), step.name))


def clocks(settings: Settings, case: Case) -> Iterator[Clock]:
    """The deadlines of a case that run."""
    if case.progress not in OPEN_PROGRESS or case.stopped_at is not None:
        return
    if case.department and case.acknowledged_at is None and case.acknowledge_by:
        yield Clock(Due.ACKNOWLEDGE, case.begun_at, case.acknowledge_by, case.acknowledge_by)
    yield Clock(Due.ANSWER, case.begun_at, case.begun_at, case.due_at)
    if case.progress is Progress.PASSED_ON and case.handed_at:
        accept_by = settings.calendar.after(case.handed_at, settings.span("accept"))
        yield Clock(Due.ACCEPT, case.handed_at, case.handed_at, accept_by)


def _steps(settings: Settings, case: Case, clock: Clock) -> Iterator[Step]:
    for reminder in settings.deadlines.reminders:
        if reminder.due is not clock.due or case.span not in reminder.spans:
            continue
        if case.department is None and reminder.to is not Level.SUPERVISOR:
            continue  # the dispatcher's queue
        when = offset(reminder.when, settings.calendar)
        at = settings.calendar.offset(clock.deadline, when)
        # A time so short that its reminder would come before its begin has none.
        if at > clock.begun_at:
            yield Step(clock, reminder.to, f"{reminder.to} {reminder.when}"[:64], at, not when.before)
