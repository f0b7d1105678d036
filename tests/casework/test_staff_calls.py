"""Who of the staff chose it is called with what concerns his cases, once; else texted, or told in the console alone."""

from datetime import timedelta

import pytest

from channels.base import Surroundings
from gateway import clock
from gateway.casework import assigning
from gateway.errors import BadInput
from gateway.journey import alarm_lines, staff_calls
from gateway.runtime import Runtime
from gateway.schema_cases import CaseStep
from gateway.schema_outgoing import AlarmSubject, ToldBy
from store import accounts, alarms
from store.accounts import Account
from store.database import Database
from tests.casework.test_duty_alarms import Ringing, rung
from tests.casework.test_handling import Thread, Watch
from tests.casework.test_reminding import HEAD, OFFICER, SUPERVISOR, Told, at, local, staff, thread, told
from tests.conftest import settle_down

__all__ = ["at", "staff", "thread", "told"]
ALL = tuple(AlarmSubject)


@pytest.fixture
def calling(runtime: Runtime) -> type[Ringing]:
    """A channel that calls; gives its class, to be broken."""
    rung.clear()
    around = runtime.channels["texting"]
    runtime.channels["ringing"] = Ringing(Ringing.Settings(), Surroundings(around.city, around.http))
    return Ringing


async def choose(runtime: Runtime, who: Account, told_by: ToldBy) -> None:
    await runtime.database.write(lambda tx: alarms.choose(tx, who.id, ALL, told_by))


def called() -> list[str]:
    return [number.removeprefix("tel:") for number, _ in rung]


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    kind: str = request.param
    return kind


async def test_each_is_told_as_he_chose_and_once(
    runtime: Runtime, told: Told, calling: type[Ringing], thread: Thread, staff: dict[str, Account]
) -> None:
    await choose(runtime, staff["of"], ToldBy.CALL)
    await choose(runtime, staff["su"], ToldBy.CONSOLE)
    await thread.take(CaseStep.ACCEPT)
    assert await told.at_("2026-10-13 10:00") == [HEAD]
    assert rung == [], "it is placed by a job of its own"
    for _ in range(2):
        await staff_calls.place_due(runtime)
    assert called() == [OFFICER]
    assert await told.at_("2026-10-14 10:00") == [HEAD]
    assert await told.at_("2026-10-14 12:00") == [HEAD]
    assert await told.at_("2026-10-15 10:00") == []
    await staff_calls.place_due(runtime)
    assert called() == [OFFICER, OFFICER]
    assert SUPERVISOR not in called()


async def test_the_call_says_the_ticket_figure_by_figure_and_claims_nothing(
    runtime: Runtime, calling: type[Ringing], thread: Thread, staff: dict[str, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[str, str, str]] = []

    async def ring(_: Ringing, address: str, words: str, thanks: str, language: str, reference: str) -> None:
        heard.append((words, thanks, reference))

    monkeypatch.setattr(calling, "ring", ring)
    await choose(runtime, staff["of"], ToldBy.CALL)
    await thread.take(CaseStep.ACCEPT)
    await assigning.assign(runtime, thread.ticket, "of", staff["he"])
    await staff_calls.place_due(runtime)
    [(words, thanks, reference)] = heard
    assert f"Report {' '.join(thread.ticket)} was given to you" in words
    assert "2026-10-" in words
    assert "http" not in words
    assert (thanks, reference) == ("", "")


async def test_who_cannot_be_called_is_texted(
    runtime: Runtime, told: Told, calling: type[Ringing], thread: Thread, staff: dict[str, Account], at: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(calling, "broken", True)
    await choose(runtime, staff["of"], ToldBy.CALL)
    await thread.take(CaseStep.ACCEPT)
    assert await told.at_("2026-10-13 10:00") == [HEAD]
    await staff_calls.place_due(runtime)
    assert await told.now() == [OFFICER]
    assert "must be answered by" in told.last
    await staff_calls.place_due(runtime)
    assert await told.now() == []


async def test_while_nothing_calls_he_is_texted_and_calls_are_not_offered(
    runtime: Runtime, told: Told, thread: Thread, staff: dict[str, Account]
) -> None:
    await choose(runtime, staff["of"], ToldBy.CALL)
    await thread.take(CaseStep.ACCEPT)
    assert await told.at_("2026-10-13 10:00") == [OFFICER, HEAD]
    assert ToldBy.CALL not in alarm_lines.ways(runtime)
    with pytest.raises(BadInput, match="choose from the list"):
        await alarm_lines.choose(runtime, staff["of"], ALL[1:], "call")


async def test_a_call_whose_process_ended_becomes_a_text_and_is_not_placed_again(
    runtime: Runtime, told: Told, calling: type[Ringing], thread: Thread, staff: dict[str, Account], at: Watch,
    database: Database, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async def killed(*_: object) -> None:
        raise KeyboardInterrupt

    await choose(runtime, staff["of"], ToldBy.CALL)
    await thread.take(CaseStep.ACCEPT)
    assert await told.at_("2026-10-13 10:00") == [HEAD]
    with monkeypatch.context() as patched:
        patched.setattr(staff_calls, "_place", killed)
        with pytest.raises(KeyboardInterrupt):
            await staff_calls.place_due(runtime)
    await staff_calls.place_due(runtime)
    assert await told.now() == []
    at.now += timedelta(minutes=3)
    await staff_calls.place_due(runtime)
    assert await told.now() == [OFFICER]
    assert rung == []


async def test_nobody_who_left_or_said_stop_is_called(
    runtime: Runtime, told: Told, calling: type[Ringing], thread: Thread, staff: dict[str, Account], at: Watch
) -> None:
    await choose(runtime, staff["of"], ToldBy.CALL)
    await thread.take(CaseStep.ACCEPT)
    at.now = local("2026-10-13 10:00")
    assert await told.now() == [HEAD]
    await runtime.database.write(lambda tx: accounts.disable(tx, staff["of"].id, clock.now()))
    await staff_calls.place_due(runtime)
    await settle_down(runtime)
    assert rung == []
    assert await told.now() == []
