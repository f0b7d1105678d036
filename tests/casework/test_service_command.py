"""INFO and 办事: asked for by a word, told on the line, counted; what nobody answers is listed, masked."""

from datetime import timedelta

import pytest

from gateway import clock
from gateway.casework import services as work
from gateway.casework.services import Step
from gateway.journey import conversation
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema_incoming import Outcome
from tests.casework.service_world import HALL, METER, OFFICER, missed, published, typed, uses
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS, message


async def say(runtime: Runtime, texting: Texting, text: str, sender: str = ANNA) -> str:
    """Send a text and give what came back last."""
    await Intake(runtime).take(message(text, sender))
    await settle_down(runtime)
    return texting.to(sender)[-1]


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ("INFO passport", "passport"),
        ("info: travel documents?", "travel documents"),
        ("办事 身份证", "身份证"),
        ("办事：身份证怎么补办", "身份证怎么补办"),
        ("办事身份证", "身份证"),
        ("辦事 護照", "护照"),
        ("INFO", ""),
        ("办事", ""),
    ],
)
async def test_the_word_and_what_is_asked_for(runtime: Runtime, text: str, argument: str) -> None:
    found = conversation.recognise(text, runtime.commands)
    assert found == (runtime.commands["info"], argument)


@pytest.mark.parametrize(
    "text",
    [
        "办事大厅排队太久没人管",
        "办事大厅人多",
        "办事效率太低了",
        "information desk is rude",
        "infos",
        "我要办事 身份证",
    ],
)
async def test_what_only_begins_like_it_is_something_said(runtime: Runtime, text: str) -> None:
    found = conversation.recognise(text, runtime.commands)
    assert found is None or text == "infos"


async def test_one_entry_is_told_in_the_language_of_who_asks(runtime: Runtime, texting: Texting) -> None:
    known = await published(runtime, typed(METER))
    assert "水表过户：带身份证到营业厅办理。 http" in await say(runtime, texting, "办事 过户")
    told = await say(runtime, texting, "INFO water meters", BORIS)
    assert "Water meter. Come with your ID. http" in told
    assert told.endswith(f"/services/{known.slug}")
    assert await uses(runtime, known) == [2]


async def test_several_are_offered_and_chosen_by_number(runtime: Runtime, texting: Texting) -> None:
    entries = [await published(runtime, typed(said)) for said in (METER, HALL)]
    offered = await say(runtime, texting, "INFO meter")
    assert {"1", "2"} == {name for name in ("1", "2", "3") if f"{name}: " in offered}
    assert all(title in offered for title in ("Water meter", "Service hall"))
    wanted = 1 if "1: Service hall" in offered else 2
    assert "9 to 17." in await say(runtime, texting, str(wanted))
    assert await uses(runtime, *entries) == [0, 1]
    assert "asked you nothing" in await say(runtime, texting, "1")


async def test_asked_and_chosen_in_one_batch(runtime: Runtime, texting: Texting) -> None:
    for said in (METER, HALL):
        await published(runtime, typed(said))
    intake = Intake(runtime)
    await intake.take(message("INFO meter"))
    await intake.take(message("2"))
    await settle_down(runtime)
    assert "Answer with its number" in texting.to(ANNA)[0]
    assert "http" in texting.to(ANNA)[1]


async def test_an_entry_taken_away_meanwhile_cannot_be_chosen(runtime: Runtime, texting: Texting) -> None:
    entries = [await published(runtime, typed(said)) for said in (METER, HALL)]
    await say(runtime, texting, "INFO meter")
    for known in entries:
        await work.take(runtime, OFFICER, known.id, Step.RETIRE)
    assert "not offered any more" in await say(runtime, texting, "1")


async def test_without_a_word_the_usual_are_offered(runtime: Runtime, texting: Texting) -> None:
    assert "还没有发布办事信息" in await say(runtime, texting, "办事")
    await published(runtime, typed(METER))
    hall = await published(runtime, typed(HALL))
    await say(runtime, texting, "办事 开放时间", BORIS)
    assert "1: 营业厅开放时间；2: 水表过户" in await say(runtime, texting, "办事")
    assert await uses(runtime, hall) == [1]
    assert "9点到17点" in await say(runtime, texting, "1")


async def test_what_nobody_answers_is_said_and_listed(runtime: Runtime, texting: Texting) -> None:
    taken = await Intake(runtime).take(message("INFO Kayak rental"))
    assert taken.outcome is Outcome.COMMAND
    assert "no service for this word" in await say(runtime, texting, "info kayak rental", BORIS)
    assert await missed(runtime) == [("kayak rental", 2)]


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ("INFO dog 13800138000", [("dog 138****8000", 1)]),
        ("INFO my neighbour takes drugs in the yard", []),
        ("INFO ???", []),
        ("INFO bitch", []),
    ],
)
async def test_what_is_private_long_or_filtered_is_not_listed(
    runtime: Runtime, texting: Texting, asked: str, listed: list[tuple[str, int]]
) -> None:
    await say(runtime, texting, asked)
    assert await missed(runtime) == listed


async def test_a_repeat_is_told_and_counted_once(runtime: Runtime, texting: Texting) -> None:
    known, again = await published(runtime, typed(METER)), message("INFO meter")
    for _ in range(2):
        await Intake(runtime).take(again)
    await settle_down(runtime)
    assert len(texting.to(ANNA)) == 1
    assert await uses(runtime, known) == [1]


async def test_news_say_until_when_and_end(runtime: Runtime, texting: Texting, later: object) -> None:
    outage = {
        "zh": ("解放路停水", "检修管道。", "停水"),
        "en": ("No water in Jiefang Road", "Pipes are repaired.", "outage"),
    }
    until = clock.now() + timedelta(hours=2)
    await published(runtime, typed(outage, "outage", valid_until=until))
    assert "解放路停水（有效至" in await say(runtime, texting, "办事 停水")
    assert "No water in Jiefang Road (until" in await say(runtime, texting, "INFO outage", BORIS)
    later(2 * 3600)  # type: ignore[operator]
    assert "没有找到" in await say(runtime, texting, "办事 停水")
