"""Delivery: what follows each failure, what a receipt may move, and that nothing is sent twice blindly."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from channels import failures
from gateway import clock
from gateway.journey import moderation, receipts
from gateway.journey.delivery import Line
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_outgoing import DeliveryState, Outgoing, Receipt, ReceiptStatus, SendResult
from store import deliveries, outbox, outcomes
from store.deliveries import StaffDelivery
from store.outcomes import Recorded
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, message


async def one_delivery(runtime: Runtime) -> str:
    taken = await Intake(runtime).take(message("loud noise at the park"))
    assert taken.post_id
    return taken.post_id


async def the_delivery(runtime: Runtime, post_id: str) -> StaffDelivery:
    async with runtime.database.reading() as connection:
        return (await deliveries.of_posts(connection, [post_id]))[0]


@pytest.mark.parametrize(
    ("failure", "state", "reason"),
    [
        (failures.Throttled("slow down", retry_after=30), DeliveryState.DUE, "throttled"),
        (failures.RetryLater("500"), DeliveryState.DUE, "later"),
        (failures.Unknown("no answer"), DeliveryState.UNKNOWN, "unknown"),
        (failures.Refused("no", "21612"), DeliveryState.FAILED, "refused"),
        (failures.RecipientGone("gone"), DeliveryState.FAILED, "recipient gone"),
        (failures.OptedOut("21610"), DeliveryState.FAILED, "opted out at the carrier"),
        (failures.WindowClosed(), DeliveryState.FAILED, "reply window closed"),
        (failures.Misconfigured("bad token"), DeliveryState.DUE, "misconfigured"),
    ],
)
async def test_each_failure_has_its_own_fate(
    runtime: Runtime, texting: Texting, failure: failures.Failure, state: DeliveryState, reason: str
) -> None:
    post_id = await one_delivery(runtime)
    texting.fail = [failure]
    await settle_down(runtime)
    delivery = await the_delivery(runtime, post_id)
    assert (delivery.state, delivery.reason) == (state, reason)
    assert delivery.attempts[0].detail == failure.detail
    assert delivery.attempts[0].code == failure.code
    assert texting.sent == []


async def test_what_passes_by_itself_is_tried_again_and_then_given_up(
    runtime: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    post_id = await one_delivery(runtime)
    tries = runtime.settings.delivery.tries
    texting.fail = [failures.RetryLater("down")] * tries
    for _ in range(tries):
        await settle_down(runtime)
        later(runtime.settings.delivery.longest_wait)
    delivery = await the_delivery(runtime, post_id)
    assert (delivery.state, delivery.reason) == (DeliveryState.FAILED, "gave up after many tries")
    assert len(delivery.attempts) == tries


async def test_a_throttled_line_waits_as_long_as_the_carrier_asks(runtime: Runtime, texting: Texting) -> None:
    await one_delivery(runtime)
    texting.fail = [failures.Throttled(retry_after=30)]
    line = Line(runtime, texting)
    await line.step()
    await line.finish()
    await one_delivery(runtime)
    assert not await line.step(), "the other message waits too"
    assert texting.sent == []


async def test_an_unknown_is_never_sent_again_before_it_is_settled(
    runtime: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    post_id = await one_delivery(runtime)
    texting.fail = [failures.Unknown("lost"), failures.Unknown("cannot tell")]
    await settle_down(runtime)
    later(10)
    await settle_down(runtime)
    assert texting.sent == []
    texting.had_it = SendResult("SMfound")
    later(120)
    await settle_down(runtime)
    assert (await the_delivery(runtime, post_id)).state is DeliveryState.SENT
    assert texting.sent == []


async def test_an_unknown_is_settled_by_one_at_a_time(
    runtime: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    await one_delivery(runtime)
    texting.fail = [failures.Unknown("lost")]
    await settle_down(runtime)
    asked, answer = 0, asyncio.Event()

    async def settle(outgoing: Outgoing, started_at: object) -> None:
        nonlocal asked
        asked += 1
        await answer.wait()

    texting.settle = settle  # type: ignore[method-assign]
    later(10)
    line = Line(runtime, texting)
    assert await line.step()
    await asyncio.sleep(0.05)
    for _ in range(5):
        assert not await line.step(), "it is being settled already"
    answer.set()
    await line.finish()
    assert asked == 1


async def test_a_late_outcome_of_an_earlier_try_changes_nothing(runtime: Runtime) -> None:
    post_id = await one_delivery(runtime)
    at = clock.now()
    first = (await runtime.database.write(lambda tx: outbox.claim(tx, "texting", at, at, 1))).claimed[0]
    again = Recorded(first.id, first.number, DeliveryState.DUE, at, due_at=at)
    await runtime.database.write(lambda tx: outcomes.record(tx, "texting", [again]))
    await runtime.database.write(lambda tx: outbox.claim(tx, "texting", at, at, 1))
    await runtime.database.write(lambda tx: outcomes.record(tx, "texting", [again]))
    assert (await the_delivery(runtime, post_id)).state is DeliveryState.SENDING


async def test_an_unknown_the_carrier_never_had_is_sent_once(
    runtime: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    post_id = await one_delivery(runtime)
    texting.fail = [failures.Unknown("lost")]
    await settle_down(runtime)
    later(10)
    await settle_down(runtime)
    assert len(texting.to(ANNA)) == 1
    assert (await the_delivery(runtime, post_id)).state is DeliveryState.SENT


async def test_a_worker_that_died_while_sending_leaves_an_unknown(
    runtime: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    post_id = await one_delivery(runtime)
    until = clock.now() + timedelta(seconds=60)
    await runtime.database.write(lambda tx: outbox.claim(tx, "texting", clock.now(), until, 10))
    await settle_down(runtime)
    assert texting.sent == [], "held by somebody"
    later(61)
    await runtime.database.write(lambda tx: outbox.abandon(tx, clock.now()))
    assert (await the_delivery(runtime, post_id)).state is DeliveryState.UNKNOWN


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (["sent", "delivered"], DeliveryState.DELIVERED),
        (["delivered", "sent"], DeliveryState.DELIVERED),
        (["delivered", "failed"], DeliveryState.DELIVERED),
        (["sent", "failed", "sent"], DeliveryState.FAILED),
        (["delivered", "delivered"], DeliveryState.DELIVERED),
    ],
)
@pytest.mark.parametrize("early", [False, True])
async def test_receipts_only_move_forward(
    runtime: Runtime, texting: Texting, statuses: list[str], state: DeliveryState, early: bool
) -> None:
    post_id = await one_delivery(runtime)
    carrier_id = f"SM{1:032}"
    if not early:
        await settle_down(runtime)
    for status in statuses:
        await receipts.apply(runtime, "texting", Receipt(carrier_id, ReceiptStatus(status), clock.now()))
    if early:
        await settle_down(runtime)
    assert (await the_delivery(runtime, post_id)).state is state


async def test_a_receipt_for_nothing_we_know_changes_nothing(runtime: Runtime) -> None:
    receipt = Receipt("SMunheard", ReceiptStatus.DELIVERED, clock.now())
    assert not await receipts.apply(runtime, "texting", receipt)


async def test_long_words_are_shortened_and_the_link_stays(runtime: Runtime, texting: Texting) -> None:
    await Intake(runtime).take(message("FOLLOW ALL", "+8613800138009"))
    taken = await Intake(runtime).take(message("路灯坏了，" * 500))
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    told = texting.to("+8613800138009")[-1]
    assert len(told) < 1600
    assert told.endswith(f"/posts/{taken.ticket}")
