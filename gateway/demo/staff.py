"""Those who work in the sample city: what they decide, and every step of a case until its answer, and after a bad mark.

One event leads to the next, so that a case is never where a step could not be taken.
"""

from datetime import datetime, timedelta

from gateway.casework import assigning, cases, handling
from gateway.casework.handling import Wanted
from gateway.demo.citizens import Citizens, Thread
from gateway.demo.stage import Stage
from gateway.errors import BadInput, Conflict, NotFound
from gateway.journey import categorising, indexing, joining, moderation
from gateway.schema import Action
from gateway.schema_cases import CaseStep, Progress
from store import cases as case_rows
from store.accounts import Account
from store.cases import Case

# How many answers are marked, the first and the one after it was opened again; how many of these second ones are good,
# beside the first ones; and of how many cases that are accepted something is asked.
MARKED, MARKED_AGAIN, BETTER, ASKED = 0.5, 0.9, 0.6, 0.08
# How many cases lie about, and for how many working hours: a normal one has 52.
FORGOTTEN, LIES = 0.1, (50, 110)
# How many of those asked never reply, and after how many working hours they are answered all the same.
SILENT, PATIENT = 0.3, 30
REFUSED = 0.3
SHORTLY = timedelta(minutes=12)
# Working hours until a case is accepted, at least and at most, and mostly: two are allowed.
ACCEPTED = (0.05, 2.4, 0.6)
# As long as the steps after a bad mark take, in working hours.
AGAIN_ACCEPTED, AGAIN_ANSWERED = 4, 12


