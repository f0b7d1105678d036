"""Commands: recognised only when the whole message is one, and answered with what the asker may know."""

from typing import Any

import pytest

from gateway import clock
from gateway.casework import cases
from gateway.journey import commands, conversation, moderation, topics
from gateway.journey.commands import EXAMPLE_TICKET
from gateway.journey.conversation import recognise
from gateway.journey.intake import Intake
from gateway.journey.tickets import is_ticket
from gateway.runtime import Asked, Runtime
from gateway.schema import Action, State
from gateway.schema_incoming import Outcome
from gateway.settings import load
from store.facts import KnownAddress, KnownThread
from tests.conftest import ROOT, Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS, message

NAMES = topics.Names(load({"EVERYLINE_CONFIG": str(ROOT / "config")}))
COMMANDS = commands.table(NAMES)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("STATUS 48217059", "status"),
        ("status 4821 7059", "status"),
        ("Status", "status"),
        ("查询48217059", "status"),
        ("查询 ４８２１７０５９", "status"),
        ("查询：48217059", "status"),
        ("查询编号48217059", "status"),
        ("48217059", "status"),
        ("#4821 7059", "status"),
        ("STAUS 48217059", "status"),
        ("stauts 48217059", "status"),
        ("Stat 48217059", "status"),
        ("FOLLOW ALL", "follow"),
        ("follow water", "follow"),
        ("follow Water and drains", "follow"),
        ("follow 48217059", "follow"),
        ("Follow Elm Street", "follow"),
        ("folow heating", "follow"),
        ("关注全部", "follow"),
        ("关注 供暖", "follow"),
        ("关注供热办", "follow"),
        ("关注人民路", "follow"),
        ("关注", "follow"),
        ("UNFOLLOW", "unfollow"),
        ("取消关注 供暖", "unfollow"),
        ("STOP", "stop"),
        ("  stop. ", "stop"),
        ("STPO", "stop"),
        ("退订", "stop"),
        ("退訂", "stop"),
        ("TD", "stop"),
        ("START", "start"),
        ("开通", "start"),
        ("Help!", "help"),
        ("hlep", "help"),
        ("帮助", "help"),
        ("PRIVATE", "private"),
        ("private 48217059", "private"),
        ("私密 48217059", "private"),
        ("NEW", "new"),
        ("另一件", "new"),
        ("LANGUAGE ENGLISH", "language"),
        ("语言 中文", "language"),
        ("LANGUAGE FRENCH", "language"),
        ("语言：日语", "language"),
        ("English", "english"),
        ("stop the noise at night", None),
        ("stopped bus on main street", None),
        ("help, water everywhere", None),
        ("关注一下人民路的路灯", None),
        ("查询一下停水什么时候结束", None),
        ("statuses", None),
        ("status48217059", None),
        ("follow up on my complaint please", None),
        ("language school is too loud", None),
        ("语言不通没人管", None),
        ("private land is full of rubbish", None),
        ("hello", "hello"),
        ("您好！", "hello"),
        ("谢谢", "thanks"),
        ("OK", "thanks"),
        ("hello, the lamp is broken", None),
        ("谢谢，但是路灯还没修好", None),
        ("shop", None),
        ("new pothole", None),
        ("12345678", "status"),
        ("", None),
    ],
)
def test_only_a_whole_message_is_a_command(text: str, command: str | None) -> None:
    found = recognise(text, COMMANDS)
    assert (found and found[0]) == (COMMANDS[command] if command else None)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("２。", 2),
        ("三", 3),
        ("5)", 5),
        ("（2）", 2),
        ("③", 3),
        ("1️⃣", 1),
        ("6", None),
        ("12", None),
        ("1 x", None),
    ],
)
def test_a_bare_number_answers_a_question(text: str, number: int | None) -> None:
    assert conversation.chosen(text) == number


@pytest.mark.parametrize(
    ("text", "said"),
    [("PRIVATE my neighbour", "my neighbour"), ("私密：隔壁漏水", "隔壁漏水"), ("privately", None), ("PRIVATE", None)],
)
def test_what_is_said_behind_private_is_kept_private(text: str, said: str | None) -> None:
    assert conversation.confidential(text) == said


