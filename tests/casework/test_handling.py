"""A case from its coming to its end: which steps there are, whose they are, and what its clock does meanwhile."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway import clock
from gateway.casework import cases as answers
from gateway.casework import handling, reminding
from gateway.casework.handling import BETWEEN_THREADS, TABLE, Wanted
from gateway.desk import Desk
from gateway.errors import BadInput, Conflict, NotAllowed, NotFound
from gateway.journey import moderation
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_cases import CaseStep, Progress
from gateway.schema_incoming import Incoming
from store import cases, history, posts_for_staff
from store.accounts import Account, Role
from store.cases import Case
from tests.conftest import Texting, settle_down

# A Wednesday without a holiday near, 9 o'clock in Shanghai.
BEGIN = datetime(2026, 11, 25, 1, tzinfo=UTC)
CITIZEN = "tel:+8613800000001"


def account(department: str | None = None, role: Role = Role.OFFICER) -> Account:
    return Account(id="a", name="o", role=role, department=department)


ROADS, WATER, HEAD = account("roads"), account("water"), account(role=Role.MODERATOR)


@pytest.fixture(autouse=True)
def at(system_clock: None) -> "Watch":
    watch = Watch()
    clock.replace(now=lambda: watch.now)
    return watch


class Watch:
    """The clock of these tests."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self, **later: float) -> datetime:
        self.now += timedelta(**later)
        return self.now


