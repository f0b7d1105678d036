"""What follows a report: words added to it, questions with numbers for answers, and ways to undo each of them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from gateway import clock
from gateway.casework import cases
from gateway.errors import BadInput
from gateway.journey import moderation
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, Kind, State
from gateway.schema_incoming import Outcome, Taken
from store import posts, posts_for_staff, waiting
from store.looking_up import NEWEST
from store.posts_for_staff import StaffPost
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS, message

LAMP, PIPE, DOG = "the street light on north street is broken", "water pipe leaking here", "a dog barks all night long"


async def say(runtime: Runtime, text: str, sender: str | None = ANNA, **more: Any) -> Taken:
    taken = await Intake(runtime).take(message(text, sender, **more))
    await settle_down(runtime)
    return taken


async def thread_of(runtime: Runtime, ticket: str | None) -> list[StaffPost]:
    assert ticket
    async with runtime.database.reading() as connection:
        return await posts_for_staff.thread(connection, ticket)


async def later(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    moment = clock.now() + timedelta(minutes=minutes)
    monkeypatch.setattr(clock, "_now", lambda: moment)


async def publish(runtime: Runtime, taken: Taken) -> None:
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)


async def test_what_follows_soon_belongs_to_the_only_report(runtime: Runtime, texting: Texting) -> None:
    first = await say(runtime, LAMP)
    added = await say(runtime, "it is next to the bakery")
    assert added.outcome is Outcome.FOLLOW_UP
    assert added.ticket == first.ticket
    assert [post.kind for post in await thread_of(runtime, first.ticket)] == [Kind.REPORT, Kind.COMMENT]
    assert "added to your report" in texting.to(ANNA)[-1]
    assert str(first.ticket) in texting.to(ANNA)[-1]


async def test_after_a_while_it_is_another_report(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await say(runtime, LAMP)
    await later(monkeypatch, runtime.settings.intake.follow_up_minutes + 1)
    second = await say(runtime, "it is next to the bakery")
    assert second.outcome is Outcome.POST
    assert second.ticket != first.ticket


async def test_a_departments_answer_makes_the_thread_fresh_again(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await say(runtime, LAMP)
    await publish(runtime, first)
    await later(monkeypatch, 3000)
    assert first.ticket
    await cases.answer(runtime, first.ticket, "It is mended.", "roads", actor="of")
    added = await say(runtime, "no, it is still dark")
    assert added.ticket == first.ticket
    assert added.outcome is Outcome.FOLLOW_UP


async def test_many_words_added_do_not_hide_the_thread_they_belong_to(runtime: Runtime) -> None:
    first = await say(runtime, LAMP)
    for n in range(NEWEST + 2):
        added = await say(runtime, f"word {n}")
    assert added.ticket == first.ticket
    assert (await say(runtime, "STATUS")).say.values["ticket"] == first.ticket


async def test_new_makes_the_addition_a_report_of_its_own(runtime: Runtime, texting: Texting) -> None:
    first = await say(runtime, LAMP)
    added = await say(runtime, PIPE)
    undone = await say(runtime, "NEW")
    assert undone.outcome is Outcome.POST
    assert undone.post_id == added.post_id
    assert undone.ticket not in (None, first.ticket)
    (alone,) = await thread_of(runtime, undone.ticket)
    assert (alone.text, alone.kind, alone.state) == (PIPE, Kind.REPORT, State.PENDING)
    assert len(await thread_of(runtime, first.ticket)) == 1
    assert str(undone.ticket) in texting.to(ANNA)[-1]


async def test_new_without_an_addition_changes_nothing(runtime: Runtime, texting: Texting) -> None:
    first = await say(runtime, LAMP)
    assert (await say(runtime, "NEW")).outcome is Outcome.COMMAND
    assert len(await thread_of(runtime, first.ticket)) == 1
    assert "nothing to separate" in texting.to(ANNA)[-1]


async def two_reports(runtime: Runtime) -> tuple[Taken, Taken]:
    first = await say(runtime, LAMP)
    await say(runtime, PIPE)
    return first, await say(runtime, "NEW")


async def test_where_two_fit_the_citizen_is_asked_and_answers_with_a_number(runtime: Runtime, texting: Texting) -> None:
    lamp, pipe = await two_reports(runtime)
    asked = await say(runtime, "it is getting worse")
    assert asked.outcome is Outcome.POST, "unanswered, it stays a report"
    question = texting.to(ANNA)[-1]
    assert f"1: {pipe.ticket}" in question
    assert f"2: {lamp.ticket}" in question
    assert (await say(runtime, "2")).outcome is Outcome.COMMAND
    assert [post.text for post in await thread_of(runtime, lamp.ticket)] == [LAMP, "it is getting worse"]
    assert (await say(runtime, f"STATUS {asked.ticket}")).say.values["ticket"] == lamp.ticket, "its number leads there"
    assert "asked you nothing" in [(await say(runtime, "1")).say.phrase, texting.to(ANNA)[-1]][1], "one answer only"


async def test_a_number_that_was_not_offered_is_asked_for_again(runtime: Runtime, texting: Texting) -> None:
    await two_reports(runtime)
    await say(runtime, "it is getting worse")
    await say(runtime, "5")
    assert "from 1 to 2" in texting.to(ANNA)[-1]
    assert (await say(runtime, "1")).say.phrase == "follow_up", "the question still stands"


async def test_a_question_expires(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    await two_reports(runtime)
    asked = await say(runtime, "it is getting worse")
    await later(monkeypatch, runtime.settings.intake.question_minutes + 1)
    assert (await say(runtime, "1")).say.phrase == "no_question"
    assert len(await thread_of(runtime, asked.ticket)) == 1


async def test_an_answer_that_comes_after_the_decision_moves_nothing(runtime: Runtime) -> None:
    lamp, _ = await two_reports(runtime)
    asked = await say(runtime, "it is getting worse")
    await publish(runtime, asked)
    assert (await say(runtime, "2")).say.phrase == "belongs_late"
    assert len(await thread_of(runtime, lamp.ticket)) == 1


async def test_a_quoted_ticket_finds_its_thread_also_long_after(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await say(runtime, LAMP)
    await later(monkeypatch, 60 * 24 * 30)
    added = await say(runtime, f"{first.ticket} is still dark")
    assert added.outcome is Outcome.FOLLOW_UP
    assert added.ticket == first.ticket


async def test_others_add_to_what_is_public_only(runtime: Runtime, texting: Texting) -> None:
    first = await say(runtime, LAMP)
    guessed = await say(runtime, f"{first.ticket} me too", BORIS)
    assert guessed.outcome is Outcome.POST, "what is not public is not there for others"
    await publish(runtime, first)
    added = await say(runtime, f"about {first.ticket}: here as well", BORIS)
    assert added.outcome is Outcome.FOLLOW_UP
    await publish(runtime, added)
    assert "what you added" in texting.to(BORIS)[-1]
    async with runtime.database.reading() as connection:
        (comment,), _ = await posts.comments(connection, first.ticket or "")
        assert (await posts.public_post(connection, first.ticket or "")).comments == 1
    assert comment.text.endswith("here as well")


async def test_who_follows_a_ticket_hears_what_is_added(runtime: Runtime, texting: Texting) -> None:
    first = await say(runtime, LAMP)
    await publish(runtime, first)
    await say(runtime, f"FOLLOW {first.ticket}", BORIS)
    added = await say(runtime, f"{first.ticket}: since Monday", ANNA)
    await publish(runtime, added)
    assert "since Monday" in texting.to(BORIS)[-1]


async def test_the_same_words_again_are_one_report(runtime: Runtime, texting: Texting) -> None:
    first = await say(runtime, LAMP)
    again = await say(runtime, LAMP.upper() + "!!")
    assert (again.outcome, again.ticket, again.state) == (Outcome.FOLLOW_UP, first.ticket, State.REJECTED)
    async with runtime.database.reading() as connection:
        assert [post.id for post in await waiting.queue(connection)] == [first.post_id]
    assert "have this already" in texting.to(ANNA)[-1]


async def test_a_form_sends_reports_only(runtime: Runtime) -> None:
    first = await say(runtime, LAMP, commands=False)
    second = await say(runtime, PIPE, commands=False)
    assert (second.outcome, second.ticket != first.ticket) == (Outcome.POST, True)


async def test_a_medium_may_say_under_which_thread(runtime: Runtime) -> None:
    first = await say(runtime, LAMP)
    await publish(runtime, first)
    added = await say(runtime, "here too", BORIS, commands=False, thread=first.ticket)
    assert (added.outcome, added.ticket) == (Outcome.FOLLOW_UP, first.ticket)


async def test_status_without_a_ticket(runtime: Runtime, texting: Texting) -> None:
    await say(runtime, "STATUS")
    assert "48217059" in texting.to(ANNA)[-1]
    lamp = await say(runtime, LAMP)
    await say(runtime, "status")
    assert f"{lamp.ticket}: waiting for review" in texting.to(ANNA)[-1]
    await say(runtime, PIPE)
    pipe = await say(runtime, "NEW")
    await say(runtime, "status")
    assert f"1: {pipe.ticket}" in texting.to(ANNA)[-1]
    await say(runtime, "2")
    assert f"{lamp.ticket}: waiting for review" in texting.to(ANNA)[-1]


async def test_private_before_and_after(runtime: Runtime, texting: Texting) -> None:
    secret = await say(runtime, "PRIVATE: my neighbour is ill")
    (post,) = await thread_of(runtime, secret.ticket)
    assert (post.private, post.text) == (True, "my neighbour is ill")
    await say(runtime, "PUBLIC")
    (post,) = await thread_of(runtime, secret.ticket)
    assert not post.private
    await say(runtime, f"私密 {secret.ticket}")
    (post,) = await thread_of(runtime, secret.ticket)
    assert post.private


async def test_private_takes_back_what_was_published(runtime: Runtime, texting: Texting) -> None:
    await say(runtime, "FOLLOW ALL", BORIS)
    first = await say(runtime, LAMP)
    await publish(runtime, first)
    assert LAMP in texting.to(BORIS)[-1]
    await say(runtime, "PRIVATE")
    assert "withdrawn" in texting.to(BORIS)[-1]
    async with runtime.database.reading() as connection:
        shown = await posts.public_post(connection, first.ticket or "")
    assert shown.text == ""
    assert (await say(runtime, "PUBLIC")).say.phrase == "public_late"


async def test_others_cannot_make_a_report_private(runtime: Runtime) -> None:
    first = await say(runtime, LAMP)
    assert (await say(runtime, f"PRIVATE {first.ticket}", BORIS)).say.phrase == "private_none"
    (post,) = await thread_of(runtime, first.ticket)
    assert not post.private


async def test_a_language_once_chosen_stays(runtime: Runtime, texting: Texting) -> None:
    await say(runtime, "语言 英文")
    assert "in English from now on" in texting.to(ANNA)[-1]
    await say(runtime, "人民路3号路灯坏了")
    assert "received" in texting.to(ANNA)[-1]
    await say(runtime, "中文")
    assert "中文" in texting.to(ANNA)[-1]
    await say(runtime, "help")
    assert "帮助" in texting.to(ANNA)[-1] or "查询" in texting.to(ANNA)[-1]


@pytest.mark.parametrize("word", ["FOLLOW heating", "关注 供暖", "FOLLOW place Elm Street", "关注 人民路"])
async def test_topics_reach_those_who_follow_them(runtime: Runtime, texting: Texting, word: str) -> None:
    await say(runtime, word, BORIS)
    away = await say(runtime, DOG)
    await publish(runtime, away)
    told = len(texting.to(BORIS))
    near = await say(
        runtime, "NEW no heating at Elm Street, 人民路 too", "+8613800138003", category="heating", commands=False
    )
    await publish(runtime, near)
    assert len(texting.to(BORIS)) == told + 1
    assert "Elm Street" in texting.to(BORIS)[-1]


async def test_who_follows_several_topics_hears_it_once(runtime: Runtime, texting: Texting) -> None:
    for word in ("FOLLOW ALL", "FOLLOW heating", "FOLLOW place elm street"):
        await say(runtime, word, BORIS)
    told = len(texting.to(BORIS))
    await publish(runtime, await say(runtime, "no heating at Elm Street", category="heating", commands=False))
    assert len(texting.to(BORIS)) == told + 1


async def test_unfollow(runtime: Runtime, texting: Texting) -> None:
    await say(runtime, "UNFOLLOW", BORIS)
    assert "follow nothing" in texting.to(BORIS)[-1]
    await say(runtime, "FOLLOW heating", BORIS)
    await say(runtime, "FOLLOW ALL", BORIS)
    await say(runtime, "UNFOLLOW water", BORIS)
    assert "Heating" in texting.to(BORIS)[-1]
    await say(runtime, "UNFOLLOW heating", BORIS)
    await say(runtime, "UNFOLLOW ALL", BORIS)
    told = len(texting.to(BORIS))
    await publish(runtime, await say(runtime, LAMP))
    assert len(texting.to(BORIS)) == told


async def test_what_cannot_be_followed_is_explained(runtime: Runtime, texting: Texting) -> None:
    await say(runtime, "FOLLOW rubbish bins")
    assert "Heating" in texting.to(ANNA)[-1]
    first = await say(runtime, LAMP)
    await say(runtime, f"FOLLOW {first.ticket}", BORIS)
    assert "no ticket" in texting.to(BORIS)[-1], "what is not public is not there for others"


async def test_automatic_replies_pause_when_somebody_writes_very_often(runtime: Runtime, texting: Texting) -> None:
    limit = runtime.settings.intake.replies_per_hour
    for _ in range(limit + 5):
        await say(runtime, "HELP")
    assert len(texting.to(ANNA)) == limit + 1
    assert "no more within this hour" in texting.to(ANNA)[-1]
    await say(runtime, "STOP")
    assert "no more messages" in texting.to(ANNA)[-1], "the last word after STOP always comes"


async def test_far_too_much_from_one_line_is_kept_and_set_aside(runtime: Runtime) -> None:
    limit = runtime.settings.intake.messages_per_hour
    intake = Intake(runtime)
    taken = await asyncio.gather(
        *(intake.take(message(f"street lamp number {n} is dark", ANNA)) for n in range(limit + 3))
    )
    assert [one.state for one in taken][-3:] == [State.REJECTED] * 3
    assert len([one for one in taken if one.state is State.REJECTED]) == 3
    assert "limit:address" in (await thread_of(runtime, taken[0].ticket))[-1].rules


async def test_our_own_words_are_no_report(runtime: Runtime) -> None:
    echoed = await say(runtime, "Qingyuan: received, ticket 48217059.", "+8610690001", line="+8610690001")
    assert (echoed.outcome, echoed.post_id) == (Outcome.COMMAND, None)


async def test_a_text_too_long_is_kept_at_its_beginning_and_that_is_told(runtime: Runtime, texting: Texting) -> None:
    taken = await say(runtime, "路灯坏了。" * 20_000)
    (post,) = await thread_of(runtime, taken.ticket)
    assert len(post.text) <= runtime.settings.intake.text_limit
    assert "内容过长" in texting.to(ANNA)[-1]


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "\0" * 3])
async def test_nothing_is_answered_clearly(runtime: Runtime, text: str) -> None:
    taken = await say(runtime, text)
    assert taken.outcome in (Outcome.COMMAND, Outcome.POST)
    if taken.outcome is Outcome.COMMAND:
        assert taken.say.phrase == "empty"


async def test_a_decision_on_an_addition_needs_a_reason_too(runtime: Runtime, texting: Texting) -> None:
    await say(runtime, LAMP)
    added = await say(runtime, "it is next to the bakery")
    assert added.post_id
    with pytest.raises(BadInput):
        await moderation.decide(runtime, added.post_id, Action.REJECT, actor="mo")
    await moderation.decide(runtime, added.post_id, Action.REJECT, actor="mo", reason="unclear")
    await settle_down(runtime)
    assert "what you added" in texting.to(ANNA)[-1]
