"""Decisions: the table, the reasons, and all that one decision sets going."""

from itertools import product

import pytest

from gateway.errors import BadInput, Conflict, NotFound
from gateway.journey import expanding, moderation
from gateway.journey.intake import Intake
from gateway.journey.moderation import TABLE, decide
from gateway.runtime import Runtime
from gateway.schema import Action, State
from gateway.schema_outgoing import DeliveryState
from store import changes, deliveries, events, history, posts
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS, message

# How to bring a new post into each state.
WAYS: dict[State, list[Action]] = {
    State.PENDING: [],
    State.HELD: [Action.HOLD],
    State.REJECTED: [Action.REJECT],
    State.PUBLISHED: [Action.PUBLISH],
    State.WITHDRAWN: [Action.PUBLISH, Action.WITHDRAW],
}


async def new_post(runtime: Runtime, text: str = "water pipe leaking on north street", sender: str = ANNA) -> str:
    taken = await Intake(runtime).take(message(text, sender))
    assert taken.post_id
    return taken.post_id


async def act(runtime: Runtime, post_id: str, action: Action) -> int:
    reason = "unclear" if action in moderation.NEEDS_REASON else None
    text = "corrected" if action is Action.CORRECT else None
    return await decide(runtime, post_id, action, actor="mo", reason=reason, text=text)


@pytest.mark.parametrize(("state", "action"), list(product(State, Action)))
async def test_every_change_is_in_the_table_or_refused(runtime: Runtime, state: State, action: Action) -> None:
    post_id = await new_post(runtime)
    for step in WAYS[state]:
        await act(runtime, post_id, step)
    if state not in TABLE[action][0]:
        with pytest.raises(Conflict):
            await act(runtime, post_id, action)
        return
    await act(runtime, post_id, action)
    async with runtime.database.reading() as connection:
        post = await changes.load(connection, post_id)
        entries = (await history.of_thread(connection, runtime.vault, [post_id]))[post_id]
    assert post.state is (state if action is Action.CORRECT else TABLE[action][1])
    assert entries[-1].action == action
    assert entries[-1].from_state is state
    assert entries[-1].actor == "mo"


async def test_a_stale_version_is_refused(runtime: Runtime) -> None:
    post_id = await new_post(runtime)
    version = await decide(runtime, post_id, Action.HOLD, actor="mo", reason="unclear", version=1)
    assert version == 2
    with pytest.raises(Conflict):
        await decide(runtime, post_id, Action.PUBLISH, actor="ma", version=1)


@pytest.mark.parametrize(
    ("action", "more", "field"),
    [
        (Action.REJECT, {}, "reason"),
        (Action.REJECT, {"reason": "because"}, "reason"),
        (Action.REJECT, {"reason": "other"}, "note"),
        (Action.REJECT, {"reason": "other", "note": "x" * 301}, "note"),
        (Action.CORRECT, {}, "text"),
    ],
)
async def test_what_is_missing_is_named(runtime: Runtime, action: Action, more: dict[str, str], field: str) -> None:
    post_id = await new_post(runtime)
    with pytest.raises(BadInput) as caught:
        await decide(runtime, post_id, action, actor="mo", reason=more.get("reason"), note=more.get("note"))
    assert caught.value.field == field


async def test_a_decision_on_nothing_is_not_found(runtime: Runtime) -> None:
    with pytest.raises(NotFound):
        await decide(runtime, "0" * 32, Action.PUBLISH, actor="mo")


async def test_the_reason_is_told_in_the_authors_language(runtime: Runtime, texting: Texting) -> None:
    english, chinese = await new_post(runtime), await new_post(runtime, "小区停水 请帮忙处理", BORIS)
    await decide(runtime, english, Action.REJECT, actor="mo", reason="duplicate")
    await decide(runtime, chinese, Action.REJECT, actor="mo", reason="other", note="请写明楼号")
    await settle_down(runtime)
    assert "says already" in texting.to(ANNA)[-1]
    assert "请写明楼号" in texting.to(BORIS)[-1]