class Thread:
    """One published report about a street light, which the rules give to `roads`."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.ticket = ""

    async def begin(self, text: str = "人民路12号的路灯坏了") -> "Thread":
        self.ticket = await self.say(text)
        await moderation.decide(self.runtime, self.ticket, Action.PUBLISH, actor="mo")
        return self

    async def say(self, text: str) -> str:
        taken = await Desk(self.runtime).take(
            Incoming("texting", clock.new_id(), text, clock.now(), address=CITIZEN, language="zh", raw=b"{}")
        )
        return taken.ticket or ""

    async def take(
        self, step: CaseStep, who: Account = ROADS, *, words: str = "", department: str | None = None
    ) -> Case:
        await handling.take(self.runtime, self.ticket, Wanted(step, department, words), who)
        return await self.case()

    async def case(self) -> Case:
        async with self.runtime.database.reading() as connection:
            thread = await posts_for_staff.thread(connection, self.ticket)
            return await cases.load(connection, thread[0].id)

    async def lies_in(self, progress: Progress) -> None:
        """Put the case where a test wants it, whatever the way there."""
        case = await self.case()
        values = {
            "progress": progress,
            "handed_to": "water" if progress is Progress.PASSED_ON else None,
            "stopped_at": clock.now() if progress in (Progress.WAITING, Progress.ANSWERED, Progress.CLOSED) else None,
            "department": None if progress is Progress.NEW else "roads",
        }
        await self.runtime.database.write(lambda tx: cases.change(tx, case.thread_id, **values))


@pytest.fixture
async def thread(runtime: Runtime) -> Thread:
    return await Thread(runtime).begin()


async def test_what_is_published_is_a_case_with_a_deadline(thread: Thread) -> None:
    case = await thread.case()
    assert (case.department, case.progress, case.span) == ("roads", Progress.ASSIGNED, "normal")
    assert case.acknowledge_by == datetime(2026, 11, 25, 3, tzinfo=UTC)
    assert case.due_at == datetime(2026, 12, 4, 1, tzinfo=UTC)


async def test_what_holds_emergency_words_is_urgent(runtime: Runtime) -> None:
    case = await (await Thread(runtime).begin("人民路煤气泄漏")).case()
    assert (case.span, case.due_at) == ("urgent", BEGIN + timedelta(hours=24))


@pytest.mark.parametrize("progress", list(Progress))
@pytest.mark.parametrize("step", [step for step in CaseStep if step not in BETWEEN_THREADS])
async def test_only_steps_of_the_table_are_possible(thread: Thread, progress: Progress, step: CaseStep) -> None:
    await thread.lies_in(progress)
    froms, after = TABLE[step]
    if progress not in froms:
        with pytest.raises(Conflict):
            await thread.take(step, HEAD, words="why", department="water")
        assert (await thread.case()).progress is progress
        return
    assert (await thread.take(step, HEAD, words="why", department="water")).progress is after


@pytest.mark.parametrize("step", [one for one in CaseStep if one not in (CaseStep.ASSIGN, *BETWEEN_THREADS)])
async def test_a_step_is_for_the_responsible_department(thread: Thread, step: CaseStep) -> None:
    await thread.lies_in(
        next(one for one in Progress if one in TABLE[step][0] and one is not Progress.PASSED_ON)
        if step is not CaseStep.REFUSE
        else Progress.PASSED_ON
    )
    others, own = (ROADS, WATER) if step is CaseStep.REFUSE else (WATER, ROADS)
    for stranger in (others, account(role=Role.VIEWER), account("roads", Role.VIEWER)):
        with pytest.raises(NotAllowed):
            await thread.take(step, stranger, words="why", department="heating")
    await thread.take(step, own, words="why", department="heating")


async def test_only_who_is_bound_to_no_department_gives_cases_away(thread: Thread) -> None:
    with pytest.raises(NotAllowed):
        await thread.take(CaseStep.ASSIGN, ROADS, department="water")
    case = await thread.take(CaseStep.ASSIGN, HEAD, department="water")
    assert (case.department, case.progress, case.acknowledged_at) == ("water", Progress.ASSIGNED, None)


async def test_who_passes_on_stays_responsible_until_the_other_accepts(thread: Thread, at: Watch) -> None:
    before = await thread.take(CaseStep.ACCEPT)
    at(hours=1)
    case = await thread.take(CaseStep.PASS_ON, words="a water pipe", department="water")
    assert (case.department, case.handed_to, case.due_at) == ("roads", "water", before.due_at)
    with pytest.raises(NotAllowed):
        await thread.take(CaseStep.ACCEPT, ROADS)
    back = await thread.take(CaseStep.REFUSE, WATER, words="no, a lamp")
    assert (back.department, back.handed_to, back.progress) == ("roads", None, Progress.ASSIGNED)
    await thread.take(CaseStep.PASS_ON, words="it is a pipe", department="water")
    taken = await thread.take(CaseStep.ACCEPT, WATER)
    assert (taken.department, taken.handed_to, taken.due_at) == ("water", None, before.due_at)


async def test_the_clock_stands_still_while_the_citizen_is_asked(
    thread: Thread, at: Watch, texting: Texting, runtime: Runtime
) -> None:
    due_at = (await thread.case()).due_at
    at(hours=1)
    waiting = await thread.take(CaseStep.ASK, words="灯杆编号是多少?")
    assert waiting.stopped_at == at.now
    at(minutes=5)
    await settle_down(runtime)
    assert any("灯杆编号是多少" in sent.text and thread.ticket in sent.text for sent in texting.sent)
    # Two days later, 10 o'clock: two working days longer than it was.
    at(days=2, minutes=-5)
    case = await thread.take(CaseStep.RESUME)
    assert case.due_at == due_at + timedelta(days=4)  # 4 December and two more working days: over a weekend
    assert case.stopped_at is None


async def test_the_citizens_own_words_set_it_going_from_the_moment_they_came(
    thread: Thread, at: Watch, runtime: Runtime
) -> None:
    await thread.take(CaseStep.ASK, words="灯杆编号是多少?")
    due_at = (await thread.case()).due_at
    await handling.resume_answered(runtime)
    assert (await thread.case()).progress is Progress.WAITING
    answered = at(hours=2)
    await thread.say("灯杆编号是 3")
    at(days=3)  # the gateway was down
    await handling.resume_answered(runtime)
    case = await thread.case()
    assert case.progress is Progress.IN_PROGRESS
    assert case.due_at == due_at + timedelta(hours=2)
    await handling.resume_answered(runtime)
    assert await thread.case() == case
    async with runtime.database.reading() as connection:
        entries = (await history.of_thread(connection, runtime.vault, [case.thread_id]))[case.thread_id]
    assert [entry.at for entry in entries if entry.action == "case_resume"] == [answered]


async def test_what_goes_to_another_department_waits_no_more(thread: Thread, at: Watch) -> None:
    due_at = (await thread.case()).due_at
    await thread.take(CaseStep.ASK, words="灯杆编号是多少?")
    at(hours=2)
    case = await thread.take(CaseStep.ASSIGN, HEAD, department="water")
    assert (case.progress, case.stopped_at) == (Progress.ASSIGNED, None)
    assert case.due_at == due_at + timedelta(hours=2)


async def test_what_was_late_when_the_clock_stopped_stays_late(thread: Thread, at: Watch) -> None:
    due_at = (await thread.case()).due_at
    at(days=30)
    await thread.take(CaseStep.ASK, words="灯还坏着吗?")
    at(days=1)
    assert (await thread.take(CaseStep.RESUME)).due_at == due_at


async def test_an_answer_stops_the_clock_and_a_case_opened_again_has_a_new_one(
    thread: Thread, at: Watch, runtime: Runtime
) -> None:
    at(hours=1)
    await answers.answer(runtime, thread.ticket, "已修好。", "roads", actor="o")
    case = await thread.case()
    assert (case.progress, case.stopped_at, case.acknowledged_at) == (Progress.ANSWERED, at.now, at.now)
    assert (await thread.take(CaseStep.CLOSE)).progress is Progress.CLOSED
    at(days=1)
    again = await thread.take(CaseStep.REOPEN, HEAD, words="还是不亮")
    assert (again.progress, again.reopened, again.stopped_at) == (Progress.REOPENED, 1, None)
    assert again.due_at == datetime(2026, 12, 7, 2, tzinfo=UTC)


async def test_what_is_late_is_told_with_the_longest_late_first(runtime: Runtime, at: Watch) -> None:
    first = await Thread(runtime).begin()
    at(days=1)
    second = await Thread(runtime).begin("解放路的路灯坏了")
    await second.take(CaseStep.BEGIN)
    async with runtime.database.reading() as connection:
        assert await cases.overdue(connection, at.now, 10) == []
        assert await cases.overdue(connection, at(days=20), 10) == [], "it did not come so far yet"
    await reminding.send_due(runtime)
    async with runtime.database.reading() as connection:
        late = await cases.overdue(connection, at.now, 10)
        assert [one.ticket for one in late] == [first.ticket, second.ticket]
        loads = await cases.loads(connection, ["roads", "water"], at.now)
        assert loads == {"roads": cases.Load(2, 2), "water": cases.Load()}
    await answers.answer(runtime, first.ticket, "已修好。", "roads", actor="o")
    async with runtime.database.reading() as connection:
        assert [one.ticket for one in await cases.overdue(connection, at.now, 10)] == [second.ticket]
        assert (await cases.loads(connection, ["roads"], at.now))["roads"] == cases.Load(1, 1)


async def test_words_and_a_department_are_asked_for(thread: Thread) -> None:
    with pytest.raises(BadInput):
        await thread.take(CaseStep.ASK)
    with pytest.raises(BadInput):
        await thread.take(CaseStep.PASS_ON, words="why", department="no-such")
    with pytest.raises(BadInput):
        await thread.take(CaseStep.PASS_ON, words="why", department="roads")
    with pytest.raises(BadInput):
        await thread.take(CaseStep.ASK, words="x" * 1001)


async def test_what_is_not_published_has_no_case(runtime: Runtime) -> None:
    thread = Thread(runtime)
    thread.ticket = await thread.say("人民路12号的路灯坏了")
    with pytest.raises(NotFound):
        await thread.take(CaseStep.ACCEPT)


def test_each_step_is_offered_to_whom_it_is_for() -> None:
    at = BEGIN
    case = Case("t", "roads", Progress.PASSED_ON, "normal", at, at, None, at, None, "water", at, None, 0, at)
    assert handling.allowed(case, WATER) == (CaseStep.ACCEPT, CaseStep.REFUSE)
    assert handling.allowed(case, ROADS) == ()
    assert handling.allowed(case, HEAD) == (CaseStep.ACCEPT, CaseStep.REFUSE, CaseStep.ASSIGN, CaseStep.MERGE)
    assert handling.allowed(replace(case, progress=Progress.CLOSED), account(role=Role.VIEWER)) == ()