@pytest.mark.parametrize(
    ("words", "topic"),
    [
        ("all", "all"),
        ("供暖", "category:heating"),
        ("供热办", "department:heating"),
        ("heating", "category:heating"),
        ("人民路", "place:人民路"),
        ("elm street", "place:elm street"),
        ("place old town", "place:old town"),
        ("4821 7059", "ticket:48217059"),
        ("nonsense", None),
    ],
)
def test_topics_have_names(words: str, topic: str | None) -> None:
    assert NAMES.topic(words) == topic


def test_the_example_in_the_explanation_is_a_ticket() -> None:
    assert is_ticket(EXAMPLE_TICKET)


@pytest.mark.parametrize(
    ("argument", "ticket"), [("48217059", "48217059"), ("4821-7059", "48217059"), ("12", "12"), ("", None)]
)
def test_a_wrong_ticket_is_named_too(argument: str, ticket: str | None) -> None:
    assert conversation.quoted(argument) == ticket


async def say(runtime: Runtime, text: str, sender: str = ANNA, **more: Any) -> None:
    taken = await Intake(runtime).take(message(text, sender, **more))
    assert taken.outcome is Outcome.COMMAND
    await settle_down(runtime)


async def test_status_tells_the_author_and_others_what_each_may_know(runtime: Runtime, texting: Texting) -> None:
    taken = await Intake(runtime).take(message("no heating in my building"))
    assert taken.post_id
    assert taken.ticket
    await say(runtime, f"STATUS {taken.ticket}")
    assert "waiting for review" in texting.to(ANNA)[-1]
    await cases.answer(runtime, taken.ticket, "We come at nine.", "heating", actor="officer")
    await say(runtime, f"STATUS {taken.ticket}", BORIS)
    assert "We come at nine." not in texting.to(BORIS)[-1]
    await say(runtime, f"STATUS {taken.ticket}")
    assert "We come at nine." in texting.to(ANNA)[-1]
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="moderator")
    await say(runtime, f"查询 {taken.ticket}", BORIS)
    assert "供热办答复：We come at nine." in texting.to(BORIS)[-1]


async def test_a_ticket_that_is_none_is_named_in_the_answer(runtime: Runtime, texting: Texting) -> None:
    await say(runtime, "STATUS 12345678")
    assert "no ticket 12345678" in texting.to(ANNA)[-1]
    await say(runtime, "STATUS")
    assert EXAMPLE_TICKET in texting.to(ANNA)[-1]


async def test_stop_is_confirmed_once_and_then_nothing_comes(runtime: Runtime, texting: Texting) -> None:
    await say(runtime, "FOLLOW ALL")
    await say(runtime, "STOP")
    assert "no more messages" in texting.to(ANNA)[-1]
    before = len(texting.to(ANNA))
    taken = await Intake(runtime).take(message("there is no heating"))
    assert taken.ticket, "a report is still taken after STOP"
    await settle_down(runtime)
    assert len(texting.to(ANNA)) == before
    await say(runtime, "START")
    assert "welcome back" in texting.to(ANNA)[-1]


async def test_a_word_the_carrier_answers_is_not_answered_twice(runtime: Runtime, texting: Texting) -> None:
    await say(runtime, "STOP", carrier_replied=True)
    assert texting.to(ANNA) == []


async def test_a_repeated_command_is_answered_once(runtime: Runtime, texting: Texting) -> None:
    intake, again = Intake(runtime), message("HELP")
    for _ in range(3):
        await intake.take(again)
    await settle_down(runtime)
    assert len(texting.to(ANNA)) == 1


async def test_a_form_is_never_a_command(runtime: Runtime) -> None:
    taken = await Intake(runtime).take(message("STOP", commands=False))
    assert taken.outcome is Outcome.POST
    assert taken.state is not None


def test_nobody_is_the_author_of_what_nobody_is_known_to_have_written() -> None:
    unproved = KnownAddress("a", None, None, "k", b"", "en", stopped=False)
    at = clock.now()
    thread = KnownThread(
        "t", EXAMPLE_TICKET, None, State.PUBLISHED, True, None, "water", "a text", at, at, answer="an answer"
    )
    reply = commands.status_of(Asked("", unproved, EXAMPLE_TICKET, thread), thread, EXAMPLE_TICKET)
    assert reply.say.phrase == "status"
    assert "text" not in reply.say.values
