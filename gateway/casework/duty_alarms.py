"""A queue that waits too long tells those on duty: by text, then by a call, then the next one, until somebody claims.

Each step is a row before anything leaves, and is taken by one process. What is due is a question with the clock: the
next step, so long after the last one. After a downtime it goes on where it stood, and nobody is told twice.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from gateway import clock
from gateway.errors import Conflict
from gateway.journey import ringing
from gateway.runtime import Asked, Command, Question, Reply, Runtime
from gateway.schema_outgoing import Audience, Priority, Say
from gateway.sections_duty import DutyAlarm as Limits
from store import audit, deliveries, duty, incoming, waiting
from store.database import Transaction
from store.duty import AlarmState, DutyAlarm, StaffLine, Step, Way

# Whom to look for when nobody is on duty now.
AHEAD = timedelta(days=3)
# The question that a text asks, and the word that claims without it.
QUESTION = "duty"

log = structlog.get_logger()


def commands() -> Mapping[str, Command]:
    """What those on duty answer: the number behind the alarm's text."""
    return {QUESTION: Command(("on duty", "值班接手"), "", lambda _: Reply(Say("no_question")), _chosen, _open_alarms)}


async def keep_up(runtime: Runtime) -> None:
    """Open an alarm when the queue waits too long, take the next step of one that is open, and end it in time."""
    limits, at = runtime.settings.duty.alarm, clock.now()
    async with runtime.database.reading() as connection:
        oldest = await waiting.oldest(connection)
        alarm = await duty.newest_alarm(connection)
        told = await duty.steps(connection, alarm.id) if alarm else []
    late = limits.waiting_minutes > 0 and oldest is not None and oldest <= at - _minutes(limits.waiting_minutes)
    if alarm and alarm.state is not AlarmState.OVER and (not late or _begins_again(alarm, limits, at)):
        ended = alarm
        await runtime.database.write(lambda tx: duty.end(tx, ended.id, at))
        alarm = None
    if late and oldest and (alarm is None or alarm.state is AlarmState.OVER):
        await _open(runtime, oldest, at)
    elif alarm and alarm.state is AlarmState.OPEN and is_due(told, limits, at):
        await _step(runtime, alarm.id, alarm.waiting_since, told, at)


def is_due(told: Sequence[Step], limits: Limits, at: datetime) -> bool:
    """Whether the next is to be told by now."""
    if not told:
        return True
    if len(told) >= limits.most_steps:
        return False
    last = told[-1]
    after = limits.call_after_minutes if last.way is Way.TEXT else limits.next_after_minutes
    # Nobody answers a call that could not be placed.
    return at >= last.at + (_minutes(after) if last.fault is None else timedelta())


def next_step(told: Sequence[Step], people: Sequence[str], lines: Mapping[str, StaffLine]) -> tuple[str, Way] | None:
    """Who is told next, and how: the last one by a call, else the next one on the rota by text, round and round."""
    reachable = [person for person in people if person in lines]
    if told and told[-1].way is Way.TEXT and told[-1].account_id in lines:
        return told[-1].account_id, Way.CALL
    if not reachable:
        return None
    last = told[-1].account_id if told else None
    at = reachable.index(last) + 1 if last in reachable else 0
    return reachable[at % len(reachable)], Way.TEXT


async def claim(runtime: Runtime, alarm_id: str, *, actor: str) -> None:
    """Take care of an alarm. Raises `Conflict` when somebody does already, or nothing waits any more."""

    async def work(transaction: Transaction) -> bool:
        claimed = await duty.claim(transaction, alarm_id, actor, clock.now())
        if claimed:
            await audit.note(transaction, actor, "duty claimed", alarm_id)
        return claimed

    if not await runtime.database.write(work):
        raise Conflict("somebody takes care of it already, or nothing waits any more")


async def people(runtime: Runtime, at: datetime) -> list[str]:
    """Who is on duty now, and then those who come next, by their accounts."""
    async with runtime.database.reading() as connection:
        shifts = await duty.between(connection, at, at + AHEAD)
    return list(dict.fromkeys(shift.account_id for shift in shifts))


