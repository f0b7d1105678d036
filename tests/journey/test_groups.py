"""Posts that say the same: one row in the queue, one decision, and every author told."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.journey import moderation, sameness
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, State
from gateway.schema_incoming import Taken
from store import posts_for_staff, waiting
from store.posts_for_staff import StaffPost
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import message

AD = "cheap loans without any papers, call Mr Zhang today and get money within the hour"
LAMP = "the street light is broken since last Monday in front of"
NUMBERS = [f"+86138001390{n:02}" for n in range(20)]


async def flood(runtime: Runtime, text: str = AD, senders: int = 5) -> list[Taken]:
    """The same text, a little different each time, from many."""
    intake = Intake(runtime)
    return await asyncio.gather(
        *(intake.take(message(f"{text}{'!' * n}", number)) for n, number in enumerate(NUMBERS[:senders]))
    )


async def queue(runtime: Runtime) -> list[StaffPost]:
    async with runtime.database.reading() as connection:
        return await waiting.queue(connection)


async def states(runtime: Runtime, taken: list[Taken]) -> list[State]:
    async with runtime.database.reading() as connection:
        return [(await posts_for_staff.thread(connection, one.ticket or ""))[0].state for one in taken]


async def test_a_flood_is_one_row(runtime: Runtime) -> None:
    first, *others = await flood(runtime)
    assert len({one.ticket for one in (first, *others)}) == 5, "each author has a ticket of his own"
    (row,) = await queue(runtime)
    assert (row.id, row.alike) == (first.post_id, 4)
    later = await Intake(runtime).take(message(AD, NUMBERS[9]))
    (row,) = await queue(runtime)
    assert row.alike == 5
    async with runtime.database.reading() as connection:
        assert await posts_for_staff.waiting(connection) == 1
        assert later.post_id in [post.id for post in await posts_for_staff.alike(connection, row.id)]


async def test_rejecting_the_row_rejects_all_and_tells_all(runtime: Runtime, texting: Texting) -> None:
    taken = await flood(runtime)
    assert taken[0].post_id
    await moderation.decide(runtime, taken[0].post_id, Action.REJECT, actor="mo", reason="advertising", alike=True)
    await settle_down(runtime)
    assert await states(runtime, taken) == [State.REJECTED] * 5
    assert all("advertising" in texting.to(number)[-1] for number in NUMBERS[:5])
    assert await queue(runtime) == []


async def test_publishing_the_row_takes_the_others_along(runtime: Runtime, texting: Texting) -> None:
    taken = await flood(runtime, "no water in the whole of Garden Village since six this morning")
    assert taken[0].post_id
    await moderation.decide(runtime, taken[0].post_id, Action.PUBLISH, actor="mo", alike=True)
    await settle_down(runtime)
    assert await states(runtime, taken) == [State.PUBLISHED] + [State.REJECTED] * 4
    assert f"same thing as {taken[0].ticket}" in texting.to(NUMBERS[1])[-1]
    added = await Intake(runtime).take(message(f"{taken[0].ticket} water is back", NUMBERS[0]))
    assert added.post_id
    await moderation.decide(runtime, added.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert "water is back" in texting.to(NUMBERS[1])[-1], "they follow what became of theirs"


async def test_deciding_the_first_alone_leaves_the_others_one_row(runtime: Runtime) -> None:
    taken = await flood(runtime)
    assert taken[0].post_id
    await moderation.decide(runtime, taken[0].post_id, Action.REJECT, actor="mo", reason="unclear")
    (row,) = await queue(runtime)
    assert (row.id, row.alike) == (taken[1].post_id, 3)
    await Intake(runtime).take(message(AD, NUMBERS[9]))
    (row,) = await queue(runtime)
    assert row.alike == 4, "what still comes joins those that wait"


async def test_once_all_are_decided_the_next_begins_anew(runtime: Runtime) -> None:
    taken = await flood(runtime)
    assert taken[0].post_id
    await moderation.decide(runtime, taken[0].post_id, Action.HOLD, actor="mo", reason="unclear", alike=True)
    await moderation.decide(runtime, taken[0].post_id, Action.REJECT, actor="mo", reason="unclear", alike=True)
    fresh = await Intake(runtime).take(message(AD, NUMBERS[9]))
    assert fresh.post_id in [row.id for row in await queue(runtime)]


async def test_different_places_are_different_reports(runtime: Runtime) -> None:
    for n, number in enumerate(NUMBERS[:4]):
        await Intake(runtime).take(message(f"人民路{n}号路灯坏了", number))
    assert [row.alike for row in await queue(runtime)] == [0] * 4
    await Intake(runtime).take(message("人民路2号路灯坏了！", NUMBERS[9]))
    assert [row.alike for row in await queue(runtime)] == [0, 0, 1, 0], "and each finds its own"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("停水了", "停水了！！", True),
        ("停水了", "停电了", False),
        ("人民路3号路灯坏了", "人民路5号路灯坏了", False),
        ("人民路3号的路灯已经坏了整整三天了", "人民路3号的路灯已经坏了整整三天了，请处理", True),
        (
            "幸福小区三号楼的电梯已经停运一个星期了，老人出不了门，请尽快派人来修理，谢谢各位",
            "幸福小区五号楼的电梯已经停运一个星期了，老人出不了门，请尽快派人来修理，谢谢各位",
            False,
        ),
        (f"{LAMP} number 3, it is dark there", f"{LAMP} number 5, it is dark there", False),
        (f"{AD}, call 4008208820", f"{AD}, call 4008209911", True),
        (f"{AD}, 138****8000", f"{AD}, 139****1234", True),
        ("STREET LIGHT BROKEN HERE", "street light  broken here", True),
        ("臺灣路的路燈壞了很久沒人修理", "台湾路的路灯坏了很久没人修理", True),
        ("a dog barks all night long", "the street light is broken", False),
        ("", "", True),
    ],
)
def test_alike(one: str, other: str, same: bool) -> None:
    assert sameness.alike(one, other) is same
    if same and one:
        assert set(sameness.gists(one)) & set(sameness.gists(other))


@given(st.text(max_size=400))
def test_any_text_has_gists_and_is_like_itself(text: str) -> None:
    assert sameness.gists(text) == sameness.gists(text)
    assert sameness.alike(text, text)
    assert all(0 <= gist < 1 << 34 for gist in sameness.gists(text))


def test_a_small_change_is_found_by_a_gist_nearly_always() -> None:
    found = 0
    for n in range(200):
        changed = AD[: n % 70] + "x" + AD[n % 70 + 1 :]
        found += bool(set(sameness.gists(AD)) & set(sameness.gists(changed)))
    assert found >= 190
