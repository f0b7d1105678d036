"""Reports about the same thing: joined to one, one answer for all who reported it, and each to stand alone again."""

import pytest

from gateway.casework import cases as answers
from gateway.casework import handling
from gateway.casework.handling import Wanted
from gateway.errors import BadInput, Conflict, NotAllowed, NotFound
from gateway.journey import joining, moderation, phoning, undoing
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, State
from gateway.schema_cases import CaseStep, Progress
from gateway.schema_incoming import Outcome, Taken
from store import cases, posts, posts_for_staff, together
from store.accounts import Account, Role
from store.cases import Case
from store.posts_for_staff import StaffPost
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS, CLARA, message

LAMP, DARK, PIPE = "人民路12号的路灯坏了", "人民路12号门口路灯不亮，晚上很黑", "解放路水管破裂，水流了一地"
HEAD = Account(id="h", name="hana", role=Role.MODERATOR, department=None)
ROADS = Account(id="r", name="ro", role=Role.OFFICER, department="roads")


async def say(runtime: Runtime, text: str, sender: str | None, **more: object) -> Taken:
    taken = await Intake(runtime).take(message(text, sender, **more))
    await settle_down(runtime)
    return taken


async def publish(runtime: Runtime, taken: Taken) -> str:
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    return taken.ticket or ""


async def join(runtime: Runtime, other: str, into: str) -> None:
    await joining.join_posts(runtime, other, into, actor="mo")
    await settle_down(runtime)


async def answer(runtime: Runtime, ticket: str, text: str = "路灯已修好。") -> None:
    await answers.answer(runtime, ticket, text, "roads", actor="ro")
    await settle_down(runtime)


async def first_of(runtime: Runtime, ticket: str) -> StaffPost:
    async with runtime.database.reading() as connection:
        return (await posts_for_staff.thread(connection, ticket))[0]


async def case_of(runtime: Runtime, ticket: str) -> Case | None:
    async with runtime.database.reading() as connection:
        return await cases.find(connection, (await posts_for_staff.thread(connection, ticket))[0].id)


async def reporters(runtime: Runtime, ticket: str) -> int:
    async with runtime.database.reading() as connection:
        thread = (await posts_for_staff.thread(connection, ticket))[0].id
        return (await together.numbers(connection, [thread])).get(thread, 1)


@pytest.fixture
async def two(runtime: Runtime) -> tuple[str, str]:
    """A published report of Anna's, and one of Boris's about the same that waits."""
    lamp = await publish(runtime, await say(runtime, LAMP, ANNA))
    return lamp, (await say(runtime, DARK, BORIS)).ticket or ""


async def test_what_waits_is_joined_and_both_authors_get_the_one_answer(
    runtime: Runtime, texting: Texting, two: tuple[str, str]
) -> None:
    lamp, dark = two
    await join(runtime, dark, lamp)
    assert dark in texting.to(BORIS)[-1]
    assert lamp in texting.to(BORIS)[-1]
    assert await reporters(runtime, lamp) == 2
    await answer(runtime, lamp)
    assert "路灯已修好" in texting.to(ANNA)[-1]
    assert "路灯已修好" in texting.to(BORIS)[-1]
    assert [text for text in texting.to(BORIS) if "路灯已修好" in text] == texting.to(BORIS)[-1:], "once"


async def test_a_joined_report_is_no_case_of_its_own(runtime: Runtime, two: tuple[str, str]) -> None:
    lamp, dark = two
    await join(runtime, dark, lamp)
    case = await case_of(runtime, dark)
    assert case
    assert (case.progress, case.merged_into) == (Progress.MERGED, (await first_of(runtime, lamp)).id)
    assert case.stopped_at is not None, "its clock stands still"
    with pytest.raises(Conflict, match="joined to another"):
        await answers.answer(runtime, dark, "done", "roads", actor="ro")
    with pytest.raises(Conflict, match="separate it first"):
        await moderation.decide(runtime, dark, Action.PUBLISH, actor="mo")


async def test_its_ticket_leads_to_the_other_one(runtime: Runtime, two: tuple[str, str]) -> None:
    lamp, dark = two
    await join(runtime, dark, lamp)
    await answer(runtime, lamp)
    async with runtime.database.reading() as connection:
        assert (await posts.public_post(connection, dark)).ticket == lamp
    status = await say(runtime, f"查询 {dark}", BORIS)
    assert status.say.phrase == "status_answered"
    assert status.say.values["text"] == "路灯已修好。"
    spoken = await phoning.spoken_status(runtime, dark, None, "zh")
    assert spoken
    assert "路灯已修好。" in spoken[-1]


