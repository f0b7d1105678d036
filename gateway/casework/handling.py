"""What is done to a case between its coming and its answer; the table of allowed steps is here and nowhere else.

Each step writes the case, the thread's history and what its author is told in one transaction. The answer itself is in
`casework.cases`. Whoever was given a thread stays responsible until the department it is passed on to accepts it, and
the clock runs on meanwhile; it stands still only while the citizen is asked, and begins anew when a case is reopened.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from gateway import clock
from gateway.casework import cases as casework
from gateway.errors import BadInput, Conflict, NotAllowed, NotFound
from gateway.journey import due, folding, joining, moderation, telling
from gateway.runtime import Runtime
from gateway.schema import State
from gateway.schema_cases import OPEN_PROGRESS, CaseStep, Progress
from gateway.schema_outgoing import Priority, Say
from gateway.settings import Settings
from store import cases, changes, events, history
from store.accounts import Account, Role
from store.cases import Case
from store.changes import Changing
from store.database import Transaction

# From where a step may be taken, and where it leads.
TABLE: Mapping[CaseStep, tuple[frozenset[Progress], Progress]] = {
    CaseStep.ACCEPT: (frozenset({Progress.ASSIGNED, Progress.PASSED_ON, Progress.REOPENED}), Progress.ACCEPTED),
    CaseStep.BEGIN: (frozenset({Progress.ASSIGNED, Progress.ACCEPTED, Progress.REOPENED}), Progress.IN_PROGRESS),
    CaseStep.ASK: (
        frozenset({Progress.ASSIGNED, Progress.ACCEPTED, Progress.IN_PROGRESS, Progress.REOPENED}),
        Progress.WAITING,
    ),
    CaseStep.RESUME: (frozenset({Progress.WAITING}), Progress.IN_PROGRESS),
    CaseStep.PASS_ON: (
        frozenset({Progress.ASSIGNED, Progress.ACCEPTED, Progress.IN_PROGRESS, Progress.REOPENED}),
        Progress.PASSED_ON,
    ),
    CaseStep.REFUSE: (frozenset({Progress.PASSED_ON}), Progress.ASSIGNED),
    CaseStep.CLOSE: (frozenset({Progress.ANSWERED}), Progress.CLOSED),
    CaseStep.REOPEN: (frozenset({Progress.ANSWERED, Progress.CLOSED}), Progress.REOPENED),
    CaseStep.ASSIGN: (frozenset(OPEN_PROGRESS), Progress.ASSIGNED),
    CaseStep.MERGE: (frozenset(OPEN_PROGRESS), Progress.MERGED),
    # With the department it was with; one that was with none is new again.
    CaseStep.SEPARATE: (frozenset({Progress.MERGED}), Progress.ASSIGNED),
}
# Whom a step is for while a thread is being passed on: the one who would get it. All else is the responsible one's.
RECEIVERS = frozenset({CaseStep.ACCEPT, CaseStep.REFUSE})
NEEDS_WORDS = frozenset({CaseStep.ASK, CaseStep.PASS_ON, CaseStep.REFUSE, CaseStep.REOPEN})
NEEDS_DEPARTMENT = frozenset({CaseStep.PASS_ON, CaseStep.ASSIGN})
# What is between two threads, and so for those who decide between departments.
BETWEEN_THREADS = frozenset({CaseStep.MERGE, CaseStep.SEPARATE})
LONGEST = 1000
RESUMED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """One step: `department` is to whom it goes, `words` what the citizen is asked or why it is done, `other` the
    ticket of the report that this one is joined to."""

    step: CaseStep
    department: str | None = None
    words: str = ""
    other: str | None = None


def allowed(case: Case, account: Account) -> tuple[CaseStep, ...]:
    """What an account may do with a case as it stands, in the order of the buttons."""
    return tuple(step for step, (froms, _) in TABLE.items() if case.progress in froms and _is_for(step, case, account))


def supervises(account: Account) -> bool:
    """Whether an account decides between departments: all who are bound to none, and do not only look."""
    return account.role is not Role.VIEWER and account.department is None


async def take(runtime: Runtime, reference: str, wanted: Wanted, account: Account) -> None:
    """Take one step with the case of a thread (by ticket or id of any of its posts).

    Raises `NotFound`, `BadInput` for what the step needs and lacks, `NotAllowed` for who it is not for, and `Conflict`
    when the case does not stand so that it could be.
    """
    words = _check(runtime, wanted)

    async def work(transaction: Transaction) -> None:
        thread = await thread_of(transaction, reference, joined=wanted.step is CaseStep.SEPARATE)
        case = await cases.load(transaction.connection, thread.id, hold=True)
        froms, after = TABLE[wanted.step]
        if case.progress not in froms:
            raise Conflict("this step is not possible any more")
        if not _is_for(wanted.step, case, account):
            raise NotAllowed("this step is for another department")
        if wanted.department and wanted.department == case.department:
            raise BadInput("it is this department’s already", "department")
        if wanted.step in BETWEEN_THREADS:
            await _between(runtime, transaction, thread, wanted, account.name)
            return
        at = clock.now()
        values = _changed(runtime, wanted, case, after, at)
        await cases.change(transaction, thread.id, **values)
        await _note(runtime, transaction, thread, wanted, words, account.name)
        await moderation.announce(runtime, transaction, thread, events.Happening.UPDATE)
        if wanted.step is CaseStep.ASK:
            name = case.department or ""
            say = Say("case_asked", {"ticket": thread.ticket, "department": name}, {"text": words})
            await telling.tell_author(runtime, transaction, thread, say, Priority.ANSWER)

    await runtime.database.write(work)


async def _between(runtime: Runtime, transaction: Transaction, thread: Changing, wanted: Wanted, actor: str) -> None:
    """Join a thread to another one, or have it stand by itself again."""
    if wanted.step is CaseStep.SEPARATE:
        await joining.separate(runtime, transaction, thread, actor=actor)
        return
    thread, into = await joining.load_both(transaction, thread.id, wanted.other or "")
    await joining.join(runtime, transaction, thread, into, actor=actor)


async def resume_answered(runtime: Runtime) -> None:
    """Have the clocks go on of those cases whose citizen wrote what he was asked, from the moment he did."""
    async with runtime.database.reading() as connection:
        heard = await cases.heard_from(connection, RESUMED_AT_ONCE)
    for thread_id, at in heard.items():
        await runtime.database.write(partial(_resume, runtime, thread_id=thread_id, at=at))


async def _resume(runtime: Runtime, transaction: Transaction, *, thread_id: str, at: datetime) -> None:
    case = await cases.load(transaction.connection, thread_id, hold=True)
    if case.progress is not Progress.WAITING:
        return  # somebody was faster
    values = _changed(runtime, Wanted(CaseStep.RESUME), case, Progress.IN_PROGRESS, at)
    await cases.change(transaction, thread_id, **values)
    await history.add(transaction, history.entry(thread_id, "author", f"case_{CaseStep.RESUME}", at=at))
    thread = await changes.load(transaction.connection, thread_id)
    await moderation.announce(runtime, transaction, thread, events.Happening.UPDATE)


def _check(runtime: Runtime, wanted: Wanted) -> str:
    words = folding.clean(wanted.words, runtime.settings.intake.text_limit)
    if len(words) > LONGEST:
        raise BadInput("this is too long", "text")
    if wanted.step in NEEDS_WORDS and not words:
        raise BadInput("say in a few words what or why", "text")
    if wanted.step in NEEDS_DEPARTMENT:
        casework.check_department(runtime, wanted.department)
    if wanted.step is CaseStep.MERGE and not wanted.other:
        raise BadInput("type the ticket of the other report", "other")
    return words


async def thread_of(transaction: Transaction, reference: str, *, joined: bool = False) -> Changing:
    """The first post of a published thread, by ticket or by the id of any of its posts. Raises `NotFound`."""
    post = await changes.load(transaction.connection, reference)
    thread = post if post.id == post.thread_id else await changes.load(transaction.connection, post.thread_id)
    if thread.state is not State.PUBLISHED and not (joined and thread.joined):
        raise NotFound("there is no case of this thread")
    return thread


def _is_for(step: CaseStep, case: Case, account: Account) -> bool:
    if account.role is Role.VIEWER:
        return False
    if step is CaseStep.ASSIGN or step in BETWEEN_THREADS:
        return supervises(account)
    if supervises(account):
        return True
    passing = case.progress is Progress.PASSED_ON
    return account.department == (case.handed_to if passing and step in RECEIVERS else case.department)


def _changed(runtime: Runtime, wanted: Wanted, known: Case, after: Progress, at: datetime) -> dict[str, Any]:
    """What a step changes of a case."""
    settings, changed = runtime.settings, {"progress": after}
    acknowledged = known.acknowledged_at or at
    handed: dict[str, Any] = {"handed_to": None, "handed_at": None}
    match wanted.step:
        case CaseStep.ASSIGN:
            clock_of_it = due.renewed(settings, known.span, at)
            fresh = clock_of_it if known.department is None else _running(settings, known, clock_of_it, at)
            given = {"department": wanted.department, "officer": None, "acknowledged_at": None}
            return changed | fresh | handed | given
        case CaseStep.ACCEPT:
            taker = {"department": known.handed_to, "officer": None} if known.handed_to else {}
            return changed | handed | taker | {"acknowledged_at": acknowledged}
        case CaseStep.PASS_ON:
            return changed | {"handed_to": wanted.department, "handed_at": at, "acknowledged_at": acknowledged}
        case CaseStep.REFUSE:
            return changed | handed
        case CaseStep.ASK:
            return changed | {"stopped_at": at, "acknowledged_at": acknowledged}
        case CaseStep.RESUME:
            return changed | {"stopped_at": None, "due_at": due.resumed(settings, known, at)}
        case CaseStep.REOPEN:
            return changed | due.renewed(settings, known.span, at) | {"reopened": known.reopened + 1}
        case _:
            return changed | {"acknowledged_at": acknowledged}


def _running(settings: Settings, known: Case, renewed: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The clock of a case that goes to another department: it goes on, and from now where it stood still."""
    changed = {"acknowledge_by": renewed["acknowledge_by"]}
    if known.stopped_at is None:
        return changed
    return changed | {"stopped_at": None, "due_at": due.resumed(settings, known, at)}


async def _note(
    runtime: Runtime, transaction: Transaction, thread: Changing, wanted: Wanted, words: str, actor: str
) -> None:
    key = await history.key_of_post(transaction.connection, runtime.vault, thread.id)
    said = history.sealed_words(runtime.vault, key, thread.id, history.What.NOTE, words) if words else None
    entry = history.entry(
        thread.id,
        actor,
        f"case_{wanted.step}",
        reason=wanted.department,
        words_id=said["id"] if said else None,
    )
    await history.add(transaction, entry, said)
