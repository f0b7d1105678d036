"""Two processes send from one outbox: each message goes out once, in order, and a dead one's messages are settled."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from gateway import clock
from gateway.journey.delivery import Line
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema_outgoing import DeliveryState, Outgoing, Receipt, ReceiptStatus, SendResult
from store import deliveries, outbox, outcomes
from tests.conftest import Texting
from tests.journey.test_intake import message
from tests.journey.test_two_processes import other

__all__ = ["other"]
pytestmark = pytest.mark.parametrize("backend", ["postgresql"])


async def states(runtime: Runtime) -> Counter[DeliveryState]:
    async with runtime.database.reading() as connection:
        return Counter(one.state for one in await deliveries.search(connection, limit=500))


async def reports(runtime: Runtime, number: int) -> None:
    await asyncio.gather(
        *(Intake(runtime).take(message(f"lamp {n} is dark", f"+86138001390{n:02}")) for n in range(number))
    )


async def drain(runtime: Runtime, channel: Texting) -> None:
    line = Line(runtime, channel)
    while await line.step():
        await line.finish()


async def test_two_lines_send_everything_once(runtime: Runtime, other: Runtime, texting: Texting) -> None:
    await reports(runtime, 60)
    sent: Counter[int] = Counter()

    async def send(outgoing: Outgoing) -> SendResult:
        sent[outgoing.delivery_id] += 1
        await asyncio.sleep(0.005)
        return SendResult(f"SM{outgoing.delivery_id}")

    texting.send = send  # type: ignore[method-assign]
    await asyncio.gather(*(drain(process, texting) for process in (runtime, other)))
    assert (len(sent), set(sent.values())) == (60, {1})
    assert await states(runtime) == {DeliveryState.SENT: 60}


async def test_what_a_dead_process_held_is_settled_by_the_other(
    runtime: Runtime, other: Runtime, texting: Texting
) -> None:
    await reports(runtime, 10)
    at = clock.now()
    held = await runtime.database.write(lambda tx: outbox.claim(tx, "texting", at, at + timedelta(seconds=1), 10))
    assert len(held.claimed) == 10
    await drain(other, texting)
    assert texting.sent == [], "another holds them"
    try:
        clock.replace(now=lambda: at + timedelta(seconds=2))
        assert await other.database.write(lambda tx: outbox.abandon(tx, clock.now())) == 10
        texting.had_it = SendResult("SMfound")
        await drain(other, texting)
    finally:
        clock.replace()
    assert texting.sent == []
    assert await states(runtime) == {DeliveryState.SENT: 10}


async def test_a_receipt_at_one_process_meets_the_response_at_the_other(
    runtime: Runtime, other: Runtime, texting: Texting
) -> None:
    await reports(runtime, 20)

    async def send(outgoing: Outgoing) -> SendResult:
        carrier_id = f"SM{outgoing.delivery_id}"
        receipt = Receipt(carrier_id, ReceiptStatus.DELIVERED, clock.now())
        receipts.append(
            asyncio.create_task(other.database.write(lambda tx: outcomes.apply_receipt(tx, "texting", receipt)))
        )
        return SendResult(carrier_id)

    receipts: list[asyncio.Task[bool]] = []
    texting.send = send  # type: ignore[method-assign]
    await drain(runtime, texting)
    await asyncio.gather(*receipts)
    assert await states(runtime) == {DeliveryState.DELIVERED: 20}
