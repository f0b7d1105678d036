"""A correction of a frozen month: a score of its own after the others, with its cause, made anew from what is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from gateway import clock
from gateway.casework.assessment import Inputs, Score, assess
from gateway.errors import NotFound
from gateway.sections_assessment import Assessment
from store import judging, scores
from store.database import Transaction
from store.scores import Kept, Points

# Why a score was corrected; `reopened`, `left_out` and `joined` are also why a report counts no more.
POINTS, LEFT_OUT, TAKEN_IN, REOPENED = "points", "left_out", "taken_in", "reopened"
JOINED, PARTED, MARKED = "joined", "parted", "marked"
# Who corrects by the clock.
CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Correction:
    """Why a score is corrected, and by whom; a report's cause names its thread. The `reason` is a person's words, or
    what happened as `name=value` pairs when the clock corrects."""

    cause: str
    actor: str
    reason: str | None = None
    thread_id: str | None = None


async def correct(transaction: Transaction, month: scores.Month, department: str, why: Correction) -> None:
    """Judge a department anew by what is kept of a frozen month; the city's averages stay as they were frozen.

    Raises `NotFound` for a department that was not judged in it.
    """
    connection, name = transaction.connection, month.month
    known = await scores.of_months(connection, name, name, department)
    if not known:
        raise NotFound("this department was not judged in this month")
    counted = (await judging.counts(connection, judging.kept(name, [department]))).get(department, judging.Counts())
    given = in_force(await scores.points(connection, name)).get(department)
    own = Inputs(**{**known[-1].inputs, **asdict(counted), "supervisor": points_of(given)})
    score = assess(Assessment.model_validate(month.formula), own, Inputs(**month.city))
    at, number = clock.now(), known[-1].number + 1
    await scores.correct(transaction, kept(name, department, number, own, score, at, why))


def in_force(given: Sequence[Points]) -> Mapping[str, Points]:
    """The last points of each department."""
    return {one.department: one for one in given}


def points_of(given: Points | None) -> float | None:
    """How many they are, None before any were given."""
    return given.points if given else None


def kept(
    month: str, department: str, number: int, own: Inputs, score: Score, at: datetime, why: Correction | None = None
) -> Kept:
    """A score as it is kept."""
    lines = [asdict(line) for line in score.lines]
    because = asdict(why) if why else {}
    return Kept(month, department, number, asdict(own), lines, score.total, at, **because)
