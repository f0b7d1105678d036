"""The spoken script: every step with everything that can happen there, in both languages, over a pretended desk."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pydantic import ValidationError

from channels._call import advance
from channels._call_state import Call, CallSettings
from channels._call_steps import Step
from channels._turn import Began, End, Event, ForKeys, ForSpeech, HungUp, Keys, Nothing, Said, Transfer, Turn
from gateway import clock
from gateway.errors import Busy
from gateway.schema import Kind
from gateway.schema_incoming import Heard, Incoming, IncomingMedia, Outcome, Taken
from gateway.schema_outgoing import Say
from gateway.schema_radio import Bulletin, BulletinPart
from gateway.schema_services import SpokenService
from gateway.settings import Settings, read
from gateway.web.call_labels import STEPS

CALLER = "tel:+8613800000001"
PLAIN, STAFFED = CallSettings(), CallSettings(person="+86571000000")
RELAYED = CallSettings(emergency="+86571000110", person_seconds=30)
HEARD = Heard("water pipe leaking", 0.9, (("water", 0.1, 0.4, 0.9), ("pipe", 0.4, 0.8, 0.8)), 2.0, "small", (1, 2, 3))


def known() -> Settings:
    found, problems = read({})
    assert found
    assert not problems
    return found


PHRASES = known().phrases


def recording(name: str = "t1", heard: Heard | None = HEARD) -> IncomingMedia:
    return IncomingMedia(name, f"file:{name}", "audio/wav", "en", heard)


SAID = Said("water pipe leaking", recording(), 0.9)
SERVICES = (
    SpokenService("s1", "Renew a passport", "en", ("Renew a passport", "Bring a photo.")),
    SpokenService("s2", "Lost passport", "en", ("Lost passport", "Tell the police.")),
    SpokenService("s3", "水表过户", "zh", ("水表过户", "带身份证。")),
)
LATER = Said(None, recording("t2", None), 0.0)


class Pretended:
    """What the script asks of the desk; keeps what it is given."""

    def __init__(self, chosen: str | None = None) -> None:
        self.chosen = chosen
        self.taken: list[Incoming] = []
        self.full = False
        self.asks_where = False
        self.voices, self.news = True, True
        self.heard: list[str] = []
        self.asked: list[tuple[str, str | None]] = []
        self.judges, self.judged = False, "mark_thanks"
        self.offers = {known.id: known for known in SERVICES}
        self.read: list[tuple[str, str | None]] = []

    def phrase(self, key: str, language: str, values: Mapping[str, Any] | None = None) -> str:
        return PHRASES[language][key].format_map({"city": "Qingyuan", "emergency": "110", **(values or {})})

    async def take(self, incoming: Incoming) -> Taken:
        if self.full:
            raise Busy("full", 5)
        repeated = incoming.external_id in [one.external_id for one in self.taken]
        if not repeated:
            self.taken.append(incoming)
        if incoming.text.startswith("MARK "):
            return Taken(Outcome.COMMAND, Say(self.judged, {"ticket": "48217059"}), "en", repeated=repeated)
        asks = self.asks_where and not incoming.answers_where
        return Taken(Outcome.POST, Say("received"), "en", "48217059", "p", repeated=repeated, asks_where=asks)

    async def chosen_language(self, address: str) -> str | None:
        return self.chosen

    def is_emergency(self, text: str) -> bool:
        return "fire" in text

    async def spoken_status(self, ticket: str, address: str | None, language: str) -> Sequence[str] | None:
        self.asked.append((ticket, address))
        return ["Ticket 48217059. published. Answered.", "Water answers:", "已修好。"] if ticket == "48217059" else None

    async def asks_mark(self, ticket: str, address: str | None) -> bool:
        return self.judges and ticket == "48217059"

    async def bulletin(self, language: str) -> Bulletin | None:
        said = (("en", "the lamp is out"), ("en", "Roads answers:"), ("zh", "已修好。"))
        items = (BulletinPart("Greeting", (("en", "News."),)), BulletinPart("lamp", said), BulletinPart("Bye", said))
        return Bulletin("1", language, 1, "News", clock.now(), items) if self.news else None

    def own_voices(self) -> bool:
        return self.voices

    async def let_be_heard(self, post_id: str) -> None:
        self.heard.append(post_id)

    async def services(self, language: str, skip: int, limit: int) -> Sequence[SpokenService]:
        return list(self.offers.values())[skip : skip + limit]

    async def find_services(self, text: str, language: str) -> Sequence[SpokenService]:
        return [known for known in self.offers.values() if text in known.title]

    async def spoken_service(self, service_id: str, language: str, channel: str | None) -> SpokenService | None:
        self.read.append((service_id, channel))
        return self.offers.get(service_id)


def at(step: Step, **values: Any) -> Call:
    said = SAID if step is Step.CONFIRMING else None
    return Call(
        "voice",
        "CA1",
        **{
            "address": CALLER,
            "language": "en",
            "step": step,
            "said": said,
            "asks_back": step is Step.CALLBACK,
            **values,
        },
    )


async def take(desk: Pretended, call: Call, *events: Event, sets: CallSettings = PLAIN) -> tuple[Call, Turn]:
    turn = Turn((), End())
    for event in events:
        # What is kept between two events is all there is: another process may go on.
        call = Call.from_mapping(json.loads(json.dumps(call.to_mapping())))
        call, turn = await advance(desk, sets, call, event)  # type: ignore[arg-type]
    return call, turn


def words(turn: Turn) -> str:
    return " | ".join(prompt.text for prompt in turn.say)


@pytest.mark.parametrize(
    ("step", "event", "after", "wanted", "says"),
    [
        (Step.START, Began(), Step.LANGUAGE, ForKeys, "中文服务请按1。 | For English, press 2."),
        (Step.LANGUAGE, Keys("2"), Step.MENU, ForKeys, "Welcome to the Qingyuan hotline"),
        (Step.LANGUAGE, Keys("1"), Step.MENU, ForKeys, "欢迎致电"),
        (Step.LANGUAGE, Nothing(), Step.MENU, ForKeys, "Welcome"),
        (Step.LANGUAGE, Keys("7"), Step.LANGUAGE, ForKeys, "This key does nothing here."),
        (Step.MENU, Keys("1"), Step.SPEAKING, ForSpeech, "After the tone"),
        (Step.MENU, Keys("2"), Step.TICKET, ForKeys, "8 digits"),
        (
            Step.MENU,
            Keys("3"),
            Step.NEWS,
            ForKeys,
            "News. | the lamp is out | Roads answers: | 已修好。 | For",
        ),
        (Step.MENU, Keys("8"), Step.MENU, ForKeys, "反映问题请按1"),
        (Step.MENU, Keys("0"), Step.CALLBACK, ForSpeech, "Nobody can take your call right now."),
        (Step.MENU, Keys("*"), Step.MENU, ForKeys, "To report something, press 1."),
        (Step.MENU, Keys("7"), Step.MENU, ForKeys, "This key does nothing here. | To report something"),
        (Step.MENU, Nothing(), Step.MENU, ForKeys, "We heard nothing. | To report something"),
        (Step.SPEAKING, SAID, Step.CONFIRMING, ForKeys, "We understood: water pipe leaking | To keep it, press 1."),
        (Step.SPEAKING, LATER, Step.ENDING, ForKeys, "Your ticket is 48217059. Once more: 48217059."),
        (Step.SPEAKING, Nothing(), Step.SPEAKING, ForSpeech, "We heard nothing. | After the tone"),
        (Step.SPEAKING, Keys("*"), Step.SPEAKING, ForSpeech, "After the tone"),
        (Step.SPEAKING, Keys("9"), Step.MENU, ForKeys, "To report something"),
        (Step.CONFIRMING, Keys("1"), Step.ENDING, ForKeys, "Your ticket is 48217059."),
        (Step.CONFIRMING, Keys("2"), Step.SPEAKING, ForSpeech, "After the tone"),
        (Step.CONFIRMING, Keys("3"), Step.ENDING, ForKeys, "Your ticket is 48217059."),
        (Step.CONFIRMING, Keys("4"), Step.ENDING, ForKeys, "Your ticket is 48217059."),
        (Step.CONFIRMING, Keys("*"), Step.CONFIRMING, ForKeys, "We understood: water pipe leaking"),
        (Step.CONFIRMING, Keys("7"), Step.CONFIRMING, ForKeys, "This key does nothing here. | We understood"),
        (Step.CONFIRMING, Keys("9"), Step.MENU, ForKeys, "To report something"),
        (Step.CONFIRMING, Nothing(), Step.ENDING, ForKeys, "Your ticket is 48217059."),
        (Step.TICKET, Keys("48217059"), Step.STATUS, ForKeys, "Water answers: | 已修好。 | For another ticket"),
        (Step.TICKET, Keys("48217050"), Step.TICKET, ForKeys, "There is no ticket 48217050. | Please key in"),
        (Step.TICKET, Keys("0"), Step.MENU, ForKeys, "To report something"),
        (Step.TICKET, Nothing(), Step.TICKET, ForKeys, "We heard nothing. | Please key in"),
        (Step.STATUS, Keys("2"), Step.TICKET, ForKeys, "8 digits"),
        (Step.STATUS, Keys("9"), Step.MENU, ForKeys, "To report something"),
        (Step.STATUS, Nothing(), Step.ENDING, End, "Goodbye."),
        (Step.NEWS, Keys("*"), Step.NEWS, ForKeys, "the lamp is out"),
        (Step.NEWS, Nothing(), Step.ENDING, End, "Goodbye."),
        (Step.TRANSFER, Nothing(), Step.CALLBACK, ForSpeech, "Nobody can take your call right now. | After the tone"),
        (Step.CALLBACK, SAID, Step.ENDING, ForKeys, "We will call you back. | Your ticket is 48217059."),
        (Step.CALLBACK, LATER, Step.ENDING, ForKeys, "We will call you back."),
        (Step.ENDING, Keys("9"), Step.MENU, ForKeys, "To report something"),
        (Step.ENDING, Nothing(), Step.ENDING, End, "Goodbye."),
    ],
)
async def test_each_step(step: Step, event: Event, after: Step, wanted: type, says: str) -> None:
    call, turn = await take(Pretended(), at(step), event)
    assert call.step is after
    assert isinstance(turn.then, wanted)
    assert says in words(turn)


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_whoever_hangs_up_has_said_what_he_said(step: Step, language: str) -> None:
    desk = Pretended()
    call, turn = await take(desk, at(step, language=language), HungUp())
    assert isinstance(turn.then, End)
    assert [one.media[0].external_id for one in desk.taken] == (["t1"] if step is Step.CONFIRMING else [])
    assert call.said is None


async def test_what_is_kept_has_its_words_its_caller_and_its_recording() -> None:
    desk = Pretended()
    await take(desk, at(Step.SPEAKING, line="+86571112345"), SAID, Keys("1"))
    (taken,) = desk.taken
    assert (taken.channel, taken.address, taken.line, taken.language) == ("voice", CALLER, "+86571112345", "en")
    assert taken.media == (recording(),)
    assert taken.media[0].heard == HEARD
    assert (taken.kind, taken.private, taken.commands) == (Kind.REPORT, False, False)
    assert taken.external_id == "t1"


async def test_a_recording_only_holds_no_words_and_gets_none() -> None:
    desk = Pretended()
    await take(desk, at(Step.SPEAKING), SAID, Keys("3"))
    (taken,) = desk.taken
    assert taken.text == ""
    assert taken.media[0].heard is None
    assert not taken.media[0].transcribe


async def test_words_without_a_recording_are_kept_as_text() -> None:
    desk = Pretended()
    await take(desk, at(Step.SPEAKING), Said("water pipe leaking", None, 0.8), HungUp())
    assert [(one.text, one.media) for one in desk.taken] == [("water pipe leaking", ())]


async def test_who_says_it_again_leaves_only_the_last() -> None:
    desk = Pretended()
    again = Said("loud noise", recording("t9"), 0.9)
    await take(desk, at(Step.SPEAKING), SAID, Keys("2"), again, Keys("1"))
    assert [one.external_id for one in desk.taken] == ["t9"]


async def test_two_reports_in_one_call_are_two() -> None:
    desk = Pretended()
    first, second = Said("one thing", None, 0.9), Said("another thing", None, 0.9)
    call, _ = await take(
        desk, at(Step.MENU), Keys("1"), first, Keys("1"), Keys("9"), Keys("1"), second, Keys("1"), HungUp()
    )
    assert [one.external_id for one in desk.taken] == ["CA1:0", "CA1:1"]
    assert call.ticket == "48217059"


async def test_danger_is_answered_at_once_and_the_report_still_kept() -> None:
    desk = Pretended()
    call, turn = await take(desk, at(Step.SPEAKING), Said("there is a fire", recording(), 0.9))
    assert "call 110" in turn.say[0].text
    assert not turn.say[0].interruptible
    assert call.step is Step.CONFIRMING
    await take(desk, call, HungUp())
    assert len(desk.taken) == 1


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("live", [True, False], ids=["live", "recorded"])
async def test_a_key_in_the_menu_says_whom_to_call(language: str, live: bool) -> None:
    phrases = PHRASES[language]
    call, turn = await take(Pretended(), at(Step.LANGUAGE, live=live), Keys("1" if language == "zh" else "2"))
    greeting, menu = (prompt.text for prompt in turn.say)
    assert ("110，或按5" if language == "zh" else "call 110, or press 5") in greeting
    assert ("遇到危险请按5" if language == "zh" else "In danger, press 5") in menu
    for _ in range(2):
        call, turn = await take(Pretended(), call, Keys("5"))
        assert (call.step, type(turn.then)) == (Step.EMERGENCY, ForKeys)
        assert turn.say[0].text == phrases["voice_danger"].format(emergency="110")
        assert phrases["voice_danger_key"] not in words(turn), "nowhere to put him through to"
    call, _ = await take(Pretended(), call, Keys("9"))
    assert call.step is Step.MENU


async def test_whoever_chose_no_language_yet_hears_whom_to_call_in_both() -> None:
    call, turn = await take(Pretended(), Call("voice", "CA1", language="zh"), Began(), Keys("5"))
    assert call.step is Step.EMERGENCY
    assert [prompt.language for prompt in turn.say] == ["en", "zh", "zh"]
    assert words(turn).count("110") == 2


async def test_pressed_again_it_puts_through_and_who_is_not_answered_is_told_again() -> None:
    call, turn = await take(Pretended(), at(Step.MENU), Keys("5"), sets=RELAYED)
    assert "To be put through, press 5." in words(turn)
    call, turn = await take(Pretended(), call, Keys("5"), sets=RELAYED)
    assert turn.then == Transfer("+86571000110", 30)
    assert not turn.say[0].interruptible
    call, turn = await take(Pretended(), call, Nothing(), sets=RELAYED)
    assert call.step is Step.EMERGENCY
    assert words(turn).startswith("We could not put you through. | If anybody is in danger, hang up now and call 110.")
    call, turn = await take(Pretended(), call, Nothing(), Nothing(), Nothing(), sets=RELAYED)
    assert isinstance(turn.then, End)


async def test_who_spoke_of_danger_is_put_through_by_one_key_and_his_report_is_kept() -> None:
    desk = Pretended()
    fire = Said("there is a fire", recording(), 0.9)
    _, turn = await take(desk, at(Step.SPEAKING), fire, sets=RELAYED)
    assert [prompt.text for prompt in turn.say][1] == "To be put through, press 5."
    call, turn = await take(desk, at(Step.SPEAKING), fire, Keys("5"), sets=RELAYED)
    assert (call.step, turn.then) == (Step.EMERGENCY_TRANSFER, Transfer("+86571000110", 30))
    assert [one.external_id for one in desk.taken] == ["t1"]


async def test_the_key_while_he_confirms_keeps_what_he_said() -> None:
    desk = Pretended()
    call, turn = await take(desk, at(Step.CONFIRMING), Keys("5"), sets=RELAYED)
    assert (call.step, call.said, len(desk.taken)) == (Step.EMERGENCY, None, 1)
    assert words(turn).startswith("If anybody is in danger")


@pytest.mark.parametrize("number", ["110", "+86571000110", ""])
def test_an_emergency_number_may_be_short(number: str) -> None:
    assert CallSettings(emergency=number).emergency == number
    for wrong in ("1", "110;119", "+0571", "fire"):
        with pytest.raises(ValidationError):
            CallSettings(emergency=wrong)


async def test_a_wish_to_be_called_back_is_between_the_caller_and_staff() -> None:
    desk = Pretended()
    await take(desk, at(Step.MENU), Keys("0"), SAID)
    (taken,) = desk.taken
    assert taken.private
    assert taken.kind is Kind.QUESTION
    assert json.loads(taken.raw) == {"call": "CA1"}
    withheld = Pretended()
    _, turn = await take(withheld, at(Step.MENU, address=None), Keys("0"))
    assert "number we can call you at" in words(turn)


async def test_a_report_after_a_wish_to_be_called_back_is_a_report() -> None:
    desk = Pretended()
    await take(desk, at(Step.MENU), Keys("0"), Keys("9"), Keys("1"), SAID, Keys("1"))
    assert [one.kind for one in desk.taken] == [Kind.REPORT]


async def test_who_is_on_duty_is_called_and_if_nobody_answers_calls_back() -> None:
    call, turn = await take(Pretended(), at(Step.MENU), Keys("0"), sets=STAFFED)
    assert turn.then == Transfer("+86571000000", 25)
    call, turn = await take(Pretended(), call, Nothing(), sets=STAFFED)
    assert call.step is Step.CALLBACK


async def test_nothing_three_times_is_goodbye() -> None:
    for step in (Step.MENU, Step.SPEAKING, Step.TICKET):
        _, turn = await take(Pretended(), at(step), Nothing(), Nothing(), Nothing())
        assert "Goodbye." in words(turn), step
        assert isinstance(turn.then, End)


async def test_a_wrong_ticket_three_times_leads_to_the_menu() -> None:
    wrong = Keys("48217050")
    call, _ = await take(Pretended(), at(Step.TICKET), wrong, wrong, wrong)
    assert call.step is Step.MENU


async def test_a_chosen_language_is_not_asked_for_again() -> None:
    call, turn = await take(Pretended(chosen="zh"), Call("voice", "CA1", CALLER), Began())
    assert (call.step, call.language) == (Step.MENU, "zh")
    assert turn.say[0].text.startswith("欢迎致电")


async def test_texts_are_read_in_the_voice_of_their_own_script() -> None:
    _, turn = await take(Pretended(), at(Step.TICKET), Keys("48217059"))
    assert [prompt.language for prompt in turn.say] == ["en", "en", "zh", "en"]


# Nobody is there while he is put through; he comes back to what was before.
PASSING = (Step.START, Step.TRANSFER, Step.EMERGENCY_TRANSFER)


@pytest.mark.parametrize("step", [step for step in Step if step not in PASSING])
async def test_a_call_that_comes_back_goes_on_where_it_was(step: Step) -> None:
    asked = "48217059" if step in (Step.STATUS, Step.MARKING, Step.WHY) else None
    values = {"asked": asked, "service": "s1", "live": True}
    desk = Pretended()
    desk.judges = step is Step.MARKING
    call, turn = await take(desk, at(step, **values), Began())
    assert call.step is step
    assert turn.say


async def test_what_could_not_be_kept_is_told_and_not_forgotten() -> None:
    desk = Pretended()
    desk.full = True
    with pytest.raises(Busy):
        await take(desk, at(Step.CONFIRMING), Keys("1"))
    desk.full = False
    await take(desk, at(Step.CONFIRMING), HungUp())
    assert len(desk.taken) == 1


EVENTS = some.one_of(
    some.builds(Keys, some.text("0123456789*#", min_size=1, max_size=8)),
    some.just(Nothing()),
    some.just(Began()),
    some.builds(
        lambda n, text: Said(text, recording(f"t{n}"), 0.5),
        some.integers(0, 9999),
        some.sampled_from([None, "", "a", "fire"]),
    ),
)


@settings(max_examples=200, deadline=None)
@given(some.lists(EVENTS, max_size=25), some.sampled_from(["zh", "en"]), some.booleans())
async def test_whatever_happens_a_call_ends_and_nothing_said_is_lost(
    events: list[Event], language: str, staffed: bool
) -> None:
    desk, call = Pretended(), Call("voice", "CA1", CALLER, language=language)
    turn, last = Turn((), ForKeys(1, "", 1.0)), None
    for event in [Began(), *events]:
        listens = isinstance(turn.then, ForSpeech)
        if isinstance(event, Said):
            if not listens:
                continue
            last = event
        elif event == Keys("2") and call.step is Step.CONFIRMING:
            last = None  # he takes it back himself
        call, turn = await take(desk, call, event, sets=STAFFED if staffed else PLAIN)
        assert turn.say or isinstance(turn.then, End)
        if isinstance(turn.then, End):
            break
    await take(desk, call, HungUp())
    if last is not None and last.media:
        assert last.media.external_id in [one.external_id for one in desk.taken]


@pytest.mark.parametrize("address", [CALLER, None], ids=["known", "withheld"])
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("event", [Nothing(), Keys("7")], ids=["silence", "wrong keys"])
@pytest.mark.parametrize("step", list(Step))
async def test_a_call_that_leads_nowhere_ends_and_keeps_what_was_said(
    step: Step, event: Event, language: str, address: str | None
) -> None:
    desk, call = Pretended(), at(step, language=language, address=address)
    call = replace(call, asked="48217059" if step is Step.STATUS else None)
    for _ in range(9):
        call, turn = await take(desk, call, event, sets=STAFFED)
        if isinstance(turn.then, End):
            break
    assert isinstance(turn.then, End)
    assert words(turn).endswith({"zh": "再见。", "en": "Goodbye."}[language])
    assert [one.address for one in desk.taken] == ([address] if step is Step.CONFIRMING else [])


async def test_what_is_said_before_the_last_was_decided_leaves_both() -> None:
    desk = Pretended()
    await take(desk, at(Step.CONFIRMING), Said("loud noise", recording("t9"), 0.9), HungUp())
    assert [one.external_id for one in desk.taken] == ["t1", "t9"]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("step", list(Step))
async def test_every_step_speaks_the_language_of_its_caller(step: Step, language: str) -> None:
    """All but the question which it is, and what others wrote."""
    values = {"asked": "48217059" if step is Step.STATUS else None, "service": "s1", "live": True}
    _, turn = await take(Pretended(), at(step, language=language, **values), Began())
    ours = {text for text in PHRASES[language].values() if "{" not in text}
    others = {text for text in PHRASES[{"zh": "en", "en": "zh"}[language]].values()}
    assert step in (Step.START, Step.LANGUAGE) or not {prompt.text for prompt in turn.say} & (others - ours)
    assert {prompt.language for prompt in turn.say if prompt.text in ours} <= {language}


def test_staff_read_each_step_in_their_words() -> None:
    assert set(STEPS) == set(Step)


def test_a_mapping_holds_all_of_a_call() -> None:
    call = at(Step.CONFIRMING, tries=2, asked="48217059", asks_back=True, kept=3, ticket="48217059")
    assert Call.from_mapping(json.loads(json.dumps(call.to_mapping()))) == call
    assert Call.from_mapping(replace(call, said=None).to_mapping()) == replace(call, said=None)


async def test_who_agrees_by_a_key_may_be_heard_himself_and_nobody_else() -> None:
    for key, agreed in (("1", False), ("3", False), ("4", True)):
        desk = Pretended()
        _, turn = await take(desk, at(Step.SPEAKING), SAID)
        assert "in your own voice, press 4" in words(turn)
        await take(desk, at(Step.SPEAKING), SAID, Keys(key))
        assert [incoming.own_voice for incoming in desk.taken] == [agreed]


async def test_what_is_said_next_is_asked_for_anew() -> None:
    desk = Pretended()
    other = Said("the lamp is out", recording("t3"), 0.9)
    await take(desk, at(Step.SPEAKING), SAID, Keys("4"), Keys("9"), Keys("1"), other, Keys("1"))
    assert [incoming.own_voice for incoming in desk.taken] == [True, False]


async def test_a_city_without_own_voices_does_not_ask() -> None:
    desk = Pretended()
    desk.voices = False
    _, turn = await take(desk, at(Step.SPEAKING), SAID)
    assert "press 4" not in words(turn)
    await take(desk, at(Step.SPEAKING), SAID, Keys("4"))
    assert [incoming.own_voice for incoming in desk.taken] == [False]
    _, turn = await take(desk, at(Step.SPEAKING), LATER)
    assert "press 4" not in words(turn)
    await take(desk, at(Step.SPEAKING), LATER, Keys("4"))
    assert desk.heard == []


async def test_whose_words_come_later_is_asked_once_it_is_kept() -> None:
    desk = Pretended()
    call, turn = await take(desk, at(Step.SPEAKING), LATER)
    assert words(turn).index("Your ticket is 48217059") < words(turn).index("in your own voice, press 4")
    assert (len(desk.taken), desk.heard) == (1, [])
    call, turn = await take(desk, call, Keys("*"))
    assert "in your own voice, press 4" in words(turn)
    call, turn = await take(desk, call, Keys("4"))
    assert (call.step, desk.heard) == (Step.ENDING, ["p"])
    assert words(turn).startswith(
        "Thank you. If it is published, the radio may play it in your own voice. | Your ticket"
    )
    assert "press 4" not in words(turn)
    call, turn = await take(desk, call, Keys("4"))
    assert words(turn).startswith("This key does nothing here.")
    assert desk.heard == ["p"]


async def test_where_it_is_comes_before_whether_he_may_be_heard() -> None:
    desk = Pretended()
    desk.asks_where = True
    call, turn = await take(desk, at(Step.SPEAKING), LATER)
    assert (call.step, "press 4" in words(turn)) == (Step.WHERE, False)
    call, turn = await take(desk, call, replace(LATER, media=recording("t3", None)))
    assert "in your own voice, press 4" in words(turn)
    await take(desk, call, Keys("4"))
    assert desk.heard == ["p"]


@pytest.mark.parametrize(
    ("step", "said"),
    [(Step.CALLBACK, LATER), (Step.CONFIRMING, None), (Step.SPEAKING, replace(LATER, text="", media=None))],
    ids=["wish to be called back", "asked before", "no recording"],
)
async def test_nobody_else_is_asked_later(step: Step, said: Said | None) -> None:
    call, turn = await take(Pretended(), at(step), said or Keys("3"))
    assert (call.step, "press 4" in words(turn)) == (Step.ENDING, False)


async def test_before_the_first_bulletin_there_is_no_news() -> None:
    desk = Pretended()
    desk.news = False
    call, turn = await take(desk, at(Step.MENU), Keys("3"))
    assert (call.step, words(turn).split(" | ")[0]) == (Step.NEWS, "Nothing has been published yet.")


@pytest.mark.parametrize(
    ("step", "event", "own"),
    [
        (Step.SPEAKING, SAID, ["We understood: water pipe leaking"]),
        (Step.TICKET, Keys("48217059"), ["Ticket 48217059. published. Answered.", "Water answers:", "已修好。"]),
        (Step.MENU, Keys("3"), []),
    ],
    ids=["understood", "ticket", "news"],
)
async def test_what_is_a_callers_own_is_marked(step: Step, event: Event, own: Sequence[str]) -> None:
    _, turn = await take(Pretended(), at(step), event)
    assert [prompt.text for prompt in turn.say if prompt.own] == own
    assert not all(prompt.own for prompt in turn.say)


async def test_who_hears_the_answer_to_his_report_judges_it_by_a_key() -> None:
    desk = Pretended()
    desk.judges = True
    call, turn = await take(desk, at(Step.TICKET), Keys("48217059"))
    assert (call.step, call.asked) == (Step.MARKING, "48217059")
    assert "From 1, not at all, to 5" in words(turn)
    call, turn = await take(desk, call, Keys("5"))
    assert call.step is Step.STATUS
    assert "Your mark is noted" in words(turn)
    [given] = desk.taken
    assert (given.text, given.address, given.commands, given.carrier_replied) == ("MARK 48217059 5", CALLER, True, True)


@pytest.mark.parametrize("judged", ["mark_reopened", "mark_bad"])
async def test_who_is_not_content_may_say_why_and_it_is_added_to_his_report(judged: str) -> None:
    desk = Pretended()
    desk.judges, desk.judged = True, judged
    call, turn = await take(desk, at(Step.TICKET), Keys("48217059"), Keys("1"))
    assert call.step is Step.WHY
    assert isinstance(turn.then, ForSpeech)
    call, turn = await take(desk, call, SAID)
    assert (call.step, call.about) == (Step.STATUS, None)
    assert "added to the report" in words(turn)
    assert [one.thread for one in desk.taken] == [None, "48217059"]
    # What is reported afterwards is a report of its own.
    other = Said("the road is broken", recording("t3"), 0.9)
    await take(desk, call, Keys("9"), Keys("1"), other, Keys("1"))
    assert len(desk.taken) == 3
    assert desk.taken[-1].thread is None


@pytest.mark.parametrize(
    ("event", "after", "says"),
    [
        (Keys("0"), Step.STATUS, "For another ticket"),
        (Keys("7"), Step.MARKING, "This key does nothing here."),
        (Keys("*"), Step.MARKING, "Water answers:"),
        (Keys("9"), Step.MENU, "To report something"),
        (Nothing(), Step.ENDING, "Goodbye."),
    ],
)
async def test_nobody_has_to_judge(event: Event, after: Step, says: str) -> None:
    desk = Pretended()
    desk.judges = True
    call, turn = await take(desk, at(Step.MARKING, asked="48217059"), event)
    assert call.step is after
    assert says in words(turn)
    assert desk.taken == []


async def test_who_hangs_up_while_he_says_why_has_said_it() -> None:
    desk = Pretended()
    desk.judges, desk.judged = True, "mark_bad"
    call, _ = await take(desk, at(Step.MARKING, asked="48217059"), Keys("2"))
    call, _ = await take(desk, replace(call, said=SAID), HungUp())
    assert desk.taken[-1].thread == "48217059"


async def test_what_cannot_be_judged_any_more_is_said_so() -> None:
    desk = Pretended()
    desk.judges, desk.judged = True, "mark_unknown"
    call, turn = await take(desk, at(Step.MARKING, asked="48217059"), Keys("5"))
    assert call.step is Step.STATUS
    assert "nothing to judge any more" in words(turn)


WHERE = Said("in front of the old mill", recording("t4"), 0.9)


async def test_who_did_not_say_where_it_is_is_asked_once_and_answers() -> None:
    desk = Pretended()
    desk.asks_where = True
    call, turn = await take(desk, at(Step.SPEAKING), SAID, Keys("1"))
    assert (call.step, type(turn.then)) == (Step.WHERE, ForSpeech)
    assert words(turn).startswith("Thank you. Your report is kept, and people will look at it. | Where is it?")
    call, turn = await take(desk, call, WHERE)
    assert call.step is Step.ENDING
    assert words(turn).startswith("Thank you, the place is noted. | Your ticket is 48217059.")
    report, answer = desk.taken
    assert (report.thread, report.answers_where) == (None, False)
    assert (answer.thread, answer.answers_where, answer.media) == ("48217059", True, (WHERE.media,))


@pytest.mark.parametrize("event", [Nothing(), HungUp()], ids=["nothing", "gone"])
async def test_who_does_not_say_where_it_is_still_has_his_ticket(event: Event) -> None:
    desk = Pretended()
    desk.asks_where = True
    call, _ = await take(desk, at(Step.SPEAKING), SAID, Keys("1"), event)
    assert (call.step, call.ticket) == (Step.ENDING, "48217059")
    assert len(desk.taken) == 1


async def test_an_answer_without_words_yet_is_kept_with_its_report() -> None:
    desk = Pretended()
    desk.asks_where = True
    call, _ = await take(desk, at(Step.SPEAKING), SAID, Keys("1"), LATER)
    assert call.step is Step.ENDING
    assert (desk.taken[1].thread, desk.taken[1].answers_where) == ("48217059", True)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (Say("phrase_taken", {"number": "123456789012"}), "You take part."),
        (Say("phrase_again", {"number": "123456789012"}), "Once a day is enough."),
        (Say("phrase_young", {"days": 3, "url": "x"}), "for 3 days or more"),
        (Say("phrase_over", {"days": 0, "url": "x"}), "not the one of today"),
    ],
)
async def test_who_says_the_phrase_of_the_day_hears_how_he_takes_part(said: Say, heard: str) -> None:
    class Campaigning(Pretended):
        async def take(self, incoming: Incoming) -> Taken:
            await super().take(incoming)
            return Taken(Outcome.PHRASE, said, "en")

    call, turn = await take(Campaigning(), at(Step.CONFIRMING), Keys("1"))
    assert heard in words(turn)
    assert "Your ticket" not in words(turn)
    assert (call.step, call.ticket) == (Step.ENDING, None)
    assert isinstance(turn.then, ForKeys)
