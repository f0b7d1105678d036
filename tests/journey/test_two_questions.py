"""A bare number when two things were asked: it answers what it can be the answer to, and else what was asked last."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway import clock
from gateway.casework import campaigns, duty_alarms, marking
from gateway.casework import cases as answers
from gateway.journey import moderation, whereabouts
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_cases import Progress
from gateway.schema_incoming import Taken
from gateway.settings import Settings
from store import asked, cases, changes, citizens, duty, incoming, marks, posts_for_staff, questions
from store.database import Transaction
from tests.casework.campaign_world import from_noon, typed
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS, message

LAMP, DARK = "人民路12号的路灯坏了", "人民路12号门口路灯不亮，晚上很黑"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Asked where it is, as it is shipped."""
    return settings.model_copy(update={"intake": settings.intake.model_copy(update={"ask_where": True})})


@pytest.fixture(autouse=True)
def at_work(runtime: Runtime) -> None:
    """Answers are judged, and those on duty told."""
    runtime.commands.update({**marking.table(runtime), **duty_alarms.commands()})


async def say(runtime: Runtime, text: str, sender: str = ANNA, **more: Any) -> Taken:
    taken = await Intake(runtime).take(message(text, sender, **more))
    await settle_down(runtime)
    return taken


async def publish(runtime: Runtime, taken: Taken) -> str:
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    return taken.ticket or ""


async def answer(runtime: Runtime, ticket: str) -> None:
    await answers.answer(runtime, ticket, "路灯已修好。", "roads", actor="of")
    await settle_down(runtime)


async def progress(runtime: Runtime, ticket: str) -> Progress:
    async with runtime.database.reading() as connection:
        thread = (await posts_for_staff.thread(connection, ticket))[0].id
        return (await cases.load(connection, thread)).progress


async def mark_of(runtime: Runtime, ticket: str) -> list[int | None]:
    async with runtime.database.reading() as connection:
        thread = (await posts_for_staff.thread(connection, ticket))[0].id
        return [one.mark for one in (await marks.of_threads(connection, [thread])).get(thread, ())]


async def ask_to_join(runtime: Runtime, ticket: str, post_id: str) -> None:
    """The question that a moment later follows a report that is like a public one."""

    async def work(transaction: Transaction) -> None:
        line = await asked.line_of(transaction.connection, post_id)
        assert line
        at = clock.now()
        assert await asked.ask(transaction, line.reach.id, "join", [ticket], post_id, at, 30)

    await runtime.database.write(work)


async def test_a_number_marks_the_answer_while_it_is_asked_where_another_report_is(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    lamp = await publish(runtime, await say(runtime, LAMP))
    smell = await say(runtime, "垃圾没有人收，臭得很", commands=False)
    await ask_where(runtime, smell.post_id or "")
    later(60)
    await answer(runtime, lamp)
    assert (await say(runtime, "5")).say.phrase == "mark_thanks"
    assert await mark_of(runtime, lamp) == [5]
    assert (await say(runtime, "5")).say.phrase == "where_words", "it was judged: now it is asked where"
    assert (await say(runtime, "人民路30号")).say.phrase == "where_thanks"


async def test_a_number_that_can_be_no_place_is_said_to_be_none_when_that_was_asked_last(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    lamp = await publish(runtime, await say(runtime, LAMP))
    await answer(runtime, lamp)
    later(60)
    smell = await say(runtime, "垃圾没有人收，臭得很", commands=False)
    await ask_where(runtime, smell.post_id or "")
    assert (await say(runtime, "5")).say.phrase == "where_words"
    assert (await say(runtime, "解决了")).say.phrase == "mark_thanks", "no place, and no report"
    assert await progress(runtime, lamp) is Progress.CLOSED


async def test_who_judged_already_answers_the_offer_to_join(
    runtime: Runtime, later: Callable[[float], None], texting: Texting
) -> None:
    other = await publish(runtime, await say(runtime, DARK, BORIS))
    lamp = await publish(runtime, await say(runtime, LAMP))
    pipe = await say(runtime, "解放路水管破裂，水流了一地", commands=False)
    await ask_to_join(runtime, other, pipe.post_id or "")
    later(60)
    await answer(runtime, lamp)
    assert (await say(runtime, "4")).say.phrase == "mark_thanks", "asked last"
    assert (await say(runtime, "1")).say.phrase == "joined_own"
    assert await mark_of(runtime, lamp) == [4]
    assert await progress(runtime, pipe.ticket or "") is Progress.MERGED
    assert (await say(runtime, "2")).say.phrase == "mark_reopened", "nothing else is asked: thought of anew"


async def test_the_phrase_of_the_day_is_no_place_though_it_names_one(runtime: Runtime) -> None:
    from_noon()
    campaign_id = await campaigns.add(runtime, typed(campaigns.today(runtime)), actor="ada")
    await campaigns.fill(runtime, campaign_id, f"{campaigns.today(runtime)} | 人民路上栽梧桐 |", actor="ada")
    smell = await say(runtime, "垃圾没有人收，臭得很")
    assert smell.say.phrase == "received_where"
    assert (await say(runtime, "人民路上栽梧桐！")).say.phrase == "phrase_taken"
    assert (await say(runtime, "人民路30号")).say.phrase == "where_thanks", "that is still asked"


async def test_a_question_that_is_over_keeps_no_other_from_being_asked(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    first = await say(runtime, "垃圾没有人收，臭得很")
    assert first.say.phrase == "received_where"
    later(3600 * 24)
    second = await say(runtime, "噪音太大，睡不着", commands=False)
    await ask_where(runtime, second.post_id or "")
    thanked = await say(runtime, "人民路30号")
    assert (thanked.say.phrase, thanked.ticket) == ("where_thanks", second.ticket)


async def test_who_is_on_duty_hears_when_somebody_was_faster(runtime: Runtime) -> None:
    await say(runtime, "hello")
    at = clock.now()
    alarm = await runtime.database.write(lambda tx: duty.open_alarm(tx, at, at))
    assert alarm

    async def work(transaction: Transaction) -> None:
        line = await line_of(transaction, runtime)
        await incoming.ask(transaction, line, duty_alarms.QUESTION, (alarm,), at + timedelta(minutes=30))

    await runtime.database.write(work)
    await duty_alarms.claim(runtime, alarm, actor="bert")
    assert (await say(runtime, "1")).say.phrase == "duty_late"


async def ask_where(runtime: Runtime, post_id: str) -> None:
    """Ask the author of a report where it is, as when a recording of his was written down."""

    async def work(transaction: Transaction) -> None:
        post = await changes.load(transaction.connection, post_id)
        reaches = await changes.reaches(transaction.connection, post.author_id or "")
        until = clock.now() + timedelta(minutes=runtime.settings.intake.question_minutes)
        await questions.put(transaction, [reach.id for reach in reaches], whereabouts.WHERE, post_id, until)

    await runtime.database.write(work)


async def line_of(transaction: Transaction, runtime: Runtime) -> str:
    known = await citizens.known(transaction.connection, runtime.vault, f"tel:{ANNA}")
    assert known
    return known.id