async def test_what_its_author_adds_is_said_under_the_other_one(runtime: Runtime, two: tuple[str, str]) -> None:
    lamp, dark = two
    await join(runtime, dark, lamp)
    added = await say(runtime, f"{dark} 现在整条街都黑了", BORIS)
    assert added.outcome is Outcome.FOLLOW_UP
    async with runtime.database.reading() as connection:
        assert [post.text for post in await posts_for_staff.thread(connection, lamp)][1:] == [
            f"{dark} 现在整条街都黑了"
        ]


async def test_who_asks_to_keep_a_joined_report_private_hides_nothing_of_the_other_one(
    runtime: Runtime, two: tuple[str, str]
) -> None:
    lamp, dark = two
    await join(runtime, dark, lamp)
    await say(runtime, f"私密 {dark}", BORIS)
    async with runtime.database.reading() as connection:
        assert (await posts.public_post(connection, lamp)).text == LAMP


async def test_what_is_published_is_joined_too_and_nobody_reads_it_twice(
    runtime: Runtime, texting: Texting, two: tuple[str, str]
) -> None:
    lamp, dark = two
    await moderation.decide(runtime, dark, Action.PUBLISH, actor="mo")
    await say(runtime, f"关注 {dark}", CLARA)
    await handling.take(runtime, dark, Wanted(CaseStep.MERGE, other=lamp), HEAD)
    await settle_down(runtime)
    async with runtime.database.reading() as connection:
        shown, _ = await posts.published(connection)
    assert [post.ticket for post in shown] == [lamp]
    await answer(runtime, lamp)
    assert "路灯已修好" in texting.to(CLARA)[-1], "who followed it follows the other one"
    assert "路灯已修好" in texting.to(BORIS)[-1]


async def test_one_joined_after_the_answer_is_told_it_at_once(
    runtime: Runtime, texting: Texting, two: tuple[str, str]
) -> None:
    lamp, dark = two
    await answer(runtime, lamp)
    await join(runtime, dark, lamp)
    assert "路灯已修好" in texting.to(BORIS)[-1]


async def test_a_joined_report_stands_by_itself_again(runtime: Runtime, texting: Texting, two: tuple[str, str]) -> None:
    lamp, dark = two
    await join(runtime, dark, lamp)
    await handling.take(runtime, dark, Wanted(CaseStep.SEPARATE), HEAD)
    await settle_down(runtime)
    assert (await first_of(runtime, dark)).state is State.PENDING
    assert await case_of(runtime, dark) is None
    assert await reporters(runtime, lamp) == 1
    assert dark in texting.to(BORIS)[-1]
    told = len(texting.to(BORIS))
    await answer(runtime, lamp)
    assert len(texting.to(BORIS)) == told, "it follows that one no more"
    await moderation.decide(runtime, dark, Action.PUBLISH, actor="mo")
    case = await case_of(runtime, dark)
    assert case
    assert case.department == "roads"


async def test_a_published_one_stands_again_with_its_department_and_its_time(
    runtime: Runtime, two: tuple[str, str]
) -> None:
    lamp, dark = two
    await publish(runtime, Taken(Outcome.POST, None, "zh", dark, (await first_of(runtime, dark)).id))  # type: ignore[arg-type]
    before = await case_of(runtime, dark)
    await join(runtime, dark, lamp)
    await handling.take(runtime, dark, Wanted(CaseStep.SEPARATE), HEAD)
    after = await case_of(runtime, dark)
    assert before
    assert after
    assert (after.progress, after.department) == (Progress.ASSIGNED, "roads")
    assert after.due_at >= before.due_at
    assert after.merged_into is None
    async with runtime.database.reading() as connection:
        assert {post.ticket for post in (await posts.published(connection))[0]} == {lamp, dark}


async def test_a_chain_becomes_one_step(runtime: Runtime, texting: Texting, two: tuple[str, str]) -> None:
    lamp, dark = two
    street = await publish(runtime, await say(runtime, "人民路整条街路灯都坏了", CLARA))
    await join(runtime, dark, lamp)
    await join(runtime, lamp, street)
    assert await reporters(runtime, street) == 3
    case = await case_of(runtime, dark)
    assert case
    assert case.merged_into == (await first_of(runtime, street)).id
    await answer(runtime, street)
    for person in (ANNA, BORIS, CLARA):
        assert "路灯已修好" in texting.to(person)[-1]
    async with runtime.database.reading() as connection:
        assert (await posts.public_post(connection, dark)).ticket == street


async def test_what_is_joined_to_a_joined_one_is_joined_to_where_that_went(
    runtime: Runtime, two: tuple[str, str]
) -> None:
    lamp, dark = two
    more = await say(runtime, "路灯不亮 人民路12号", CLARA)
    await join(runtime, dark, lamp)
    await join(runtime, more.ticket or "", dark)
    assert await reporters(runtime, lamp) == 3