class Staff:
    """Moderators, the supervisor, and the officers of all departments."""

    def __init__(self, stage: Stage, citizens: Citizens) -> None:
        self._stage, self._runtime, self._citizens = stage, stage.runtime, citizens

    def hear_more(self, post_id: str) -> None:
        """Something was added to a report: that is read by a moderator too, as soon."""
        self._stage.later(self._stage.within(1, 6, 1.5), lambda: self.publish(post_id))

    def settle(self, thread: Thread, answered: datetime, mark: int | None) -> None:
        """A report is published and accepted soon, answered at a moment, and then marked by its author."""
        stage, officer = self._stage, self._stage.officers(thread.story.department)[0]
        stage.later(stage.within(1, 6, 1.5), lambda: self.publish(thread.post_id))
        accepted = min(stage.working(ACCEPTED[-1]), answered - SHORTLY)
        stage.later(accepted, lambda: self._take(thread, CaseStep.ACCEPT, officer))
        stage.later(answered, lambda: self._answer(thread, officer, marked=False))
        if mark:
            stage.later(answered + 2 * SHORTLY, lambda: self._citizens.mark(thread, mark))

    def hear(self, thread: Thread) -> None:
        """A report waits: a moderator opens it in a minute or some."""
        self._stage.later(self._stage.within(1, 6, 1.5), lambda: self._decide(thread))

    async def publish(self, post_id: str) -> None:
        """Let everybody read something."""
        await moderation.decide(self._runtime, post_id, Action.PUBLISH, actor=self._stage.moderator)

    async def turn_away(self, post_id: str, reason: str) -> None:
        """Turn away what should not be read by anybody."""
        await moderation.decide(self._runtime, post_id, Action.REJECT, actor=self._stage.moderator, reason=reason)

    async def _decide(self, thread: Thread) -> None:
        if thread.same_as:
            while await indexing.some(self._runtime):  # which finds what is alike
                pass
            if await self._join(thread, thread.same_as):
                return
        await self.publish(thread.post_id)
        case = await self._case(thread)
        if case is None:
            return
        if case.department is None:
            self._stage.later(self._stage.working(self._stage.chance.uniform(0.2, 3)), lambda: self._dispatch(thread))
        else:
            self._next(thread, case.department)

    async def _join(self, thread: Thread, other: str) -> bool:
        """Join a report to the one it says again; false when that is not public."""
        try:
            await joining.join_posts(self._runtime, thread.ticket, other, actor=self._stage.moderator)
        except (BadInput, Conflict, NotFound):
            return False
        return True

    async def _dispatch(self, thread: Thread) -> None:
        """What no rule knew is given to whose it is: mostly its category says so."""
        department, category = thread.story.department, thread.story.category
        await categorising.categorise(self._runtime, thread.ticket, category, actor=self._stage.supervisor.name)
        case = await self._case(thread)
        if case and case.department != department:
            await self._take(thread, CaseStep.ASSIGN, self._stage.supervisor, department=department)
        self._next(thread, department)

    def _next(self, thread: Thread, department: str) -> None:
        """A department has a case: it accepts it in a while."""
        usual, most = self._stage.known["departments"][department]["hours"]
        hours = self._stage.chance.triangular(0.5, most, usual)
        waits = min(hours, self._stage.chance.triangular(*ACCEPTED))
        self._stage.later(self._stage.working(waits), lambda: self._accept(thread, department, hours))

    async def _accept(self, thread: Thread, department: str, hours: float) -> None:
        stage, officers = self._stage, self._stage.officers(department)
        officer = stage.chance.choice(officers)
        await self._take(thread, CaseStep.ACCEPT, officer)
        if stage.happens(0.7):
            await assigning.assign(self._runtime, thread.ticket, officer.name, officers[0])
        if department != thread.story.department:
            stage.later(stage.working(1), lambda: self._pass_on(thread, officer))
            return
        if stage.happens(0.5):
            stage.later(stage.working(hours / 4), lambda: self._take(thread, CaseStep.BEGIN, officer))
        if stage.happens(ASKED):
            stage.later(stage.working(hours / 2), lambda: self._ask(thread, officer))
        else:
            takes = stage.chance.uniform(*LIES) if stage.happens(FORGOTTEN) else hours
            stage.later(stage.working(takes), lambda: self._answer(thread, officer))

    async def _pass_on(self, thread: Thread, officer: Account) -> None:
        """It is another's: that one takes it over, or has good reasons not to, and then a supervisor decides."""
        stage, other = self._stage, thread.story.department
        words = stage.known["passing"]
        await self._take(thread, CaseStep.PASS_ON, officer, department=other, words=words["on"])
        receiver = stage.chance.choice(stage.officers(other))
        if thread.lies:
            return
        if stage.happens(REFUSED):
            stage.later(stage.working(2), lambda: self._refuse(thread, receiver))
        else:
            stage.later(stage.working(2), lambda: self._accept(thread, other, 8))

    async def _refuse(self, thread: Thread, receiver: Account) -> None:
        stage, words = self._stage, self._stage.known["passing"]
        await self._take(thread, CaseStep.REFUSE, receiver, words=words["back"])
        stage.later(stage.working(2), lambda: self._dispatch(thread))

    async def _ask(self, thread: Thread, officer: Account) -> None:
        stage = self._stage
        question = stage.known["asking"][thread.author.language]["question"]
        await self._take(thread, CaseStep.ASK, officer, words=question)
        if stage.happens(SILENT):
            stage.later(stage.working(PATIENT), lambda: self._answer(thread, officer))
        else:
            stage.later(stage.within(20, 1500, 180), lambda: self._hear_reply(thread, officer))

    async def _hear_reply(self, thread: Thread, officer: Account) -> None:
        await self._citizens.reply(thread)
        self._stage.later(self._stage.working(6), lambda: self._answer(thread, officer))

    async def _answer(self, thread: Thread, officer: Account, *, marked: bool = True) -> None:
        words = thread.story.words.get(thread.author.language) or thread.story.words["zh"]
        await self._tell(thread, officer, self._stage.chance.choice(words["answers"]), MARKED if marked else 0)

    async def _hear_mark(self, thread: Thread, number: int) -> None:
        """A mark closes the case, and a bad one opens it again, once."""
        await self._citizens.mark(thread, number)
        stage, case = self._stage, await self._case(thread)
        if case and case.progress is Progress.REOPENED and case.department:
            head = stage.officers(case.department)[0]
            stage.later(stage.working(AGAIN_ACCEPTED), lambda: self._take(thread, CaseStep.ACCEPT, head))
            words = stage.known["again"][thread.author.language]["answer"]
            stage.later(stage.working(AGAIN_ANSWERED), lambda: self._tell(thread, head, words, MARKED_AGAIN, BETTER))

    async def _tell(self, thread: Thread, officer: Account, words: str, marked: float, solved: float = 1) -> None:
        """Answer; of so many answers their authors say some hours later what they think, good or bad, as the department
        is, times `solved`."""
        stage, department = self._stage, officer.department or ""
        await cases.answer(self._runtime, thread.ticket, words, department, actor=officer.name, own=department)
        if stage.happens(marked):
            good = stage.happens(stage.known["departments"][department]["solved"] * solved)
            number = stage.chance.choice((4, 5, 5) if good else (1, 1, 2, 2, 3))
            stage.later(stage.within(12, 2400, 180), lambda: self._hear_mark(thread, number))

    async def _take(
        self, thread: Thread, step: CaseStep, account: Account, *, department: str | None = None, words: str = ""
    ) -> None:
        await handling.take(self._runtime, thread.ticket, Wanted(step, department, words), account)

    async def _case(self, thread: Thread) -> Case | None:
        async with self._runtime.database.reading() as connection:
            return await case_rows.find(connection, thread.post_id)
