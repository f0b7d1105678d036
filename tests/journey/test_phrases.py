"""The phrase of the day posted back: once a day a person, never a report, whatever line it comes by."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from gateway.casework import campaigns, phrase_of_the_day
from gateway.jobs import upkeep
from gateway.journey import media, phrases
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Kind, State
from gateway.schema_incoming import Heard, IncomingMedia, Outcome
from store import campaigns as rows
from store import citizens, posts_for_staff, tables_cases, tables_deliveries, tables_posts
from store.citizens import known
from store.tables_campaigns import participations
from tests.casework.campaign_world import DAY, begin, from_noon, typed
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS, CLARA, message, number_of
from tests.journey.test_transcription import SPOKEN, WORDS


@pytest.fixture(autouse=True)
def later() -> Callable[[float], None]:
    """It is noon; moves the clock on by seconds."""
    return from_noon()


async def taking_part(runtime: Runtime, campaign_id: str) -> list[int]:
    """How many took part with each phrase of a campaign, by its days."""
    async with runtime.database.reading() as connection:
        days = await rows.calendar(connection, [campaign_id])
        counted = await rows.counts(connection, [day.id for day in days])
    return [counted.get(day.id, 0) for day in days]


@pytest.mark.parametrize(
    ("text", "phrase", "heard", "equal"),
    [
        ("春江水暖鸭先知", "春江水暖鸭先知", False, True),
        ("  春江水暖，鸭先知！", "春江水暖鸭先知", False, True),
        ("春江水暖鴨先知", "春江水暖鸭先知", False, True),
        ("THE DUCKS — know first.", "The ducks know first", False, True),
        ("Ｔｈｅ ducks know first", "The ducks know first", False, True),
        ("春江水暖鸭先知，路灯坏了", "春江水暖鸭先知", False, False),
        ("春江水暖", "春江水暖鸭先知", False, False),
        ("春江 水 暖 压 先 知", "春江水暖鸭先知", True, True),
        ("春江水暖压先知", "春江水暖鸭先知", False, False),
        ("", "", False, False),
        ("!!!", "???", False, False),
        ("x" * 5000, "x" * 5000, False, False),
    ],
)
def test_what_equals_a_phrase(text: str, phrase: str, heard: bool, equal: bool) -> None:
    assert phrases.same(phrases.key(text), phrase, heard=heard) is equal


async def test_whoever_posts_it_takes_part_and_no_post_is_made(runtime: Runtime, texting: Texting) -> None:
    campaign_id, intake = await begin(runtime), Intake(runtime)
    taken = await intake.take(message("春江水暖，鸭先知！", ANNA))
    assert (taken.outcome, taken.say.phrase, taken.ticket) == (Outcome.PHRASE, "phrase_taken", None)
    again = await intake.take(message("The ducks know first", ANNA))
    assert again.say.phrase == "phrase_again"
    assert again.say.values["number"] == taken.say.values["number"]
    other = await intake.take(message("the ducks know FIRST", BORIS))
    assert other.say.values["number"] != taken.say.values["number"]
    assert await number_of(runtime, tables_posts.posts) == 0
    assert await taking_part(runtime, campaign_id) == [2, 0, 0]
    await settle_down(runtime)
    assert [taken.say.values["number"] in said for said in texting.to(ANNA)] == [True, True]


async def test_many_at_once_count_once_each(runtime: Runtime) -> None:
    campaign_id, intake = await begin(runtime), Intake(runtime)
    sent = [message("春江水暖鸭先知", number) for number in (ANNA, BORIS, CLARA) for _ in range(4)]
    said = await asyncio.gather(*(intake.take(one) for one in sent))
    assert sorted(taken.say.phrase for taken in said) == ["phrase_again"] * 9 + ["phrase_taken"] * 3
    assert await taking_part(runtime, campaign_id) == [3, 0, 0]


async def test_the_same_message_again_gets_the_same_answer(runtime: Runtime) -> None:
    await begin(runtime)
    intake, one = Intake(runtime), message("春江水暖鸭先知", ANNA)
    first, second = await intake.take(one), await intake.take(one)
    assert (second.outcome, second.say, second.repeated) == (Outcome.PHRASE, first.say, True)


async def test_linked_lines_are_one_person_and_unlinked_ones_two(runtime: Runtime) -> None:
    campaign_id, intake = await begin(runtime), Intake(runtime)
    for number in (ANNA, BORIS):
        await intake.take(message("春江水暖鸭先知", number))
    async with runtime.database.reading() as connection:
        anna = await known(connection, runtime.vault, f"tel:{ANNA}")
        boris = await known(connection, runtime.vault, f"tel:{BORIS}")
    assert anna
    assert anna.citizen_id
    assert boris
    assert boris.citizen_id
    a, b = anna.citizen_id, boris.citizen_id
    await runtime.database.write(lambda tx: citizens.link(tx, a, b))
    assert await taking_part(runtime, campaign_id) == [1, 0, 0]
    async with runtime.database.reading() as connection:
        assert len(await rows.entries(connection, campaign_id)) == 1
    assert (await intake.take(message("春江水暖鸭先知", BORIS))).say.phrase == "phrase_again"
    await runtime.database.write(lambda tx: citizens.unlink(tx, b))
    assert await taking_part(runtime, campaign_id) == [2, 0, 0]


async def test_each_day_has_its_own_phrase_and_the_last_ones_are_answered_kindly(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    campaign_id, intake = await begin(runtime), Intake(runtime)
    first = await intake.take(message("春江水暖鸭先知", ANNA))
    early = await intake.take(message("一寸光阴一寸金", ANNA))
    assert early.outcome is Outcome.POST  # nobody was told it yet
    later(DAY)
    over = await intake.take(message("春江水暖鸭先知", BORIS))
    assert (over.outcome, over.say.phrase) == (Outcome.PHRASE, "phrase_over")
    second = await intake.take(message("一寸光阴，一寸金。", ANNA))
    assert second.say.values["number"] == first.say.values["number"]
    assert await taking_part(runtime, campaign_id) == [1, 1, 0]
    later(30 * DAY)
    assert (await intake.take(message("春江水暖鸭先知", CLARA))).outcome is Outcome.POST


async def test_what_is_more_than_the_phrase_is_a_report(runtime: Runtime) -> None:
    campaign_id, intake = await begin(runtime), Intake(runtime)
    photo = IncomingMedia("f1", "blob:" + "0" * 64, "image/jpeg")
    for one in (
        message("春江水暖鸭先知，人民路路灯坏了", ANNA),
        message("春江水暖鸭先知", ANNA, media=(photo,)),
        message("春江水暖鸭先知", ANNA, private=True),
    ):
        assert (await intake.take(one)).outcome in (Outcome.POST, Outcome.FOLLOW_UP)
    assert await taking_part(runtime, campaign_id) == [0, 0, 0]


async def test_it_may_be_said_on_the_phone(runtime: Runtime) -> None:
    campaign_id = await begin(runtime)
    heard = Heard("春江 水 暖 压 先 知", 0.8, (), 2.0, "model")
    call = IncomingMedia("f1", "blob:" + "0" * 64, "audio/wav", heard=heard)
    taken = await Intake(runtime).take(message("", ANNA, media=(call,), commands=False))
    assert taken.say.phrase == "phrase_taken"
    assert await taking_part(runtime, campaign_id) == [1, 0, 0]


@pytest.mark.parametrize(
    ("limits", "sender", "more", "answer"),
    [
        ({"line_days": 3}, ANNA, {}, "phrase_young"),
        ({}, None, {}, "phrase_no_line"),
        ({"per_network": 1}, ANNA, {"network": "192.0.2.7"}, "phrase_network"),
        ({"per_network": 0}, ANNA, {"network": "192.0.2.7"}, "phrase_taken"),
        ({"per_network": 1}, ANNA, {"network": "192.0.2.8"}, "phrase_taken"),
        ({"per_network": 1}, ANNA, {}, "phrase_taken"),
    ],
)
async def test_who_may_not_take_part_is_told_why(
    runtime: Runtime, limits: dict[str, int], sender: str | None, more: dict[str, Any], answer: str
) -> None:
    await begin(runtime, **limits)
    intake = Intake(runtime)
    await intake.take(message("春江水暖鸭先知", BORIS, network="192.0.2.7"))
    taken = await intake.take(message("春江水暖鸭先知", sender, **more))
    assert (taken.outcome, taken.say.phrase) == (Outcome.PHRASE, answer)


async def test_from_which_network_somebody_took_part_is_soon_forgotten(
    runtime: Runtime, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "NETWORKS_AT_ONCE", 1)
    campaign_id, intake = await begin(runtime), Intake(runtime)

    async def networks() -> int:
        wanted = select(func.count(participations.c.network))
        async with runtime.database.reading() as connection:
            return int((await connection.execute(wanted)).scalar_one())

    for sender in (ANNA, BORIS):
        await intake.take(message("春江水暖鸭先知", sender, network="192.0.2.7"))
    for passed, left in ((0, 2), (2 * DAY, 2), (DAY, 0)):
        later(passed)
        await upkeep.forget_networks(runtime)
        assert await networks() == left
    assert await taking_part(runtime, campaign_id) == [2, 0, 0]


async def test_an_old_line_may_take_part(runtime: Runtime, later: Callable[[float], None]) -> None:
    intake = Intake(runtime)
    await intake.take(message("人民路3号路灯坏了", ANNA))
    later(3 * DAY + 60)
    await begin(runtime, line_days=3)
    assert (await intake.take(message("春江水暖鸭先知", ANNA))).say.phrase == "phrase_taken"


async def test_who_is_taken_out_is_told_and_counts_no_more(runtime: Runtime) -> None:
    campaign_id, intake = await begin(runtime), Intake(runtime)
    number = (await intake.take(message("春江水暖鸭先知", ANNA))).say.values["number"]
    await campaigns.bar(runtime, campaign_id, number, actor="ada")
    assert await taking_part(runtime, campaign_id) == [0, 0, 0]
    assert (await intake.take(message("春江水暖鸭先知", ANNA))).say.phrase == "phrase_barred"
    await campaigns.let_in(runtime, campaign_id, number, actor="ada")
    assert await taking_part(runtime, campaign_id) == [1, 0, 0]


async def test_nobody_takes_part_in_what_was_called_off(runtime: Runtime) -> None:
    campaign_id, intake = await begin(runtime), Intake(runtime)
    await campaigns.call_off(runtime, campaign_id, actor="ada")
    assert (await intake.take(message("春江水暖鸭先知", ANNA))).outcome is Outcome.POST
    await campaigns.resume(runtime, campaign_id, actor="ada")
    assert (await intake.take(message("春江水暖鸭先知", BORIS))).outcome is Outcome.PHRASE


async def test_the_phrase_is_told_once_and_on_paid_lines_to_who_asked_for_it(
    runtime: Runtime, texting: Texting
) -> None:
    intake = Intake(runtime)
    await intake.take(message("FOLLOW ALL NOW", ANNA))
    await intake.take(message("关注 每日一句", BORIS))
    await settle_down(runtime)
    texting.sent.clear()
    campaign_id = await begin(runtime)
    await phrase_of_the_day.keep_up(runtime)
    await phrase_of_the_day.keep_up(runtime)
    await settle_down(runtime)
    assert texting.to(ANNA) == []
    assert len(texting.to(BORIS)) == 1
    assert "春江水暖鸭先知" in texting.to(BORIS)[0]
    async with runtime.database.reading() as connection:
        told = [phrase.published_at is not None for phrase in await rows.calendar(connection, [campaign_id])]
        posts = (await connection.execute(select(tables_posts.posts))).all()
        cases = (await connection.execute(select(tables_cases.cases))).all()
        walls = (
            await connection.execute(
                select(tables_deliveries.deliveries).where(tables_deliveries.deliveries.c.channel == "wall")
            )
        ).all()
    assert told == [True, False, False]
    assert [(post.kind, post.state) for post in posts] == [(Kind.NOTICE, State.PUBLISHED)]
    assert (len(cases), len(walls)) == (0, 1)


async def test_a_late_start_tells_the_phrase_of_the_same_day_and_none_of_days_before(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    campaign_id = await begin(runtime)
    later(DAY)
    await phrase_of_the_day.keep_up(runtime)
    async with runtime.database.reading() as connection:
        told = [phrase.published_at is not None for phrase in await rows.calendar(connection, [campaign_id])]
    assert told == [False, True, False]


async def test_a_phrase_waits_for_its_time(runtime: Runtime) -> None:
    first = campaigns.today(runtime)
    ahead = typed(first + timedelta(days=1))
    campaign_id = await campaigns.add(runtime, ahead, actor="ada")
    await campaigns.fill(runtime, campaign_id, f"{first + timedelta(days=1)} | 春江水暖鸭先知", actor="ada")
    await phrase_of_the_day.keep_up(runtime)
    assert await number_of(runtime, tables_posts.posts) == 0


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_recording_that_says_it_takes_part_when_it_is_written_down(runtime: Runtime, texting: Texting) -> None:
    campaign_id = await campaigns.add(runtime, typed(campaigns.today(runtime)), actor="ada")
    await campaigns.fill(runtime, campaign_id, f"2027-03-01 | 自来水管 | {WORDS}", actor="ada")
    sound = await runtime.blobs.keep(SPOKEN.read_bytes())
    call = IncomingMedia("RE1", f"blob:{sound}", "audio/x-wav", "en")
    taken = await Intake(runtime).take(message("", ANNA, media=(call,), commands=False))
    while await media.work_on_due(runtime):
        pass
    async with runtime.database.reading() as connection:
        [post] = await posts_for_staff.thread(connection, str(taken.post_id))
    assert (post.state, list(post.rules)) == (State.REJECTED, ["phrase:day"])
    assert await taking_part(runtime, campaign_id) == [1]
    assert (await Intake(runtime).take(message(WORDS, ANNA))).say.phrase == "phrase_again"
    await settle_down(runtime)
    assert any("抽奖号码" in said or "in the draw" in said for said in texting.to(ANNA))


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_ones_own_copy_holds_what_one_took_part_in(runtime: Runtime) -> None:
    await begin(runtime)
    number = (await Intake(runtime).take(message("春江水暖鸭先知", ANNA))).say.values["number"]
    async with runtime.database.reading() as connection:
        line = await known(connection, runtime.vault, f"tel:{ANNA}")
        assert line
        [own] = await rows.taken_part(connection, str(line.person))
    assert (own["slug"], own["number"], own["day"]) == ("spring", number, "2027-03-01")