async def test_one_person_counts_once(runtime: Runtime, two: tuple[str, str]) -> None:
    lamp, dark = two
    again = await say(runtime, "另一件：人民路的灯还没修", BORIS, commands=False)
    own = await say(runtime, "我反映的人民路路灯还没有修好", ANNA, commands=False)
    for ticket in (dark, again.ticket, own.ticket):
        await join(runtime, ticket or "", lamp)
    assert await reporters(runtime, lamp) == 2


async def test_withdrawing_the_one_lets_the_others_stand_again(runtime: Runtime, two: tuple[str, str]) -> None:
    lamp, dark = two
    await join(runtime, dark, lamp)
    await moderation.decide(runtime, lamp, Action.WITHDRAW, actor="mo", reason="unclear")
    assert (await first_of(runtime, dark)).state is State.PENDING


async def test_an_author_who_keeps_it_from_the_public_lets_the_others_stand_again(
    runtime: Runtime, two: tuple[str, str]
) -> None:
    lamp, dark = two
    await join(runtime, dark, lamp)
    await say(runtime, f"私密 {lamp}", ANNA)
    assert (await first_of(runtime, dark)).state is State.PENDING


async def test_joining_can_be_undone_within_the_undo_time(
    runtime: Runtime, texting: Texting, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lamp, dark = two
    told = len(texting.to(BORIS))
    slow = runtime.settings.broadcast.model_copy(update={"undo_seconds": 60})
    monkeypatch.setattr(runtime, "settings", runtime.settings.model_copy(update={"broadcast": slow}))
    post_id = await joining.join_posts(runtime, dark, lamp, actor="mo")
    await settle_down(runtime)
    await undoing.undo(runtime, post_id, actor="mo")
    await settle_down(runtime)
    assert (await first_of(runtime, dark)).state is State.PENDING
    assert await case_of(runtime, dark) is None
    assert await reporters(runtime, lamp) == 1
    assert len(texting.to(BORIS)) == told, "and nobody heard of it"


@pytest.mark.parametrize("into", ["itself", "private", "waiting"])
async def test_only_a_public_report_takes_others_in(runtime: Runtime, two: tuple[str, str], into: str) -> None:
    _, dark = two
    others = {
        "itself": dark,
        "private": (await say(runtime, PIPE, CLARA, private=True)).ticket or "",
        "waiting": (await say(runtime, "公园里有一只流浪狗在咬人", CLARA, commands=False)).ticket or "",
    }
    if into == "private":
        await moderation.decide(runtime, others[into], Action.PUBLISH, actor="mo")
    with pytest.raises((BadInput, Conflict)):
        await join(runtime, dark, others[into])
    assert (await first_of(runtime, dark)).state is State.PENDING


@pytest.mark.parametrize("progress", list(Progress))
async def test_only_a_case_that_is_open_is_joined_by_the_table(
    runtime: Runtime, two: tuple[str, str], progress: Progress
) -> None:
    lamp, dark = two
    await moderation.decide(runtime, dark, Action.PUBLISH, actor="mo")
    if progress is Progress.MERGED:
        await handling.take(runtime, dark, Wanted(CaseStep.MERGE, other=lamp), HEAD)
    else:
        thread = (await first_of(runtime, dark)).id
        await runtime.database.write(lambda transaction: cases.change(transaction, thread, progress=progress))
    before = await case_of(runtime, dark)
    assert before
    froms, after = handling.TABLE[CaseStep.MERGE]
    if progress not in froms:
        with pytest.raises(Conflict if progress is not Progress.MERGED else NotFound):
            await handling.take(runtime, dark, Wanted(CaseStep.MERGE, other=lamp), HEAD)
        assert await case_of(runtime, dark) == before
        return
    await handling.take(runtime, dark, Wanted(CaseStep.MERGE, other=lamp), HEAD)
    joined = await case_of(runtime, dark)
    assert joined
    assert joined.progress is after
    await handling.take(runtime, dark, Wanted(CaseStep.SEPARATE), HEAD)
    parted = await case_of(runtime, dark)
    assert parted
    assert parted.progress is handling.TABLE[CaseStep.SEPARATE][1]
    with pytest.raises(Conflict):
        await handling.take(runtime, dark, Wanted(CaseStep.SEPARATE), HEAD)


async def test_joining_is_for_those_who_decide_between_departments(runtime: Runtime, two: tuple[str, str]) -> None:
    lamp, dark = two
    await moderation.decide(runtime, dark, Action.PUBLISH, actor="mo")
    with pytest.raises(NotAllowed):
        await handling.take(runtime, dark, Wanted(CaseStep.MERGE, other=lamp), ROADS)
    with pytest.raises(BadInput):
        await handling.take(runtime, dark, Wanted(CaseStep.MERGE), HEAD)
