"""Cases lived at random, step by step over holidays, restarts and a night in which the clocks change.

The steps that the table allows are taken and all others refused without a trace; deadlines and reminders are what the
plain minutes of `worked_minutes` say, to the minute, each reminder once.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gateway import clock
from gateway.casework import cases as answers
from gateway.casework import handling, reminding
from gateway.casework.handling import TABLE, Wanted
from gateway.errors import BadInput, Conflict, NotAllowed
from gateway.journey import moderation
from gateway.runtime import Runtime
from gateway.schema import Action, Kind, Ruling, State
from gateway.schema_cases import CaseStep, Due, Level, Progress
from gateway.settings import Settings, load
from store import cases, changes, reminders
from store.accounts import Account, Role
from store.cases import Case
from store.database import Database
from tests.casework.worked_minutes import AMERICA, CHINA, MINUTE, WorkedMinutes
from tests.conftest import AT_ONCE, ROOT

T = TypeVar("T")
DEPARTMENTS = ("roads", "water", "heating")
SUPERVISOR = Account("su", "su", Role.MODERATOR)
STAFF = (
    *(Account(slug, slug, Role.OFFICER, slug) for slug in DEPARTMENTS),
    SUPERVISOR,
    Account("vi", "vi", Role.VIEWER),
)
# Those that need no second thread.
STEPS = (
    CaseStep.ACCEPT,
    CaseStep.BEGIN,
    CaseStep.ASK,
    CaseStep.RESUME,
    CaseStep.PASS_ON,
    CaseStep.REFUSE,
    CaseStep.CLOSE,
    CaseStep.REOPEN,
    CaseStep.ASSIGN,
)
STOPPED = (Progress.WAITING, Progress.ANSWERED, Progress.CLOSED)
HOUR = 60
# How many lives are tried, and how long each is.
EXAMPLES, STEPS_OF_ONE = 20, 25
# Deadline, level, how many minutes from it; those of the answer by its span, urgent ones in hours of the clock.
SHORT = (
    (Due.ACKNOWLEDGE, Level.OFFICER, -HOUR),
    (Due.ACKNOWLEDGE, Level.HEAD, 0),
    (Due.ACKNOWLEDGE, Level.SUPERVISOR, 4 * HOUR),
    (Due.ACCEPT, Level.OFFICER, -HOUR),
    (Due.ACCEPT, Level.SUPERVISOR, 0),
)
URGENT = ((Level.OFFICER, -4), (Level.OFFICER, 0), (Level.HEAD, 0), (Level.SUPERVISOR, 2), (Level.PUBLIC, 8))
# A step of a plan by its deadline, round, level and distance; and when it is due.
Plan = dict[tuple[Due, datetime, Level, int], datetime]


@dataclass(frozen=True)
class City:
    """A city's settings, its worked minutes, how many a working day has, and a day on which examples begin."""

    settings: Settings
    worked: WorkedMinutes
    day: int
    begin: datetime


