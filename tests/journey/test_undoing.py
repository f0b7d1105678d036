"""The undo time: what can be recalled shows a decision at once, and who cannot be told twice is not told before it."""

from collections.abc import Callable

import pytest

from gateway.errors import Conflict
from gateway.journey import moderation, undoing
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, State
from gateway.schema_outgoing import DeliveryState
from gateway.settings import Settings
from store import changes, deliveries, events, posts, waiting
from tests.conftest import Texting, broadcasting_as, settle_down
from tests.journey.test_intake import ANNA, BORIS, CLARA, message

UNDO = 20


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With time to undo."""
    return broadcasting_as(settings, undo_seconds=float(UNDO))


async def followed_post(runtime: Runtime, text: str = "water pipe leaking on north street") -> str:
    """A report by Anna, which Boris would hear of."""
    await Intake(runtime).take(message("FOLLOW ALL", BORIS))
    taken = await Intake(runtime).take(message(text))
    await settle_down(runtime)
    assert taken.post_id
    return taken.post_id


async def wall_of(runtime: Runtime, post_id: str) -> list[DeliveryState]:
    async with runtime.database.reading() as connection:
        return [one.state for one in await deliveries.of_posts(connection, [post_id]) if one.channel == "wall"]


async def test_what_cannot_be_recalled_waits_and_what_can_is_there(
    runtime: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    post_id, before = await followed_post(runtime), len(texting.sent)
    await moderation.decide(runtime, post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert len(texting.sent) == before
    assert await wall_of(runtime, post_id) == [DeliveryState.DELIVERED]
    async with runtime.database.reading() as connection:
        assert len((await posts.published(connection))[0]) == 1
    later(UNDO - 2)
    await settle_down(runtime)
    assert len(texting.sent) == before
    later(3)
    await settle_down(runtime)
    assert "is published" in texting.to(ANNA)[-1]
    assert "leaking" in texting.to(BORIS)[-1]


@pytest.mark.parametrize("seconds", [0, UNDO - 5])
async def test_a_withdrawal_within_the_time_is_heard_by_the_author_alone(
    runtime: Runtime, texting: Texting, later: Callable[[float], None], seconds: float
) -> None:
    post_id = await followed_post(runtime)
    heard = len(texting.to(BORIS))
    await moderation.decide(runtime, post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    later(seconds)
    await moderation.decide(runtime, post_id, Action.WITHDRAW, actor="mo", reason="personal")
    await settle_down(runtime)
    later(UNDO * 2)
    await settle_down(runtime)
    assert len(texting.to(BORIS)) == heard
    assert not any("is published" in text for text in texting.to(ANNA))
    assert "was withdrawn" in texting.to(ANNA)[-1]
    async with runtime.database.reading() as connection:
        told = await deliveries.of_posts(connection, [post_id])
    assert {one.reason for one in told if one.state is DeliveryState.DROPPED} == {"withdrawn"}


async def test_undoing_a_publication_leaves_no_trace_but_in_the_history(
    runtime: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    post_id, before = await followed_post(runtime), len(texting.sent)
    await moderation.decide(runtime, post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    await undoing.undo(runtime, post_id, actor="ma")
    await settle_down(runtime)
    later(UNDO * 2)
    await settle_down(runtime)
    assert len(texting.sent) == before
    async with runtime.database.reading() as connection:
        post = await changes.load(connection, post_id)
        assert (await posts.published(connection))[0] == []
        assert [one.event for one in await events.after(connection, 0)] == ["post", "withdrawn"]
        assert [one.id for one in await waiting.queue(connection)] == [post_id]
    assert (post.state, post.published_at) == (State.PENDING, None)
    await moderation.decide(runtime, post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    later(UNDO * 3)
    await settle_down(runtime)
    assert sum("leaking" in text for text in texting.to(BORIS)) == 1
    assert sum("is published" in text for text in texting.to(ANNA)) == 1


@pytest.mark.parametrize("action", [Action.HOLD, Action.REJECT])
async def test_a_refusal_is_undone_before_its_author_hears_of_it(
    runtime: Runtime, texting: Texting, later: Callable[[float], None], action: Action
) -> None:
    post_id, before = await followed_post(runtime), len(texting.sent)
    await moderation.decide(runtime, post_id, action, actor="mo", reason="unclear")
    await settle_down(runtime)
    await undoing.undo(runtime, post_id, actor="mo")
    later(UNDO * 2)
    await settle_down(runtime)
    assert len(texting.sent) == before
    async with runtime.database.reading() as connection:
        assert (await changes.load(connection, post_id)).state is State.PENDING


async def test_it_is_too_late_afterwards_and_only_the_last_decision_is_undone(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    post_id = await followed_post(runtime)
    with pytest.raises(Conflict):
        await undoing.undo(runtime, post_id, actor="mo")
    await moderation.decide(runtime, post_id, Action.PUBLISH, actor="mo")
    await moderation.decide(runtime, post_id, Action.CORRECT, actor="mo", text="pipe leaking")
    with pytest.raises(Conflict):
        await undoing.undo(runtime, post_id, actor="mo")
    other = await followed_post(runtime, "the lamp at the church is dark since friday")
    await moderation.decide(runtime, other, Action.PUBLISH, actor="mo")
    later(UNDO + 1)
    with pytest.raises(Conflict):
        await undoing.undo(runtime, other, actor="mo")


async def test_who_heard_it_all_the_same_hears_that_it_is_taken_back(runtime: Runtime, texting: Texting) -> None:
    post_id = await followed_post(runtime)
    runtime.settings = broadcasting_as(runtime.settings, undo_seconds=0.0)
    await moderation.decide(runtime, post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert "leaking" in texting.to(BORIS)[-1]
    runtime.settings = broadcasting_as(runtime.settings, undo_seconds=20.0)
    await Intake(runtime).take(message("FOLLOW ALL", CLARA))
    await undoing.undo(runtime, post_id, actor="mo")
    await settle_down(runtime)
    assert "was withdrawn" in texting.to(BORIS)[-1]
    assert "looked at again" in texting.to(ANNA)[-1]
    assert len(texting.to(CLARA)) == 1
