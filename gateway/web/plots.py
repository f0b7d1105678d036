"""Charts of counts and of times, worked out here and drawn as SVG by `templates/console/plots.html`.

No library draws them: leather, with a permissive licence, gives fixed colours and sizes and no titles; what draws in
the browser needs a script. Here positions across are shares of the width and heights are pixels, so that a chart fits a
phone without its letters shrinking; colours are classes, so that they follow the theme and the Content-Security-Policy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log

# Pixels: the drawing, what stands below it, one row of a chart that lies on its side.
HEIGHT, FOOT, ROW, BAR = 150, 24, 40, 12
GAP = 0.28
# The share of the width left of the bars, for what the lines say; how many names fit below on a phone.
LEFT = 12
MOST_NAMES = 4
MOST_ROWS = 20
MINUTE, HOUR, DAY = 60, 3600, 86400
# What the lines of a chart of times say: each is a few times the one before.
TIMES = (1, 10, MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY, 365 * DAY)
LONGEST_NAME = 26


@dataclass(frozen=True, slots=True)
class Item:
    """One bar: its name, its parts in order, the same in the other period, and all of it in words.

    For times the parts are the median and what 95 of 100 needed at most, in seconds; none where nothing was timed.
    """

    name: str
    parts: Sequence[int]
    before: int | None
    said: str


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a bar: which of the parts, where it begins and how far it goes (pixels, or percent of the width)."""

    number: int
    begin: float
    size: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, or two points and what lies between: `at` and `width` are its place across, in percent; in a chart on its
    side `at` is its top, in pixels. `before` is where the mark of the other period stands."""

    at: float
    width: float
    parts: Sequence[Part]
    before: float | None
    said: str
    name: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing: its height, bars, lines (where, and what they say), and names below (where, and which)."""

    height: int
    bars: Sequence[Bar]
    lines: Sequence[tuple[float, int]]
    names: Sequence[tuple[float, str]]


def upright(items: Sequence[Item], *, timed: bool, reaching: int = 0) -> Plot:
    """Bars in their order beside each other, for days and hours; counts on a scale that goes to `reaching` at least."""
    scale, lines = _scale(items, HEIGHT, timed=timed, reaching=reaching)
    width = (100 - LEFT) / max(len(items), 1)
    bars = []
    for number, item in enumerate(items):
        parts = [Part(part.number, HEIGHT - part.begin - part.size, part.size) for part in _parts(item, scale, timed)]
        # A mark for nothing would only thicken the lowest line.
        before = round(HEIGHT - scale(item.before), 2) if item.before else None
        at = round(LEFT + (number + GAP / 2) * width, 3)
        bars.append(Bar(at, round(width * (1 - GAP), 3), parts, before, item.said, item.name))
    step = -(-len(items) // MOST_NAMES)
    names = [
        (round(LEFT + (number + 0.5) * width, 3), item.name) for number, item in enumerate(items) if number % step == 0
    ]
    return Plot(HEIGHT + FOOT, bars, [(round(HEIGHT - at, 2), says) for at, says in lines], names)


def lying(items: Sequence[Item], *, timed: bool) -> Plot:
    """Bars below each other with their names above them, for whatever has names; only the first of very many."""
    shown = items[:MOST_ROWS]
    scale, lines = _scale(shown, 100, timed=timed)
    bars = [
        Bar(
            number * ROW,
            100,
            _parts(item, scale, timed),
            round(scale(item.before), 3) if item.before else None,
            item.said,
            item.name if len(item.name) <= LONGEST_NAME else f"{item.name[: LONGEST_NAME - 1]}…",
        )
        for number, item in enumerate(shown)
    ]
    return Plot(len(shown) * ROW + FOOT, bars, [(round(at, 3), says) for at, says in lines], [])


def round_above(most: int) -> int:
    """The next of 1, 2, 5, 10, 20... that is not below; 2 at least, so that half of it is a number."""
    size = 1
    while True:
        for step in (1, 2, 5):
            if step * size >= max(most, 2):
                return step * size
        size *= 10


def _parts(item: Item, scale: Callable[[int], float], timed: bool) -> Sequence[Part]:
    if timed:
        if not item.parts:
            return []
        median, p95 = (scale(seconds) for seconds in item.parts)
        return [Part(0, round(median, 3), 0), Part(1, round(median, 3), round(p95 - median, 3))]
    parts, below = [], 0
    for number, count in enumerate(item.parts):
        if count:
            parts.append(Part(number, round(scale(below), 3), round(scale(below + count) - scale(below), 3)))
        below += count
    return parts


def _scale(
    items: Sequence[Item], size: int, *, timed: bool, reaching: int = 0
) -> tuple[Callable[[int], float], Sequence[tuple[float, int]]]:
    """Where a number stands on a scale of some size, and the lines to draw with what they say."""
    if timed:
        known = [seconds for item in items for seconds in (*item.parts, item.before) if seconds is not None]
        longest, shortest = max(known, default=0), min(known, default=0)
        top = next((time for time in TIMES[1:] if time >= longest), TIMES[-1])
        bottom = max(time for time in TIMES if time <= max(1, min(shortest, top - 1)))

        def times(seconds: int) -> float:
            return size * log(min(max(seconds, bottom), top) / bottom) / log(top / bottom)

        return times, [(times(time), time) for time in TIMES if bottom <= time <= top]
    most = round_above(max([reaching, *(max(sum(item.parts), item.before or 0) for item in items)]))
    halves = [0, most // 2, most] if most % 2 == 0 else [0, most]
    return (lambda number: size * number / most), [(size * number / most, number) for number in halves]