@dataclass
class Model:
    """What a case should be."""

    city: City
    urgent: bool
    begun: datetime
    acknowledge_by: datetime
    due: datetime
    progress: Progress = Progress.ASSIGNED
    department: str = "roads"
    handed_to: str | None = None
    handed_at: datetime | None = None
    acknowledged: bool = False
    stopped: datetime | None = None
    reopened: int = 0

    @classmethod
    def new(cls, city: City, urgent: bool, at: datetime) -> "Model":
        return cls(city, urgent, at, city.worked.after(at, 2 * HOUR), whole(city, urgent, at))

    def resume(self, at: datetime) -> None:
        if self.stopped is not None and self.due > self.stopped:
            left = self.city.worked.between(self.stopped, self.due)
            self.due = at + (self.due - self.stopped) if self.urgent else self.city.worked.after(at, left)
        self.stopped = None

    def hand(self, to: str | None, at: datetime | None) -> None:
        self.handed_to, self.handed_at = to, at

    def answer(self, at: datetime, department: str) -> None:
        self.progress, self.department, self.acknowledged = Progress.ANSWERED, department, True
        self.stopped = self.stopped or at
        self.hand(None, None)

    def take(self, step: CaseStep, to: str, at: datetime) -> None:
        self.progress = TABLE[step][1]
        if step is CaseStep.ASSIGN:
            self.resume(at)
            self.hand(None, None)
            self.department, self.acknowledged = to, False
            self.acknowledge_by = self.city.worked.after(at, 2 * HOUR)
        elif step is CaseStep.REOPEN:
            fresh = Model.new(self.city, self.urgent, at)
            self.begun, self.acknowledge_by, self.due = fresh.begun, fresh.acknowledge_by, fresh.due
            self.acknowledged, self.stopped, self.reopened = False, None, self.reopened + 1
        else:
            self._take_easily(step, to, at)

    def _take_easily(self, step: CaseStep, to: str, at: datetime) -> None:
        if step not in (CaseStep.REFUSE, CaseStep.RESUME):
            self.acknowledged = True
        if step is CaseStep.ACCEPT:
            self.department = self.handed_to or self.department
        if step in (CaseStep.ACCEPT, CaseStep.REFUSE):
            self.hand(None, None)
        if step is CaseStep.PASS_ON:
            self.hand(to, at)
        if step is CaseStep.ASK:
            self.stopped = at
        if step is CaseStep.RESUME:
            self.resume(at)

    def plan(self) -> Plan:
        """All that is to be told."""
        if self.stopped is not None or self.progress in STOPPED:
            return {}
        # Of each clock its round, when it began, and when it is over.
        clocks = {Due.ANSWER: (self.begun, self.begun, self.due)}
        if not self.acknowledged:
            clocks[Due.ACKNOWLEDGE] = (self.acknowledge_by, self.begun, self.acknowledge_by)
        if self.handed_at:
            by = self.city.worked.after(self.handed_at, 4 * HOUR)
            clocks[Due.ACCEPT] = (self.handed_at, self.handed_at, by)
        found = {}
        for due, level, far in self.steps():
            if due in clocks:
                of, begun, deadline = clocks[due]
                at = self.moment(due, deadline, far)
                if at > begun:
                    found[due, of, level, far] = at
        return found

    def steps(self) -> list[tuple[Due, Level, int]]:
        day, rows = self.city.day, list(SHORT)
        if self.urgent:
            return rows + [(Due.ANSWER, level, hours * HOUR) for level, hours in URGENT]
        normal = ((Level.OFFICER, -day), (Level.OFFICER, 0), (Level.HEAD, 2 * HOUR), (Level.SUPERVISOR, day))
        return rows + [(Due.ANSWER, level, far) for level, far in (*normal, (Level.PUBLIC, 2 * day))]

    def moment(self, due: Due, deadline: datetime, far: int) -> datetime:
        if far == 0:
            return deadline
        if self.urgent and due is Due.ANSWER:
            return deadline + far * MINUTE
        return self.city.worked.after(deadline, far) if far > 0 else self.city.worked.before(deadline, -far)


def whole(city: City, urgent: bool, at: datetime) -> datetime:
    """When an answer is due that is asked for at a moment."""
    return at + timedelta(hours=24) if urgent else city.worked.after(at, 7 * city.day)


