"""The departments side by side: a month's scores with ranks, what changed since the month before, and the way there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor

from gateway.casework import assessing, correcting, months
from gateway.casework.assessment import ranks
from gateway.casework.months import Month
from gateway.errors import NotFound
from gateway.runtime import Runtime
from store import judging, offered, scores
from store.judging import Page, Which
from store.offered import Offered
from store.scores import Kept, Points

TREND, TEN = 12, 10


@dataclass(frozen=True, slots=True)
class Place:
    """A department in a month: its `score` as it is now, all it ever was (`history`, with its corrections), its rank
    (None without reports), the total of the month before, and its totals of the last months by their names."""

    department: str
    score: Kept
    history: Sequence[Kept]
    rank: int | None
    before: float | None
    trend: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class League:
    """A month's places, the best first. `known` are the names of all months that are counted, `shown` those of the
    trend; `points` are those in force."""

    month: Month
    counted: scores.Month
    places: Sequence[Place]
    known: Sequence[str]
    shown: Sequence[str]
    points: Mapping[str, Points]

    @property
    def reach(self) -> tuple[int, int]:
        """Between which tens all totals of the trend lie."""
        totals = [total for place in self.places for total in place.trend.values()] or [0.0]
        low = floor(min(totals) / TEN) * TEN
        return low, max(ceil(max(totals) / TEN) * TEN, low + TEN)

    def place(self, department: str) -> Place:
        """A department's. Raises `NotFound`."""
        for one in self.places:
            if one.department == department:
                return one
        raise NotFound("this department was not judged in this month")


async def read(runtime: Runtime, month: Month | None) -> League | None:
    """A month's league table, by default that of the newest month with anything to judge by; None before the first
    month is counted. Raises `NotFound` for a month that is not counted."""
    async with runtime.database.reading() as connection:
        known = await scores.months(connection)
        if not known and month is None:
            return None
        chosen = month or _newest(known)
        if str(chosen) not in known:
            raise NotFound("this month is not counted")
        first = chosen + (1 - TREND)
        kept = await scores.of_months(connection, str(first), str(chosen))
        given = correcting.in_force(await scores.points(connection, str(chosen)))
    shown = _shown(known, str(first), str(chosen))
    return League(chosen, known[str(chosen)], _places(kept, chosen), list(known), shown, given)


async def judged(runtime: Runtime, department: str) -> bool:
    """Whether a department has a place in the league that is shown first."""
    async with runtime.database.reading() as connection:
        known = await scores.months(connection)
        month = str(_newest(known)) if known else None
        return month is not None and bool(await scores.of_months(connection, month, month, department))


async def behind(
    runtime: Runtime, counted: scores.Month, department: str, which: Which, cursor: str | None, limit: int
) -> Page:
    """The reports behind a department's number in a month. Raises `BadInput` for a cursor that is not ours."""
    async with runtime.database.reading() as connection:
        if counted.frozen_at:
            known = judging.kept(counted.month, [department])
        else:
            asked = assessing.asked_of(runtime, months.read(counted.month), counted.counted_at)
            known = judging.live(asked, [department])
        return await judging.page(connection, known, which, cursor=cursor, limit=limit)


async def services(runtime: Runtime, found: League, department: str) -> Sequence[Offered]:
    """The services behind a department's numbers in a month."""
    month = found.month
    at = assessing.stood_at(runtime, month, found.counted.counted_at)
    async with runtime.database.reading() as connection:
        return await offered.of_department(connection, department, month.first, month.last, at)


def _newest(known: Mapping[str, scores.Month]) -> Month:
    judged = [name for name, month in known.items() if month.city.get("reports")]
    return months.read((judged or list(known))[-1])


def _shown(known: Mapping[str, scores.Month], first: str, last: str) -> list[str]:
    """The months of the trend: from the first of them in which anything was judged."""
    names = [name for name in known if first <= name <= last]
    judged = [name for name in names if known[name].city.get("reports")]
    return [name for name in names if name >= (judged or [last])[0]]


def _places(kept: Sequence[Kept], month: Month) -> list[Place]:
    latest = {(one.month, one.department): one for one in kept}
    now = [one for (name, _), one in latest.items() if name == str(month)]
    judged = [one.total for one in now if one.inputs["reports"]]
    order = dict(zip(judged, ranks(judged), strict=True))
    places = [
        Place(
            one.department,
            one,
            [other for other in kept if (other.month, other.department) == (one.month, one.department)],
            order[one.total] if one.inputs["reports"] else None,
            _total(latest.get((str(month + -1), one.department))),
            {
                name: other.total
                for (name, department), other in latest.items()
                if department == one.department and other.inputs["reports"]
            },
        )
        for one in now
    ]
    return sorted(places, key=lambda place: (place.rank is None, -place.score.total, place.department))


def _total(kept: Kept | None) -> float | None:
    return kept.total if kept and kept.inputs["reports"] else None
