"""What an administrator does with subscribers: rotate, replay, pause, test, remove."""

from typing import Any

import pytest

from gateway.errors import Conflict, NotFound
from gateway.journey import subscribing
from gateway.schema_outgoing import DeliveryState
from store import citizens
from tests.channels.subscribed import Hooks, expected, saying


async def test_a_replaced_secret_still_signs_for_a_day(hooks: Hooks, later: Any) -> None:
    receiver = await hooks.receiver()
    old = await hooks.subscribe(receiver)
    new = await subscribing.rotate(hooks.runtime, old.id, actor="ad")
    assert new.secret != old.secret
    await hooks.publish("one")
    await hooks.deliver()
    later(86401)
    await hooks.publish("two")
    await hooks.deliver()
    first, second = receiver.calls
    signatures = [expected(one.secret, first.headers, first.body) for one in (new, old)]
    assert first.headers["webhook-signature"].split() == signatures
    assert second.headers["webhook-signature"] == expected(new.secret, second.headers, second.body)


async def test_the_last_day_is_told_again_under_the_same_ids(hooks: Hooks, later: Any) -> None:
    receiver, other = await hooks.receiver(), await hooks.receiver()
    entered = await hooks.subscribe(receiver)
    await hooks.subscribe(other)
    await hooks.publish("too long ago")
    await hooks.deliver()
    later(2 * 86400)
    for number in range(5):
        await hooks.publish(f"a different report {number}")
    await hooks.deliver()
    told = {call.headers["webhook-id"]: call.event["number"] for call in receiver.calls[1:]}
    receiver.calls.clear()
    await subscribing.replay(hooks.runtime, entered.id, actor="ad")
    await hooks.deliver()
    assert {call.headers["webhook-id"]: call.event["number"] for call in receiver.calls} == told
    assert all(call.event["replay"] for call in receiver.calls)
    assert len(receiver.calls) == 5
    assert len(other.calls) == 6


async def test_a_paused_one_is_told_nothing_until_it_is_resumed(hooks: Hooks) -> None:
    receiver = await hooks.receiver()
    receiver.answer = saying(503)
    entered = await hooks.subscribe(receiver)
    await hooks.publish("one")
    await hooks.deliver()
    await subscribing.pause(hooks.runtime, entered.id, actor="ad")
    with pytest.raises(Conflict):
        await subscribing.pause(hooks.runtime, entered.id, actor="ad")
    receiver.answer = None
    await hooks.publish("two")
    await hooks.deliver()
    assert len(receiver.calls) == 1
    await subscribing.resume(hooks.runtime, entered.id, actor="ad")
    await hooks.deliver()
    assert {call.event["data"]["text"] for call in receiver.calls[1:]} == {"one", "two"}


async def test_a_test_event_comes_also_while_paused(hooks: Hooks) -> None:
    receiver = await hooks.receiver()
    entered = await hooks.subscribe(receiver)
    await subscribing.pause(hooks.runtime, entered.id, actor="ad")
    await subscribing.test(hooks.runtime, entered.id, actor="ad")
    await hooks.deliver()
    [call] = receiver.calls
    assert (call.event["type"], call.event["data"]) == ("test", {})
    assert call.headers["webhook-signature"] == expected(entered.secret, call.headers, call.body)


async def test_a_removed_one_leaves_neither_address_nor_what_waited(hooks: Hooks) -> None:
    receiver = await hooks.receiver()
    receiver.answer = saying(503)
    entered = await hooks.subscribe(receiver)
    await hooks.publish()
    await hooks.deliver()
    await subscribing.remove(hooks.runtime, entered.id, actor="ad")
    await hooks.due_now()
    await hooks.deliver()
    assert len(receiver.calls) == 1
    assert [one.state for one in await hooks.deliveries()] == [DeliveryState.DROPPED]
    async with hooks.runtime.database.reading() as connection:
        assert await citizens.unseal(connection, hooks.runtime.vault, [entered.id]) == {}
    with pytest.raises(NotFound):
        await subscribing.rotate(hooks.runtime, entered.id, actor="ad")


async def test_there_are_not_more_than_set(hooks: Hooks) -> None:
    few = hooks.runtime.settings.subscribers.model_copy(update={"most": 1})
    hooks.runtime.settings = hooks.runtime.settings.model_copy(update={"subscribers": few})
    receiver = await hooks.receiver()
    await hooks.subscribe(receiver)
    with pytest.raises(Conflict):
        await hooks.subscribe(receiver)
