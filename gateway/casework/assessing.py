"""Keeps the departments' scores: counts the open months by the clock, freezes them when they are over, corrects them.

A month stays open for some days after its last (`settle_days`), so that citizens can mark the last answers and
supervisors give their points. Then it is frozen as it stood at that moment, to the minute, however late the job runs:
what was answered or marked afterwards is not in it. From then on it changes by corrections only, each a score of its
own with its cause: a supervisor's points, a report left out, one that was reopened and counts in a later month, or (see
`rejudging`) one that was joined, separated or marked anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby

from gateway import clock
from gateway.casework import cases, handling, months, rejudging
from gateway.casework.assessment import Inputs, assess, together
from gateway.casework.correcting import (
    CLOCK,
    LEFT_OUT,
    POINTS,
    REOPENED,
    TAKEN_IN,
    Correction,
    correct,
    in_force,
    kept,
    points_of,
)
from gateway.casework.months import Month
from gateway.errors import BadInput, Conflict, NotAllowed, NotFound
from gateway.journey import folding
from gateway.runtime import Runtime
from store import audit, changes, figures, judging, offered, scores
from store.accounts import Account
from store.database import Transaction
from store.judging import Asked
from store.scores import Kept, Points

FRESH = timedelta(seconds=20)
# The more there is to count, the longer it takes: it is done the less often.
FRESH_FOR_EACH = timedelta(milliseconds=2)
LONGEST_REASON, SHORTEST_REASON = 1000, 4


@dataclass(frozen=True, slots=True)
class Found:
    """What a month comes to: the departments that are judged, and of each its reports and its services."""

    departments: Sequence[str]
    counts: Mapping[str, judging.Counts]
    offers: Mapping[str, offered.Offer]

    def inputs(self, department: str, given: Points | None) -> Inputs:
        """What a department is judged by."""
        reports = asdict(self.counts.get(department, judging.Counts()))
        services = asdict(self.offers.get(department, offered.Offer()))
        return Inputs(**reports, **services, supervisor=points_of(given))


async def keep_up(runtime: Runtime) -> None:
    """Count the months that are open when their count is old, and freeze those whose time is over, in order."""
    at = clock.now()
    async with runtime.database.reading() as connection:
        begun = await figures.begun(connection)
        known = await scores.months(connection)
    for month in due(runtime, begun, known, at):
        await count(runtime, month, at)
    # After what is over was frozen: what happened meanwhile corrects it.
    await rejudging.keep_up(runtime, at)


def due(runtime: Runtime, begun: datetime | None, known: Mapping[str, scores.Month], at: datetime) -> Sequence[Month]:
    """The months to be counted now, the oldest first; `begun` is when the first post came."""
    zone = runtime.settings.city.zone
    if begun is None:
        return []
    month, found = months.of(min(begun, at), zone), []
    while month <= months.of(at, zone):
        if _is_due(runtime, month, known.get(str(month)), at):
            found.append(month)
        month += 1
    return found


async def count(runtime: Runtime, month: Month, at: datetime) -> None:
    """Count a month as of a moment and judge by it; freeze it when its time is over."""
    until = month.settled(runtime.settings.city.zone, runtime.settings.assessment.months.settle_days)
    over, asked = at >= until, asked_of(runtime, month, min(at, until))
    async with runtime.database.reading() as connection:
        departments = _departments(runtime, await scores.of_months(connection, asked.month, asked.month))
        offers = await offered.by_department(connection, month.first, month.last, stood_at(runtime, month, at))
        # What is frozen is counted from what is kept of it.
        counted = {} if over else await judging.counts(connection, judging.live(asked, departments))

    async def work(transaction: Transaction) -> None:
        nonlocal counted
        held = await scores.hold(transaction, asked.month)
        if held and held.frozen_at:
            return
        if over:
            await judging.freeze(transaction, asked, departments)
            counted = await judging.counts(transaction.connection, judging.kept(asked.month, departments))
        await _judge(runtime, transaction, asked, Found(departments, counted, offers), over=over)
        if over:
            await _move_reopened(transaction, asked.month)
            await audit.note(transaction, "assessment", "month frozen", asked.month)

    await runtime.database.write(work)


async def give(
    runtime: Runtime, month: Month, department: str, points: float | None, reason: str, account: Account
) -> None:
    """Give a department a supervisor's points for a month, or take them back (None), with a reason all may read.

    Raises `NotAllowed`, `BadInput`, and `NotFound` for a month that is not counted.
    """
    words = _check(runtime, reason, account)
    cases.check_department(runtime, department)
    most = runtime.settings.assessment.weights.supervisor
    if points is not None and not 0 <= points <= most:
        raise BadInput("give points from 0 to what the formula allows", "points")
    given = Points(department, None if points is None else round(points, 1), words, account.name, clock.now())

    async def work(transaction: Transaction) -> bool:
        held = await _hold(transaction, month)
        await scores.give(transaction, str(month), given)
        await audit.note(transaction, account.name, "points given", f"{month} {department}")
        if held.frozen_at:
            await correct(transaction, held, department, Correction(POINTS, account.name, words))
        return held.frozen_at is None

    if await runtime.database.write(work):
        await count(runtime, month, clock.now())


async def set_out(runtime: Runtime, month: Month, ticket: str, out: bool, reason: str, account: Account) -> None:
    """Leave a report out of a frozen month's score, or take it in again, with a reason all may read.

    Raises `NotAllowed`, `BadInput`, `NotFound` for a report that the month was not judged by, and `Conflict` for a
    month that is still open, or a report that stands so already.
    """
    words = _check(runtime, reason, account)

    async def work(transaction: Transaction) -> None:
        held = await _hold(transaction, month)
        if held.frozen_at is None:
            raise Conflict("this month is still open: what is corrected there counts by itself")
        thread_id = (await changes.load(transaction.connection, ticket)).thread_id
        found = await scores.find_scored(transaction, str(month), thread_id)
        if found is None:
            raise NotFound("this report is not among those of the month")
        department, known = found
        if known != (None if out else LEFT_OUT):
            raise Conflict("this report stands so already")
        await scores.set_out(transaction, str(month), [thread_id], LEFT_OUT if out else None)
        cause = LEFT_OUT if out else TAKEN_IN
        await correct(transaction, held, department, Correction(cause, account.name, words, thread_id))
        await audit.note(transaction, account.name, f"assessment: {cause}", thread_id)

    await runtime.database.write(work)


def asked_of(runtime: Runtime, month: Month, at: datetime) -> Asked:
    """What is asked of the store for a month as of a moment."""
    zone = runtime.settings.city.zone
    return Asked(str(month), month.begin(zone), month.end(zone), at)


def stood_at(runtime: Runtime, month: Month, at: datetime) -> datetime:
    """The moment for which a month's services are counted: its end, or now when it still runs."""
    return min(at, month.end(runtime.settings.city.zone))


