"""What the figures are called, how they are written, and which of them each chart shows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from babel.numbers import format_decimal, format_percent
from babel.units import format_unit

from gateway.casework.analytics import Measures
from gateway.casework.periods import By
from gateway.web.catalogues import N_
from store.figures import NONE, OTHERS

Number = int | float | None


class Unit(StrEnum):
    """What a figure is."""

    NUMBER = "number"
    SHARE = "share"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Column:
    """One figure: what people call it, its unit, and where it is found."""

    words: str
    unit: Unit
    of: Callable[[Measures], Number]


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


COLUMNS: Mapping[str, Column] = {
    "received": Column(N_("Messages"), Unit.NUMBER, lambda of: of.figures.received),
    "posts": Column(N_("Posts"), Unit.NUMBER, lambda of: of.figures.posts),
    "followups": Column(N_("Follow-ups"), Unit.NUMBER, lambda of: of.figures.followups),
    "published": Column(N_("Published"), Unit.NUMBER, lambda of: of.figures.published),
    "rejected": Column(N_("Rejected"), Unit.NUMBER, lambda of: of.figures.rejected),
    "held": Column(N_("Held for a second look"), Unit.NUMBER, lambda of: of.figures.held),
    "published_share": Column(
        N_("Published, of those decided"), Unit.SHARE, lambda of: _share(of.figures.published, of.figures.decided)
    ),
    "rejected_share": Column(
        N_("Rejected, of those decided"), Unit.SHARE, lambda of: _share(of.figures.rejected, of.figures.decided)
    ),
    "held_share": Column(
        N_("Held, of those that came"),
        Unit.SHARE,
        lambda of: _share(of.figures.held, of.figures.posts + of.figures.followups),
    ),
    "decided_by_people": Column(N_("Decided by people"), Unit.NUMBER, lambda of: of.decision.number),
    "decision_median": Column(N_("Time to decision, median"), Unit.SECONDS, lambda of: of.decision.median),
    "decision_p95": Column(N_("Time to decision, 95th percentile"), Unit.SECONDS, lambda of: of.decision.p95),
    "answered": Column(N_("Answered"), Unit.NUMBER, lambda of: of.figures.answered),
    "answer_median": Column(N_("Time to first answer, median"), Unit.SECONDS, lambda of: of.answer.median),
    "answer_p95": Column(N_("Time to first answer, 95th percentile"), Unit.SECONDS, lambda of: of.answer.p95),
    "sent": Column(N_("Deliveries sent"), Unit.NUMBER, lambda of: of.figures.sent),
    "failed": Column(N_("Deliveries failed"), Unit.NUMBER, lambda of: of.figures.failed),
}


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: its parts are stacked, or the median and the slow end of a time; its table has `columns` more.

    What only channels count is not told along other dimensions.
    """

    title: str
    parts: Sequence[str]
    columns: Sequence[str] = ()
    timed: bool = False
    by_channel_only: bool = False

    @property
    def told(self) -> Sequence[str]:
        """The columns of its table."""
        return (*self.columns, *self.parts) if self.timed else (*self.parts, *self.columns)


CHARTS: Mapping[str, Chart] = {
    "posts": Chart(N_("What was said"), ("posts", "followups")),
    "outcomes": Chart(
        N_("What was decided"),
        ("published", "rejected", "held"),
        ("published_share", "rejected_share", "held_share"),
    ),
    "decision": Chart(N_("Time to decision"), ("decision_median", "decision_p95"), ("decided_by_people",), timed=True),
    "answer": Chart(N_("Time to first answer"), ("answer_median", "answer_p95"), ("answered",), timed=True),
    "messages": Chart(N_("Messages in"), ("received",), by_channel_only=True),
    "deliveries": Chart(N_("Deliveries"), ("sent", "failed"), by_channel_only=True),
}
# What stands on top, for all together.
SUMMARY = (
    "posts",
    "followups",
    "received",
    "published_share",
    "rejected_share",
    "held_share",
    "decision_median",
    "decision_p95",
    "answered",
    "answer_median",
    "answer_p95",
    "sent",
)
PERIODS: Mapping[str, str] = {
    "today": N_("Today"),
    "7": N_("7 days"),
    "30": N_("30 days"),
    "90": N_("90 days"),
    "month": N_("This month"),
    "own": N_("Days of your own"),
}
AGAINST: Mapping[str, str] = {
    "before": N_("the time before"),
    "year": N_("a year ago"),
    "nothing": N_("nothing"),
}
BY: Mapping[str, str] = {
    "time": N_("Time"),
    "channel": N_("Channel"),
    "category": N_("Category"),
    "department": N_("Department"),
    "place": N_("Place"),
    "hour": N_("Hour of the day"),
}
# What stands where there is no name.
NAMELESS: Mapping[str, str] = {NONE: N_("not given"), OTHERS: N_("other places")}
NO_PLACE = N_("not given, or not public")
BEFORE = N_("%(what)s, before")


def charts(by: By) -> Mapping[str, Chart]:
    """The charts that are told along something."""
    whole = by in (By.TIME, By.CHANNEL, By.HOUR)
    return {key: chart for key, chart in CHARTS.items() if whole or not chart.by_channel_only}


def written(number: Number, unit: Unit, language: str) -> str:
    """A figure as people read it; a dash where there is none."""
    if number is None:
        return "–"
    if unit is Unit.SHARE:
        return str(format_percent(number, "#,##0.# %" if language == "en" else "#,##0.#%", locale=language))
    return lasting(number, language) if unit is Unit.SECONDS else str(format_decimal(number, locale=language))


def lasting(seconds: float, language: str) -> str:
    """A time as it is read at a glance: 12 seconds, 3 minutes, 1.5 hours, 2 days."""
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            number = seconds / size
            shown = round(number, 1) if number < 10 else round(number)
            return str(format_unit(shown, f"duration-{unit}", "short", locale=language))
    return str(format_unit(round(seconds), "duration-second", "short", locale=language))


def change(now: Number, before: Number) -> float | None:
    """By what share a figure grew; None where there is nothing to grow from."""
    return None if now is None or not before else now / before - 1
