"""What is remembered of what the public asked: never older than the last change, never what is not public."""

import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from gateway.casework import cases, handling
from gateway.casework.handling import Wanted
from gateway.desk import Desk
from gateway.journey import categorising, erasure, moderation, names, remembering
from gateway.journey.intake import Intake
from gateway.journey.remembering import Remembered
from gateway.runtime import Runtime
from gateway.schema import Action, CaseStep, PublicPost, State, Taken
from store import posts
from store.accounts import Account, Role
from store.wakeups import Wakeups
from tests.journey.test_identity import who
from tests.journey.test_intake import ANNA, message
from tests.web.test_drawing import post

SUPERVISOR = Account("1", "sue", Role.MODERATOR, None, True)


@pytest.fixture(autouse=True)
def slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is forgotten because a test took long."""
    monkeypatch.setattr(remembering, "LASTS", timedelta(hours=1))


class Asked:
    """A question that counts how often it was put."""

    def __init__(self, answer: PublicPost, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.times = 0
        self._answer = answer
        self._meanwhile = meanwhile

    async def __call__(self) -> PublicPost:
        self.times += 1
        self._meanwhile()
        return self._answer


async def twice(remembered: Remembered, question: Asked, between: Callable[[], object] = lambda: None) -> int:
    """How often a question was put that was asked twice."""
    for _ in range(2):
        assert await remembered.ask("it", question, lambda post: [post]) == post()
        between()
    return question.times


async def test_the_same_is_asked_once() -> None:
    assert await twice(Remembered(Wakeups()), Asked(post())) == 1


@pytest.mark.parametrize("topic", remembering.TOPICS)
async def test_after_a_change_it_is_asked_again(topic: str) -> None:
    wakeups = Wakeups()
    assert await twice(Remembered(wakeups), Asked(post()), lambda: wakeups.ring([topic])) == 2


async def test_an_answer_that_a_change_overtook_is_not_remembered() -> None:
    wakeups = Wakeups()
    assert await twice(Remembered(wakeups), Asked(post(), lambda: wakeups.ring(["events"]))) == 2


async def test_nothing_is_remembered_for_long(later: Callable[[float], None]) -> None:
    lasts = remembering.LASTS.total_seconds()
    assert await twice(Remembered(Wakeups()), Asked(post()), lambda: later(lasts + 1)) == 2


@pytest.mark.parametrize("changes", [{"state": State.WITHDRAWN}, {"state": State.PENDING}, {"text": ""}])
async def test_how_something_stands_that_is_not_public_is_asked_each_time(changes: dict[str, object]) -> None:
    remembered, question = Remembered(Wakeups()), Asked(dataclasses.replace(post(), **changes))  # type: ignore[arg-type]
    for _ in range(2):
        await remembered.ask("it", question, lambda post: [post])
    assert question.times == 2


async def _withdraw(runtime: Runtime, taken: Taken) -> None:
    await moderation.decide(runtime, taken.post_id or "", Action.WITHDRAW, actor="mo", reason="personal")


async def _correct(runtime: Runtime, taken: Taken) -> None:
    await moderation.decide(runtime, taken.post_id or "", Action.CORRECT, actor="mo", text="the lamp is whole")


async def _answer(runtime: Runtime, taken: Taken) -> None:
    await cases.answer(runtime, taken.ticket or "", "a crew is coming", "roads", actor="of")


async def _assign(runtime: Runtime, taken: Taken) -> None:
    await handling.take(runtime, taken.ticket or "", Wanted(CaseStep.ASSIGN, department="heating"), SUPERVISOR)


async def _categorise(runtime: Runtime, taken: Taken) -> None:
    await categorising.categorise(runtime, taken.ticket or "", "heating", actor="mo")


async def _name(runtime: Runtime, taken: Taken) -> None:
    await names.choose(runtime, await _person(runtime), "Lin")


async def _erase(runtime: Runtime, taken: Taken) -> None:
    await erasure.erase(runtime, await _person(runtime), withdraw=True)


async def _person(runtime: Runtime) -> str:
    return str((await who(runtime, f"tel:{ANNA}")).person)


@pytest.mark.parametrize("change", [_withdraw, _correct, _answer, _assign, _categorise, _name, _erase])
async def test_a_change_is_seen_by_the_next_who_asks(
    runtime: Runtime, change: Callable[[Runtime, Taken], Awaitable[None]]
) -> None:
    taken = await Intake(runtime).take(message("a street lamp is broken in 人民路", sender=ANNA))
    ticket = taken.ticket or ""
    await moderation.decide(runtime, taken.post_id or "", Action.PUBLISH, actor="mo")
    desk = Desk(runtime)
    before = await desk.post(ticket)
    assert [one.ticket for one in (await desk.published())[0]] == [ticket]
    await change(runtime, taken)
    async with runtime.database.reading() as connection:
        now = await posts.public_post(connection, ticket)
        shown, _ = await posts.published(connection)
    assert now != before
    assert await desk.post(ticket) == now
    assert list((await desk.published())[0]) == shown
