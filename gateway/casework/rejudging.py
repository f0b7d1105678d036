"""Corrects frozen months by the clock when a report of theirs is joined, separated or marked anew.

A report that was joined to another is judged with that one, and counts by itself no more; separated, it counts again.
Where authors had judged an answer before the month was frozen and say something else now, that counts. First marks
that come later do not: for them a month stays open some days. Each event is looked at once, in order, after the months
that are over were frozen: what happened meanwhile is not lost.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import structlog

from gateway.casework import months
from gateway.casework.correcting import CLOCK, JOINED, MARKED, PARTED, Correction, correct
from gateway.runtime import Runtime
from store import cases, changes, judging, rejudgings, scores
from store.database import Transaction
from store.judging import Asked
from store.rejudgings import Event, Rejudging
from store.scores import Scored

AT_ONCE = 100
NOTHING = "-"

log = structlog.get_logger()


async def keep_up(runtime: Runtime, at: datetime) -> None:
    """Look at all that happened before a moment."""
    while await runtime.database.write(lambda transaction: _some(runtime, transaction, at)) == AT_ONCE:
        pass


async def _some(runtime: Runtime, transaction: Transaction, at: datetime) -> int:
    events = await rejudgings.before(transaction.connection, at, AT_ONCE)
    if not events:
        return 0
    known: defaultdict[str, list[Scored]] = defaultdict(list)
    for one in await scores.scored_of(transaction.connection, [event.thread_id for event in events]):
        known[one.thread_id].append(one)
    for event in events:
        if event.event is Event.PARTED:
            await _part(runtime, transaction, event, known[event.thread_id])
        elif event.thread_id in known:
            look = _join if event.event is Event.JOINED else _mark
            await look(runtime, transaction, event, known[event.thread_id])
    await rejudgings.done(transaction, events)
    return len(events)


async def _join(runtime: Runtime, transaction: Transaction, event: Rejudging, known: Sequence[Scored]) -> None:
    for one in known:
        if one.out is None:
            one.out = JOINED
            await scores.set_out(transaction, one.month, [one.thread_id], JOINED)
            await _correct(transaction, one, JOINED, await _told(runtime, transaction, event))


async def _part(runtime: Runtime, transaction: Transaction, event: Rejudging, known: list[Scored]) -> None:
    told = await _told(runtime, transaction, event)
    for one in known:
        if one.out == JOINED:
            one.out = None
            await scores.set_out(transaction, one.month, [one.thread_id], None)
            await _correct(transaction, one, PARTED, told)
            return
    if taken := await _take_in(runtime, transaction, event.thread_id, known):
        known.append(taken)
        await _correct(transaction, taken, PARTED, told)


async def _take_in(
    runtime: Runtime, transaction: Transaction, thread_id: str, known: Sequence[Scored]
) -> Scored | None:
    """Count a report in the frozen month in which its time was up, of which it was no part while it was joined."""
    case = await cases.find(transaction.connection, thread_id)
    if case is None or case.department is None:
        return None
    zone, settle_days = runtime.settings.city.zone, runtime.settings.assessment.months.settle_days
    month = months.of(case.due_at, zone)
    held = await scores.hold(transaction, str(month))
    if held is None or held.frozen_at is None or any(one.month == str(month) for one in known):
        return None
    if not await scores.of_months(transaction.connection, str(month), str(month), case.department):
        return None
    asked = Asked(str(month), month.begin(zone), month.end(zone), month.settled(zone, settle_days))
    await judging.freeze(transaction, asked, [case.department], thread_id)
    taken = await scores.scored_of(transaction.connection, [thread_id])
    return next((one for one in taken if one.month == str(month)), None)


async def _mark(runtime: Runtime, transaction: Transaction, event: Rejudging, known: Sequence[Scored]) -> None:
    for one in known:
        if one.solved is None and one.mark is None:
            continue
        before = one.mark
        solved, mark = await judging.opinion(transaction.connection, one.thread_id, one.round)
        if (solved, mark) == (one.solved, one.mark):
            continue
        one.solved, one.mark = solved, mark
        await scores.set_opinion(transaction, one)
        if one.out is None:
            own = await _named(transaction, one.thread_id)
            told = f"ticket={own} before={_stars(before)} after={_stars(mark)}"
            await _correct(transaction, one, MARKED, told)


async def _correct(transaction: Transaction, one: Scored, cause: str, reason: str) -> None:
    held = await scores.hold(transaction, one.month)
    if held is None:
        return
    await correct(transaction, held, one.department, Correction(cause, CLOCK, reason, one.thread_id))
    log.info("a frozen month is corrected", action="assessment.corrected", month=one.month, cause=cause)


async def _told(runtime: Runtime, transaction: Transaction, event: Rejudging) -> str:
    day = event.at.astimezone(runtime.settings.city.zone).date()
    return f"ticket={await _named(transaction, event.thread_id)} other={event.other or NOTHING} day={day}"


async def _named(transaction: Transaction, thread_id: str) -> str:
    """The ticket of a report, but of a private one, which is not named in public."""
    thread = (await changes.load_many(transaction.connection, [thread_id])).get(thread_id)
    return NOTHING if thread is None or thread.private else thread.ticket


def _stars(mark: float | None) -> str:
    return NOTHING if mark is None else f"{mark:.2f}".rstrip("0").rstrip(".")
