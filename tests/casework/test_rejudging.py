"""A frozen month is corrected by the clock when its reports are joined, separated or marked anew: once, and openly."""

from datetime import datetime
from typing import Any

import pytest

from gateway.casework import assessing, league, satisfaction
from gateway.casework.months import Month
from gateway.casework.satisfaction import Given
from gateway.journey import joining
from gateway.runtime import Runtime
from store import rejudgings, scores
from store.database import Database
from store.judging import Which
from store.rejudgings import Event
from store.scores import Kept
from tests.casework.assessed import case, given, hash_of, mark
from tests.casework.test_assessing import DAY, END, MARCH, MID, MINUTE, SETTLED, behind, count_at, look, stand_at

__all__ = ["backend"]
LATER = SETTLED + 3 * DAY


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    kind: str = request.param
    return kind


def ticket(name: str) -> str:
    return f"{hash_of(name):08}"


async def corrections(runtime: Runtime, month: Month = MARCH, department: str = "water") -> list[Kept]:
    found = await league.read(runtime, month)
    assert found
    return list(found.place(department).history[1:])


async def causes(runtime: Runtime, month: Month = MARCH) -> list[str | None]:
    return [one.cause for one in await corrections(runtime, month)]


async def join(runtime: Runtime, name: str, into: str, at: datetime) -> None:
    stand_at(at)
    await joining.join_posts(runtime, ticket(name), ticket(into), actor="mo")


async def part(runtime: Runtime, name: str, at: datetime) -> None:
    stand_at(at)
    await joining.separate_post(runtime, ticket(name), actor="mo")


async def say(runtime: Runtime, name: str, person: str, stars: int, at: datetime) -> None:
    stand_at(at)
    said = Given(name, person, stars, satisfaction.understood(stars)[1], "texting")
    assert await runtime.database.write(lambda tx: satisfaction.keep(runtime, tx, said))


async def test_a_report_joined_after_the_freeze_counts_no_more_by_itself(runtime: Runtime, database: Database) -> None:
    await given(runtime, case("a", MID), case("b", MID, MID), case("m", LATER + 30 * DAY))
    assert (await look(runtime, SETTLED))["reports"] == 2
    await join(runtime, "a", "m", LATER)
    assert (await look(runtime, LATER))["reports"] == 2, "not before the clock ticks again"
    for minutes in (1, 2):
        assert (await look(runtime, LATER + minutes * MINUTE))["reports"] == 1
    [told] = await corrections(runtime)
    assert (told.cause, told.thread_id, told.actor) == ("joined", "a", "clock")
    assert told.reason == f"ticket={ticket('a')} other={ticket('m')} day=2026-04-09"
    assert await behind(runtime, Which.LEFT_OUT) == []  # nobody reads it by itself any more
    assert await behind(runtime, Which.ALL) == ["b"]
    # A restart repeats nothing.
    await database.close()
    reopened = Database(runtime.settings.database_url)
    await reopened.open(serving=True)
    runtime.database = reopened
    try:
        await count_at(runtime, LATER + DAY)
        assert await causes(runtime) == ["joined"]
    finally:
        await reopened.close()
        await database.open(serving=True)
        runtime.database = database


async def test_separated_again_it_counts_where_it_did(runtime: Runtime) -> None:
    await given(runtime, case("a", MID), case("b", MID, MID), case("m", LATER + 30 * DAY))
    before = await look(runtime, SETTLED)
    await join(runtime, "a", "m", LATER)
    await look(runtime, LATER + MINUTE)
    await part(runtime, "a", LATER + DAY)
    assert await look(runtime, LATER + DAY + MINUTE) == before
    assert await causes(runtime) == ["joined", "parted"]
    assert (await corrections(runtime))[-1].reason == f"ticket={ticket('a')} other={ticket('m')} day=2026-04-10"
    # Both within one tick are nothing that was seen in between, and both are told.
    await join(runtime, "a", "m", LATER + 2 * DAY)
    await part(runtime, "a", LATER + 2 * DAY)
    assert await look(runtime, LATER + 2 * DAY + MINUTE) == before
    assert await causes(runtime) == ["joined", "parted", "joined", "parted"]
    await count_at(runtime, LATER + 60 * DAY)
    assert await behind(runtime, Which.ALL, Month(2026, 4)) == [], "in two months"


async def test_one_separated_after_the_freeze_counts_in_the_month_in_which_its_time_was_up(runtime: Runtime) -> None:
    """It was joined while the month was open, and so the month was frozen without it."""
    await given(runtime, case("a", MID), case("b", MID, MID), case("m", LATER + 30 * DAY), case("c", END + 20 * DAY))
    await join(runtime, "a", "m", MID + DAY)
    await join(runtime, "c", "m", MID + DAY)
    assert (await look(runtime, SETTLED))["reports"] == 1
    assert await causes(runtime) == []
    for name in "ac":
        await part(runtime, name, LATER)
    for _ in range(2):
        assert (await look(runtime, LATER + MINUTE))["reports"] == 2
    assert [(one.cause, one.thread_id) for one in await corrections(runtime)] == [("parted", "a")]
    assert sorted(await behind(runtime, Which.ALL)) == ["a", "b"]


async def test_a_mark_changed_after_the_freeze_counts_and_a_first_one_does_not(runtime: Runtime) -> None:
    await given(
        runtime,
        case("a", MID, MID),
        case("b", MID, MID),
        said=[mark("a", MID + DAY, True, 5, citizen_id="ann")],
    )
    assert (await look(runtime, SETTLED))["stars"] == 5
    await say(runtime, "b", "bob", 1, LATER)
    await say(runtime, "a", "ann", 3, LATER)
    for _ in range(2):
        found = await look(runtime, LATER + MINUTE)
        assert (found["marked"], found["stars"]) == (1, 3)
    [told] = await corrections(runtime)
    assert (told.cause, told.thread_id) == ("marked", "a")
    assert told.reason == f"ticket={ticket('a')} before=5 after=3"
    # What comes to the same in the end is no correction.
    await say(runtime, "a", "ann", 4, LATER + DAY)
    await say(runtime, "a", "ann", 3, LATER + DAY)
    await count_at(runtime, LATER + DAY + MINUTE)
    assert await causes(runtime) == ["marked"]


async def test_a_private_report_is_not_named(runtime: Runtime) -> None:
    hidden: dict[str, Any] = {"post": {"private": True}}
    await given(runtime, case("a", MID, **hidden), case("m", LATER + 30 * DAY))
    await look(runtime, SETTLED)
    await join(runtime, "a", "m", LATER)
    await count_at(runtime, LATER + MINUTE)
    [told] = await corrections(runtime)
    assert told.reason == f"ticket=- other={ticket('m')} day=2026-04-09"


async def test_nothing_stays_to_be_looked_at(runtime: Runtime) -> None:
    """Also of a report that is unknown, or was not judged yet."""
    await given(runtime, case("a", LATER + 30 * DAY))
    for event in Event:
        for name in ("a", "unknown"):
            await runtime.database.write(lambda tx, n=name, e=event: rejudgings.note(tx, n, e, MID, "12345678"))  # type: ignore[misc]
    stand_at(SETTLED)
    await assessing.keep_up(runtime)
    async with runtime.database.reading() as connection:
        assert await rejudgings.before(connection, LATER, 10) == []
        kept = await scores.of_months(connection, "2026-01", "2026-12")
    assert all(one.cause is None for one in kept)
