"""The queue page by page, its marks, its pace, and the record of an author."""

from collections.abc import Callable

import pytest

from gateway import clock
from gateway.errors import BadInput
from gateway.journey import indexing, moderation, pace, similar
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, State
from store import changes, record, waiting
from tests.journey.test_intake import ANNA, BORIS, message


async def say(runtime: Runtime, text: str, sender: str = ANNA) -> str:
    taken = await Intake(runtime).take(message(text, sender, commands=False))
    assert taken.post_id
    return taken.post_id


async def fill(runtime: Runtime, later: Callable[[float], None]) -> list[str]:
    """One held, four new, one emergency; given in the order of the queue."""
    held = await say(runtime, "held number zero")
    await moderation.decide(runtime, held, Action.HOLD, actor="mo", reason="unclear")
    usual = []
    for n in range(4):
        later(1)
        usual.append(await say(runtime, f"usual lamp number {n} at another church", f"+86138001390{n:02}"))
    later(1)
    urgent = await say(runtime, "fire in the school, people trapped", BORIS)
    return [urgent, *usual, held]


async def test_it_is_read_page_by_page(runtime: Runtime, later: Callable[[float], None]) -> None:
    order, read, cursor = await fill(runtime, later), [], None
    async with runtime.database.reading() as connection:
        for _ in range(3):
            page, cursor = await waiting.page(connection, 2, cursor)
            read += [post.id for post in page]
        assert cursor is None
        assert [post.id for post in await waiting.queue(connection)] == order
        assert await waiting.urgent(connection, 5) == order[:1]
    assert read == order


@pytest.mark.parametrize("cursor", ["x", "!!!", "OXwyMDI2LTAxLTAxVDAwOjAwOjAwKzAwOjAwfDAw"])
async def test_a_cursor_of_somebody_elses_is_refused(runtime: Runtime, cursor: str) -> None:
    async with runtime.database.reading() as connection:
        with pytest.raises(BadInput):
            await waiting.page(connection, 2, cursor)


async def test_a_mark_changes_with_what_is_shown(runtime: Runtime) -> None:
    one, other = await say(runtime, "the very same words about a lamp"), await say(runtime, "something else", BORIS)

    async def marks() -> dict[str, str]:
        async with runtime.database.reading() as connection:
            return await waiting.marks(connection, [one, other, "0" * 32])

    before = await marks()
    assert set(before) == {one, other}
    await say(runtime, "the very same words about a lamp!", BORIS)
    after = await marks()
    assert (after[one] != before[one], after[other] == before[other]) == (True, True)
    await moderation.decide(runtime, other, Action.PUBLISH, actor="mo")
    assert (await marks())[other] != before[other]


async def test_what_came_since(runtime: Runtime, later: Callable[[float], None]) -> None:
    await say(runtime, "an old one")
    later(60)
    at = clock.now()
    fresh = await say(runtime, "a new one", BORIS)
    async with runtime.database.reading() as connection:
        assert await waiting.since(connection, at, 5) == [fresh]


async def test_the_pace_is_that_of_people(runtime: Runtime, later: Callable[[float], None]) -> None:
    assert await pace.look(runtime) == pace.Pace(None, None, None)
    for n, seconds in enumerate((10, 20, 30, 400)):
        post_id = await say(runtime, f"lamp number {n} is broken at the church", f"+86138001390{n:02}")
        async with runtime.database.reading() as connection:
            post = (await waiting.some(connection, [post_id]))[0]
        later(seconds)
        await moderation.decide(runtime, post_id, Action.PUBLISH, actor="rule" if n == 3 else "mo")
    async with runtime.database.reading() as connection:
        assert post.created_at < clock.now()
        assert await waiting.oldest(connection) is None
    seen = await pace.look(runtime)
    assert seen.median == pytest.approx(20, abs=2)
    assert seen.p95 == pytest.approx(29, abs=2)
    waits = await say(runtime, "this one waits")
    async with runtime.database.reading() as connection:
        assert await waiting.oldest(connection) == (await waiting.some(connection, [waits]))[0].created_at


async def test_the_record_of_an_author_counts_and_names_nobody(runtime: Runtime) -> None:
    for n, (action, reason) in enumerate(
        ((Action.PUBLISH, None), (Action.REJECT, "insult"), (Action.REJECT, "duplicate"))
    ):
        post_id = await say(runtime, f"report number {n} about lamp {n} at church {n}")
        await moderation.decide(runtime, post_id, action, actor="mo", reason=reason)
    last = await say(runtime, "one more thing")
    async with runtime.database.reading() as connection:
        known = await record.of_author(connection, last)
        assert await record.of_author(connection, "0" * 32) is None
    assert known
    assert (known.number, known.against, known.proved) == (4, 1, False)
    assert known.states == {State.PUBLISHED: 1, State.REJECTED: 2, State.PENDING: 1}
    assert ANNA not in repr(known)


async def test_similar_posts_are_found_in_both_scripts(runtime: Runtime) -> None:
    for text, sender in (
        ("人民路和解放路口的路灯坏了三天了", ANNA),
        ("the water pipe under the old bridge leaks", BORIS),
        ("a dog barks all night long", "+8613800139001"),
    ):
        await moderation.decide(runtime, await say(runtime, text, sender), Action.PUBLISH, actor="mo")
    while await indexing.some(runtime):
        pass
    han = await similar.to(runtime, similar.Said("解放路口人民路那边路灯坏了"))
    latin = await similar.to(runtime, similar.Said("pipe under old bridge is leaking water"))
    assert ["路灯" in one.text for one in han] == [True]
    assert ["bridge" in one.text for one in latin] == [True]
    assert await similar.to(runtime, similar.Said("")) == ()


async def test_an_erased_authors_post_has_no_record(runtime: Runtime) -> None:
    post_id = await say(runtime, "soon without an author")
    await runtime.database.write(lambda tx: changes.apply(tx, post_id, citizen_id=None))
    async with runtime.database.reading() as connection:
        assert await record.of_author(connection, post_id) is None
