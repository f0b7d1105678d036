"""What came, from where, and how fast it was decided and answered: a period along one dimension, beside another period.

All is read from the counted days (`daybook`). A period is of whole days of the city, today included.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.casework import daybook
from gateway.casework.periods import Question, Span
from gateway.runtime import Runtime
from store import figures
from store.figures import OTHERS, Dimension, Figures
from store.paces import Pace, Speed, Times, speed

HOURS = [f"{hour:02}" for hour in range(24)]


@dataclass(frozen=True, slots=True)
class Measures:
    """The figures of something, and how fast it was decided by people and answered."""

    figures: Figures = field(default_factory=Figures)
    decision: Speed = field(default_factory=Speed)
    answer: Speed = field(default_factory=Speed)


@dataclass(frozen=True, slots=True)
class Line:
    """One value of the dimension (a day, a month, an hour, a channel...), and the same in the other period.

    Along the time `other` names the day or month that it is compared with.
    """

    value: str
    now: Measures
    before: Measures | None = None
    other: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The answer: all together, and line by line. `uncounted` days of the two periods are still to be counted."""

    question: Question
    total: Line
    lines: list[Line]
    uncounted: int = 0


async def report(runtime: Runtime, question: Question) -> Report:
    """Count what is not counted yet, and read it."""
    await daybook.keep_up(runtime)
    async with runtime.database.reading() as connection:
        now = await _read(connection, question, question.now)
        before = await _read(connection, question, question.before) if question.before else None
        missing = await _uncounted(connection, runtime, question)
    total = Line("", _sum(now), _sum(before) if before is not None else None)
    return Report(question, total, _lines(question, now, before), missing)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is added up of one value before its percentiles are read."""

    figures: Figures = field(default_factory=Figures)
    decision: Times | None = None
    answer: Times | None = None

    def __add__(self, other: "_Parts") -> "_Parts":
        decision, answer = _both(self.decision, other.decision), _both(self.answer, other.answer)
        return _Parts(self.figures + other.figures, decision, answer)

    def measures(self) -> Measures:
        return Measures(self.figures, speed(self.decision or {}), speed(self.answer or {}))


_Read = Mapping[str, _Parts]


async def _read(connection: AsyncConnection, question: Question, span: Span) -> _Read:
    first, last, along = span.first, span.last, question.along
    if along is None:
        found = await figures.by_day(connection, first, last)
        decision, answer = [await figures.times_by_day(connection, first, last, pace) for pace in Pace]
    else:
        found = await figures.by_value(connection, first, last, along)
        decision, answer = [await figures.times_by_value(connection, first, last, along, pace) for pace in Pace]
    return {
        value: _Parts(found.get(value, Figures()), decision.get(value), answer.get(value))
        for value in {*found, *decision, *answer}
    }


def _lines(question: Question, now: _Read, before: _Read | None) -> list[Line]:
    if question.along is None:
        return _timeline(question, now, before)
    if question.along is Dimension.HOUR:
        values = HOURS
    else:
        # The rest of the places comes last, however much it is.
        values = sorted({*now, *(before or {})}, key=lambda value: (value == OTHERS, -_weight(now, value), value))
    return [
        Line(value, _measures(now, value), None if before is None else _measures(before, value)) for value in values
    ]


def _timeline(question: Question, now: _Read, before: _Read | None) -> list[Line]:
    """Days or months in order, each beside the one at the same place of the other period."""
    shown = _stepped(question.now, now, question.monthly)
    others = list(_stepped(question.before, before or {}, question.monthly).items()) if question.before else []
    lines = []
    for at, (name, parts) in enumerate(shown.items()):
        other, was = others[at] if at < len(others) else (None, None)
        lines.append(Line(name, parts.measures(), was.measures() if was else None, other))
    return lines


def _stepped(span: Span, found: _Read, monthly: bool) -> dict[str, _Parts]:
    steps: dict[str, _Parts] = {}
    for back in range(span.days):
        day = (span.first + timedelta(days=back)).isoformat()
        name = day[:7] if monthly else day
        steps[name] = steps.get(name, _Parts()) + found.get(day, _Parts())
    return steps


def _sum(found: _Read) -> Measures:
    return sum(found.values(), _Parts()).measures()


def _measures(found: _Read, value: str) -> Measures:
    return found[value].measures() if value in found else Measures()


def _weight(found: _Read, value: str) -> int:
    known = found.get(value, _Parts()).figures
    return known.posts or known.received


def _both(one: Times | None, other: Times | None) -> Times | None:
    if not one or not other:
        return one or other
    return {seconds: one.get(seconds, 0) + other.get(seconds, 0) for seconds in {*one, *other}}


async def _uncounted(connection: AsyncConnection, runtime: Runtime, question: Question) -> int:
    """Days that something may have happened on and that are not counted yet."""
    begun = await figures.begun(connection)
    if begun is None:
        return 0
    spans = [question.now, *([question.before] if question.before else [])]
    born = begun.astimezone(runtime.settings.city.zone).date()
    today = clock.now().astimezone(runtime.settings.city.zone).date()
    wanted = {span.first + timedelta(days=back) for span in spans for back in range(span.days)}
    known = await figures.counted(connection, min(wanted))
    return sum(born <= day <= today and day.isoformat() not in known for day in wanted)
