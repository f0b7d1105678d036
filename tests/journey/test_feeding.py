"""Subscribers being fed from the stream: each event once, whoever does it and whatever breaks off in between."""

import asyncio

import pytest
from sqlalchemy import select

from gateway.journey import feeding, subscribing
from gateway.journey.intake import Intake
from gateway.journey.moderation import decide
from gateway.runtime import Runtime
from gateway.schema import Action
from store import audit, subscribers
from store.subscribers import Standing
from store.tables_deliveries import deliveries
from tests.channels.subscribed import Hooks
from tests.journey.test_intake import message
from tests.journey.test_two_processes import other

__all__ = ["other"]


async def publish(runtime: Runtime, number: int) -> None:
    taken = await Intake(runtime).take(message(f"a different report {number}", f"+861380013{number:04}"))
    assert taken.post_id
    await decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")


async def queued(runtime: Runtime) -> list[tuple[str, int]]:
    async with runtime.database.reading() as connection:
        wanted = select(deliveries).where(deliveries.c.channel == "webhook").order_by(deliveries.c.id)
        return [(row.address_id, row.values["number"]) for row in await connection.execute(wanted)]


async def test_each_event_is_told_once_and_in_order(hooks: Hooks) -> None:
    receivers = [await hooks.receiver() for _ in range(3)]
    for receiver in receivers:
        await hooks.subscribe(receiver)
    for number in range(12):
        await publish(hooks.runtime, number)
    await hooks.deliver()
    for receiver in receivers:
        numbers = [call.event["number"] for call in receiver.calls]
        assert len(numbers) == len(set(numbers)) == 12
    told = await queued(hooks.runtime)
    for address_id in {address_id for address_id, _ in told}:
        numbers = [number for whose, number in told if whose == address_id]
        assert numbers == sorted(set(numbers))


async def test_what_breaks_off_is_neither_lost_nor_doubled(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = await hooks.receiver()
    await hooks.subscribe(receiver)
    await publish(hooks.runtime, 1)

    async def broken(*_args: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(subscribers, "move", broken)
        with pytest.raises(RuntimeError):
            await feeding.feed_some(hooks.runtime)
    assert await queued(hooks.runtime) == []
    await hooks.deliver()
    assert len(receiver.calls) == 1


async def test_giving_up_is_in_the_audit_and_stops_what_was_under_way(hooks: Hooks) -> None:
    receiver = await hooks.receiver()
    entered = await hooks.subscribe(receiver)
    await subscribing.test(hooks.runtime, entered.id, actor="ad")

    async def gone(_request: object) -> object:
        raise ConnectionAbortedError

    receiver.answer = gone  # type: ignore[assignment]  # its 500 is all that counts
    days = hooks.runtime.settings.subscribers.model_copy(update={"failing_days": 1e-9})
    hooks.runtime.settings = hooks.runtime.settings.model_copy(update={"subscribers": days})
    await hooks.deliver()
    await subscribing.test(hooks.runtime, entered.id, actor="ad")
    await hooks.deliver()
    one = await hooks.of(entered)
    assert one.standing is Standing.FAILING
    assert one.next_try
    assert (one.next_try - one.created_at).days > 1000, "put aside"
    async with hooks.runtime.database.reading() as connection:
        traces = await audit.traces(connection)
    assert ("delivery", "subscriber stopped", entered.id) in [(one.actor, one.action, one.target) for one in traces]


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_two_processes_queue_each_event_once(hooks: Hooks, other: Runtime) -> None:  # the fixture
    other.settings = hooks.runtime.settings
    receivers = [await hooks.receiver() for _ in range(4)]
    for receiver in receivers:
        await hooks.subscribe(receiver)
    for number in range(20):
        await publish(hooks.runtime, number)
    lines = [hooks, Hooks(other)]
    await asyncio.gather(*(one.deliver() for one in lines))
    await hooks.deliver()
    for receiver in receivers:
        assert len(receiver.calls) == 20
    told = await queued(hooks.runtime)
    assert len(told) == len(set(told)) == 80
