"""Reminders go out once each, to those whose matter it is and who want to hear of it, also after a time of silence."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway import clock
from gateway.casework import assigning, handling, reminding
from gateway.casework import cases as answers
from gateway.casework.handling import Wanted
from gateway.journey import moderation
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_cases import CaseStep, Due, Level
from gateway.schema_outgoing import AlarmSubject
from store import accounts, alarms, cases, citizens, history, reminders
from store.accounts import Account, Role
from store.database import Database, Transaction
from tests.casework.test_handling import Thread, Watch, account
from tests.conftest import Texting, settle_down

SHANGHAI = ZoneInfo("Asia/Shanghai")
HEAD_OF_ALL = account(role=Role.MODERATOR)
OFFICER, HEAD, SUPERVISOR = "+8613900000001", "+8613900000002", "+8613900000003"
OTHERS, WATER = "+8613900000004", "+8613900000005"


@pytest.fixture
def at(system_clock: None) -> Watch:
    """Two days before National Day, 10 o'clock in Shanghai."""
    watch = Watch()
    watch.now = local("2026-09-29 10:00")
    clock.replace(now=lambda: watch.now)
    return watch


def local(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=SHANGHAI).astimezone(UTC)


async def employ(
    runtime: Runtime, name: str, number: str, role: Role = Role.OFFICER, department: str | None = None, **more: bool
) -> Account:
    """Somebody of the staff with a proved line."""

    async def work(transaction: Transaction) -> Account:
        made = await accounts.add(transaction, name, role, "hash", department, **more)
        urn, now = f"tel:{number}", clock.now()
        line = await citizens.enter(transaction, runtime.vault, urn, language="en", at=now, owned=False)
        await alarms.ask(transaction, made.id, line.id, code_hash="x", sent=1, sent_at=now, expires_at=now)
        await alarms.prove(transaction, made.id, now)
        return made

    return await runtime.database.write(work)


@pytest.fixture
async def staff(runtime: Runtime, at: Watch) -> dict[str, Account]:
    """An officer, the head of the same department, a supervisor, and two who have nothing to do with it."""
    return {
        "of": await employ(runtime, "of", OFFICER, department="roads"),
        "he": await employ(runtime, "he", HEAD, department="roads", head=True),
        "su": await employ(runtime, "su", SUPERVISOR, Role.MODERATOR),
        "wa": await employ(runtime, "wa", WATER, department="water", head=True),
        "vi": await employ(runtime, "vi", OTHERS, Role.VIEWER),
    }


@pytest.fixture
async def thread(runtime: Runtime, staff: dict[str, Account]) -> Thread:
    return await Thread(runtime).begin()


class Told:
    """What the staff hears, by the clock of the test."""

    def __init__(self, runtime: Runtime, texting: Texting, at: Watch) -> None:
        self.runtime, self.texting, self.at = runtime, texting, at
        self.known = 0
        self.last = ""

    async def now(self) -> list[str]:
        """Who is told something now, in the order of numbers."""
        await reminding.send_due(self.runtime)
        await settle_down(self.runtime)
        said = [one for one in self.texting.sent if (one.address or "").startswith("tel:+8613900000")]
        new, self.known = said[self.known :], len(said)
        self.last = new[-1].text if new else ""
        return sorted((one.address or "").removeprefix("tel:") for one in new)

    async def at_(self, moment: str) -> list[str]:
        """Who is told at a moment to the minute: nobody in the one before, and nobody twice."""
        self.at.now = local(moment) - timedelta(minutes=1)
        assert await self.now() == []
        self.at.now = local(moment)
        told, said = await self.now(), self.last
        assert await self.now() == [], "told twice"
        self.last = said
        return told


@pytest.fixture
def told(runtime: Runtime, texting: Texting, at: Watch) -> Told:
    return Told(runtime, texting, at)


async def test_an_answer_that_does_not_come_over_the_holiday(
    runtime: Runtime, told: Told, at: Watch, thread: Thread
) -> None:
    await thread.take(CaseStep.ACCEPT)
    assert await told.at_("2026-10-13 10:00") == [OFFICER, HEAD]
    assert "must be answered by 2026-10-14 10:00" in told.last
    assert thread.ticket in told.last
    assert await told.at_("2026-10-14 10:00") == [OFFICER, HEAD]
    assert "LATE" in told.last
    assert await told.at_("2026-10-14 12:00") == [HEAD]
    assert await told.at_("2026-10-15 10:00") == [SUPERVISOR]
    assert await public(runtime) == []
    assert await told.at_("2026-10-16 10:00") == []
    assert await public(runtime) == [thread.ticket]
    await answers.answer(runtime, thread.ticket, "已修好。", "roads", actor="o")
    assert await public(runtime) == []
    at(days=30)
    assert await told.now() == []


async def public(runtime: Runtime) -> list[str]:
    async with runtime.database.reading() as connection:
        return [one.ticket for one in await cases.overdue(connection, clock.now(), 10)]