class Machine(RuleBasedStateMachine):
    """One case, and what it should be."""

    runtime: Runtime
    loop: asyncio.AbstractEventLoop
    city: City

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    @initialize(later=some.integers(0, 12 * 24 * 60), urgent=some.booleans())
    def publish(self, later: int, urgent: bool) -> None:
        self.at = self.city.begin + later * MINUTE
        clock.replace(now=lambda: self.at)
        self.post_id = self.do(published(self.runtime, urgent))
        self.model = Model.new(self.city, urgent, self.at)
        self.sent: Plan = {}

    @rule(step=some.sampled_from(STEPS), who=some.sampled_from(STAFF), to=some.sampled_from(DEPARTMENTS))
    def any_step(self, step: CaseStep, who: Account, to: str) -> None:
        self.take(step, who, to)

    @rule(data=some.data(), to=some.sampled_from(DEPARTMENTS))
    def possible_step(self, data: some.DataObject, to: str) -> None:
        """One that the table has, by somebody who supervises: at random alone most would be refused."""
        possible = [step for step in STEPS if self.model.progress in TABLE[step][0]]
        self.take(data.draw(some.sampled_from(possible)), SUPERVISOR, to)

    def take(self, step: CaseStep, who: Account, to: str) -> None:
        before, model = self.case(), self.model
        fault = self.refusal(step, who, to)
        wanted = Wanted(step, to if step in handling.NEEDS_DEPARTMENT else None, "why")
        if fault is None:
            self.do(handling.take(self.runtime, self.post_id, wanted, who))
            model.take(step, to, self.at)
            return
        with pytest.raises(fault):
            self.do(handling.take(self.runtime, self.post_id, wanted, who))
        assert self.case() == before

    def refusal(self, step: CaseStep, who: Account, to: str) -> type[Exception] | None:
        model = self.model
        if model.progress not in TABLE[step][0]:
            return Conflict
        receiving = model.progress is Progress.PASSED_ON and step in (CaseStep.ACCEPT, CaseStep.REFUSE)
        concerned = model.handed_to if receiving else model.department
        if who.role is not Role.MODERATOR and (step is CaseStep.ASSIGN or who.department != concerned):
            return NotAllowed
        if step in handling.NEEDS_DEPARTMENT and to == model.department:
            return BadInput
        return None

    @rule(department=some.sampled_from(DEPARTMENTS))
    def answer(self, department: str) -> None:
        self.do(answers.answer(self.runtime, self.post_id, "已修好。", department, actor="o"))
        self.model.answer(self.at, department)

    @rule(minutes=some.one_of(some.integers(1, 180), some.integers(180, 6 * 24 * 60)))
    def wait(self, minutes: int) -> None:
        """The gateway is silent for a while, and catches up."""
        self.at += minutes * MINUTE
        self.tell()

    @precondition(lambda self: self.model.progress in TABLE[CaseStep.ASK][0])
    @rule(minutes=some.integers(1, 20 * 60))
    def ask_and_hear(self, minutes: int) -> None:
        """The clock stands still for a while."""
        self.take(CaseStep.ASK, SUPERVISOR, "")
        self.at += minutes * MINUTE
        self.tell()
        self.take(CaseStep.RESUME, SUPERVISOR, "")

    @precondition(lambda self: bool(self.to_come()))
    @rule()
    def wait_for_the_next(self) -> None:
        """Nothing is told in the minute before, and in the minute it is."""
        self.at = min(self.to_come()) - MINUTE
        self.tell()
        self.at += MINUTE
        self.tell()

    @rule()
    def restart(self) -> None:
        self.do(restarted(self.runtime))
        self.tell()

    def to_come(self) -> list[datetime]:
        return [at for at in self.model.plan().values() if at > self.at]

    def tell(self) -> None:
        self.do(reminding.send_due(self.runtime))
        for step, at in self.model.plan().items():
            if at <= self.at:
                self.sent.setdefault(step, at)  # what moved since it was told is not told again
        told = self.do(told_of(self.runtime, self.post_id))
        assert sorted(told) == sorted((due, of, level, at) for (due, of, level, _), at in self.sent.items())

    def case(self) -> Case:
        return self.do(loaded(self.runtime, self.post_id))

    @invariant()
    def the_case_is_what_it_should_be(self) -> None:
        if not hasattr(self, "model"):
            return
        case, model = self.case(), self.model
        assert (case.progress, case.department, case.handed_to) == (model.progress, model.department, model.handed_to)
        assert (case.due_at, case.acknowledge_by) == (model.due, model.acknowledge_by)
        assert (case.acknowledged_at is not None, case.reopened) == (model.acknowledged, model.reopened)
        assert (case.stopped_at is not None) == (case.progress in STOPPED)
        assert (case.handed_to is not None) == (case.progress is Progress.PASSED_ON)

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.do(over(self.runtime, self.post_id))


