"""What is kept from the public stays so wherever reports meet: joined, added to, answered, separated, erased."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway import clock
from gateway.casework import cases as answers
from gateway.errors import Conflict
from gateway.journey import categorising, erasure, joining, moderation, parting, undoing
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, State
from gateway.schema_cases import Progress
from gateway.schema_incoming import Taken
from gateway.sections_departments import Category
from store import cases, changes, events, posts, posts_for_staff
from store.cases import Load
from tests.conftest import Texting, broadcasting_as, settle_down
from tests.journey.test_identity import who
from tests.journey.test_intake import ANNA, BORIS, CLARA, message

LAMP, DARK, PIPE = "人民路12号的路灯坏了", "人民路12号门口路灯不亮，晚上很黑", "解放路水管破裂，水流了一地"
ANSWER = "路灯已修好。"
OFFICIALS = Category(slug="officials", name={"zh": "投诉人员", "en": "Officials"}, department="police", sensitive=True)


@pytest.fixture(autouse=True)
def categories(runtime: Runtime) -> None:
    """A sensitive category beside those that are shipped."""
    runtime.settings = runtime.settings.replaced({"categories": (*runtime.settings.categories, OFFICIALS)})


def make_sensitive(runtime: Runtime, slug: str) -> None:
    """The console says so of a category from now on."""
    changed = tuple(
        one.model_copy(update={"sensitive": one.sensitive or one.slug == slug}) for one in runtime.settings.categories
    )
    runtime.settings = runtime.settings.replaced({"categories": changed})


async def say(runtime: Runtime, text: str, sender: str, **more: Any) -> Taken:
    taken = await Intake(runtime).take(message(text, sender, **more))
    await settle_down(runtime)
    return taken


async def publish(runtime: Runtime, taken: Taken) -> str:
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    return taken.ticket or ""


async def load(runtime: Runtime, reference: str) -> changes.Changing:
    async with runtime.database.reading() as connection:
        return await changes.load(connection, reference)


async def thread(runtime: Runtime, ticket: str) -> list[posts_for_staff.StaffPost]:
    async with runtime.database.reading() as connection:
        return await posts_for_staff.thread(connection, ticket)


async def joined(runtime: Runtime, *, public: bool) -> tuple[str, str]:
    """A published report of Anna's about roads, and one of Boris's that is joined to it, published before or not."""
    lamp = await publish(runtime, await say(runtime, LAMP, ANNA, category="roads"))
    dark = await say(runtime, DARK, BORIS, category="roads")
    if public:
        await publish(runtime, dark)
    await joining.join_posts(runtime, dark.ticket or "", lamp, actor="mo")
    await settle_down(runtime)
    return lamp, dark.ticket or ""


@pytest.mark.parametrize("public", [False, True])
async def test_what_was_joined_to_what_becomes_sensitive_stands_by_itself_again(
    runtime: Runtime, texting: Texting, public: bool
) -> None:
    lamp, dark = await joined(runtime, public=public)
    await categorising.categorise(runtime, lamp, "officials", actor="mo")
    await settle_down(runtime)
    other = await load(runtime, dark)
    assert (other.state, other.private) == (State.PUBLISHED if public else State.PENDING, False)
    assert other.joined is None
    await answers.answer(runtime, lamp, ANSWER, "police", actor="of")
    await settle_down(runtime)
    assert any(ANSWER in text for text in texting.to(ANNA))
    assert not any(ANSWER in text for text in texting.to(BORIS))
    status = await say(runtime, f"查询 {dark}", CLARA)
    assert ANSWER not in str(status.say)


async def test_a_correction_of_what_is_sensitive_by_now_withdraws_it(runtime: Runtime, texting: Texting) -> None:
    await say(runtime, "FOLLOW ALL", CLARA)
    lamp, dark = await joined(runtime, public=False)
    await say(runtime, f"{lamp} 整条街都黑了", BORIS)
    make_sensitive(runtime, "roads")
    await moderation.decide(runtime, (await load(runtime, lamp)).id, Action.CORRECT, actor="mo", text="路灯坏了，秘密")
    await settle_down(runtime)
    assert all(post.private for post in await thread(runtime, lamp)), "also what was added"
    async with runtime.database.reading() as connection:
        assert (await posts.published(connection))[0] == []
    assert not any("秘密" in text for text in texting.to(CLARA))
    assert (await load(runtime, dark)).joined is None


async def test_what_is_separated_from_it_is_private_when_it_is_sensitive_by_now(runtime: Runtime) -> None:
    _, dark = await joined(runtime, public=True)
    make_sensitive(runtime, "roads")
    await joining.separate_post(runtime, dark, actor="mo")
    other = await load(runtime, dark)
    assert (other.state, other.private) == (State.PUBLISHED, True)
    async with runtime.database.reading() as connection:
        assert dark not in {post.ticket for post in (await posts.published(connection))[0]}


async def test_what_waits_under_it_is_told_to_nobody_when_its_author_keeps_it_private(
    runtime: Runtime, texting: Texting
) -> None:
    lamp = await publish(runtime, await say(runtime, LAMP, ANNA))
    await say(runtime, f"关注 {lamp}", CLARA)
    added = await say(runtime, f"{lamp} 我家门口也黑了", BORIS)
    await say(runtime, f"私密 {lamp}", ANNA)
    assert all(post.private for post in await thread(runtime, lamp))
    assert added.post_id
    await moderation.decide(runtime, added.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert not any("我家门口" in text for text in texting.to(CLARA))


async def test_what_is_added_in_confidence_is_read_by_nobody_else(runtime: Runtime, texting: Texting) -> None:
    lamp = await publish(runtime, await say(runtime, LAMP, ANNA, category="roads"))
    await say(runtime, f"关注 {lamp}", CLARA)
    added = await say(runtime, "私密：住12号的老王砸的", ANNA)
    assert added.say.phrase == "received_private"
    assert added.post_id
    await moderation.decide(runtime, added.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert not any("老王" in text for text in texting.to(CLARA))

    async def shown() -> list[str]:
        async with runtime.database.reading() as connection:
            return [post.text for post in (await posts.comments(connection, lamp))[0]]

    assert await shown() == []
    await categorising.categorise(runtime, lamp, "officials", actor="mo")
    await categorising.categorise(runtime, lamp, "roads", actor="mo")
    assert await shown() == []
    assert not (await load(runtime, lamp)).private


async def test_a_private_report_stays_private_under_the_one_it_belongs_to(runtime: Runtime) -> None:
    await publish(runtime, await say(runtime, LAMP, ANNA))
    await publish(runtime, await say(runtime, PIPE, ANNA, commands=False))
    secret = await say(runtime, "私密：隔壁老王砸的", ANNA)
    assert secret.post_id
    await say(runtime, "1", ANNA)
    post = await load(runtime, secret.post_id)
    assert post.thread_id != post.id, "it was put under the other one"
    assert post.private


async def test_what_is_put_back_under_a_private_thread_is_private(runtime: Runtime) -> None:
    lamp = await publish(runtime, await say(runtime, LAMP, ANNA))
    added = await say(runtime, f"{lamp} 水管也漏了", BORIS)
    assert added.post_id
    ticket = await parting.separate(runtime, added.post_id, actor="mo")
    await say(runtime, f"私密 {lamp}", ANNA)
    assert not (await load(runtime, ticket)).private
    await parting.put_back(runtime, ticket, actor="mo")
    assert (await load(runtime, added.post_id)).private


@pytest.mark.parametrize("how", ["withdrawn", "sensitive", "author", "undone"])
async def test_an_answer_on_its_way_stays_here_when_its_thread_is_shown_no_more(
    runtime: Runtime, texting: Texting, later: Callable[[float], None], how: str
) -> None:
    await say(runtime, "FOLLOW ALL", CLARA)
    taken = await say(runtime, LAMP, ANNA, category="roads")
    runtime.settings = broadcasting_as(runtime.settings, undo_seconds=60)
    lamp = await publish(runtime, taken)
    await answers.answer(runtime, lamp, ANSWER, "roads", actor="of")
    await settle_down(runtime)
    assert taken.post_id
    match how:
        case "withdrawn":
            await moderation.decide(runtime, taken.post_id, Action.WITHDRAW, actor="mo", reason="unclear")
        case "sensitive":
            await categorising.categorise(runtime, lamp, "officials", actor="mo")
        case "author":
            await say(runtime, f"私密 {lamp}", ANNA)
        case _:
            await undoing.undo(runtime, taken.post_id, actor="mo")
    await settle_down(runtime)
    later(300)
    await settle_down(runtime)
    assert not any(ANSWER in text for text in texting.to(CLARA))


async def test_where_a_joined_report_is_changes_nothing_that_everybody_reads(runtime: Runtime) -> None:
    intake = runtime.settings.intake.model_copy(update={"ask_where": True})
    runtime.settings = runtime.settings.model_copy(update={"intake": intake})
    lamp = await publish(runtime, await say(runtime, LAMP, ANNA))
    dark = await say(runtime, "路灯不亮，晚上很黑", BORIS)
    assert dark.say.phrase == "received_where"
    await joining.join_posts(runtime, dark.ticket or "", lamp, actor="mo")
    assert (await say(runtime, "人民路12号", BORIS)).say.phrase == "where_thanks"
    async with runtime.database.reading() as connection:
        told = {one.post_id for one in await events.after(connection, 0, 100)}
    assert dark.post_id not in told


async def test_nothing_is_published_of_what_an_erased_author_left_joined(runtime: Runtime) -> None:
    lamp, dark = await joined(runtime, public=True)
    person = (await who(runtime, f"tel:{BORIS}")).person
    await erasure.erase(runtime, str(person), withdraw=True)
    with pytest.raises(Conflict, match="erased"):
        await joining.separate_post(runtime, dark, actor="mo")
    await moderation.decide(runtime, (await load(runtime, lamp)).id, Action.WITHDRAW, actor="mo", reason="unclear")
    assert (await load(runtime, dark)).state is State.WITHDRAWN
    async with runtime.database.reading() as connection:
        assert (await posts.published(connection))[0] == []


async def test_a_department_has_and_answered_each_report_once(runtime: Runtime) -> None:
    lamp = await publish(runtime, await say(runtime, LAMP, ANNA, category="roads"))
    dark = await publish(runtime, await say(runtime, DARK, BORIS, category="roads"))
    begin = clock.now()
    await answers.answer(runtime, dark, ANSWER, "roads", actor="of")
    other = await load(runtime, dark)
    await runtime.database.write(lambda tx: cases.change(tx, other.id, progress=Progress.REOPENED, stopped_at=None))
    await joining.join_posts(runtime, dark, lamp, actor="mo")
    await answers.answer(runtime, lamp, ANSWER, "roads", actor="of")
    gone = await publish(runtime, await say(runtime, PIPE, CLARA, category="roads"))
    await moderation.decide(runtime, (await load(runtime, gone)).id, Action.WITHDRAW, actor="mo", reason="unclear")
    async with runtime.database.reading() as connection:
        record = await cases.record(connection, "roads", begin)
        assert (record.answered, record.in_time) == (1, 1)
        assert (await cases.loads(connection, ["roads"], clock.now()))["roads"] == Load(0, 0, 0)
