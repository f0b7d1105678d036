import asyncio

import pytest

from store.wakeups import Wakeups


async def test_a_bell_stays_rung_until_it_is_waited_for_once() -> None:
    wakeups = Wakeups()
    bell, other = wakeups.bell("posts"), wakeups.bell("media")
    assert not await bell.wait(0.01)
    wakeups.ring({"posts"})
    wakeups.ring({"posts"})
    assert await bell.wait(0.01)
    assert not await bell.wait(0.01)
    assert not await other.wait(0.01)


async def test_every_waiter_hears_and_who_let_go_of_his_bell_is_forgotten() -> None:
    wakeups = Wakeups()
    bells = [wakeups.bell("posts") for _ in range(3)]
    bells.pop()
    wakeups.ring({"posts", "nobody waits for this"})
    assert [await bell.wait(0.01) for bell in bells] == [True, True]


async def test_a_waiter_can_be_stopped_also_when_it_rings_at_that_moment() -> None:
    bell = Wakeups().bell("posts")

    async def wait_for_ever() -> None:
        while True:
            await bell.wait(0.05)

    waiting = asyncio.create_task(wait_for_ever())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    bell.ring()
    await asyncio.sleep(0)
    waiting.cancel()
    done, _ = await asyncio.wait([waiting], timeout=1)
    if not done:
        waiting.cancel()
        pytest.fail("the cancellation was swallowed")
    assert waiting.cancelled()


async def test_a_topic_nobody_waits_for_any_more_is_not_held() -> None:
    wakeups = Wakeups()
    bells = [wakeups.bell(f"mailbox {number % 2}") for number in range(4)]
    assert wakeups.awaited("mailbox ")
    del bells[1:]
    wakeups.ring({"mailbox 0", "mailbox 1", "mailbox 2"})
    assert await bells[0].wait(0.01)
    assert wakeups._bells.keys() == {"mailbox 0"}
    bells.clear()
    assert not wakeups.awaited("mailbox ")
    assert wakeups._bells == {}