async def published(runtime: Runtime, urgent: bool) -> str:
    """A report that the rules give to `roads`; its ticket."""
    post_id = clock.new_id()
    row = {
        "id": post_id,
        "thread_id": post_id,
        "ticket": f"{int(post_id[-12:], 16) % 90_000_000 + 10_000_000}",
        "kind": Kind.REPORT,
        "state": State.PENDING,
        "text": "人民路12号的路灯坏了",
        "channel": "form",
        "language": "zh",
        "private": False,
        "ruling": Ruling.PASS,
        "rules": [],
        "urgent": urgent,
        "created_at": clock.now(),
    }
    await runtime.database.write(lambda transaction: changes.insert(transaction, row))
    await moderation.decide(runtime, post_id, Action.PUBLISH, actor="mo")
    return post_id


async def loaded(runtime: Runtime, post_id: str) -> Case:
    async with runtime.database.reading() as connection:
        return await cases.load(connection, post_id)


async def told_of(runtime: Runtime, post_id: str) -> list[tuple[Due, datetime, Level, datetime]]:
    async with runtime.database.reading() as connection:
        told = await reminders.gone(connection, [post_id])
    return [(one.due, one.round, one.level, one.due_at) for one in told.get(post_id, ())]


async def restarted(runtime: Runtime) -> None:
    await runtime.database.close()
    runtime.database = Database(runtime.settings.database_url)
    await runtime.database.open(serving=True)


async def over(runtime: Runtime, post_id: str) -> None:
    """Nothing more is told of a case when its example is over."""
    at = clock.now()
    await runtime.database.write(
        lambda tx: cases.change(tx, post_id, progress=Progress.CLOSED, handed_to=None, handed_at=None, stopped_at=at)
    )
    await reminding.send_due(runtime)


def china(database_url: str, data: str) -> City:
    environ = {"EVERYLINE_CONFIG": str(ROOT / "config"), "EVERYLINE_DATA": data, "EVERYLINE_DATABASE": database_url}
    return City(load({**environ, **AT_ONCE}), CHINA, 450, datetime(2026, 9, 28, tzinfo=UTC))


def america(database_url: str, data: str) -> City:
    """A city that works at night, also in the one in which the clocks go back."""
    environ = {"EVERYLINE_CONFIG": str(ROOT / "config"), "EVERYLINE_DATA": data, "EVERYLINE_DATABASE": database_url}
    own = {
        "EVERYLINE_TIMEZONE": "America/New_York",
        "EVERYLINE_DEADLINES__CALENDAR__COUNTRY": "US",
        "EVERYLINE_DEADLINES__CALENDAR__HOURS": '["00:00-08:00", "09:00-17:00"]',
        "EVERYLINE_DEADLINES__CALENDAR__OPEN": "[2026-11-01]",
    }
    return City(load({**environ, **AT_ONCE, **own}), AMERICA, 960, datetime(2026, 10, 24, tzinfo=UTC))


@pytest.mark.parametrize("city", [china, america])
async def test_any_life_of_a_case(runtime: Runtime, city: Callable[[str, str], City]) -> None:
    before = runtime.database
    here = city(runtime.settings.database_url, str(runtime.settings.storage.data))
    runtime.settings = here.settings

    class Lived(Machine):
        pass

    Lived.runtime, Lived.loop, Lived.city = runtime, asyncio.get_running_loop(), here
    patient = hypothesis_settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS_OF_ONE,
        deadline=None,
        derandomize=True,
        database=None,
        # To make a failure shorter takes as long as hundreds of lives.
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    try:
        await asyncio.to_thread(run_state_machine_as_test, Lived, settings=patient)
    finally:
        await runtime.database.close()
        await before.open(serving=True)
        runtime.database = before
