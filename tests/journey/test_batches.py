"""Several posts decided at once: each has its own outcome, and one undo takes back all of it."""

from collections.abc import Callable

import pytest

from gateway.errors import BadInput, Conflict, NotFound
from gateway.journey import batches, moderation, undoing
from gateway.journey.batches import Batch, Chosen
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, State
from gateway.schema_incoming import Taken
from gateway.settings import Settings
from store import posts_for_staff
from tests.conftest import Texting, broadcasting_as, settle_down
from tests.journey.test_groups import NUMBERS, flood, queue, states
from tests.journey.test_intake import message

UNDO = 20
TEXTS = ("the lamp at the church is dark", "rubbish lies behind the school", "a dog barks all night in Elm Street")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With time to undo."""
    return broadcasting_as(settings, undo_seconds=float(UNDO))


async def three(runtime: Runtime) -> list[Taken]:
    """Three posts of three people."""
    return [await Intake(runtime).take(message(text, NUMBERS[n])) for n, text in enumerate(TEXTS)]


async def reject(runtime: Runtime, taken: list[Taken], note: str | None = None) -> Batch:
    chosen = [Chosen(one.post_id or "", 1) for one in taken]
    return await batches.decide(runtime, chosen, Action.REJECT, actor="mo", reason="elsewhere", note=note)


async def test_several_are_decided_for_one_reason(
    runtime: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    taken = await three(runtime)
    batch = await reject(runtime, taken, note="call the county")
    assert [(one.post_id, one.version, one.problem) for one in batch.results] == [
        (one.post_id, 2, None) for one in taken
    ]
    assert await states(runtime, taken) == [State.REJECTED] * 3
    later(UNDO + 1)
    await settle_down(runtime)
    assert all("call the county" in texting.to(number)[-1] for number in NUMBERS[:3])


async def test_what_hinders_one_hinders_no_other(runtime: Runtime) -> None:
    taken = await three(runtime)
    assert taken[1].post_id
    await moderation.decide(runtime, taken[1].post_id, Action.PUBLISH, actor="ma")
    batch = await reject(runtime, taken)
    first, second, third = batch.results
    assert (first.version, third.version) == (2, 2)
    assert isinstance(second.problem, Conflict)
    assert await states(runtime, taken) == [State.REJECTED, State.PUBLISHED, State.REJECTED]


async def test_one_undo_takes_back_the_batch_but_what_was_changed_since(
    runtime: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    taken = await three(runtime)
    batch = await reject(runtime, taken)
    assert taken[2].post_id
    await moderation.decide(runtime, taken[2].post_id, Action.PUBLISH, actor="ma")
    assert await undoing.undo_together(runtime, batch.decision_id, actor="mo") == 2
    assert await states(runtime, taken) == [State.PENDING, State.PENDING, State.PUBLISHED]
    later(UNDO * 2)
    await settle_down(runtime)
    assert not any("not published" in text for number in NUMBERS[:2] for text in texting.to(number))
    with pytest.raises(Conflict):
        await undoing.undo_together(runtime, batch.decision_id, actor="mo")


async def test_undoing_one_of_a_batch_leaves_the_others(runtime: Runtime) -> None:
    taken = await three(runtime)
    await reject(runtime, taken)
    assert taken[0].post_id
    await undoing.undo(runtime, taken[0].post_id, actor="mo")
    assert await states(runtime, taken) == [State.PENDING, State.REJECTED, State.REJECTED]


@pytest.mark.parametrize("by", ["first", "another"])
@pytest.mark.parametrize("action", [Action.PUBLISH, Action.REJECT, Action.HOLD])
async def test_undoing_a_flood_takes_back_all_of_it(
    runtime: Runtime, texting: Texting, later: Callable[[float], None], action: Action, by: str
) -> None:
    taken = await flood(runtime, "no water in the whole of Garden Village since six this morning")
    await settle_down(runtime)
    before = len(texting.sent)
    assert taken[0].post_id
    assert taken[3].post_id
    reason = None if action is Action.PUBLISH else "unclear"
    await moderation.decide(runtime, taken[0].post_id, action, actor="mo", reason=reason, alike=True)
    await undoing.undo(runtime, taken[0].post_id if by == "first" else taken[3].post_id, actor="mo")
    later(UNDO * 2)
    await settle_down(runtime)
    assert await states(runtime, taken) == [State.PENDING] * 5
    assert len(texting.sent) == before, "nobody heard of it"
    (row,) = await queue(runtime)
    assert (row.id, row.alike) == (taken[0].post_id, 4), "they are one row again"
    fresh = await Intake(runtime).take(
        message("no water in the whole of Garden Village since six this morning", NUMBERS[9])
    )
    (row,) = await queue(runtime)
    assert row.alike == 5, "and what says the same joins it"
    assert fresh.post_id
    await moderation.decide(runtime, taken[0].post_id, Action.REJECT, actor="mo", reason="unclear")
    async with runtime.database.reading() as connection:
        assert await posts_for_staff.waiting(connection) == 1


async def test_an_undone_joining_is_followed_no_more(runtime: Runtime, texting: Texting) -> None:
    taken = await flood(runtime)
    first = taken[0]
    assert first.post_id
    await moderation.decide(runtime, first.post_id, Action.PUBLISH, actor="mo", alike=True)
    await undoing.undo(runtime, first.post_id, actor="mo")
    runtime.settings = broadcasting_as(runtime.settings, undo_seconds=0.0)
    await moderation.decide(runtime, first.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    added = await Intake(runtime).take(message(f"{first.ticket} they called again", NUMBERS[0]))
    assert added.post_id
    await moderation.decide(runtime, added.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert not any("called again" in text for text in texting.to(NUMBERS[1]))


@pytest.mark.parametrize(
    ("number", "action", "reason", "field"),
    [
        (0, Action.PUBLISH, None, "post"),
        (batches.MOST + 1, Action.PUBLISH, None, "post"),
        (1, Action.REJECT, None, "reason"),
        (1, Action.REJECT, "other", "note"),
        (1, Action.CORRECT, None, "action"),
    ],
)
async def test_what_is_missing_is_named(
    runtime: Runtime, number: int, action: Action, reason: str | None, field: str
) -> None:
    chosen = [Chosen(f"{n:032}") for n in range(number)]
    with pytest.raises(BadInput) as caught:
        await batches.decide(runtime, chosen, action, actor="mo", reason=reason)
    assert caught.value.field == field


async def test_a_batch_that_never_was_is_not_found(runtime: Runtime) -> None:
    with pytest.raises(NotFound):
        await undoing.undo_together(runtime, "0" * 32, actor="mo")
