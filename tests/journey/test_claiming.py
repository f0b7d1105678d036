"""Who looks at what: an open post is its first opener's until he closes it or is not heard of any more."""

from collections.abc import Callable

import pytest

from gateway import clock
from gateway.errors import NotFound
from gateway.jobs import upkeep
from gateway.journey import claiming, moderation
from gateway.journey.claiming import Held
from gateway.runtime import Runtime
from gateway.schema import Action
from store import claims
from tests.journey.test_moderation import new_post


async def at_work(runtime: Runtime, post_id: str) -> list[str]:
    async with runtime.database.reading() as connection:
        return list((await claims.at_work(connection, [post_id], clock.now())).get(post_id, []))


async def test_the_first_holds_it_until_he_leaves(runtime: Runtime, later: Callable[[float], None]) -> None:
    post_id = await new_post(runtime)
    assert await claiming.open_post(runtime, post_id, "mo") == ["mo"]
    later(1)
    assert await claiming.open_post(runtime, post_id, "ma") == ["mo", "ma"]
    later(1)
    assert await claiming.open_post(runtime, post_id, "mo") == ["mo", "ma"], "renewed, he stays the first"
    await claiming.leave(runtime, post_id, "mo")
    assert await at_work(runtime, post_id) == ["ma"]


async def test_a_claim_runs_out_unless_it_is_renewed(runtime: Runtime, later: Callable[[float], None]) -> None:
    post_id, seconds = await new_post(runtime), runtime.settings.moderation.claim_seconds
    await claiming.open_post(runtime, post_id, "mo")
    later(seconds - 1)
    await claiming.open_post(runtime, post_id, "mo")
    later(seconds - 1)
    assert await at_work(runtime, post_id) == ["mo"]
    later(2)
    assert await at_work(runtime, post_id) == []
    await claiming.open_post(runtime, post_id, "ma")
    later(1)
    assert await claiming.open_post(runtime, post_id, "mo") == ["ma", "mo"], "who comes back stands behind"
    later(seconds)
    await upkeep.forget(runtime)
    assert await runtime.database.write(lambda tx: claims.forget(tx, clock.now())) == 0


async def test_deciding_what_another_holds_is_asked_back(runtime: Runtime) -> None:
    post_id = await new_post(runtime)
    await claiming.open_post(runtime, post_id, "mo")
    with pytest.raises(Held) as caught:
        await moderation.decide(runtime, post_id, Action.PUBLISH, actor="ma", unless_held=True)
    assert caught.value.holder == "mo"
    await moderation.decide(runtime, post_id, Action.HOLD, actor="mo", reason="unclear", unless_held=True)
    await moderation.decide(runtime, post_id, Action.PUBLISH, actor="ma")


async def test_only_news_wakes_the_others(runtime: Runtime) -> None:
    post_id = await new_post(runtime)
    bell = runtime.database.wakeups.bell("queue")
    for told, act in (
        (True, lambda: claiming.open_post(runtime, post_id, "mo")),
        (False, lambda: claiming.open_post(runtime, post_id, "mo")),
        (True, lambda: claiming.leave(runtime, post_id, "mo")),
        (False, lambda: claiming.leave(runtime, post_id, "mo")),
    ):
        await act()
        assert await bell.wait(5 if told else 0.2) is told
        while told and await bell.wait(0.5):
            pass  # the same news once more, by way of the server


async def test_nothing_is_claimed_that_is_not_there(runtime: Runtime) -> None:
    with pytest.raises(NotFound):
        await claiming.open_post(runtime, "0" * 32, "mo")
