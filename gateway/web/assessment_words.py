"""What the parts of a department's score, and the lists behind its numbers, are called."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from gateway.casework import months
from gateway.casework.assessment import Part
from gateway.casework.correcting import JOINED, LEFT_OUT, MARKED, PARTED, POINTS, REOPENED, TAKEN_IN
from gateway.web.catalogues import N_
from store.judging import Which

PARTS: Mapping[Part, str] = {
    Part.ANSWERED: N_("Answered at all"),
    Part.IN_TIME: N_("In time"),
    Part.SOLVED: N_("Solved"),
    Part.SATISFIED: N_("Satisfied"),
    Part.PUBLISHED: N_("Services offered"),
    Part.USED: N_("Services used"),
    Part.SUPERVISOR: N_("Supervisor"),
}
MEANT: Mapping[Part, str] = {
    Part.ANSWERED: N_("Of the reports that count, how many were answered at all."),
    Part.IN_TIME: N_("Of the same reports, how many were answered before their time was up."),
    Part.SOLVED: N_("Of the citizens who said so, for how many it is solved."),
    Part.SATISFIED: N_("The stars citizens gave for the answers: one star counts nothing, five count whole."),
    Part.PUBLISHED: N_("How many convenience services stood there at the end of the month."),
    Part.USED: N_("How often citizens asked for these services."),
    Part.SUPERVISOR: N_("What a supervisor gave, with a reason for all to read."),
}
# The parts as the bars show them: handling messages, convenience services, the supervisor.
GROUPS: Sequence[tuple[str, Sequence[Part]]] = (
    (N_("Handling messages"), (Part.ANSWERED, Part.IN_TIME, Part.SOLVED, Part.SATISFIED)),
    (N_("Convenience services"), (Part.PUBLISHED, Part.USED)),
    (N_("Supervisor"), (Part.SUPERVISOR,)),
)
WHICH: Mapping[Which, str] = {
    Which.ALL: N_("All reports that count"),
    Which.ANSWERED: N_("Answered"),
    Which.IN_TIME: N_("Answered in time"),
    Which.LATE: N_("Answered late"),
    Which.UNANSWERED: N_("Not answered"),
    Which.TOLD: N_("With a citizen’s verdict"),
    Which.SOLVED: N_("Solved, say citizens"),
    Which.UNSOLVED: N_("Not solved, say citizens"),
    Which.MARKED: N_("With stars"),
    Which.LEFT_OUT: N_("Left out"),
}
# Which lists lead on from a part.
BEHIND: Mapping[Part, Sequence[Which]] = {
    Part.ANSWERED: (Which.ANSWERED, Which.UNANSWERED),
    Part.IN_TIME: (Which.IN_TIME, Which.LATE),
    Part.SOLVED: (Which.SOLVED, Which.UNSOLVED),
    Part.SATISFIED: (Which.MARKED,),
}
CAUSES: Mapping[str, str] = {
    POINTS: N_("Supervisor’s points"),
    LEFT_OUT: N_("A report was left out"),
    TAKEN_IN: N_("A report was taken in again"),
    REOPENED: N_("Reopened reports count in a later month"),
    JOINED: N_("A report is judged with another one"),
    PARTED: N_("A report counts by itself again"),
    MARKED: N_("An author changed his verdict"),
}
# Their reason is what happened, by name.
BY_THE_CLOCK = frozenset({JOINED, PARTED, MARKED})
MONTHS: Mapping[str, str] = {"zh": "y年M月", "en": "MMMM y"}
SHORT: Mapping[str, str] = {"zh": "y年M月", "en": "MMM y"}


def month_name(name: str, language: str, *, short: bool = False) -> str:
    """A month as people write it."""
    first: date = months.read(name).first
    return str(format_date(first, (SHORT if short else MONTHS)[language], locale=language))


def points(number: float, language: str) -> str:
    """Points with their tenth: 86.4."""
    return str(format_decimal(number, "0.0", locale=language))


def grown(now: float, before: float | None, language: str) -> str | None:
    """By how many points a total changed, with its sign; None where there was none before."""
    if before is None:
        return None
    changed = round(now - before, 1)
    sign = "+" if changed > 0 else "−" if changed < 0 else "±"
    return f"{sign}{points(abs(changed), language)}"


def happened(cause: str | None, reason: str | None) -> Mapping[str, str]:
    """What the clock found that corrected a score, by name; empty for what a person wrote."""
    if cause not in BY_THE_CLOCK or not reason:
        return {}
    return dict(pair.split("=", 1) for pair in reason.split(" "))


def drawn(language: str) -> dict[str, Any]:
    """What the templates must know to write it all."""
    return {
        "month_name": partial(month_name, language=language),
        "points": partial(points, language=language),
        "grown": partial(grown, language=language),
        "percent": lambda share: str(format_percent(share, "#,##0.# %" if language == "en" else "#,##0.#%", language)),
        "number": lambda value: str(format_decimal(value, "#,##0.##", locale=language)),
        "parts": PARTS,
        "meant": MEANT,
        "groups": GROUPS,
        "whiches": WHICH,
        "leads": BEHIND,
        "causes": CAUSES,
        "happened": happened,
    }


# What may be wrong with points or a correction, as `casework.assessing` says it.
WRONG = (
    N_("this is for supervisors"),
    N_("give points from 0 to what the formula allows"),
    N_("write the reason: it stands beside the score for all to read"),
    N_("this report is not among those of the month"),
    N_("this month is still open: what is corrected there counts by itself"),
    N_("this report stands so already"),
    N_("this month is not counted"),
    N_("this department was not judged in this month"),
    N_("give a month, like 2026-03"),
    N_("no month is counted yet"),
)
