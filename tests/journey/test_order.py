"""Order within one thread at one address, the last look before sending, and outcomes while the store is away."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from channels import failures
from gateway import clock
from gateway.errors import EverylineError
from gateway.journey import expanding, moderation
from gateway.journey.delivery import Line
from gateway.journey.intake import Intake
from gateway.journey.recording import Recorder
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_incoming import Taken
from gateway.schema_outgoing import Audience, DeliveryState, Outgoing, Priority, Receipt, ReceiptStatus, SendResult
from store import citizens, dead_letters, deliveries, outbox, outcomes, tables_citizens, tables_deliveries
from store.outcomes import Recorded
from tests.conftest import Texting, settle_down
from tests.journey.test_delivery import the_delivery
from tests.journey.test_intake import ANNA, message

Later = Callable[[float], None]


async def add(runtime: Runtime, post_id: str | None, phrase: str, priority: Priority = Priority.ANSWER) -> None:
    """One more message for Anna."""
    async with runtime.database.reading() as connection:
        anna = await citizens.known(connection, runtime.vault, f"tel:{ANNA}")
    assert anna
    row = deliveries.row(
        channel="texting",
        kind="send",
        audience=Audience.AUTHOR,
        priority=priority,
        phrase=phrase,
        values={"ticket": "12345678"},
        language="en",
        at=clock.now(),
        address_id=anna.id,
        post_id=post_id,
    )
    await runtime.database.write(lambda tx: deliveries.add(tx, [row]))


def with_delivery(runtime: Runtime, **values: object) -> None:
    """Change the settings of delivery."""
    changed = runtime.settings.delivery.model_copy(update=values)
    runtime.settings = runtime.settings.model_copy(update={"delivery": changed})


async def report(runtime: Runtime) -> Taken:
    return await Intake(runtime).take(message("loud noise at the park"))


async def states(runtime: Runtime) -> list[tuple[str, DeliveryState]]:
    async with runtime.database.reading() as connection:
        found = await deliveries.search(connection, limit=100)
    return [(one.phrase, one.state) for one in reversed(found)]


async def test_a_later_message_of_a_thread_waits_for_the_earlier_one(
    runtime: Runtime, texting: Texting, later: Later
) -> None:
    taken = await report(runtime)
    await add(runtime, taken.post_id, "published")
    texting.fail = [failures.RetryLater("down")]
    await settle_down(runtime)
    assert texting.sent == [], "the answer is more urgent, and still comes after the receipt"
    later(runtime.settings.delivery.longest_wait)
    await settle_down(runtime)
    assert ["received" in text or "published" in text for text in texting.to(ANNA)] == [True, True]
    assert "received" in texting.to(ANNA)[0]


async def test_other_threads_and_other_words_do_not_wait(runtime: Runtime, texting: Texting) -> None:
    await report(runtime)
    await add(runtime, None, "help", Priority.RECEIPT)
    texting.fail = [failures.RetryLater("down")]
    await settle_down(runtime)
    assert dict(await states(runtime)) == {"received": DeliveryState.DUE, "help": DeliveryState.SENT}


async def test_an_emergency_waits_for_nothing(runtime: Runtime, texting: Texting) -> None:
    taken = await report(runtime)
    texting.fail = [failures.RetryLater("down")]
    await settle_down(runtime)
    await add(runtime, taken.post_id, "emergency", Priority.EMERGENCY)
    await settle_down(runtime)
    assert len(texting.sent) == 1


async def test_an_unknown_blocks_only_its_own_thread_and_not_for_ever(
    runtime: Runtime, texting: Texting, later: Later
) -> None:
    taken = await report(runtime)
    texting.fail = [failures.Unknown("lost"), *[failures.Unknown("cannot tell")] * 50]
    line = Line(runtime, texting)
    await line.step()
    await line.finish()
    await add(runtime, taken.post_id, "published")
    other = await Intake(runtime).take(message("the lamp is dark", commands=False))
    kept, texting.fail = texting.fail, []
    await settle_down(runtime)
    assert [one.post_id for one in texting.sent] == [other.post_id]
    texting.fail = kept
    later(outbox.UNKNOWN_BLOCKS.total_seconds() + 61)
    texting.settle = _cannot_tell  # type: ignore[assignment]
    texting.fail = []
    await settle_down(runtime)
    assert [one.post_id for one in texting.sent] == [other.post_id, taken.post_id]
    assert ("received", DeliveryState.UNKNOWN) in await states(runtime)


async def _cannot_tell(*_: object) -> None:
    raise failures.Unknown("cannot tell")


async def stop(runtime: Runtime) -> None:
    stopped = update(tables_citizens.addresses).values(stopped_at=clock.now())
    await runtime.database.write(lambda tx: tx.connection.execute(stopped))


async def test_who_said_stop_is_not_even_claimed_for(runtime: Runtime, texting: Texting) -> None:
    taken = await report(runtime)
    await stop(runtime)
    at = clock.now()
    taking = await runtime.database.write(lambda tx: outbox.claim(tx, "texting", at, at, 10))
    assert (list(taking.claimed), taking.aside) == ([], 1)
    delivery = await the_delivery(runtime, taken.post_id or "")
    assert (delivery.state, delivery.reason, delivery.attempts) == (DeliveryState.DROPPED, "stopped", ())


async def test_a_stop_between_claim_and_sending_wins(runtime: Runtime, texting: Texting) -> None:
    with_delivery(runtime, workers=2)
    for number in ("+8613800138007", "+8613800138008"):
        await Intake(runtime).take(message(f"the lamp at {number} is dark", number))
    taken = await report(runtime)
    line, answer, begun = Line(runtime, texting), asyncio.Event(), asyncio.Event()
    line._ahead = 3  # two are being sent, the third waits its turn

    async def send(outgoing: Outgoing) -> SendResult:
        texting.sent.append(outgoing)
        if len(texting.sent) == 2:
            begun.set()
        await answer.wait()
        return SendResult(f"SM{outgoing.delivery_id}")

    texting.send = send  # type: ignore[method-assign]
    assert await line.step()
    await begun.wait()
    await stop(runtime)
    answer.set()
    await line.finish()
    delivery = await the_delivery(runtime, taken.post_id or "")
    assert (delivery.state, delivery.reason, len(delivery.attempts)) == (DeliveryState.DROPPED, "stopped", 1)
    assert len(texting.sent) == 2


async def test_a_channel_that_hangs_holds_up_no_other(runtime: Runtime, texting: Texting) -> None:
    taken = await report(runtime)
    hanging, begun, answer = Line(runtime, texting), asyncio.Event(), asyncio.Event()

    async def send(outgoing: Outgoing) -> SendResult:
        begun.set()
        await answer.wait()
        return SendResult(f"SM{outgoing.delivery_id}")

    texting.send = send  # type: ignore[method-assign]
    assert await hanging.step()
    await begun.wait()
    await moderation.decide(runtime, taken.post_id or "", Action.PUBLISH, actor="mo")
    while await expanding.expand_some(runtime):
        pass
    other = Line(runtime, runtime.channels["wall"])
    assert await other.step()
    await asyncio.wait_for(other.finish(), 20)
    async with runtime.database.reading() as connection:
        found = {
            one.channel: one.state for one in await deliveries.search(connection, limit=10) if one.channel == "wall"
        }
    assert found == {"wall": DeliveryState.DELIVERED}
    answer.set()
    await hanging.finish()


async def test_what_was_withdrawn_while_a_try_failed_is_not_sent_again(
    runtime: Runtime, texting: Texting, later: Later
) -> None:
    await Intake(runtime).take(message("FOLLOW ALL", "+8613800138009"))
    taken = await report(runtime)
    assert taken.post_id
    await settle_down(runtime)
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    texting.sent.clear()
    texting.fail = [failures.Throttled(retry_after=60), failures.Throttled(retry_after=60)]
    await settle_down(runtime)
    async with runtime.database.reading() as connection:
        found = await deliveries.of_posts(connection, [taken.post_id])
    [follower] = [one for one in found if one.phrase == "follower_published" and one.channel == "texting"]
    back_again = {"state": DeliveryState.DUE, "reason": "later"}
    await moderation.decide(runtime, taken.post_id, Action.WITHDRAW, actor="mo", reason="duplicate")
    while await expanding.expand_some(runtime):
        pass
    # Its try ended after the withdrawal had dropped all that waited.
    again = (
        update(tables_deliveries.deliveries)
        .where(tables_deliveries.deliveries.c.id == follower.id)
        .values(**back_again)
    )
    await runtime.database.write(lambda tx: tx.connection.execute(again))
    texting.fail = []
    later(120)
    await settle_down(runtime)
    async with runtime.database.reading() as connection:
        ended = await dead_letters.one(connection, follower.id)
    assert (ended.state, ended.reason) == (DeliveryState.DROPPED, "withdrawn")
    assert texting.to("+8613800138009") == []


async def test_throttling_and_wrong_settings_use_up_no_tries(runtime: Runtime, texting: Texting, later: Later) -> None:
    taken = await report(runtime)
    kinds = [failures.Throttled(retry_after=1), failures.Misconfigured("bad token")]
    for n in range(runtime.settings.delivery.tries + 4):
        texting.fail = [kinds[n % 2]]
        await settle_down(runtime)
        later(120)
    texting.fail = [failures.RetryLater("down")]
    await settle_down(runtime)
    assert (await the_delivery(runtime, taken.post_id or "")).state is DeliveryState.DUE


async def test_what_was_claimed_when_the_line_was_told_to_wait_goes_back(runtime: Runtime, texting: Texting) -> None:
    for n in range(5):
        await Intake(runtime).take(message(f"lamp {n} is dark", f"+861380013800{n}"))
    with_delivery(runtime, workers=1)
    texting.fail = [failures.Throttled(retry_after=30)]
    line = Line(runtime, texting)
    line._ahead = 10
    await line.step()
    await line.finish()
    assert texting.sent == []
    assert {state for _, state in await states(runtime)} == {DeliveryState.DUE}


async def test_outcomes_are_kept_until_the_store_takes_them(
    runtime: Runtime, texting: Texting, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = await report(runtime)
    failing, record = 2, outcomes.record

    async def away(*arguments: object) -> None:
        nonlocal failing
        if failing:
            failing -= 1
            raise OSError("disk full")
        await record(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(outcomes, "record", away)
    monkeypatch.setattr("gateway.journey.recording.AGAIN", 0.01)
    await settle_down(runtime)
    assert (await the_delivery(runtime, taken.post_id or "")).state is DeliveryState.SENT
    assert len(texting.sent) == 1


async def test_one_outcome_that_cannot_be_written_keeps_no_other_back(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = await report(runtime)
    at = clock.now()
    taking = await runtime.database.write(lambda tx: outbox.claim(tx, "texting", at, at + timedelta(seconds=60), 10))
    record = outcomes.record

    async def picky(transaction: object, channel: str, some: list[Recorded]) -> None:
        if any(one.delivery_id == 999 for one in some):
            raise EverylineError("not this one")
        await record(transaction, channel, some)  # type: ignore[arg-type]

    monkeypatch.setattr(outcomes, "record", picky)
    recorder = Recorder(runtime, "texting")
    recorder.note(Recorded(999, 1, DeliveryState.SENT, at))
    recorder.note(Recorded(taking.claimed[0].id, 1, DeliveryState.SENT, at))
    await recorder.finish()
    assert (await the_delivery(runtime, taken.post_id or "")).state is DeliveryState.SENT


async def test_a_late_word_that_it_arrived_stops_a_re_send(runtime: Runtime, texting: Texting) -> None:
    taken = await report(runtime)
    await settle_down(runtime)
    carrier_id = f"SM{1:032}"

    async def say(status: ReceiptStatus) -> bool:
        receipt = Receipt(carrier_id, status, clock.now(), "30003")
        return await runtime.database.write(lambda tx: outcomes.apply_receipt(tx, "texting", receipt))

    assert await say(ReceiptStatus.FAILED)
    delivery = await the_delivery(runtime, taken.post_id or "")
    assert (delivery.state, delivery.reason) == (DeliveryState.FAILED, "carrier code 30003")
    assert await say(ReceiptStatus.DELIVERED)
    assert not await say(ReceiptStatus.FAILED)
    assert (await the_delivery(runtime, taken.post_id or "")).state is DeliveryState.DELIVERED


async def test_what_waited_here_too_long_goes_back_unsent(runtime: Runtime, texting: Texting, later: Later) -> None:
    with_delivery(runtime, workers=1)
    for number in ("+8613800138007", "+8613800138008"):
        await Intake(runtime).take(message(f"the lamp at {number} is dark", number))
    line, answer, begun = Line(runtime, texting), asyncio.Event(), asyncio.Event()
    line._ahead = 2

    async def send(outgoing: Outgoing) -> SendResult:
        texting.sent.append(outgoing)
        begun.set()
        await answer.wait()
        return SendResult(f"SM{outgoing.delivery_id}")

    texting.send = send  # type: ignore[method-assign]
    assert await line.step()
    await begun.wait()
    later(runtime.settings.delivery.lease * 0.6)
    answer.set()
    await line.finish()
    assert sorted(state for _, state in await states(runtime)) == [DeliveryState.DUE, DeliveryState.SENT]
    assert len(texting.sent) == 1


async def test_a_slow_line_holds_no_more_than_its_workers_send(runtime: Runtime, texting: Texting) -> None:
    with_delivery(runtime, workers=2)
    for n in range(12):
        await Intake(runtime).take(message(f"lamp {n} is dark", f"+86138001390{n:02}"))
    most, done = 0, asyncio.Event()

    async def send(outgoing: Outgoing) -> SendResult:
        nonlocal most
        texting.sent.append(outgoing)
        if len(texting.sent) == 12:
            done.set()
        held = Counter(state for _, state in await states(runtime))
        most = max(most, held[DeliveryState.SENDING])
        await asyncio.sleep(0.25)
        return SendResult(f"SM{outgoing.delivery_id}")

    texting.send = send  # type: ignore[method-assign]
    line = Line(runtime, texting)
    running = asyncio.create_task(line.run())
    async with asyncio.timeout(20):
        await done.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    # One may be on its way to be recorded.
    assert most <= 4
