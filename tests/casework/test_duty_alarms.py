"""Duty: the rota makes its shifts once, and a queue that waits too long tells one after the other, each once."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from channels.base import Capabilities, Channel, Surroundings
from channels.failures import RetryLater
from gateway import clock
from gateway.casework import duty_alarms, rota
from gateway.errors import BadInput, Conflict, NotFound
from gateway.journey import moderation
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.sections_duty import Duty, RotaRule
from gateway.sections_duty import DutyAlarm as Limits
from store import accounts, alarms, citizens, duty
from store.accounts import Account, Role
from store.database import Transaction
from store.duty import AlarmState, StaffLine, Step, Way
from tests.casework.campaign_world import NOON, from_noon
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import CLARA, message

ANNE, BERT = "+8613900139001", "+8613900139002"
LIMITS = Limits(waiting_minutes=10, call_after_minutes=3, next_after_minutes=5, again_minutes=30, most_steps=6)
MINUTE = 60.0


class Ringing(Channel):
    """A channel that calls, and notes whom."""

    name = "ringing"
    capabilities = Capabilities(rings=True)
    broken = False

    async def ring(self, address: str, words: str, thanks: str, language: str, reference: str) -> None:
        if self.broken:
            raise RetryLater("the line is dead")
        rung.append((address, reference))


rung: list[tuple[str, str]] = []


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    kind: str = request.param
    return kind


@pytest.fixture(autouse=True)
def later() -> Callable[[float], None]:
    """It is noon; moves the clock on by seconds."""
    return from_noon()


@pytest.fixture(autouse=True)
def at_work(runtime: Runtime) -> None:
    rung.clear()
    around = runtime.channels["texting"]
    runtime.channels["ringing"] = Ringing(Ringing.Settings(), Surroundings(around.city, around.http))
    runtime.commands.update(duty_alarms.commands())
    runtime.settings = runtime.settings.model_copy(update={"duty": Duty(alarm=LIMITS)})


async def moderator(runtime: Runtime, name: str, number: str | None) -> Account:
    """Somebody who moderates, with a proved line if a number is given."""
    account = await runtime.database.write(lambda tx: accounts.add(tx, name, Role.MODERATOR, "x"))
    if number is None:
        return account

    async def prove(transaction: Transaction) -> None:
        at = clock.now()
        line = await citizens.enter(transaction, runtime.vault, f"tel:{number}", language="en", at=at, owned=False)
        codes = {"code_hash": "0", "sent": 1, "sent_at": at, "expires_at": at}
        await alarms.ask(transaction, account.id, line.id, **codes)  # type: ignore[arg-type]
        await alarms.prove(transaction, account.id, at)

    await runtime.database.write(prove)
    return account


async def staff(runtime: Runtime) -> tuple[Account, Account]:
    """Anne is on duty now, Bert comes after her."""
    anne, bert = await moderator(runtime, "anne", ANNE), await moderator(runtime, "bert", BERT)
    await rota.add(runtime, anne.id, "2027-03-01", "08:00", "16:00", actor="anne")
    await rota.add(runtime, bert.id, "2027-03-01", "16:00", "00:00", actor="anne")
    return anne, bert


async def told(runtime: Runtime) -> list[tuple[str, Way]]:
    """Who was told, and how."""
    async with runtime.database.reading() as connection:
        alarm = await duty.newest_alarm(connection)
        return [(step.name, step.way) for step in await duty.steps(connection, alarm.id)] if alarm else []


async def test_one_after_the_other_is_told_each_once_until_somebody_claims(
    runtime: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    await staff(runtime)
    await Intake(runtime).take(message("the lamp is dark", CLARA))
    await settle_down(runtime)
    later(9 * MINUTE)
    await duty_alarms.keep_up(runtime)
    assert await told(runtime) == []
    later(1.5 * MINUTE)
    for _ in range(3):
        await duty_alarms.keep_up(runtime)
    assert await told(runtime) == [("anne", Way.TEXT)]
    later(3.1 * MINUTE)
    for _ in range(2):
        await duty_alarms.keep_up(runtime)
    later(5.1 * MINUTE)
    await duty_alarms.keep_up(runtime)
    later(3.1 * MINUTE)
    await duty_alarms.keep_up(runtime)
    expected = [("anne", Way.TEXT), ("anne", Way.CALL), ("bert", Way.TEXT), ("bert", Way.CALL)]
    assert await told(runtime) == expected
    assert [number for number, _ in rung] == [f"tel:{ANNE}", f"tel:{BERT}"]
    await settle_down(runtime)
    assert [len(texting.to(number)) for number in (ANNE, BERT)] == [1, 1]
    assert "Answer 1" in texting.to(ANNE)[0]
    await Intake(runtime).take(message("1", BERT))
    later(20 * MINUTE)
    await duty_alarms.keep_up(runtime)
    assert await told(runtime) == expected
    async with runtime.database.reading() as connection:
        alarm = await duty.newest_alarm(connection)
    assert alarm
    assert (alarm.state, alarm.claimed_by) == (AlarmState.CLAIMED, "bert")


async def test_a_key_in_the_call_claims(runtime: Runtime, later: Callable[[float], None]) -> None:
    await staff(runtime)
    await Intake(runtime).take(message("the lamp is dark", CLARA))
    later(11 * MINUTE)
    await duty_alarms.keep_up(runtime)
    later(4 * MINUTE)
    await duty_alarms.keep_up(runtime)
    [(_, reference)] = rung
    assert await duty_alarms.claim_by_key(runtime, reference)
    assert not await duty_alarms.claim_by_key(runtime, reference)
    assert not await duty_alarms.claim_by_key(runtime, "0" * 64)


async def test_after_a_downtime_it_goes_on_where_it_stood(runtime: Runtime, later: Callable[[float], None]) -> None:
    await staff(runtime)
    await Intake(runtime).take(message("the lamp is dark", CLARA))
    later(11 * MINUTE)
    await duty_alarms.keep_up(runtime)
    later(60 * MINUTE)
    for _ in range(4):
        await duty_alarms.keep_up(runtime)
    assert await told(runtime) == [("anne", Way.TEXT), ("anne", Way.CALL)]


async def test_several_processes_tell_once(runtime: Runtime, later: Callable[[float], None]) -> None:
    await staff(runtime)
    await Intake(runtime).take(message("the lamp is dark", CLARA))
    later(11 * MINUTE)
    await asyncio.gather(*(duty_alarms.keep_up(runtime) for _ in range(4)))
    assert await told(runtime) == [("anne", Way.TEXT)]
    later(4 * MINUTE)
    await asyncio.gather(*(duty_alarms.keep_up(runtime) for _ in range(4)))
    assert len(rung) == 1


async def test_it_is_over_when_nothing_waits_and_begins_again_when_it_was_claimed_in_vain(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    await staff(runtime)
    taken = await Intake(runtime).take(message("the lamp is dark", CLARA))
    assert taken.post_id
    later(11 * MINUTE)
    await duty_alarms.keep_up(runtime)
    async with runtime.database.reading() as connection:
        first = await duty.newest_alarm(connection)
    assert first
    await duty_alarms.claim(runtime, first.id, actor="anne")
    with pytest.raises(Conflict):
        await duty_alarms.claim(runtime, first.id, actor="bert")
    later(31 * MINUTE)
    await duty_alarms.keep_up(runtime)
    async with runtime.database.reading() as connection:
        second = await duty.newest_alarm(connection)
    assert second
    assert (second.state, second.id == first.id) == (AlarmState.OPEN, False)
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="anne")
    await duty_alarms.keep_up(runtime)
    async with runtime.database.reading() as connection:
        ended = await duty.newest_alarm(connection)
    assert ended
    assert ended.state is AlarmState.OVER


async def test_a_call_that_cannot_be_placed_hands_on_at_once(
    runtime: Runtime, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ringing, "broken", True)
    await staff(runtime)
    await Intake(runtime).take(message("the lamp is dark", CLARA))
    later(11 * MINUTE)
    await duty_alarms.keep_up(runtime)
    later(4 * MINUTE)
    for _ in range(2):
        await duty_alarms.keep_up(runtime)
    assert await told(runtime) == [("anne", Way.TEXT), ("anne", Way.CALL), ("bert", Way.TEXT)]


async def test_nobody_is_told_when_it_is_off(runtime: Runtime, later: Callable[[float], None]) -> None:
    await staff(runtime)
    off = Duty(alarm=LIMITS.model_copy(update={"waiting_minutes": 0}))
    runtime.settings = runtime.settings.model_copy(update={"duty": off})
    await Intake(runtime).take(message("the lamp is dark", CLARA))
    later(600 * MINUTE)
    await duty_alarms.keep_up(runtime)
    assert await told(runtime) == []


@pytest.mark.parametrize(
    ("told_before", "people", "chosen"),
    [
        ([], "ab", ("a", Way.TEXT)),
        ([("a", Way.TEXT)], "ab", ("a", Way.CALL)),
        ([("a", Way.CALL)], "ab", ("b", Way.TEXT)),
        ([("b", Way.CALL)], "ab", ("a", Way.TEXT)),
        ([("a", Way.CALL)], "a", ("a", Way.TEXT)),
        ([("x", Way.CALL)], "ab", ("a", Way.TEXT)),
        ([], "z", None),
        ([], "", None),
    ],
)
@pytest.mark.parametrize("backend", ["sqlite"])
def test_who_is_next(
    told_before: list[tuple[str, Way]], people: str, chosen: tuple[str, Way] | None, backend: str
) -> None:
    lines = {one: StaffLine(one, one, "tel", f"tel:{one}", None) for one in "abx"}
    steps = [Step(n, one, one, way, NOON, None) for n, (one, way) in enumerate(told_before, 1)]
    assert duty_alarms.next_step(steps, list(people), lines) == chosen


async def test_the_rota_makes_each_shift_once_and_does_not_bring_back_what_was_taken_away(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    anne, bert = await moderator(runtime, "anne", None), await moderator(runtime, "bert", None)
    rules = (
        RotaRule(account="anne", begins="08:00", ends="16:00"),
        RotaRule(account="bert", days=("mon",), begins="22:00", ends="06:00"),
        RotaRule(account="nobody", begins="08:00", ends="16:00"),
    )
    runtime.settings = runtime.settings.model_copy(update={"duty": Duty(alarm=LIMITS, rota=rules)})
    await rota.keep_up(runtime)
    await rota.keep_up(runtime)
    until = NOON + timedelta(days=30)
    async with runtime.database.reading() as connection:
        made = await duty.between(connection, NOON, until)
    assert len([shift for shift in made if shift.name == "anne"]) == 15
    assert [(s.ends_at - s.begins_at).total_seconds() / 3600 for s in made if s.name == "bert"] == [8.0] * 3
    await rota.drop(runtime, made[0].id, actor="anne")
    await rota.swap(runtime, made[1].id, bert.id if made[1].name == "anne" else anne.id, actor="anne")
    await rota.keep_up(runtime)
    async with runtime.database.reading() as connection:
        after = await duty.between(connection, NOON, until)
    assert len(after) == len(made) - 1
    await rota.put_back(runtime, made[0].id, actor="anne")
    later(86_400)
    await rota.keep_up(runtime)
    async with runtime.database.reading() as connection:
        assert len(await duty.between(connection, NOON, until)) == len(made) + 1


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_shift_over_a_change_of_the_clocks_ends_when_the_clock_says_so(backend: str) -> None:
    zone = ZoneInfo("America/New_York")
    rule = RotaRule(account="anne", begins="22:00", ends="06:00")
    begins, ends = rota.span(rule, date(2027, 3, 13), zone)
    assert (begins, ends) == (datetime(2027, 3, 14, 3, tzinfo=UTC), datetime(2027, 3, 14, 10, tzinfo=UTC))


async def test_what_is_handed_over_is_sealed_and_read_by_another(runtime: Runtime) -> None:
    await rota.hand_over(runtime, "the line to the water works is slow", actor="anne")
    async with runtime.database.reading() as connection:
        [note] = await duty.notes(connection, runtime.vault)
    assert note.text == "the line to the water works is slow"
    with pytest.raises(Conflict):
        await rota.acknowledge(runtime, note.id, actor="anne")
    await rota.acknowledge(runtime, note.id, actor="bert")
    with pytest.raises(Conflict):
        await rota.acknowledge(runtime, note.id, actor="cora")
    with pytest.raises(BadInput):
        await rota.hand_over(runtime, "  ", actor="anne")


async def test_what_cannot_be_is_refused(runtime: Runtime) -> None:
    anne = await moderator(runtime, "anne", None)
    for account, day in ((anne.id, "someday"), ("0" * 32, "2027-03-01")):
        with pytest.raises(BadInput):
            await rota.add(runtime, account, day, "08:00", "16:00", actor="anne")
    with pytest.raises(NotFound):
        await rota.swap(runtime, "0" * 32, anne.id, actor="anne")
