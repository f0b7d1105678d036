"""What came, from where, and how fast it was decided and answered: a period along one dimension, beside another period.

All is read from the counted days (`daybook`). A period is of whole days of the city, today included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway import clock
from gateway.casework import daybook
from gateway.casework.periods import Question, Span
from gateway.runtime import Runtime
from store import figures
from store.figures import OTHERS, Dimension, Figures, Known, Parts
from store.paces import Speed, speed

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
    """The answer: all together, and line by line. `uncounted` days of the two periods are still to be counted; the last
    day was counted at `counted_at`."""

    question: Question
    total: Line
    lines: list[Line]
    uncounted: int = 0
    counted_at: datetime | None = None


async def report(runtime: Runtime, question: Question) -> Report:
    """Count the newest days, if they are due, and read what is counted."""
    await daybook.keep_up(runtime, daybook.WHILE_WAITING)
    spans = [question.now, *([question.before] if question.before else [])]
    async with runtime.database.reading() as connection:
        days = [await figures.read(connection, span.first, span.last) for span in spans]
        found = days
        if question.along:
            found = [await figures.read(connection, span.first, span.last, question.along) for span in spans]
        begun = await figures.begun(connection)
        known = await figures.counted(connection, min(span.first for span in spans))
    now, before = found[0], found[1] if question.before else None
    # Of the days, for not everything is told along each dimension.
    total = Line("", _sum(days[0]), _sum(days[1]) if question.before else None)
    last = known.get(question.now.last.isoformat())
    missing = _uncounted(runtime, spans, begun, known)
    return Report(question, total, _lines(question, now, before), missing, last.at if last else None)


_Read = Mapping[str, Parts]


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
        lines.append(Line(name, _measured(parts), _measured(was) if was else None, other))
    return lines


def _stepped(span: Span, found: _Read, monthly: bool) -> dict[str, Parts]:
    steps: dict[str, Parts] = {}
    for back in range(span.days):
        day = (span.first + timedelta(days=back)).isoformat()
        name = day[:7] if monthly else day
        steps[name] = steps.get(name, Parts()) + found.get(day, Parts())
    return steps


def _sum(found: _Read) -> Measures:
    return _measured(sum(found.values(), Parts()))


def _measures(found: _Read, value: str) -> Measures:
    return _measured(found.get(value, Parts()))


def _measured(parts: Parts) -> Measures:
    return Measures(parts.figures, speed(parts.decision), speed(parts.answer))


def _weight(found: _Read, value: str) -> int:
    known = found.get(value, Parts()).figures
    return known.posts or known.received


def _uncounted(runtime: Runtime, spans: Sequence[Span], begun: datetime | None, known: Mapping[str, Known]) -> int:
    """Days that something may have happened on and that are not counted yet."""
    if begun is None:
        return 0
    zone = runtime.settings.city.zone
    born, today = begun.astimezone(zone).date(), clock.now().astimezone(zone).date()
    wanted = {span.first + timedelta(days=back) for span in spans for back in range(span.days)}
    return sum(born <= day <= today and day.isoformat() not in known for day in wanted)
