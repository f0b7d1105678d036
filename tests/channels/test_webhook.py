"""Webhooks: what is sent and signed, what follows each answer, and that no subscriber harms another."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from channels import webhook
from channels.failures import RecipientGone, Refused, RetryLater, Throttled, Unknown
from gateway import clock
from gateway.journey import redelivery, subscribing, switching, undoing
from gateway.journey.breaker import BreakerState
from gateway.schema import Action
from gateway.schema_outgoing import DeliveryState
from store.standings import Position
from store.subscribers import Standing
from tests.channels.subscribed import Hooks, expected, message, saying
from tests.conftest import broadcasting_as
from tests.process.gateway import free_port

DOCUMENT = Path(__file__).parents[2] / "docs" / "webhooks.md"


async def hanging(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


# --- what is sent --------------------------------------------------------------------------------------------------


async def test_what_happens_to_a_post_is_told_signed_and_in_order(hooks: Hooks) -> None:
    receiver = await hooks.receiver()
    entered = await hooks.subscribe(receiver)
    ticket = await hooks.publish()
    await hooks.deliver()
    await hooks.answer(ticket)
    await hooks.deliver()
    await hooks.decide(ticket, Action.CORRECT, text="water pipe burst")
    await hooks.deliver()
    await hooks.decide(ticket, Action.WITHDRAW, reason="personal")
    await hooks.deliver()
    assert receiver.told == ["post.published", "post.answered", "post.updated", "post.withdrawn"]
    first, answered, corrected, withdrawn = [call.event for call in receiver.calls]
    assert first["data"]["ticket"] == ticket
    assert first["data"]["text"] == "water pipe leaking"
    assert answered["data"]["answers"][0]["text"] == "a crew is coming"
    assert corrected["data"]["text"] == "water pipe burst"
    assert withdrawn["data"]["text"] == ""
    assert [first["number"], withdrawn["number"]] == sorted([first["number"], withdrawn["number"]])
    assert first["source"] == hooks.runtime.settings.public_url
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 4
    for call in receiver.calls:
        assert call.headers["webhook-signature"] == expected(entered.secret, call.headers, call.body)
        assert call.headers["Content-Type"] == "application/json"
        assert abs(int(call.headers["webhook-timestamp"]) - clock.now().timestamp()) < 60
    assert all(one.state is DeliveryState.DELIVERED for one in await hooks.deliveries())


def test_the_vector_of_the_scheme() -> None:
    headers = webhook.signed(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("filters", "heard"),
    [
        ({}, 2),
        ({"about": ["published"]}, 1),
        ({"about": ["withdrawn"]}, 0),
        ({"department": "water"}, 2),
        ({"department": "police"}, 0),
        ({"category": "heating"}, 0),
        ({"place": "North Street"}, 2),
        ({"place": "south street"}, 0),
        ({"department": "water", "place": "south street"}, 0),
    ],
)
async def test_a_subscriber_hears_what_it_asked_for(hooks: Hooks, filters: dict[str, Any], heard: int) -> None:
    receiver = await hooks.receiver()
    await hooks.subscribe(receiver, **filters)
    ticket = await hooks.publish("water pipe leaking in north street")
    await hooks.deliver()
    await hooks.answer(ticket)
    await hooks.deliver()
    assert len(receiver.calls) == heard


async def test_what_is_taken_back_within_the_undo_time_is_never_told(hooks: Hooks, later: Any) -> None:
    hooks.runtime.settings = broadcasting_as(hooks.runtime.settings, undo_seconds=60.0)
    receiver = await hooks.receiver()
    await hooks.subscribe(receiver)
    ticket = await hooks.publish("said in anger")
    await hooks.publish("meant")
    await hooks.deliver()
    assert receiver.calls == []
    await hooks.decide(ticket, Action.WITHDRAW, reason="personal")
    later(61)
    await hooks.deliver()
    assert [call.event["data"]["text"] for call in receiver.calls] == ["meant"]


@pytest.mark.parametrize("kind", ["post", "answer", "comment"])
async def test_a_decision_that_is_undone_is_never_told(hooks: Hooks, later: Any, kind: str) -> None:
    hooks.runtime.settings = broadcasting_as(hooks.runtime.settings, undo_seconds=20.0)
    receiver = await hooks.receiver()
    await hooks.subscribe(receiver, about=["published", "answered", "commented", "withdrawn"])
    ticket = await hooks.publish()
    undone = ticket
    if kind != "post":
        later(30)
        await hooks.deliver()
        undone = await hooks.answer(ticket) if kind == "answer" else await hooks.comment(ticket)
    later(10)
    await hooks.deliver()
    await undoing.undo(hooks.runtime, undone, actor="mo")
    later(30)
    await hooks.deliver()
    assert receiver.told == ([] if kind == "post" else ["post.published"])
    await hooks.decide(undone, Action.PUBLISH)
    later(30)
    await hooks.deliver()
    last = {"post": "post.published", "answer": "post.answered", "comment": "post.commented"}[kind]
    assert receiver.told == ["post.published", last][kind == "post" :]


async def test_what_was_told_already_is_taken_back_when_it_is_undone(hooks: Hooks) -> None:
    receiver = await hooks.receiver()
    await hooks.subscribe(receiver)
    ticket = await hooks.publish()
    await hooks.deliver()
    hooks.runtime.settings = broadcasting_as(hooks.runtime.settings, undo_seconds=20.0)
    await undoing.undo(hooks.runtime, ticket, actor="mo")
    await hooks.deliver()
    assert receiver.told == ["post.published", "post.withdrawn"]


async def test_a_withdrawal_waits_for_no_undo_time(hooks: Hooks, later: Any) -> None:
    hooks.runtime.settings = broadcasting_as(hooks.runtime.settings, undo_seconds=60.0)
    receiver = await hooks.receiver()
    await hooks.subscribe(receiver)
    ticket = await hooks.publish()
    later(61)
    await hooks.deliver()
    await hooks.decide(ticket, Action.WITHDRAW, reason="personal")
    await hooks.deliver()
    assert receiver.told == ["post.published", "post.withdrawn"]


async def test_words_withdrawn_while_they_waited_do_not_leave(hooks: Hooks) -> None:
    receiver = await hooks.receiver()
    receiver.answer = saying(503)
    await hooks.subscribe(receiver)
    ticket = await hooks.publish("a secret told by mistake")
    await hooks.deliver()
    await hooks.decide(ticket, Action.WITHDRAW, reason="personal")
    receiver.answer = None
    await hooks.due_now()
    await hooks.deliver()
    first, *rest = receiver.calls
    assert b"secret" in first.body
    assert {call.event["type"] for call in rest} == {"post.withdrawn"}
    assert all(b"secret" not in call.body for call in rest)


async def test_what_is_private_is_told_to_nobody(hooks: Hooks) -> None:
    receiver = await hooks.receiver()
    await hooks.subscribe(receiver)
    await hooks.answer(await hooks.publish(private=True))
    await hooks.deliver()
    assert receiver.calls == []


# --- what follows an answer ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        (200, DeliveryState.DELIVERED, None),
        (204, DeliveryState.DELIVERED, None),
        (301, DeliveryState.DUE, "later"),
        (400, DeliveryState.FAILED, "refused"),
        (401, DeliveryState.DUE, "later"),
        (404, DeliveryState.DUE, "later"),
        (410, DeliveryState.FAILED, "recipient gone"),
        (429, DeliveryState.DUE, "throttled"),
        (500, DeliveryState.DUE, "later"),
        (504, DeliveryState.UNKNOWN, "unknown"),
    ],
)
async def test_each_answer_has_its_own_fate(
    hooks: Hooks, status: int, state: DeliveryState, reason: str | None
) -> None:
    receiver = await hooks.receiver()
    receiver.answer = saying(status, Location=receiver.url, **{"Retry-After": "70"})
    await hooks.subscribe(receiver)
    await hooks.publish()
    await hooks.deliver()
    [one] = await hooks.deliveries()
    assert (one.state, one.reason) == (state, reason)
    assert len(receiver.calls) == 1


async def test_no_answer_is_unknown_and_repeated_under_the_same_id(hooks: Hooks, later: Any) -> None:
    receiver = await hooks.receiver()
    receiver.answer = hanging
    await hooks.subscribe(receiver)
    await hooks.publish()
    await hooks.deliver()
    [one] = await hooks.deliveries()
    assert one.state is DeliveryState.UNKNOWN
    receiver.answer = None
    later(10)
    await hooks.deliver()
    [one] = await hooks.deliveries()
    assert one.state is DeliveryState.DELIVERED
    first, second = receiver.calls
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert len(one.attempts) == 2


async def test_a_giant_answer_is_not_read(hooks: Hooks) -> None:
    receiver, sent = await hooks.receiver(), 0

    async def giant(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(2000):
            await response.write(b"x" * 65_536)
            sent += 65_536
        return response

    receiver.answer = giant
    await hooks.subscribe(receiver)
    await hooks.publish()
    await hooks.deliver()
    assert [one.state for one in await hooks.deliveries()] == [DeliveryState.DELIVERED]
    assert sent < 20_000_000


async def test_a_yes_counts_also_when_its_body_never_ends(hooks: Hooks) -> None:
    receiver = await hooks.receiver()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(30)
        return response

    receiver.answer = endless
    await hooks.subscribe(receiver)
    await hooks.publish()
    await hooks.deliver()
    assert [one.state for one in await hooks.deliveries()] == [DeliveryState.DELIVERED]


async def test_gone_unsubscribes_and_resuming_goes_on_where_it_stopped(hooks: Hooks) -> None:
    receiver = await hooks.receiver()
    receiver.answer = saying(410)
    entered = await hooks.subscribe(receiver)
    await hooks.publish("one")
    await hooks.deliver()
    await hooks.publish("two")
    await hooks.deliver()
    assert (await hooks.of(entered)).standing is Standing.GONE
    assert len(receiver.calls) == 1
    receiver.answer = None
    await subscribing.resume(hooks.runtime, entered.id, actor="ad")
    await hooks.deliver()
    assert [call.event["data"]["text"] for call in receiver.calls] == ["one", "two"]


async def test_who_only_fails_for_days_is_given_up_and_nothing_is_lost(hooks: Hooks, later: Any) -> None:
    receiver = await hooks.receiver()
    receiver.answer = saying(500)
    entered = await hooks.subscribe(receiver)
    for number in range(8):
        await hooks.publish(f"a different report {number}")
    await hooks.deliver()
    one = await hooks.of(entered)
    assert (one.standing, one.failures, one.last_failure, one.waiting) == (Standing.ACTIVE, 3, "HTTP 500", 3)
    later(3.5 * 86400)
    await hooks.deliver()
    one = await hooks.of(entered)
    assert one.standing is Standing.FAILING
    calls = len(receiver.calls)
    later(86400)
    await hooks.deliver()
    assert len(receiver.calls) == calls, "called no more"
    receiver.answer = None
    await subscribing.resume(hooks.runtime, entered.id, actor="ad")
    await hooks.deliver()
    heard = {call.event["data"]["text"] for call in receiver.calls[calls:]}
    assert heard == {f"a different report {number}" for number in range(8)}
    one = await hooks.of(entered)
    assert (one.failures, one.failing_since, one.waiting, one.behind) == (0, None, 0, 0)


async def test_one_that_hangs_holds_up_nobody(hooks: Hooks) -> None:
    hooks.wait_for(20)
    slow, quick = await hooks.receiver(), await hooks.receiver()
    everything, release = asyncio.Event(), asyncio.Event()

    async def at_last(_request: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.Response()

    async def heard(_request: web.Request) -> web.StreamResponse:
        if len(quick.calls) == 30:
            everything.set()
        return web.Response()

    slow.answer, quick.answer = at_last, heard
    await hooks.subscribe(slow)
    await hooks.subscribe(quick)
    for number in range(30):
        await hooks.publish(f"a different report {number}")
    delivering = asyncio.create_task(hooks.deliver())
    async with asyncio.timeout(10):
        await everything.wait()
    assert len(slow.calls) == 1, "it still has not answered the first"
    release.set()
    await delivering
    assert len(slow.calls) == 30


async def test_no_trouble_of_others_opens_the_breaker_or_puts_off_a_well_one(hooks: Hooks) -> None:
    failures = hooks.runtime.settings.health.breaker_failures
    for status in (500, 504, 429):
        for _ in range(failures):
            sick = await hooks.receiver()
            sick.answer = saying(status, **{"Retry-After": "3000"})
            await hooks.subscribe(sick)
    well = await hooks.receiver()
    await hooks.subscribe(well)
    for number in range(2):
        await hooks.publish(f"a different report {number}")
        await hooks.deliver()
    assert len(well.calls) == 2
    assert hooks.runtime.breakers["webhook"].state(clock.now()) is BreakerState.CLOSED


async def test_a_paused_channel_calls_nobody_and_loses_nothing(hooks: Hooks) -> None:
    receiver = await hooks.receiver()
    await hooks.subscribe(receiver)
    await switching.switch(hooks.runtime, "webhook", Position.PAUSED, actor="ad")
    for number in range(5):
        await hooks.publish(f"a different report {number}")
    await hooks.deliver()
    assert receiver.calls == []
    await switching.switch(hooks.runtime, "webhook", None, actor="ad")
    await hooks.deliver()
    assert len({call.event["number"] for call in receiver.calls}) == len(receiver.calls) == 5


async def test_a_dead_letter_is_sent_again_by_hand_under_the_same_id(hooks: Hooks) -> None:
    receiver = await hooks.receiver()
    receiver.answer = saying(400)
    await hooks.subscribe(receiver)
    await hooks.publish()
    await hooks.deliver()
    [dead] = await hooks.deliveries()
    receiver.answer = None
    assert await redelivery.send_again(hooks.runtime, [dead.id], actor="mo") == 1
    await hooks.deliver()
    first, second = receiver.calls
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert [one.state for one in await hooks.deliveries()] == [DeliveryState.DELIVERED]


async def test_one_that_asks_for_patience_gets_it_alone(hooks: Hooks) -> None:
    busy, quick = await hooks.receiver(), await hooks.receiver()
    busy.answer = saying(429, **{"Retry-After": "3000"})
    await hooks.subscribe(busy)
    await hooks.subscribe(quick)
    for number in range(5):
        await hooks.publish(f"a different report {number}")
    await hooks.deliver()
    assert len(quick.calls) == 5
    assert len(busy.calls) == 3


@pytest.mark.parametrize(
    ("status", "failure"),
    [(429, Throttled), (500, RetryLater), (503, RetryLater), (410, RecipientGone), (422, Refused), (504, Unknown)],
)
async def test_a_receivers_trouble_is_named_without_its_address(
    hooks: Hooks, status: int, failure: type[Exception]
) -> None:
    receiver = await hooks.receiver()
    receiver.answer = saying(status, **{"Retry-After": "7"})
    with pytest.raises(failure) as caught:
        await hooks.runtime.channels["webhook"].send(message(receiver.url))
    assert "127.0.0.1" not in str(caught.value)
    assert "whsec" not in str(caught.value)


async def test_one_that_is_not_there_had_nothing(hooks: Hooks) -> None:
    with pytest.raises(RetryLater):
        await hooks.runtime.channels["webhook"].send(message(f"http://127.0.0.1:{free_port()}/"))
