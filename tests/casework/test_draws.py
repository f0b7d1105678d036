"""The draw: promised by a hash, repeatable by anybody, told to who won, with a code nobody saw before."""

import hashlib
import re
from collections.abc import Callable

import pytest

from gateway import clock
from gateway.casework import campaigns, draws
from gateway.casework.draws import drawn, listed, score
from gateway.errors import BadInput, Conflict
from gateway.journey import erasure
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from store import campaigns as rows
from store import citizens
from store.campaigns import Entry
from store.citizens import known
from tests.casework.campaign_world import DAY, begin, from_noon, typed
from tests.conftest import Texting, broadcasting_as, settle_down
from tests.journey.test_intake import ANNA, BORIS, CLARA, message

SEED, LIST = "5eed" * 16, "1157" * 16


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    kind: str = request.param
    return kind


@pytest.fixture(autouse=True)
def later() -> Callable[[float], None]:
    """It is noon; moves the clock on by seconds."""
    return from_noon()


async def play(runtime: Runtime, later: Callable[[float], None], **more: int) -> str:
    """Three people take part, one of them on two days; the campaign is over."""
    campaign_id, intake = await begin(runtime, **more), Intake(runtime)
    for number in (ANNA, BORIS, CLARA):
        await intake.take(message("春江水暖鸭先知", number))
    later(DAY)
    await intake.take(message("一寸光阴一寸金", ANNA))
    later(2 * DAY)
    return campaign_id


def test_the_lowest_scores_win_and_nobody_wins_twice() -> None:
    entries = [Entry(f"2027-03-0{day}", f"{number:012}", f"p{number}", None) for day in (1, 2) for number in range(20)]
    won = drawn(SEED, LIST, entries, 5)
    best: dict[str, str] = {}
    for entry in entries:
        value = hashlib.sha256(f"{SEED}:{LIST}:{entry.day}:{entry.number}".encode()).hexdigest()
        best[entry.number] = min(value, best.get(entry.number, value))
    assert [entry.number for _, entry in won] == sorted(best, key=lambda number: best[number])[:5]
    assert [value for value, _ in won] == sorted(value for value, _ in won)
    assert drawn(SEED, LIST, list(reversed(entries)), 5) == won
    assert len(drawn(SEED, LIST, entries, 100)) == 20
    assert drawn(SEED, LIST, [], 5) == []


def test_whoever_comes_last_changes_the_order_of_all() -> None:
    """Who knows the seed cannot tell who wins before the list is closed."""
    entries = [Entry("2027-03-01", f"{number:012}", f"p{number}", None) for number in range(50)]
    closed, early = (hashlib.sha256(listed(some)).hexdigest() for some in (entries, entries[:-1]))
    orders = [[entry.number for _, entry in drawn(SEED, whole, entries[:-1], 49)] for whole in (closed, early)]
    assert orders[0] != orders[1]


async def test_anybody_can_repeat_a_draw(runtime: Runtime, later: Callable[[float], None]) -> None:
    campaign_id = await play(runtime, later)
    await draws.add_codes(runtime, campaign_id, "AAA-1\nBBB-2\nCCC-3\n", actor="ada")
    assert await draws.draw(runtime, campaign_id, actor="ada") == 2
    async with runtime.database.reading() as connection:
        campaign = await rows.find(connection, "spring")
        won = await rows.winners_of(connection, campaign_id)
    seed = await draws.public_seed(runtime, campaign)
    assert seed
    assert hashlib.sha256(seed.encode()).hexdigest() == campaign.commitment
    assert campaign.list_sha256
    published = runtime.blobs.path(campaign.list_sha256).read_bytes()
    assert hashlib.sha256(published).hexdigest() == campaign.list_sha256
    lines = [line.split(" ") for line in published.decode().splitlines()]
    assert len(lines) == 4
    assert lines == sorted(lines)
    order = sorted((score(seed, campaign.list_sha256, day, number), number) for day, number in lines)
    numbers = list(dict.fromkeys(number for _, number in order))
    assert [one.number for one in won] == numbers[:2]