async def _open_alarms(transaction: Transaction, _: Collection[str], alarm_ids: Collection[str]) -> Collection[str]:
    """Which alarms are still to be claimed."""
    return await duty.open_among(transaction.connection, alarm_ids)


def _chosen(asked: Asked, alarm_id: str) -> Reply:
    if alarm_id not in asked.learnt:
        return Reply(Say("duty_late"))
    return Reply(Say("duty_claimed"), claim=alarm_id)


def _minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def _begins_again(alarm: DutyAlarm, limits: Limits, at: datetime) -> bool:
    """Whether it was claimed long ago, and the queue waits all the same."""
    return alarm.claimed_at is not None and alarm.claimed_at <= at - _minutes(limits.again_minutes)


async def _open(runtime: Runtime, oldest: datetime, at: datetime) -> None:
    alarm_id = await runtime.database.write(lambda tx: duty.open_alarm(tx, oldest, at))
    if alarm_id:
        log.warning("the queue waits too long", action="duty.opened", alarm=alarm_id)
        await _step(runtime, alarm_id, oldest, [], at)


async def _step(runtime: Runtime, alarm_id: str, since: datetime, told: Sequence[Step], at: datetime) -> None:
    """Tell the next one."""
    order = await people(runtime, at)
    asked = list(dict.fromkeys([*order, *([told[-1].account_id] if told else [])]))
    async with runtime.database.reading() as connection:
        lines = await duty.staff_lines(connection, runtime.vault, asked)
    chosen = next_step(told, order, lines)
    if chosen is None:
        log.error("nobody on duty can be told", action="duty.nobody", alarm=alarm_id)
        return
    account_id, way = chosen
    tell = _text if way is Way.TEXT else _call
    await tell(runtime, alarm_id, len(told) + 1, lines[account_id], max(1, round((at - since).total_seconds() / 60)))
    log.info("somebody on duty is told", action="duty.told", alarm=alarm_id, way=way, number=len(told) + 1)


async def _text(runtime: Runtime, alarm_id: str, number: int, line: StaffLine, minutes: int) -> None:
    """Put a text into the outbox, and the question that its answer claims by, in the transaction of the step."""
    outlet, at = runtime.outlet(line.scheme), clock.now()
    language = line.language or runtime.settings.city.language
    until = at + _minutes(runtime.settings.intake.question_minutes)

    async def work(transaction: Transaction) -> None:
        if not await duty.step(transaction, alarm_id, number, line.account_id, Way.TEXT, at):
            return
        if outlet is None:
            await duty.fault(transaction, alarm_id, number, "no channel")
            return
        row = deliveries.row(
            channel=outlet.name,
            kind=outlet.capabilities.delivery,
            audience=Audience.OPERATOR,
            priority=Priority.EMERGENCY,
            phrase="duty_alarm",
            values={"minutes": minutes, "url": f"{runtime.settings.public_url}/console/duty"},
            language=language,
            at=at,
            address_id=line.address_id,
        )
        await deliveries.add(transaction, [row])
        question = Question(QUESTION, (alarm_id,))
        await incoming.ask(transaction, line.address_id, question.kind, question.options, until)

    await runtime.database.write(work)


async def _call(runtime: Runtime, alarm_id: str, number: int, line: StaffLine, minutes: int) -> None:
    """Call somebody. The step is committed first: whatever happens then, nobody is called twice for it."""
    at, language = clock.now(), line.language or runtime.settings.city.language
    noted = await runtime.database.write(lambda tx: duty.step(tx, alarm_id, number, line.account_id, Way.CALL, at))
    if not noted:
        return
    words = runtime.phrase("voice_duty_alarm", language, {"minutes": minutes})
    thanks = runtime.phrase("voice_duty_claimed", language)
    why = await ringing.ring(runtime, line.urn, words, thanks, language, f"{alarm_id}{line.account_id}")
    if why:
        await runtime.database.write(lambda tx: duty.fault(tx, alarm_id, number, why))


async def claim_by_key(runtime: Runtime, reference: str) -> bool:
    """Take care of an alarm by the key pressed in its call; false when it is nobody's to claim any more."""
    alarm_id, account_id = reference[:32], reference[32:]
    at = clock.now()
    return await runtime.database.write(lambda tx: duty.claim_by_account(tx, alarm_id, account_id, at))
