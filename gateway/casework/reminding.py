"""Reminders and escalations go out: each step of a case's plan once, to the lines of those whose matter it is.

What is told, that it was told, and when the case is looked at next are one transaction. After the gateway was down,
only the last that is due for each level is said, and a reminder of a deadline that is over not at all; who has to hear
of several cases at once hears it in one message.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from gateway import clock
from gateway.casework.handling import supervises
from gateway.casework.reminders import LEVELS, Step, plan
from gateway.journey import organisation, staff_messages
from gateway.journey.staff_messages import Message
from gateway.runtime import Runtime
from gateway.schema_cases import Due, Level
from gateway.schema_outgoing import AlarmSubject
from store import accounts, history, reminders
from store.accounts import Account
from store.alarms import AlarmLine
from store.cases import Case
from store.database import Transaction
from store.reminders import Reminder, Waiting

AT_ONCE = 200
# A plan is thought out anew after this at the latest: a city may change its settings.
PLANNED_FOR = timedelta(days=1)
# As many tickets are named in one message.
MOST_NAMED = 5
SUBJECTS = (AlarmSubject.REMINDERS, AlarmSubject.ESCALATIONS)
# Who tells, in the history of a post.
ACTOR = "clock"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class News:
    """One step that is to be said aloud, and to whom."""

    waiting: Waiting
    step: Step
    lines: Sequence[AlarmLine]


async def send_due(runtime: Runtime) -> None:
    """Have everything told that is due by now."""
    while await runtime.database.write(lambda transaction: _some(runtime, transaction)) == AT_ONCE:
        pass


def to_say(steps: Sequence[Step], at: datetime) -> list[Step]:
    """Which of several steps that are due at once are said aloud: of each deadline and level the last, and no reminder
    of what is over already."""
    last = {(step.clock.due, step.level): step for step in steps if step.late or step.clock.deadline > at}
    return [step for step in last.values() if step.level is not Level.PUBLIC]


async def _some(runtime: Runtime, transaction: Transaction) -> int:
    """Look at some cases; gives how many it were."""
    at = clock.now()
    found = await reminders.waiting(transaction.connection, at, AT_ONCE)
    if not found:
        return 0
    before = await reminders.gone(transaction.connection, [one.case.thread_id for one in found])
    lines = list((await staff_messages.lines(runtime, transaction, *SUBJECTS)).values())
    headed = await accounts.headed(transaction.connection)
    again: dict[str, datetime | None] = {}
    news: list[News] = []
    for one in found:
        steps = plan(runtime.settings, one.case) if one.published else []
        again[one.case.thread_id] = _next(steps, at)
        known = {(told.due, told.round, told.step) for told in before.get(one.case.thread_id, ())}
        due = [step for step in steps if step.at <= at and _key(step) not in known]
        said = [News(one, step, _hearers(runtime, one.case, step, lines, headed)) for step in to_say(due, at)]
        await _note(transaction, one, due, said, at)
        news += said
    await _tell(runtime, transaction, news, at)
    await reminders.look_again(transaction, again)
    return len(found)


def _key(step: Step) -> tuple[Due, datetime, str]:
    return step.clock.due, step.clock.round, step.name


def _next(steps: Sequence[Step], at: datetime) -> datetime | None:
    """When a case with this plan is to be looked at next."""
    if not steps:
        return None
    return min([step.at for step in steps if step.at > at] + [at + PLANNED_FOR])


async def _note(
    transaction: Transaction, one: Waiting, due: Iterable[Step], said: Sequence[News], at: datetime
) -> None:
    """Keep that steps went out, for the next look and in the history of the thread."""
    thread_id, told = one.case.thread_id, {_key(news.step): len(news.lines) for news in said}
    rows = []
    for step in due:
        number = told.get(_key(step), 0)
        clock_of_it = step.clock
        row = Reminder(clock_of_it.due, clock_of_it.round, step.name, step.level, step.at, at, number)
        rows.append((thread_id, row))
        if _key(step) in told or step.level is Level.PUBLIC:
            action = f"case_late_{step.level}" if step.late else "case_reminded"
            await history.add(transaction, history.entry(thread_id, ACTOR, action, at=at))
            log.info("a deadline", action=f"reminders.{action}", ticket=one.ticket, due=clock_of_it.due, told=number)
    await reminders.add(transaction, rows)


def _hearers(
    runtime: Runtime, case: Case, step: Step, lines: Sequence[AlarmLine], headed: Collection[str]
) -> list[AlarmLine]:
    """The lines of those whose matter a step is, as far as they want to hear of it; `headed` are the departments that
    have a head: of one without, the nearest above stands in."""
    subject = AlarmSubject.ESCALATIONS if step.late else AlarmSubject.REMINDERS
    department, head_of = _department(case, step.clock.due), None
    if department and step.level is Level.HEAD:
        head_of = organisation.nearest(runtime.settings.known_departments, department, headed)
    able = (line for line in lines if subject in line.subjects)
    return [line for line in able if line.account and _is_for(case, step, line.account, head_of)]


def _department(case: Case, due: Due) -> str | None:
    return case.handed_to if due is Due.ACCEPT else case.department


def _is_for(case: Case, step: Step, account: Account, head_of: str | None) -> bool:
    if step.level is Level.SUPERVISOR:
        return supervises(account)
    if step.level is Level.HEAD:
        return account.head and head_of is not None and account.department == head_of
    department = _department(case, step.clock.due)
    if department is None or account.department != department:
        return False
    # Whose case it is hears alone; nobody of the department who would be given another's has it yet.
    return case.officer in (None, account.id) or step.clock.due is Due.ACCEPT


async def _tell(runtime: Runtime, transaction: Transaction, news: Iterable[News], at: datetime) -> None:
    """One message a line: of one case with its deadline, of several with their tickets."""
    known: dict[str, AlarmLine] = {}
    of_line: defaultdict[str, dict[str, News]] = defaultdict(dict)
    for one in sorted(news, key=lambda one: (one.step.late, LEVELS.index(one.step.level))):
        for line in one.lines:
            known[line.address_id] = line
            # Of one case the worst.
            of_line[line.address_id][one.waiting.ticket] = one
    messages = []
    for address_id, mine in of_line.items():
        line, urgent = known[address_id], any(one.waiting.case.span == "urgent" for one in mine.values())
        phrase, values = _said(runtime, list(mine.values()), line.language or runtime.settings.city.language)
        messages.append(Message(line, phrase, values, urgent))
    await staff_messages.tell(runtime, transaction, messages, at)


def _said(runtime: Runtime, mine: Sequence[News], language: str) -> tuple[str, dict[str, Any]]:
    console = f"{runtime.settings.public_url}/console"
    if len(mine) > 1:
        tickets = [one.waiting.ticket for one in mine]
        named = ("、" if language == "zh" else ", ").join(tickets[:MOST_NAMED])
        more = " ..." if len(tickets) > MOST_NAMED else ""
        return "deadlines_several", {"number": len(tickets), "tickets": named + more, "url": f"{console}/overdue"}
    [one] = mine
    step, case = one.step, one.waiting.case
    local = step.clock.deadline.astimezone(runtime.settings.city.zone)
    return f"{'late' if step.late else 'reminder'}_{step.clock.due}", {
        "ticket": one.waiting.ticket,
        "department": _department(case, step.clock.due),
        "deadline": f"{local:%Y-%m-%d %H:%M}",
        "url": f"{console}/posts/{one.waiting.ticket}",
    }