@pytest.mark.parametrize(("between", "head"), [(False, WATER), (True, "+8613900000006")])
async def test_without_a_head_of_its_own_the_nearest_head_above_is_told(
    runtime: Runtime, told: Told, at: Watch, staff: dict[str, Account], between: bool, head: str
) -> None:
    above = {"roads": "works", "works": "water", "water": None}
    known = {one.slug: one for one in runtime.settings.departments}
    tree = [known["roads"].model_copy(update={"slug": slug, "parent": parent}) for slug, parent in above.items()]
    others = [one for slug, one in known.items() if slug not in above]
    runtime.settings = runtime.settings.replaced({"departments": (*tree, *others)})
    await employ(runtime, "ma", "+8613900000006", department="works", head=between)
    one = await Thread(runtime).begin()
    await one.take(CaseStep.ACCEPT)
    await runtime.database.write(lambda tx: accounts.disable(tx, staff["he"].id, clock.now()))
    assert await told.at_("2026-10-13 10:00") == [OFFICER]
    assert await told.at_("2026-10-14 10:00") == [OFFICER]
    assert await told.at_("2026-10-14 12:00") == [head]


async def test_what_nobody_accepts_goes_up_to_the_minute(
    runtime: Runtime, told: Told, at: Watch, staff: dict[str, Account]
) -> None:
    at.now = local("2026-09-30 17:00")
    await Thread(runtime).begin()
    assert await told.at_("2026-10-08 09:00") == [OFFICER, HEAD]
    assert await told.at_("2026-10-08 10:00") == [HEAD]
    assert await told.at_("2026-10-08 15:30") == [SUPERVISOR]


async def test_what_is_passed_on_and_not_accepted_is_for_the_supervisor(told: Told, at: Watch, thread: Thread) -> None:
    at.now = local("2026-09-30 15:30")
    await thread.take(CaseStep.PASS_ON, words="a water pipe", department="water")
    assert await told.at_("2026-10-08 09:30") == [WATER]
    assert await told.at_("2026-10-08 10:30") == [SUPERVISOR]
    assert "Decide whose it is" in told.last
    # Refused and passed on once more it has a new time.
    await thread.take(CaseStep.REFUSE, account("water"), words="a lamp")
    at.now = local("2026-10-09 09:30")
    await thread.take(CaseStep.PASS_ON, words="a water pipe", department="water")
    assert await told.at_("2026-10-09 14:00") == [WATER]


async def test_after_a_time_of_silence_only_the_last_is_said_and_once(
    runtime: Runtime, told: Told, at: Watch, thread: Thread
) -> None:
    await thread.take(CaseStep.ACCEPT)
    # The gateway was down over all of it.
    at.now = local("2026-10-20 10:00")
    assert await told.now() == [OFFICER, HEAD, SUPERVISOR]
    assert "LATE" in told.last
    assert await told.now() == []
    assert await public(runtime) == [thread.ticket]
    case = await thread.case()
    async with runtime.database.reading() as connection:
        kept = (await reminders.gone(connection, [case.thread_id]))[case.thread_id]
    assert [(one.due, one.level) for one in kept] == [
        (Due.ANSWER, Level.OFFICER),
        (Due.ANSWER, Level.OFFICER),
        (Due.ANSWER, Level.HEAD),
        (Due.ANSWER, Level.SUPERVISOR),
        (Due.ANSWER, Level.PUBLIC),
    ]
    assert [one.due_at for one in kept][:2] == [local("2026-10-13 10:00"), local("2026-10-14 10:00")]
    assert {one.at for one in kept} == {at.now}


async def test_a_restart_in_between_repeats_nothing(
    runtime: Runtime, told: Told, at: Watch, thread: Thread, database: Database
) -> None:
    await thread.take(CaseStep.ACCEPT)
    assert len(await told.at_("2026-10-13 10:00")) == 2
    await database.close()
    # Stopped before what was due next, started after it.
    reopened = Database(runtime.settings.database_url)
    await reopened.open(serving=True)
    runtime.database = reopened
    try:
        at.now = local("2026-10-13 10:01")
        assert await told.now() == []
        at.now = local("2026-10-14 10:37")
        assert await told.now() == [OFFICER, HEAD]
        assert await told.now() == []
    finally:
        await reopened.close()
        await database.open(serving=True)
        runtime.database = database


async def test_a_clock_that_stands_still_moves_what_is_still_to_come_and_repeats_nothing(
    told: Told, at: Watch, thread: Thread
) -> None:
    await thread.take(CaseStep.ACCEPT)
    assert len(await told.at_("2026-10-13 10:00")) == 2
    await thread.take(CaseStep.ASK, words="灯杆编号是多少?")
    at.now = local("2026-10-20 10:00")
    assert await told.now() == []
    await thread.take(CaseStep.RESUME)
    assert len(await told.at_("2026-10-21 10:00")) == 2
    assert "LATE" in told.last


