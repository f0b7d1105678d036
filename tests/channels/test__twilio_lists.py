"""Catching up with a list: nothing missed at the border, nothing asked for twice, nothing that stops it for good."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from unittest.mock import patch

import pytest
from structlog.testing import capture_logs

from channels import _twilio_lists
from channels._twilio_lists import OVERLAP, CatchingUp, Found, Known, Listed, Listing, Page
from channels.desk import Desk
from channels.failures import Failure, RetryLater, Throttled, Unknown
from gateway.errors import BadInput, Busy
from tests.channels.twilio_world import NOW, NotedDesk

pytestmark = pytest.mark.usefixtures("noon")


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


@dataclass
class Carrier:
    """A list that goes from new to old, two rows a page; a page's address is the id of the last row before it."""

    rows: list[tuple[str, datetime]] = field(default_factory=list)
    since: list[datetime] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    fate: Callable[[str], Found] = lambda _: Found.NEW
    failure: Failure | None = None
    knows_days_only: bool = False

    async def first(self, start: datetime) -> Page[str]:
        self.since.append(start)
        if self.failure:
            raise self.failure
        self._start = start if not self.knows_days_only else datetime.min.replace(tzinfo=start.tzinfo)
        return self._page(None)

    async def at(self, address: str) -> Page[str]:
        self.asked.append(address)
        return self._page(address)

    async def take(self, name: str) -> Found:
        self.taken.append(name)
        return self.fate(name)

    def _page(self, after: str | None) -> Page[str]:
        rows = sorted((row for row in self.rows if row[1] >= self._start), key=lambda row: row[1], reverse=True)
        begin = next((n + 1 for n, row in enumerate(rows) if row[0] == after), 0)
        page = rows[begin : begin + 2]
        more = begin + 2 < len(rows)
        return Page([Listed(name, at, name) for name, at in page], page[-1][0] if more else None)


@dataclass
class World:
    desk: NotedDesk
    carrier: Carrier
    known: Known

    def catching_up(self) -> CatchingUp[str]:
        listing = Listing(self.carrier.first, self.carrier.at, self.carrier.take)
        return CatchingUp(
            "sms_twilio",
            cast(Desk, self.desk),
            listing,
            self.known,
            position="p",
            every=timedelta(minutes=5),
            look_back=timedelta(hours=24),
        )

    @property
    def position(self) -> datetime:
        return datetime.fromisoformat(self.desk.kept["sms_twilio p"]["at"])


@pytest.fixture
def world(desk: NotedDesk) -> World:
    return World(desk, Carrier(), Known())


async def test_all_pages_are_taken_from_the_oldest_to_the_newest(world: World) -> None:
    world.carrier.rows = [(f"m{n}", ago(n)) for n in range(1, 8)]
    assert await world.catching_up().look() == 7
    assert world.carrier.taken == ["m7", "m6", "m5", "m4", "m3", "m2", "m1"]
    assert world.position == ago(1)
    assert world.desk.days["sms_twilio p"] == 60


async def test_the_very_first_look_goes_back_some_time_and_not_for_ever(world: World) -> None:
    world.carrier.rows = [("new", ago(60)), ("old", ago(60 * 30))]
    await world.catching_up().look()
    assert world.carrier.taken == ["new"]
    assert world.carrier.since == [NOW - timedelta(hours=24) - OVERLAP]


async def test_a_quiet_line_stays_where_it_first_looked(world: World) -> None:
    await world.catching_up().look()
    assert world.position == NOW - timedelta(hours=24)


async def test_the_next_look_begins_before_the_newest_seen_and_asks_for_nothing_known(world: World) -> None:
    looks = world.catching_up()
    world.carrier.rows = [("one", ago(20))]
    await looks.look()
    # Filed late, by a clock that is not ours: before what was seen already.
    world.carrier.rows += [("two", ago(1)), ("late", ago(25)), ("too late", ago(31))]
    assert await looks.look() == 2
    assert world.carrier.since[1] == ago(20) - OVERLAP
    assert world.carrier.taken == ["one", "late", "two"]


async def test_what_a_webhook_brought_is_not_asked_for(world: World) -> None:
    world.carrier.rows = [("one", ago(2)), ("two", ago(1))]
    world.known.add("one")
    assert await world.catching_up().look() == 1
    assert world.carrier.taken == ["two"]


def test_only_so_many_ids_are_remembered() -> None:
    known = Known()
    with patch.object(_twilio_lists, "_MOST_KNOWN", 2):
        for name in ("a", "b", "c"):
            known.add(name)
    assert [name in known for name in ("a", "b", "c")] == [False, True, True]


async def test_what_is_not_finished_is_looked_at_again(world: World) -> None:
    looks = world.catching_up()
    world.carrier.rows = [("half", ago(40)), ("whole", ago(5))]
    world.carrier.fate = lambda name: Found.UNFINISHED if name == "half" else Found.NEW
    assert await looks.look() == 1
    assert world.position == ago(40)
    world.carrier.fate = lambda _: Found.NEW
    assert await looks.look() == 1
    assert world.carrier.taken == ["half", "whole", "half"]
    assert world.position == ago(5)


async def test_what_never_finishes_holds_nothing_up_for_ever(world: World) -> None:
    world.carrier.rows = [("stuck", ago(121)), ("whole", ago(5))]
    world.carrier.fate = lambda name: Found.UNFINISHED if name == "stuck" else Found.NEW
    await world.catching_up().look()
    assert world.position == ago(5)