async def test_winners_are_told_once_with_a_code_of_their_own(
    runtime: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    campaign_id = await play(runtime, later, winners=3)
    await settle_down(runtime)
    texting.sent.clear()
    await draws.add_codes(runtime, campaign_id, "AAA-1\nBBB-2\n\n AAA-1 \nCCC-3", actor="ada")
    assert await draws.draw(runtime, campaign_id, actor="ada") == 3
    for _ in range(2):
        await draws.tell_winners(runtime)
    await settle_down(runtime)
    codes = [re.findall(r"[A-C]{3}-\d", said) for number in (ANNA, BORIS, CLARA) for said in texting.to(number)]
    assert sorted(codes) == [["AAA-1"], ["BBB-2"], ["CCC-3"]]


async def test_no_code_is_kept_readable(runtime: Runtime) -> None:
    campaign_id = await begin(runtime)
    await draws.add_codes(runtime, campaign_id, "SECRET-CODE-1", actor="ada")
    async with runtime.database.reading() as connection:
        taken = (await runtime.database.write(lambda tx: rows.take_codes(tx, campaign_id, 1)))[0]
        sealed = await rows.sealed_code(connection, taken)
    assert b"SECRET" not in sealed
    assert runtime.vault.open(sealed, draws.code_place(taken)) == b"SECRET-CODE-1"


async def test_a_draw_waits_for_its_end_and_for_codes(runtime: Runtime, later: Callable[[float], None]) -> None:
    campaign_id = await begin(runtime)
    await Intake(runtime).take(message("春江水暖鸭先知", ANNA))
    with pytest.raises(Conflict, match="not over"):
        await draws.draw(runtime, campaign_id, actor="ada")
    later(3 * DAY)
    with pytest.raises(Conflict, match="more codes first"):
        await draws.draw(runtime, campaign_id, actor="ada")
    await draws.add_codes(runtime, campaign_id, "AAA-1", actor="ada")
    assert await draws.draw(runtime, campaign_id, actor="ada") == 1
    with pytest.raises(Conflict, match="drawn already"):
        await draws.draw(runtime, campaign_id, actor="ada")


async def test_a_draw_can_be_taken_back_until_it_is_settled(
    runtime: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    runtime.settings = broadcasting_as(runtime.settings, undo_seconds=60)
    campaign_id = await play(runtime, later)
    await draws.add_codes(runtime, campaign_id, "AAA-1\nBBB-2", actor="ada")
    await draws.draw(runtime, campaign_id, actor="ada")
    await draws.tell_winners(runtime)
    async with runtime.database.reading() as connection:
        campaign = await rows.find(connection, campaign_id)
    assert await draws.public_seed(runtime, campaign) is None
    await draws.undo(runtime, campaign_id, actor="ada")
    async with runtime.database.reading() as connection:
        assert await rows.codes(connection, [campaign_id]) == {campaign_id: (2, 0)}
        assert await rows.winners_of(connection, campaign_id) == []
    await draws.draw(runtime, campaign_id, actor="ada")
    later(61)
    await draws.tell_winners(runtime)
    with pytest.raises(Conflict):
        await draws.undo(runtime, campaign_id, actor="ada")
    await settle_down(runtime)
    told = [
        said for number in (ANNA, BORIS, CLARA) for said in texting.to(number) if "兑奖码" in said or "code:" in said
    ]
    assert len(told) == 2


async def test_who_is_erased_leaves_the_draw_or_his_number_alone(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    campaign_id = await play(runtime, later)

    async def erase(number: str) -> None:
        async with runtime.database.reading() as connection:
            line = await known(connection, runtime.vault, f"tel:{number}")
        assert line
        assert line.person
        await erasure.erase(runtime, line.person, withdraw=True)

    await erase(ANNA)
    async with runtime.database.reading() as connection:
        assert len(await rows.entries(connection, campaign_id)) == 2
    await draws.add_codes(runtime, campaign_id, "AAA-1\nBBB-2", actor="ada")
    assert await draws.draw(runtime, campaign_id, actor="ada") == 2
    await erase(BORIS)
    await draws.tell_winners(runtime)
    async with runtime.database.reading() as connection:
        assert len(await rows.winners_of(connection, campaign_id)) == 2
        assert await rows.untold(connection, clock.now()) == []


async def test_the_hash_is_there_from_the_beginning_and_the_promise_stands(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    campaign_id = await begin(runtime)
    async with runtime.database.reading() as connection:
        before = await rows.find(connection, campaign_id)
    first = campaigns.today(runtime)
    with pytest.raises(BadInput, match="promised"):
        await campaigns.change(runtime, campaign_id, typed(first, winners=50), actor="ada")
    await campaigns.change(runtime, campaign_id, typed(first, line_days=7), actor="ada")
    async with runtime.database.reading() as connection:
        after = await rows.find(connection, campaign_id)
    assert (after.line_days, after.commitment) == (7, before.commitment)


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "no day | 春江水暖",
        "2027-03-01",
        "2027-04-01 | 春江水暖鸭先知",
        "2027-03-01 | 春江水暖鸭先知\n2027-03-01 | 一寸光阴一寸金",
        "2027-03-01 | STATUS",
        "2027-03-01 | 1",
        "2027-03-01 | ！！",
        "2027-03-01 | 春江 | spring | more",
    ],
)
async def test_a_calendar_is_taken_whole_or_not_at_all(runtime: Runtime, lines: str) -> None:
    campaign_id = await campaigns.add(runtime, typed(campaigns.today(runtime)), actor="ada")
    with pytest.raises(BadInput):
        await campaigns.fill(
            runtime, campaign_id, f"2027-03-02 | 有志者事竟成\n{lines}" if lines else lines, actor="ada"
        )
    async with runtime.database.reading() as connection:
        assert await rows.calendar(connection, [campaign_id]) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"slug": "Has Spaces"},
        {"publish_at": "25:00"},
        {"winners": 0},
        {"name": {"zh": "只有中文"}},
        {"ends_on": "2020-01-01"},
        {"unknown": 1},
    ],
)
async def test_what_cannot_be_a_campaign_is_refused(runtime: Runtime, wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        await campaigns.add(runtime, {**typed(campaigns.today(runtime)), **wrong}, actor="ada")


async def test_linked_lines_have_one_chance_a_day(runtime: Runtime, later: Callable[[float], None]) -> None:
    campaign_id = await play(runtime, later)
    async with runtime.database.reading() as connection:
        anna = await known(connection, runtime.vault, f"tel:{ANNA}")
        boris = await known(connection, runtime.vault, f"tel:{BORIS}")
    assert anna
    assert boris
    await runtime.database.write(lambda tx: citizens.link(tx, anna.citizen_id or "", boris.citizen_id or ""))
    async with runtime.database.reading() as connection:
        entries = await rows.entries(connection, campaign_id)
    assert len(entries) == 3
    assert len({entry.number for entry in entries}) == 2
    assert listed(entries).decode().count("\n") == 3
