"""How a department's month is judged, out of 100: counts and the formula in, points out. Pure.

A share of few reports says little. So each department's reports are counted together with `prior` more that went as
in the whole city on average (a beta prior around the city's mean): x of n becomes (x + prior * mean) / (n + prior).
Who has none stands at the average; the more there are, the less the average weighs. What there is nothing to judge by
is left out, and the other parts count so much the more, in proportion: silence is neither praise nor blame.

One more report answered, answered in time, solved, or marked well, one more service or use of it never costs a
department a point.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import floor
from typing import Any

from gateway.sections_assessment import WHOLE, Assessment

# Points are told to this part of one.
TENTHS = 10
BEST_MARK, WORST_MARK = 5, 1


class Part(StrEnum):
    """What is judged; each is a key of `[weights]`."""

    ANSWERED = "answered"
    IN_TIME = "in_time"
    SOLVED = "solved"
    SATISFIED = "satisfied"
    PUBLISHED = "published"
    USED = "used"
    SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a department's month is judged by; each report counts once.

    `reports` that were answered in time, or whose time was up: of these `answered`, and `in_time`. `told` of them have
    an author who said whether it is solved, `solved` is how many are; `marked` have stars, `stars` is their sum (of
    several authors of one report, their mean). `published` services at the end, `used` how often. `supervisor`: points
    given, None before.
    """

    reports: int = 0
    answered: int = 0
    in_time: int = 0
    told: int = 0
    solved: float = 0
    marked: int = 0
    stars: float = 0
    published: int = 0
    used: int = 0
    supervisor: float | None = None

    def share(self, part: Part, formula: Assessment) -> tuple[float, float] | None:
        """How much of how much was reached in a part. None where there is nothing to judge by."""
        goals = formula.services
        match part:
            case Part.ANSWERED:
                found: tuple[float, float] = (self.answered, self.reports)
            case Part.IN_TIME:
                found = (self.in_time, self.reports)
            case Part.SOLVED:
                found = (self.solved, self.told)
            case Part.SATISFIED:
                found = ((self.stars - WORST_MARK * self.marked) / (BEST_MARK - WORST_MARK), self.marked)
            case Part.PUBLISHED:
                found = (min(self.published, goals.published), goals.published if self.published else 0)
            case Part.USED:
                found = (min(self.used, goals.used), goals.used if self.published else 0)
            case Part.SUPERVISOR:
                most = formula.weights.supervisor
                found = (min(self.supervisor or 0, most), 0 if self.supervisor is None else most)
        return found if found[1] else None


# Shares of reports, of which few say little. The others are what they are.
OF_REPORTS = frozenset({Part.ANSWERED, Part.IN_TIME, Part.SOLVED, Part.SATISFIED})
# Parts that only count when anybody in the city has something of them; then who has none has no points for it.
SHARED = frozenset({Part.PUBLISHED, Part.USED})


@dataclass(frozen=True, slots=True)
class Line:
    """One part of a score. `own` is the share that was reached and `city` that of the whole city, `fair` what counts
    (each 0 to 1, None without anything to judge by); `weight` what the formula gives it, `counts` what it is worth
    after others were left out, `points` what it brings, in tenths of a point."""

    part: Part
    own: float | None
    city: float | None
    fair: float | None
    weight: float
    counts: float
    points: float


@dataclass(frozen=True, slots=True)
class Score:
    """A department's month: its lines, which add up to `total`. Who had no report is in no rank."""

    lines: Sequence[Line]
    total: float
    ranked: bool


def together(all_inputs: Iterable[Inputs]) -> Inputs:
    """The whole city's."""
    known = list(all_inputs)
    given = [one.supervisor for one in known if one.supervisor is not None]
    counts: Mapping[str, Any] = {name: sum(getattr(one, name) for one in known) for name in COUNTS}
    return Inputs(**counts, supervisor=sum(given) / len(given) if given else None)


def assess(formula: Assessment, own: Inputs, city: Inputs) -> Score:
    """Judge a department; `city` is all departments together, this one too."""
    shares = {part: _fair(formula, part, own, city) for part in Part}
    weights = {part: float(getattr(formula.weights, part)) for part in Part}
    judged = sum(weights[part] for part, share in shares.items() if share is not None)
    counts = {part: weights[part] * WHOLE / judged if shares[part] is not None and judged else 0.0 for part in Part}
    exact = [counts[part] * (shares[part] or 0.0) for part in Part]
    points = _rounded(exact)
    lines = [
        Line(
            part,
            _ratio(own.share(part, formula)),
            _ratio(city.share(part, formula)),
            shares[part],
            weights[part],
            counts[part],
            points[at],
        )
        for at, part in enumerate(Part)
    ]
    return Score(lines, _tenths(sum(exact)) / TENTHS, own.reports > 0)


def ranks(totals: Sequence[float]) -> Sequence[int]:
    """The rank of each of some totals: who has the same has the same rank, and the next is passed over."""
    return [1 + sum(other > total for other in totals) for total in totals]


COUNTS = ("reports", "answered", "in_time", "told", "solved", "marked", "stars", "published", "used")


def _fair(formula: Assessment, part: Part, own: Inputs, city: Inputs) -> float | None:
    share, all_together = own.share(part, formula), city.share(part, formula)
    if part in SHARED and all_together is not None:
        return _ratio(share) or 0.0
    if part not in OF_REPORTS or all_together is None:
        return _ratio(share)
    reached, of = share or (0.0, 0.0)
    prior = formula.fairness.prior
    if of + prior == 0:
        return None
    return _clamped((reached + prior * all_together[0] / all_together[1]) / (of + prior))


def _ratio(share: tuple[float, float] | None) -> float | None:
    return None if share is None else _clamped(share[0] / share[1])


def _clamped(share: float) -> float:
    return min(max(share, 0.0), 1.0)


def _tenths(points: float) -> int:
    # What sums of floats miss by a hair is no tenth.
    return floor(points * TENTHS + 0.5 + 1e-9)


def _rounded(exact: Sequence[float]) -> Sequence[float]:
    """Points in tenths that add up to the rounded sum: what is missing goes to those that were cut off the most."""
    cut = [floor(points * TENTHS + 1e-9) for points in exact]
    missing = _tenths(sum(exact)) - sum(cut)
    order = sorted(range(len(exact)), key=lambda at: exact[at] * TENTHS - cut[at], reverse=True)
    for at in order[:missing]:
        cut[at] += 1
    return [tenths / TENTHS for tenths in cut]
