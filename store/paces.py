"""How long things took, kept as how many took about how long: added up over any days, and a percentile read from it.

Below half a minute each second counts alone; above, each doubling is cut into sixteen, so that a time read back is at
most 3 in 100 off, and a day has at most a few hundred different ones however much came.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, case

ALONE, PARTS = 5, 4
# Two to this many seconds is over a year: what took longer counts as that.
LONGEST = 25
Times = Mapping[int, int]


class Pace(StrEnum):
    """What was waited for."""

    DECISION = "decision"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Speed:
    """How long it took half of them at most, and 95 of 100, in seconds; None when there were none."""

    number: int = 0
    median: int | None = None
    p95: int | None = None


def rounded(seconds: ColumnElement[int]) -> ColumnElement[int]:
    """The times that are counted together, by the shortest of them, in SQL."""
    steps = [(seconds < 1 << power + 1, seconds - seconds % (1 << power - PARTS)) for power in range(ALONE, LONGEST)]
    return case((seconds < 1 << ALONE, seconds), *steps, else_=1 << LONGEST)


def speed(times: Times) -> Speed:
    """What half and 95 of 100 took; `times` is how many took how many (rounded) seconds."""
    number = sum(times.values())
    return Speed(number, _at(times, number, 50), _at(times, number, 95)) if number else Speed()


def _at(times: Times, number: int, percent: int) -> int:
    """The time that at least so many of 100 needed at most (the nearest rank)."""
    rank = -(-number * percent // 100)
    for seconds in sorted(times):
        rank -= times[seconds]
        if rank <= 0:
            break
    return seconds if seconds < 1 << ALONE else seconds + (1 << seconds.bit_length() - 1 - PARTS) // 2
