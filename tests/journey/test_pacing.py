"""How fast a line goes and for whom: shares, the carrier's rate, quiet hours, budgets."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway import clock
from gateway.journey import pacing
from gateway.journey.delivery import Line
from gateway.journey.pacing import Pace, Shares
from gateway.runtime import Runtime
from gateway.schema_outgoing import Audience, Outgoing, Priority, SendResult
from gateway.settings import Settings
from store import citizens, deliveries, outcomes
from tests.conftest import Texting, settle_down
from tests.journey.test_order import with_delivery

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # in the city, which is 8 hours ahead


async def put(runtime: Runtime, priority: Priority, *, number: int = 1, phrase: str = "help") -> None:
    """Deliveries due now, each to an address of its own."""
    rows = []
    for n in range(number):
        urn = f"tel:+86138{PRIORITIES[priority]}{n:07}"
        async with runtime.database.reading() as connection:
            known = await citizens.known(connection, runtime.vault, urn)
        if known is None:
            known = await runtime.database.write(
                lambda tx, urn=urn: citizens.enter(  # type: ignore[misc]
                    tx, runtime.vault, urn, language="en", at=clock.now(), owned=True
                )
            )
        assert known
        rows.append(
            deliveries.row(
                channel="texting",
                kind="send",
                audience=Audience.FOLLOWER,
                priority=priority,
                phrase=phrase,
                values={},
                language="en",
                at=clock.now(),
                address_id=known.id,
            )
        )
    await runtime.database.write(lambda tx: deliveries.add(tx, rows))


PRIORITIES = {priority: n for n, priority in enumerate(Priority)}


def sent(texting: Texting, priority: Priority) -> int:
    return sum(one.address.startswith(f"tel:+86138{PRIORITIES[priority]}") for one in texting.sent if one.address)


def test_the_most_urgent_go_first_and_nobody_starves() -> None:
    shares, taken = Shares(), {1: 0, 3: 0, 4: 0}
    for _ in range(100):
        for rank, number in shares.choose({1: 1000, 3: 1000, 4: 1000}, 10).items():
            taken[rank] += number
    assert taken == {1: 800, 3: 100, 4: 100}


def test_shares_hold_where_only_one_is_taken_at_a_time() -> None:
    shares, taken = Shares(), {1: 0, 3: 0}
    for _ in range(100):
        for rank, number in shares.choose({1: 1000, 3: 1000}, 1).items():
            taken[rank] += number
    assert taken[1] + taken[3] == 100
    assert 9 <= taken[3] <= 10


def test_places_that_the_urgent_leave_are_given_to_all_others() -> None:
    assert Shares().choose({0: 2, 3: 1000}, 10) == {0: 2, 3: 8}
    assert sum(Shares().choose({0: 0, 1: 5, 3: 3, 4: 1}, 100).values()) == 9


@pytest.mark.parametrize("cost", [1, 4])
def test_a_line_keeps_to_the_carriers_units_a_second(cost: int) -> None:
    at, pace, units = NOON, Pace(50, NOON), 0
    for _ in range(6000):
        number = pace.messages(at, 16)
        pace.reserve(number, at)
        for _ in range(number):
            pace.correct(cost, at)
            units += cost
        at += timedelta(milliseconds=10)
    assert units == pytest.approx(50 * 60, rel=0.02)


def test_a_line_without_limit_never_waits() -> None:
    pace = Pace(None, NOON)
    pace.reserve(1000, NOON)
    assert (pace.messages(NOON, 16), pace.wait(NOON)) == (16, 0)


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        ("22:00-07:00", "2026-03-02T13:59:59", None),
        ("22:00-07:00", "2026-03-02T14:00:00", "2026-03-02T23:00:00"),
        ("22:00-07:00", "2026-03-02T22:59:59", "2026-03-02T23:00:00"),
        ("22:00-07:00", "2026-03-02T23:00:00", None),
        ("12:00-14:00", "2026-03-02T05:00:00", "2026-03-02T06:00:00"),
        ("12:00-14:00", "2026-03-02T06:00:00", None),
        ("", "2026-03-02T20:00:00", None),
    ],
)
async def test_quiet_hours_are_the_citys(
    runtime: Runtime, texting: Texting, hours: str, now: str, until: str | None
) -> None:
    with_delivery(runtime, quiet_hours=hours)
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    expected = datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None
    assert pacing.quiet_until(runtime.settings, texting, moment) == expected


async def test_quiet_hours_hold_bulk_and_nothing_else(runtime: Runtime, texting: Texting) -> None:
    with_delivery(runtime, quiet_hours="22:00-07:00")
    clock.replace(now=lambda: NOON + timedelta(hours=11))
    for priority in Priority:
        await put(runtime, priority)
    await settle_down(runtime)
    assert [sent(texting, priority) for priority in Priority] == [1, 1, 1, 0, 0]
    clock.replace(now=lambda: NOON + timedelta(hours=20))
    await settle_down(runtime)
    assert [sent(texting, priority) for priority in Priority] == [1, 1, 1, 1, 1]


async def test_above_its_budget_a_channel_sends_no_more_bulk_until_tomorrow(runtime: Runtime, texting: Texting) -> None:
    with_delivery(runtime, budgets={"texting": 3})
    clock.replace(now=lambda: NOON)
    await put(runtime, Priority.BROADCAST, number=5)
    await settle_down(runtime)
    assert sent(texting, Priority.BROADCAST) == 3
    await put(runtime, Priority.ANSWER)
    await settle_down(runtime)
    assert (sent(texting, Priority.ANSWER), sent(texting, Priority.BROADCAST)) == (1, 3)
    async with runtime.database.reading() as connection:
        assert await outcomes.spent(connection, "texting", "2026-03-02") == 4
    clock.replace(now=lambda: NOON + timedelta(hours=12))
    await settle_down(runtime)
    assert sent(texting, Priority.BROADCAST) == 5


async def test_an_answer_overtakes_thousands_of_waiting_bulk_deliveries(runtime: Runtime, texting: Texting) -> None:
    at = NOON
    clock.replace(now=lambda: at)
    texting.rate = lambda: 50.0  # type: ignore[method-assign]
    arrived: list[datetime] = []

    async def send(outgoing: Outgoing) -> SendResult:
        if outgoing.address and outgoing.address.startswith("tel:+861381"):
            arrived.append(at)
        return SendResult(f"SM{clock.new_id()}")

    texting.send = send  # type: ignore[method-assign]
    await put(runtime, Priority.BROADCAST, number=300)
    line, put_at = Line(runtime, texting), at
    for tick in range(100):
        if tick == 20:
            put_at = at
            await put(runtime, Priority.ANSWER)
        await line.step()
        await line.finish()
        at += timedelta(milliseconds=20)
    assert (arrived[0] - put_at).total_seconds() < 1


def test_quiet_hours_are_written_as_two_times() -> None:
    known = Settings.model_fields["delivery"].default
    with pytest.raises(ValueError, match="quiet_hours"):
        type(known)(quiet_hours="late")
    with pytest.raises(ValueError, match="texting"):
        type(known)(budgets={"texting": -1})