async def test_a_case_opened_again_has_its_reminders_again(
    runtime: Runtime, told: Told, at: Watch, thread: Thread
) -> None:
    await thread.take(CaseStep.ACCEPT)
    assert len(await told.at_("2026-10-13 10:00")) == 2
    await answers.answer(runtime, thread.ticket, "已修好。", "roads", actor="o")
    at.now = local("2026-10-15 10:00")
    await thread.take(CaseStep.REOPEN, HEAD_OF_ALL, words="还是不亮")
    await thread.take(CaseStep.ACCEPT)
    assert len(await told.at_("2026-10-23 10:00")) == 2


async def test_whose_case_it_is_is_reminded_alone(
    runtime: Runtime, told: Told, thread: Thread, staff: dict[str, Account]
) -> None:
    await thread.take(CaseStep.ACCEPT)
    await assigning.assign(runtime, thread.ticket, "of", staff["he"])
    await settle_down(runtime)
    assert await told.now() == [OFFICER]
    assert "was given to you" in told.last
    assert await told.at_("2026-10-13 10:00") == [OFFICER]
    await runtime.database.write(lambda tx: accounts.disable(tx, staff["of"].id, clock.now()))
    assert (await thread.case()).officer is None
    assert await told.at_("2026-10-14 10:00") == [HEAD]


async def test_who_hears_chose_it(runtime: Runtime, told: Told, thread: Thread, staff: dict[str, Account]) -> None:
    await thread.take(CaseStep.ACCEPT)
    await choose(runtime, staff["of"], AlarmSubject.ESCALATIONS)
    await choose(runtime, staff["he"])
    assert await told.at_("2026-10-13 10:00") == []
    assert await told.at_("2026-10-14 10:00") == [OFFICER]
    assert await told.at_("2026-10-14 12:00") == []
    async with runtime.database.reading() as connection:
        kept = await reminders.gone(connection, [(await thread.case()).thread_id])
        entries = await history.of_thread(connection, runtime.vault, list(kept))
    assert [one.told for one in next(iter(kept.values()))] == [0, 1, 0]
    actions = [entry.action for entry in next(iter(entries.values())) if entry.actor == "clock"]
    assert actions == ["case_reminded", "case_late_officer", "case_late_head"]


async def choose(runtime: Runtime, who: Account, *subjects: AlarmSubject) -> None:
    await runtime.database.write(lambda tx: alarms.choose(tx, who.id, subjects))


async def test_who_has_to_hear_of_several_hears_it_in_one_message(
    runtime: Runtime, told: Told, at: Watch, thread: Thread
) -> None:
    at(hours=2)
    second = await Thread(runtime).begin("解放路的路灯坏了")
    for one in (thread, second):
        await one.take(CaseStep.ACCEPT)
    at.now = local("2026-10-16 10:00")
    assert await told.now() == [OFFICER, HEAD, SUPERVISOR]
    assert thread.ticket in told.last
    assert second.ticket in told.last
    assert "/console/overdue" in told.last


async def test_a_case_given_to_another_department_is_a_matter_of_that_one(
    runtime: Runtime, told: Told, at: Watch, thread: Thread, staff: dict[str, Account]
) -> None:
    await assigning.assign(runtime, thread.ticket, "of", staff["of"])
    at.now = local("2026-09-30 15:30")
    await thread.take(CaseStep.ASSIGN, HEAD_OF_ALL, department="water")
    assert (await thread.case()).officer is None
    assert await told.now() == []
    assert await told.at_("2026-09-30 16:30") == [WATER]


async def test_what_is_withdrawn_is_nobodys_matter(runtime: Runtime, told: Told, at: Watch, thread: Thread) -> None:
    await answers.answer(runtime, thread.ticket, "已修好。", "roads", actor="o")
    await thread.take(CaseStep.REOPEN, HEAD_OF_ALL, words="还是不亮")
    await moderation.decide(runtime, thread.ticket, Action.WITHDRAW, actor="mo", reason="personal")
    at(days=40)
    assert await told.now() == []


async def test_the_dispatchers_queue_is_a_matter_of_the_supervisors(
    runtime: Runtime, told: Told, staff: dict[str, Account]
) -> None:
    await Thread(runtime).begin("有一件事想说")
    assert await told.at_("2026-10-15 10:00") == [SUPERVISOR]


async def test_a_step_is_taken_with_a_settings_change_within_a_day(
    runtime: Runtime, told: Told, at: Watch, thread: Thread
) -> None:
    """What was planned by the old settings is thought out anew."""
    await thread.take(CaseStep.ACCEPT)
    assert await told.now() == []
    urgent = runtime.settings.deadlines.reminders[-5].model_copy(update={"when": "3 working days before"})
    changed = runtime.settings.deadlines.model_copy(update={"reminders": (urgent,)})
    runtime.settings = runtime.settings.model_copy(update={"deadlines": changed})
    at.now = local("2026-10-10 10:00")
    assert await told.now() == [OFFICER, HEAD]


async def test_an_accepting_department_begins_without_an_officer(runtime: Runtime, thread: Thread) -> None:
    await handling.take(runtime, thread.ticket, Wanted(CaseStep.PASS_ON, "water", "a pipe"), account("roads"))
    taken = await thread.take(CaseStep.ACCEPT, account("water"))
    assert (taken.department, taken.officer) == ("water", None)
