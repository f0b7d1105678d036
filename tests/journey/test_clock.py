"""Clocks that jump, ahead and back, while messages are on their way: each arrives once all the same."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from channels.failures import Throttled, Unknown
from gateway import clock
from gateway.jobs import upkeep
from gateway.journey.delivery import Line
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema_outgoing import Outgoing, SendResult
from store import events, tables_deliveries
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, message

DAY = timedelta(days=1)


@pytest.fixture
def jump() -> Iterator["Jump"]:
    yield Jump()
    clock.replace()


class Jump:
    """The system's clock, put ahead or back."""

    def to(self, offset: timedelta) -> None:
        clock.replace(now=lambda: datetime.now(UTC) + offset)


async def states(runtime: Runtime) -> list[str]:
    async with runtime.database.reading() as connection:
        return list((await connection.execute(select(tables_deliveries.deliveries.c.state))).scalars())


@pytest.mark.parametrize("offset", [DAY, -DAY])
async def test_while_a_message_is_being_sent(
    runtime: Runtime, texting: Texting, jump: Jump, offset: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Intake(runtime).take(message("no heating in my building", ANNA))
    sent = texting.send

    async def send(outgoing: Outgoing) -> SendResult:
        jump.to(offset)
        # Ahead, every lease has ended: what is being sent becomes unknown, and its answer is still believed.
        await upkeep.abandon_leases(runtime)
        return await sent(outgoing)

    monkeypatch.setattr(texting, "send", send)
    await settle_down(runtime)
    assert await states(runtime) == ["sent"]
    assert len(texting.to(ANNA)) == 1


@pytest.mark.parametrize("offset", [DAY, -DAY])
async def test_while_nobody_knows_what_became_of_one(
    runtime: Runtime, texting: Texting, jump: Jump, offset: timedelta
) -> None:
    await Intake(runtime).take(message("no heating in my building", ANNA))
    texting.fail.append(Unknown("no answer"))
    await settle_down(runtime)
    assert await states(runtime) == ["unknown"]
    texting.had_it = SendResult("SM1".ljust(34, "0"))
    jump.to(offset)
    await settle_down(runtime)
    # Put back, it waits for its moment again; and once that has come it is settled, and not sent a second time.
    jump.to(DAY * 2)
    await settle_down(runtime)
    assert await states(runtime) == ["sent"]
    assert texting.sent == []


@pytest.mark.parametrize("offset", [DAY, -DAY])
async def test_what_is_told_before_and_after_is_kept_once_and_in_order(
    runtime: Runtime, texting: Texting, jump: Jump, offset: timedelta
) -> None:
    intake = Intake(runtime)
    first = message("no heating in my building", ANNA)
    before = await intake.take(first)
    jump.to(offset)
    again = await intake.take(first)
    other = await intake.take(message("a lamp is dark", "+8613800138777"))
    assert (again.ticket, again.repeated) == (before.ticket, True)
    assert other.ticket != before.ticket
    assert other.post_id
    assert before.post_id
    assert other.post_id > before.post_id, "ids never run backwards within a process"
    jump.to(DAY * 2)
    await settle_down(runtime)
    assert len(texting.sent) == 2
    async with runtime.database.reading() as connection:
        assert await events.last_number(connection) == 0


async def test_a_line_that_waits_for_its_carrier_does_not_wait_for_ever(
    runtime: Runtime, texting: Texting, jump: Jump
) -> None:
    await Intake(runtime).take(message("no heating in my building", ANNA))
    texting.fail.append(Throttled("slowly", retry_after=1))
    line = Line(runtime, texting)
    assert await line.step()
    await line.finish()
    jump.to(-DAY)
    assert not await line.step()
    jump.to(timedelta(seconds=2))
    assert await line.step()
    await line.finish()
    assert await states(runtime) == ["sent"]