def _check(runtime: Runtime, reason: str, account: Account) -> str:
    if not handling.supervises(account):
        raise NotAllowed("this is for supervisors")
    words = folding.clean(reason, runtime.settings.intake.text_limit)
    if len(words) < SHORTEST_REASON:
        raise BadInput("write the reason: it stands beside the score for all to read", "reason")
    if len(words) > LONGEST_REASON:
        raise BadInput("this is too long", "reason")
    return words


async def _hold(transaction: Transaction, month: Month) -> scores.Month:
    held = await scores.hold(transaction, str(month))
    if held is None:
        raise NotFound("this month is not counted")
    return held


def _is_due(runtime: Runtime, month: Month, known: scores.Month | None, at: datetime) -> bool:
    if known is None:
        return True
    if known.frozen_at:
        return False
    settle_days = runtime.settings.assessment.months.settle_days
    fresh = FRESH + FRESH_FOR_EACH * int(known.city.get("reports", 0))
    return at >= month.settled(runtime.settings.city.zone, settle_days) or at - known.counted_at >= fresh


def _departments(runtime: Runtime, counted: Sequence[Kept]) -> Sequence[str]:
    """Whom a month judges: the city's departments, and who was one when it was counted before."""
    present = (department.slug for department in runtime.settings.departments)
    return list(dict.fromkeys([*present, *(one.department for one in counted)]))


async def _judge(runtime: Runtime, transaction: Transaction, asked: Asked, found: Found, *, over: bool) -> None:
    """Keep the scores that follow from what was found."""
    formula = runtime.settings.assessment
    given = in_force(await scores.points(transaction.connection, asked.month))
    inputs = {slug: found.inputs(slug, given.get(slug)) for slug in found.departments}
    city = together(inputs.values())
    month = scores.Month(asked.month, formula.model_dump(), asdict(city), asked.at, asked.at if over else None)
    judged = [
        kept(asked.month, department, 0, own, assess(formula, own, city), asked.at)
        for department, own in inputs.items()
    ]
    await scores.keep(transaction, month, judged)


async def _move_reopened(transaction: Transaction, month: str) -> None:
    """What was counted in an earlier month and reopened since counts now, and there no more."""
    moved = await scores.counted_before(transaction.connection, month)
    for (earlier, department), reports in groupby(moved, key=lambda one: (one[0], one[1])):
        await scores.set_out(transaction, earlier, [thread_id for _, _, thread_id in reports], REOPENED)
        held = await scores.hold(transaction, earlier)
        if held:
            await correct(transaction, held, department, Correction(REOPENED, CLOCK))