async def test_a_carrier_that_filters_by_day_is_not_walked_to_its_beginning(world: World) -> None:
    world.carrier.knows_days_only = True
    world.carrier.rows = [(f"m{n}", ago(60 * n)) for n in range(1, 50)]
    world.desk.kept["sms_twilio p"] = {"at": ago(60 * 3 + 30).isoformat()}
    await world.catching_up().look()
    assert world.carrier.taken == ["m3", "m2", "m1"]
    assert len(world.carrier.asked) == 1


async def test_what_arrives_while_pages_are_walked_is_not_missed(world: World) -> None:
    world.carrier.rows = [(f"m{n}", ago(n)) for n in range(1, 8)]

    def arriving(name: str) -> Found:
        world.carrier.rows.append((f"during {name}", NOW + timedelta(seconds=len(world.carrier.rows))))
        return Found.NEW

    looks = world.catching_up()
    world.carrier.fate = arriving
    await looks.look()
    world.carrier.fate = lambda _: Found.NEW
    await looks.look()
    assert {name for name, _ in world.carrier.rows} == set(world.carrier.taken)
    assert len(world.carrier.taken) == len(set(world.carrier.taken))


async def test_a_look_that_breaks_off_goes_on_where_it_was(world: World) -> None:
    world.carrier.rows = [(f"m{n}", ago(n * 20)) for n in range(1, 6)]
    looks = world.catching_up()

    def fails(name: str) -> Found:
        if name == "m2":
            raise Busy("full", 7)
        return Found.NEW

    world.carrier.fate = fails
    assert await looks.step() == 7
    assert world.position == ago(60)
    world.carrier.fate = lambda _: Found.NEW
    assert await looks.step() == 300
    assert world.carrier.taken == ["m5", "m4", "m3", "m2", "m2", "m1"]


async def test_what_cannot_be_used_is_left_out_once(world: World) -> None:
    def unusable(name: str) -> Found:
        if name == "bad":
            raise BadInput("no id")
        return Found.NEW

    world.carrier.rows, world.carrier.fate = [("bad", ago(2)), ("good", ago(1))], unusable
    looks = world.catching_up()
    with capture_logs() as logs:
        assert await looks.look() == 1
        await looks.look()
    assert world.carrier.taken == ["bad", "good"]
    assert [line["action"] for line in logs] == ["catching_up.unusable"]


async def test_one_that_makes_us_stumble_keeps_nothing_back(world: World) -> None:
    def stumble(name: str) -> Found:
        if name == "bad":
            raise RuntimeError("oops")
        return Found.NEW

    world.carrier.rows, world.carrier.fate = [("bad", ago(2)), ("good", ago(1))], stumble
    assert await world.catching_up().step() == 300
    assert world.carrier.taken == ["bad", "good"]
    assert world.position == ago(2), "it is tried again for a while"


async def test_a_store_that_is_gone_ends_the_look_and_not_the_task(world: World) -> None:
    def stumble(name: str) -> Found:
        raise RuntimeError("oops")

    world.carrier.rows, world.carrier.fate = [(f"m{n}", ago(n)) for n in range(1, 50)], stumble
    with capture_logs() as logs:
        assert await world.catching_up().step() == 30
    assert len(world.carrier.taken) == 4
    assert logs[-1]["action"] == "catching_up.lost"


FAILURES: list[tuple[Failure, float]] = [
    (RetryLater("no connection"), 30),
    (Unknown("no answer in time"), 30),
    (Throttled("HTTP 429", "429", 17.0), 17),
    (Throttled("HTTP 429"), 60),
]


@pytest.mark.parametrize(("failure", "wait"), FAILURES, ids=range(len(FAILURES)))
async def test_a_list_that_cannot_be_had_is_said_once_and_once_when_it_is_back(
    world: World, failure: Failure, wait: float
) -> None:
    looks, world.carrier.failure = world.catching_up(), failure
    world.carrier.rows = [("one", ago(1))]
    with capture_logs() as logs:
        assert [await looks.step() for _ in range(3)] == [wait] * 3
        world.carrier.failure = None
        assert [await looks.step() for _ in range(2)] == [300] * 2
    actions = ["catching_up.lost", "catching_up.back", "catching_up.taken"]
    assert [line["action"] for line in logs] == actions
    assert world.carrier.taken == ["one"]


async def test_there_is_an_end_to_what_one_look_walks(world: World) -> None:
    world.carrier.rows = [(f"m{n}", ago(n)) for n in range(1, 50)]
    with patch.object(_twilio_lists, "_MOST_PAGES", 2), capture_logs() as logs:
        await world.catching_up().look()
    assert world.carrier.taken == [f"m{n}" for n in (6, 5, 4, 3, 2, 1)]
    assert [line["log_level"] for line in logs] == ["error"]


async def test_it_looks_again_and_again_until_it_is_stopped(world: World) -> None:
    slept: list[Any] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 90:
            raise asyncio.CancelledError

    with patch.object(asyncio, "sleep", sleep), pytest.raises(asyncio.CancelledError):
        await world.catching_up().run()
    assert sum(slept) == 3 * 300
    assert max(slept) <= _twilio_lists._RENEW_SECONDS, "the list is kept meanwhile"
    assert len(world.carrier.since) == 3


async def test_who_does_not_hold_the_list_waits_and_looks_once_it_is_his(world: World) -> None:
    turns = iter([True, True, False, False, True])
    looked: list[int] = []

    async def sleep(_: float) -> None:
        looked.append(len(world.carrier.since))
        try:
            world.desk.held_by_another = next(turns)
        except StopIteration:
            raise asyncio.CancelledError from None

    world.desk.held_by_another = True
    with patch.object(asyncio, "sleep", sleep), pytest.raises(asyncio.CancelledError):
        await world.catching_up().run()
    assert looked == [0, 0, 0, 1, 1, 1], "and not again once it is another's"
