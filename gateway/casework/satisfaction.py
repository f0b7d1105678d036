"""What authors think of an answer, and what follows: a good mark closes the case, a bad one opens it again, once.

A mark belongs to a round: how often the case had been reopened when it was answered. Within its round it may be
changed, and who opened the case again by mistake may take that back until somebody works on it. When nobody says
anything, the case is closed after some days and counts neither way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from gateway import clock
from gateway.casework import bad_marks
from gateway.errors import BadInput, Conflict, NotAllowed
from gateway.journey import due, moderation
from gateway.runtime import Runtime
from gateway.schema import Kind, State
from gateway.schema_cases import CaseStep, Progress
from store import cases, changes, citizens, events, history, marks, mine, rejudgings, together
from store.cases import Case
from store.changes import Changing
from store.database import Transaction
from store.marks import BAD, GOOD, Mark
from store.mine import OwnPost

WORST, BEST = 1, 5
MARKED = "marked"
ANSWERED = (Progress.ANSWERED, Progress.CLOSED)
# What of a case a reopening changes, and so what is kept to take it back.
MOMENTS = ("acknowledge_by", "acknowledged_at", "due_at", "stopped_at")
CLOSED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Given:
    """What one person says of the answer to a thread: `mark` from 1 to 5, `solved` or not; one of them at least."""

    thread_id: str
    person: str
    mark: int | None
    solved: bool | None
    channel: str

    @property
    def bad(self) -> bool:
        """Whether he is not content."""
        return self.solved is False or (self.mark is not None and self.mark <= BAD)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a mark does: for which round it counts, and what becomes of the case."""

    round: int
    after: Progress
    reopens: bool = False
    takes_back: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person may say of the answers to a thread: `open` when there is something to judge, `own` is his mark of
    it so far. For who is not its author all is empty."""

    mine: bool = False
    public: bool = False
    open: bool = False
    own: Mark | None = None
    answers: Sequence[OwnPost] = ()


def understood(number: int) -> tuple[int, bool | None]:
    """A mark given by a number alone, and whether the author so says that it is solved."""
    return number, True if number >= GOOD else False if number <= BAD else None


def judge(progress: Progress, reopened: int, known: Sequence[Mark], person: str, *, bad: bool) -> Ruling | None:
    """What a mark would do to a case of which all marks are `known`; None when there is nothing to be judged.

    Only one bad mark of a case ever reopens it, whoever's it is.
    """
    if progress in ANSWERED:
        reopens = bad and not any(mark.before for mark in known)
        return Ruling(reopened, Progress.REOPENED if reopens else Progress.CLOSED, reopens=reopens)
    own = [mark for mark in known if mark.citizen_id == person and mark.before and mark.round == reopened - 1]
    if progress is not Progress.REOPENED or not own:
        return None
    return Ruling(reopened - 1, Progress.REOPENED if bad else Progress.CLOSED, takes_back=not bad)


async def keep(runtime: Runtime, transaction: Transaction, given: Given) -> Ruling | None:
    """Keep a mark and do what follows, in the transaction that heard it; None when there was nothing to be judged."""
    case = await cases.find(transaction.connection, given.thread_id, hold=True)
    if case is None:
        return None
    known = (await marks.of_threads(transaction.connection, [given.thread_id])).get(given.thread_id, ())
    ruling = judge(case.progress, case.reopened, known, given.person, bad=given.bad)
    if ruling is None:
        return None
    before = _before(case) if ruling.reopens else None
    own = next((mark for mark in known if mark.round == ruling.round and mark.citizen_id == given.person), None)
    if own and own.before and not ruling.takes_back:
        before = dict(own.before)
    escalates = given.bad and not any(mark.escalated for mark in known if mark.round == ruling.round)
    await marks.keep(
        transaction,
        Mark(
            thread_id=given.thread_id,
            round=ruling.round,
            citizen_id=given.person,
            department=own.department if own else case.department,
            solved=given.solved,
            mark=given.mark,
            channel=given.channel,
            at=clock.now(),
            before=before,
            escalated=escalates or (own is not None and own.escalated),
        ),
    )
    await rejudgings.note(transaction, given.thread_id, rejudgings.Event.MARKED, clock.now())
    await history.add(transaction, history.entry(given.thread_id, "author", MARKED, reason=_told(given)))
    await _change(runtime, transaction, case, ruling, own)
    thread = await changes.load(transaction.connection, given.thread_id)
    if escalates:
        await bad_marks.tell(runtime, transaction, case, thread, reopens=ruling.reopens)
    await moderation.announce(runtime, transaction, thread, events.Happening.UPDATE)
    return ruling


async def give(
    runtime: Runtime, reference: str, person: str, *, mark: int | None, solved: bool | None, channel: str
) -> Ruling:
    """Take a mark that the author of a thread (by ticket or id) gives on a page.

    Raises `NotFound`, `NotAllowed` for who is not its author, `BadInput` for no mark, and `Conflict` when there is
    nothing to be judged.
    """
    if mark is None and solved is None:
        raise BadInput("choose a mark from 1 to 5", "mark")
    if mark is not None and not WORST <= mark <= BEST:
        raise BadInput("choose a mark from 1 to 5", "mark")
    if mark is not None and solved is None:
        mark, solved = understood(mark)

    async def work(transaction: Transaction) -> Ruling:
        thread = await changes.load(transaction.connection, reference)
        if not await _may_judge(transaction.connection, thread, person):
            raise NotAllowed("only who wrote it can say this")
        ruling = await keep(runtime, transaction, Given(_root(thread), person, mark, solved, channel))
        if ruling is None:
            raise Conflict("there is no answer to judge just now")
        return ruling

    return await runtime.database.write(work)


async def standing(runtime: Runtime, reference: str, person: str | None) -> Standing:
    """How a thread stands for a person who may want to judge it. Raises `NotFound`."""
    async with runtime.database.reading() as connection:
        thread = await changes.load(connection, reference)
        if person is None or not await _may_judge(connection, thread, person):
            return Standing()
        root = _root(thread)
        case = await cases.find(connection, root)
        known = (await marks.of_threads(connection, [root])).get(root, ())
        under = (await mine.replies(connection, person, [root])).get(root, ())
    answers = [post for post in under if post.kind is Kind.ANSWER]
    ruling = judge(case.progress, case.reopened, known, person, bad=False) if case and answers else None
    of_round = ruling.round if ruling else None
    own = next((mark for mark in known if mark.round == of_round and mark.citizen_id == person), None)
    public = thread.state is State.PUBLISHED and not thread.private
    return Standing(True, public, ruling is not None, own, answers)


async def close_silent(runtime: Runtime) -> None:
    """Close the cases about whose answer nobody said anything for as long as is set."""
    before = clock.now() - timedelta(days=runtime.settings.deadlines.satisfaction.days)
    async with runtime.database.reading() as connection:
        silent = await cases.answered_before(connection, before, CLOSED_AT_ONCE)
    for thread_id in silent:
        await runtime.database.write(partial(_close, runtime, thread_id=thread_id, before=before))


def _root(thread: Changing) -> str:
    """The thread that is answered: itself, or the one that it was joined to."""
    return thread.joined or thread.thread_id


async def _may_judge(connection: Any, thread: Changing, person: str) -> bool:
    """Whether a person wrote a report, or reported what it tells too."""
    author = thread.author_id and await citizens.person_of(connection, thread.author_id)
    own = author == person and thread.id == thread.thread_id
    return own or await together.reported(connection, _root(thread), person)


async def _close(runtime: Runtime, transaction: Transaction, *, thread_id: str, before: datetime) -> None:
    case = await cases.load(transaction.connection, thread_id, hold=True)
    if case.progress is not Progress.ANSWERED or case.answered_at is None or case.answered_at >= before:
        return  # somebody was faster
    await cases.change(transaction, thread_id, progress=Progress.CLOSED)
    await history.add(transaction, history.entry(thread_id, "rule", f"case_{CaseStep.CLOSE}"))
    thread = await changes.load(transaction.connection, thread_id)
    await moderation.announce(runtime, transaction, thread, events.Happening.UPDATE)


async def _change(runtime: Runtime, transaction: Transaction, case: Case, ruling: Ruling, own: Mark | None) -> None:
    """Put the case where a mark leads it."""
    if ruling.after is case.progress:
        return
    values: dict[str, Any] = {"progress": ruling.after}
    if ruling.reopens:
        values |= due.renewed(runtime.settings, case.span, clock.now()) | {"reopened": case.reopened + 1}
    elif ruling.takes_back and own and own.before:
        values |= {"reopened": ruling.round} | {
            name: datetime.fromisoformat(moment) if moment else None for name, moment in own.before.items()
        }
    await cases.change(transaction, case.thread_id, **values)
    step = CaseStep.REOPEN if ruling.reopens else CaseStep.CLOSE
    await history.add(transaction, history.entry(case.thread_id, "author", f"case_{step}"))


def _before(case: Case) -> dict[str, str | None]:
    moments = {name: getattr(case, name) for name in MOMENTS}
    return {name: moment.isoformat() if moment else None for name, moment in moments.items()}


def _told(given: Given) -> str:
    """What was said, as the history holds it: "5", "2 unsolved", "solved"."""
    said = [str(given.mark)] if given.mark is not None else []
    if given.solved is not None and (given.mark is None or understood(given.mark)[1] is not given.solved):
        said.append("solved" if given.solved else "unsolved")
    return " ".join(said)