@pytest.mark.parametrize("backend", ["sqlite"])  # asks the file
async def test_the_note_is_sealed(runtime: Runtime) -> None:
    post_id = await new_post(runtime)
    await decide(runtime, post_id, Action.REJECT, actor="mo", reason="other", note="a very secret note")
    file = runtime.database.file
    assert file
    assert b"very secret" not in b"".join(part.read_bytes() for part in file.parent.glob("everyline.db*"))
    async with runtime.database.reading() as connection:
        entries = (await history.of_thread(connection, runtime.vault, [post_id]))[post_id]
    assert entries[-1].note == "a very secret note"


async def test_publishing_opens_the_case_and_tells_everyone(runtime: Runtime, texting: Texting) -> None:
    await Intake(runtime).take(message("关注", BORIS))
    post_id = await new_post(runtime)
    await decide(runtime, post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    async with runtime.database.reading() as connection:
        shown, _ = await posts.published(connection)
        happened = await events.after(connection, 0)
        sent = await deliveries.of_posts(connection, [post_id])
    assert [post.department for post in shown] == ["water"]
    assert [event.event for event in happened] == ["post"]
    assert "is published" in texting.to(ANNA)[-1]
    assert "water pipe leaking" in texting.to(BORIS)[-1]
    assert {one.channel: one.state for one in sent if one.audience == "timeline"} == {"wall": DeliveryState.DELIVERED}
    assert len(texting.to(BORIS)) == 2, "the answer to FOLLOW, and the post once"


async def test_a_withdrawal_reaches_those_who_were_told_and_nobody_else(runtime: Runtime, texting: Texting) -> None:
    await Intake(runtime).take(message("FOLLOW ALL", BORIS))
    post_id = await new_post(runtime)
    await decide(runtime, post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    await Intake(runtime).take(message("FOLLOW ALL", "+8613800138003"))
    await decide(runtime, post_id, Action.WITHDRAW, actor="mo", reason="personal")
    await settle_down(runtime)
    assert "withdrawn" in texting.to(BORIS)[-1]
    assert len(texting.to("+8613800138003")) == 1
    async with runtime.database.reading() as connection:
        assert await posts.published(connection) == ([], None)
        ticket = (await changes.load(connection, post_id)).ticket
        hidden = await posts.public_post(connection, ticket)
    assert (hidden.text, hidden.state) == ("", State.WITHDRAWN)


async def test_withdrawing_drops_what_has_not_left(runtime: Runtime, texting: Texting) -> None:
    await Intake(runtime).take(message("FOLLOW ALL", BORIS))
    await settle_down(runtime)
    post_id = await new_post(runtime)
    await decide(runtime, post_id, Action.PUBLISH, actor="mo")
    while await expanding.expand_some(runtime):
        pass
    await decide(runtime, post_id, Action.WITHDRAW, actor="mo", reason="personal")
    await settle_down(runtime)
    assert not any("leaking" in text for text in texting.to(BORIS))


async def test_private_posts_go_to_their_author_alone(runtime: Runtime, texting: Texting) -> None:
    await Intake(runtime).take(message("FOLLOW ALL", BORIS))
    taken = await Intake(runtime).take(message("my neighbour dumps rubbish", private=True))
    assert taken.post_id
    await decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert "given to the department" in texting.to(ANNA)[-1]
    assert len(texting.to(BORIS)) == 1
    async with runtime.database.reading() as connection:
        assert await posts.published(connection) == ([], None)
        assert await events.after(connection, 0) == []


async def test_corrected_text_is_masked(runtime: Runtime) -> None:
    post_id = await new_post(runtime)
    await decide(runtime, post_id, Action.PUBLISH, actor="mo", text="leak, call 13900139000")
    async with runtime.database.reading() as connection:
        assert "13900139000" not in (await changes.load(connection, post_id)).text
