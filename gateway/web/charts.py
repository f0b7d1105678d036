"""Small bar charts, worked out here and drawn as SVG by a template: no library, no script, no inline style."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from store.tallies import Tallies, Tally

WIDTH, HEIGHT, GAP = 600, 96, 0.2


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute or hour: where it stands, how high its good and its bad part are, and the numbers of both."""

    at: datetime
    x: float
    width: float
    good: float
    bad: float
    number: int
    errors: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars over a common height; `most` is what the highest bar counts."""

    bars: Sequence[Bar]
    most: int


def chart(tallies: Tallies, begin: datetime, step: timedelta, number: int, *, incoming: bool) -> Chart:
    """What came in, or what went out with the attempts that failed on top, in `number` steps from a moment on."""
    moments = [begin + index * step for index in range(number)]
    counted = [tallies.get(at, Tally()) for at in moments]
    parts = [(one.received, one.unsigned) if incoming else (one.sent, one.attempts - one.sent) for one in counted]
    most = max((good + bad for good, bad in parts), default=0)
    scale, width = HEIGHT / max(most, 1), WIDTH / number
    bars = []
    for index, (at, (good, bad)) in enumerate(zip(moments, parts, strict=True)):
        x, thick = round(index * width, 2), round(width * (1 - GAP), 2)
        bars.append(Bar(at, x, thick, round(good * scale, 2), round(bad * scale, 2), good, bad))
    return Chart(bars, most)
