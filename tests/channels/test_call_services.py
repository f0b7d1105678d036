"""Services on the phone: chosen by a key, asked for by a word where it is understood, read out in their language."""

from dataclasses import replace

import pytest

from channels import _call_services
from channels._call_steps import Step
from channels._turn import Event, ForKeys, HungUp, Keys, Nothing, Prompt, Said
from tests.channels.test_call import LATER, SERVICES, Pretended, at, recording, take, words

LOST, RENEW = Said("Lost", recording(), 0.9), Said("passport", recording(), 0.9)


async def test_the_usual_ones_are_offered_each_in_its_language() -> None:
    call, turn = await take(Pretended(), at(Step.MENU), Keys("4"))
    assert (call.step, call.offered) == (Step.SERVICES, ("s1", "s2", "s3"))
    assert words(turn).startswith(
        "City services. | For Renew a passport, press 1. | For Lost passport, press 2. | 水表"
    )
    assert [prompt.language for prompt in turn.say[1:4]] == ["en", "en", "zh"]
    assert "press 6" not in words(turn)


@pytest.mark.parametrize("live", [False, True], ids=["recorded", "live"])
async def test_all_are_offered_a_few_at_a_time(live: bool) -> None:
    desk = Pretended()
    desk.offers = {f"s{number}": replace(SERVICES[0], id=f"s{number}") for number in range(12)}
    call, turn = await take(desk, at(Step.MENU, live=live), Keys("4"))
    assert (call.offered[0], "more services, press 7" in words(turn)) == ("s0", True)
    assert ("press 6" in words(turn)) is live
    call, turn = await take(desk, call, Keys("7"))
    assert call.offered == ("s5", "s6", "s7", "s8", "s9")
    assert (await take(desk, call, Keys("*")))[0].offered == call.offered
    read, _ = await take(desk, call, Keys("2"))
    assert read.service == "s6"
    assert (await take(desk, read, Keys("4")))[0].offered == call.offered, "the others are those he heard of"
    call, turn = await take(desk, call, Keys("7"))
    assert (call.offered, "press 7" in words(turn)) == (("s10", "s11"), False)
    assert words(turn).endswith("For the menu, press 9. To hear this again, press star.")
    call, turn = await take(desk, call, Keys("7"))
    assert words(turn).startswith("This key does nothing here.")
    assert call.offered == ("s10", "s11")
    assert (await take(desk, call, Keys("9"), Keys("4")))[0].offered[0] == "s0", "the menu begins anew"


async def test_the_list_begins_anew_where_it_became_shorter_meanwhile() -> None:
    desk = Pretended()
    desk.offers = {f"s{number}": replace(SERVICES[0], id=f"s{number}") for number in range(6)}
    call, _ = await take(desk, at(Step.MENU), Keys("4"))
    del desk.offers["s5"]
    call, _ = await take(desk, call, Keys("7"))
    assert call.offered == ("s0", "s1", "s2", "s3", "s4")


async def test_behind_what_a_word_found_are_the_usual_ones() -> None:
    call, turn = await take(Pretended(), at(Step.SERVICE_WORD, live=True), RENEW)
    assert (call.offered, "press 7" in words(turn)) == (("s1", "s2"), True)
    call, _ = await take(Pretended(), call, Keys("7"))
    assert call.offered == ("s1", "s2", "s3")


async def test_without_any_it_is_said_and_the_menu_is_there() -> None:
    desk = Pretended()
    desk.offers = {}
    call, turn = await take(desk, at(Step.MENU), Keys("4"))
    assert call.step is Step.MENU
    assert words(turn).startswith("No department tells of a service here yet. | To report something")


async def test_one_is_read_out_and_counted_once_however_often_it_is_heard() -> None:
    desk = Pretended()
    call, turn = await take(desk, at(Step.MENU), Keys("4"), Keys("3"))
    assert call.step is Step.SERVICE
    assert turn.say[:2] == (Prompt("水表过户", "zh"), Prompt("带身份证。", "zh"))
    call, turn = await take(desk, call, Keys("*"))
    assert turn.say[0].text == "水表过户"
    assert desk.read == [("s3", "voice"), ("s3", None)]
    call, _ = await take(desk, call, Keys("4"))
    assert call.step is Step.SERVICES


@pytest.mark.parametrize("key", ["4", "7"])
async def test_a_key_under_which_nothing_is(key: str) -> None:
    call, turn = await take(Pretended(), at(Step.MENU), Keys("4"), Keys(key))
    assert call.step is Step.SERVICES
    assert words(turn).startswith("This key does nothing here.")


async def test_one_that_is_gone_meanwhile() -> None:
    desk = Pretended()
    call, _ = await take(desk, at(Step.MENU), Keys("4"))
    del desk.offers["s1"]
    call, turn = await take(desk, call, Keys("1"))
    assert call.step is Step.SERVICES
    assert words(turn).startswith(
        "This service is not offered any more. | City services. | For Lost passport, press 1."
    )


async def test_a_recorded_call_asks_for_no_word() -> None:
    desk = Pretended()
    call, turn = await take(desk, at(Step.MENU), Keys("4"), Keys("6"))
    assert (call.step, turn.then) == (Step.SERVICES, _call_services.KEY)
    assert words(turn).startswith("This key does nothing here.")
    # A recording that was begun while the call was live, and goes on by documents, is nobody's to lose.
    call, _ = await take(desk, at(Step.SERVICE_WORD), LATER)
    assert len(desk.taken) == 1


async def test_a_live_call_asks_for_a_word() -> None:
    desk = Pretended()
    call, turn = await take(desk, at(Step.MENU, live=True), Keys("4"), Keys("6"))
    assert (call.step, turn.then) == (Step.SERVICE_WORD, _call_services.WORD)
    call, turn = await take(desk, call, LOST)
    assert (call.step, call.said) == (Step.SERVICE, None)
    assert words(turn).startswith("Lost passport | Tell the police. | For other services, press 4.")
    await take(desk, call, HungUp())
    assert desk.taken == []


@pytest.mark.parametrize(
    ("event", "step", "said"),
    [
        (RENEW, Step.SERVICES, "This may be what you mean. | For Lost passport, press 1."),
        (replace(RENEW, text="kayak"), Step.SERVICES, "We found nothing for: kayak."),
        (LATER, Step.SERVICES, "We could not understand the word. | City services."),
        (replace(RENEW, text="fire"), Step.SERVICES, "We heard that somebody may be in danger."),
        (Nothing(), Step.SERVICE_WORD, "We heard nothing. | After the tone"),
        (Keys("9"), Step.MENU, "To report something"),
    ],
)
async def test_what_may_come_of_a_word(event: Event, step: Step, said: str) -> None:
    desk = Pretended()
    desk.offers = {known.id: known for known in (SERVICES[1], replace(SERVICES[0], title="Get a passport"))}
    call, turn = await take(desk, at(Step.SERVICE_WORD, live=True), event)
    assert call.step is step
    assert words(turn).startswith(said)
    assert desk.taken == []
    if step is Step.SERVICES:
        assert isinstance(turn.then, ForKeys)
        assert call.offered == ("s2", "s1")


async def test_who_says_nothing_after_hearing_one_is_bid_goodbye() -> None:
    call, turn = await take(Pretended(), at(Step.SERVICE, service="s1"), Nothing())
    assert call.step is Step.ENDING
    assert words(turn) == "Goodbye."
