"""Reports about the same thing are found across channels, words and places, and their authors asked to join them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import clock
from gateway.journey import indexing, moderation, similar, sketch
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, Place, State
from gateway.schema_incoming import Outcome, Taken
from store import likeness, posts, posts_for_staff, together
from store.posts_for_staff import StaffPost
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS, CLARA, DAVID, message

LAMP, DARK = "人民路12号的路灯坏了，晚上很黑", "人民路12号路灯坏了三天，晚上太黑"


async def say(runtime: Runtime, text: str, sender: str | None, **more: object) -> Taken:
    taken = await Intake(runtime).take(message(text, sender, **more))
    while await indexing.some(runtime):
        pass
    await settle_down(runtime)
    return taken


async def published(runtime: Runtime, text: str, sender: str = ANNA, **more: object) -> str:
    taken = await say(runtime, text, sender, **more)
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    return taken.ticket or ""


async def first_of(runtime: Runtime, ticket: str | None) -> StaffPost:
    async with runtime.database.reading() as connection:
        return (await posts_for_staff.thread(connection, ticket or ""))[0]


PAIRS = [
    ("人民路12号的路灯坏了", "人民路12号门口路灯不亮"),
    ("water pipe leaking on north street number 27", "A pipe on North Street 27 is leaking water"),
    ("解放路水管破裂，水流了一地", "解放路水管爆裂，到处流水"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_the_same_thing_in_other_words_is_found(runtime: Runtime, one: str, other: str) -> None:
    ticket = await published(runtime, one)
    for n in range(5):
        await say(runtime, f"公园{n}号里有流浪狗在咬人 dogs in park {n}", f"+86139001390{n:02}", commands=False)
    found = await similar.to(runtime, similar.Said(other))
    assert [known.ticket for known in found] == [ticket]
    assert found[0].public


async def test_another_house_is_another_thing(runtime: Runtime) -> None:
    await published(runtime, "人民路12号的路灯坏了")
    (found,) = await similar.to(runtime, similar.Said("人民路12号的路灯坏了"))
    others = await similar.to(runtime, similar.Said("人民路85号的路灯坏了"))
    assert found.share > 0.9
    assert all(one.share < similar.LIKELY for one in others)


async def test_where_it_is_counts_when_the_words_are_few(runtime: Runtime) -> None:
    here = Place("中山公园东门", 30.2741, 120.1551)
    ticket = await published(runtime, "路灯不亮了", place=here, category="roads", commands=False)
    near = similar.Said("这里的路灯都不亮", Place(None, 30.2746, 120.1555), "roads")
    far = similar.Said("这里的路灯都不亮", Place(None, 30.4, 120.5))
    assert [one.ticket for one in await similar.to(runtime, near)] == [ticket]
    measured = [one.share for one in await similar.to(runtime, near)]
    assert all(one.share < measured[0] for one in await similar.to(runtime, far))


async def test_what_is_older_than_hundreds_of_others_is_found(runtime: Runtime) -> None:
    ticket = await published(runtime, "water pipe leaking under the old stone bridge")
    marks = {f"{n:032}": (clock.now(), sketch.made(f"lamp {n} is dark", None, None, None)) for n in range(300)}
    await runtime.database.write(lambda transaction: likeness.keep(transaction, marks))
    found = await similar.to(runtime, similar.Said("the pipe below the stone bridge is leaking water"))
    assert [one.ticket for one in found] == [ticket]


async def test_what_is_private_or_turned_away_is_offered_to_nobody(runtime: Runtime) -> None:
    await say(runtime, LAMP, ANNA)
    secret = await say(runtime, DARK, BORIS, private=True)
    assert secret.post_id
    await moderation.decide(runtime, secret.post_id, Action.PUBLISH, actor="mo")
    assert await similar.to(runtime, similar.Said(LAMP), public=True) == []
    assert len(await similar.to(runtime, similar.Said(LAMP))) == 2, "staff see both"


async def test_the_author_is_asked_and_joins_by_a_number(runtime: Runtime, texting: Texting) -> None:
    lamp = await published(runtime, LAMP)
    dark = await say(runtime, DARK, BORIS)
    assert f"1: {lamp}" in texting.to(BORIS)[-1]
    done = await say(runtime, "1", BORIS)
    assert done.say.phrase == "joined_own"
    assert (await first_of(runtime, dark.ticket)).state is State.REJECTED
    async with runtime.database.reading() as connection:
        shown = await posts.public_post(connection, dark.ticket or "")
        assert await together.numbers(connection, [shown.id]) == {shown.id: 2}
    assert shown.ticket == lamp
    assert len([text for text in texting.to(BORIS) if lamp in text]) == 2, "asked once, and told once"


async def test_who_does_not_answer_keeps_a_report_of_his_own(runtime: Runtime) -> None:
    await published(runtime, LAMP)
    dark = await say(runtime, DARK, BORIS)
    assert (await first_of(runtime, dark.ticket)).state is State.PENDING


async def test_an_answer_that_comes_after_the_decision_joins_nothing(runtime: Runtime) -> None:
    await published(runtime, LAMP)
    dark = await say(runtime, DARK, BORIS)
    await moderation.decide(runtime, dark.post_id or "", Action.PUBLISH, actor="mo")
    assert (await say(runtime, "1", BORIS)).say.phrase == "belongs_late"
    assert (await first_of(runtime, dark.ticket)).state is State.PUBLISHED


async def test_what_was_offered_and_withdrawn_takes_nobody_in(runtime: Runtime, texting: Texting) -> None:
    lamp = await published(runtime, LAMP)
    dark = await say(runtime, DARK, BORIS)
    await moderation.decide(runtime, lamp, Action.WITHDRAW, actor="mo", reason="unclear")
    await say(runtime, "1", BORIS)
    assert (await first_of(runtime, dark.ticket)).state is State.PENDING
    assert "report of its own" in texting.to(BORIS)[-1] or "单独" in texting.to(BORIS)[-1]


@pytest.mark.parametrize("how", ["private", "own", "unlike", "open question"])
async def test_who_is_not_asked(runtime: Runtime, texting: Texting, how: str) -> None:
    await published(runtime, LAMP)
    if how == "own":
        await say(runtime, DARK, ANNA, commands=False)
    elif how == "unlike":
        await say(runtime, "公园里有一只流浪狗在咬人", BORIS)
    elif how == "private":
        await say(runtime, DARK, BORIS, private=True)
    else:
        await say(runtime, "公园里有一只流浪狗在咬人", BORIS)
        await say(runtime, "学校门口垃圾没有人收", BORIS)
        await say(runtime, "NEW", BORIS)
        await say(runtime, "STATUS", BORIS)
        await say(runtime, DARK, BORIS, commands=False)
    said = [text for number in (ANNA, BORIS) for text in texting.to(number)]
    assert not [text for text in said if "已有人反映" in text or "may have reported" in text]


async def test_me_too_by_a_word(runtime: Runtime, texting: Texting) -> None:
    lamp = await published(runtime, LAMP)
    assert (await say(runtime, f"JOIN {lamp}", CLARA)).say.phrase == "counted_in"
    assert (await say(runtime, f"我也反映 {lamp}", DAVID)).outcome is Outcome.COMMAND
    assert (await say(runtime, f"JOIN {lamp}", CLARA)).say.phrase == "counted_in", "said twice, counted once"
    assert (await say(runtime, f"JOIN {lamp}", ANNA)).say.phrase == "join_own"
    assert (await say(runtime, "JOIN", CLARA)).say.phrase == "join_which"
    waiting = await say(runtime, "公园里有一只流浪狗在咬人", BORIS)
    assert (await say(runtime, f"JOIN {waiting.ticket}", CLARA)).say.phrase == "status_unknown"
    thread = (await first_of(runtime, lamp)).id
    async with runtime.database.reading() as connection:
        assert await together.numbers(connection, [thread]) == {thread: 3}


async def test_marks_are_forgotten_with_time(runtime: Runtime) -> None:
    await published(runtime, LAMP)
    later = clock.now()
    gone = await runtime.database.write(lambda transaction: likeness.forget(transaction, later))
    assert gone > 0
    assert await similar.to(runtime, similar.Said(LAMP)) == []


@given(st.text(max_size=60), st.text(max_size=60))
def test_marks_are_whole_numbers_of_the_text_alone(one: str, other: str) -> None:
    marks = sketch.made(one, other, 30.0, 120.0)
    assert set(marks) == set(sketch.made(one, other, 30.0, 120.0))
    assert all(-(2**63) <= mark < 2**63 for mark in marks)
    assert set(marks) <= set(sketch.wanted(one, other, 30.0, 120.0))


def test_what_is_compared_of_a_long_text_is_bounded() -> None:
    begin = "人民路12号的路灯坏了，晚上很黑。"
    rambling = begin + "".join(chr(0x4E00 + n % 5000) for n in range(5000))
    cut = rambling[: similar.COMPARED]
    assert similar.likeness_of(rambling, cut) == 1.0
    assert similar.likeness_of(begin, rambling) == similar.likeness_of(begin, cut)
