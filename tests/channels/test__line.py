"""A conversation over live sound: what is said, what cuts it short, when a caller is done, and what a cut leaves."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from channels import _line
from channels._call_state import Call, CallSettings
from channels._call_steps import Step
from channels._line import converse
from channels._sound import Frame, Key, tone
from channels._turn import Began, End, Event, ForKeys, ForSpeech, HungUp, Keys, Nothing, Prompt, Said, Transfer, Turn
from channels.desk import Desk
from gateway.errors import Busy
from tests.channels.line_world import WORDS, LineDesk, silence, voice

CALL = Call(channel="voice_test", id="c1", address="tel:+8613800138001", line="+861012345", language="en")
SPEAK, MENU = ForSpeech(longest=30, silence=2), ForKeys(most=1, finish="", seconds=5)
BYE = Turn((Prompt("goodbye", "en"),), End())


class Telephone:
    """A transport of memory: what is played is heard at once, or when it is let."""

    rate = 8_000

    def __init__(self) -> None:
        self.played_out: list[bytes] = []
        self.log: list[str] = []
        self.transfers = True
        self.patient = False  # whether what is said takes until `clear`
        self._queue: asyncio.Queue[Frame | Key | None] = asyncio.Queue()
        self._quiet = asyncio.Event()
        self._quiet.set()

    def press(self, keys: str) -> None:
        for key in keys:
            self._queue.put_nowait(Key(key))

    def say(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), 960):
            self._queue.put_nowait(Frame(pcm[start : start + 960]))

    def hang_up_there(self) -> None:
        self._queue.put_nowait(None)

    async def heard(self) -> AsyncIterator[Frame | Key]:
        while (came := await self._queue.get()) is not None:
            yield came
        self._quiet.set()

    async def play(self, pcm: bytes) -> None:
        self.played_out.append(pcm)
        if self.patient:
            self._quiet.clear()

    async def clear(self) -> None:
        self.log.append("clear")
        self._quiet.set()

    async def played(self) -> None:
        await self._quiet.wait()

    async def transfer(self, number: str, seconds: float) -> bool:
        self.log.append(f"transfer {number}")
        return self.transfers

    async def hang_up(self) -> None:
        self.log.append("hang up")


class Script:
    """Plays the turns it is given, one for each event, and remembers the events."""

    def __init__(self, *turns: Turn) -> None:
        self.turns = deque(turns)
        self.events: list[Event] = []
        self.tickets: dict[int, str] = {}
        self.then: Callable[[Event], None] = lambda event: None
        self.thinks: asyncio.Event | None = None

    async def advance(self, desk: Desk, settings: CallSettings, call: Call, event: Event) -> tuple[Call, Turn]:
        if self.thinks:
            await self.thinks.wait()
        self.events.append(event)
        self.then(event)
        ticket = self.tickets.get(len(self.events), call.ticket)
        call = replace(call, step=list(Step)[len(self.events)], ticket=ticket)
        if isinstance(event, HungUp):
            return call, Turn((), End())
        return call, self.turns.popleft()


@pytest.fixture
def telephone() -> Telephone:
    return Telephone()


@pytest.fixture
def desk() -> LineDesk:
    return LineDesk()


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Script]:
    def made(*turns: Turn) -> Script:
        script = Script(*turns)
        monkeypatch.setattr(_line, "advance", script.advance)
        return script

    return made


Play = Callable[..., Script]


async def lead(desk: LineDesk, telephone: Telephone, event: Event | None = None, *, returning: bool = False) -> None:
    async with asyncio.timeout(20):
        await converse(cast(Desk, desk), CallSettings(), telephone, CALL, event, returning=returning)


def says(*texts: str, then: Any = MENU, **more: Any) -> Turn:
    return Turn(tuple(Prompt(text, "en", **more) for text in texts), then)


async def test_what_is_said_is_told_with_its_recording(desk: LineDesk, telephone: Telephone, play: Play) -> None:
    script = play(says("please speak", then=SPEAK), BYE)
    telephone.say(voice(1.5) + silence(2.5))
    await lead(desk, telephone)
    said = script.events[1]
    assert isinstance(said, Said)
    assert (said.text, said.confidence) == (WORDS, 0.9)
    assert said.media
    assert said.media.heard
    assert (said.media.heard.text, said.media.heard.words) == (WORDS, (("loud", 0.1, 0.3, 0.9),))
    assert desk.spoken == ["please speak", "goodbye"]
    assert tone(8_000) in telephone.played_out
    assert telephone.log == ["hang up"]
    assert desk.tapes[0].pcm == desk.ears[0].pcm
    assert (desk.tapes[0].state, desk.ears[0].closed) == ("discarded", True)
    assert (desk.tapes[0].label.address, desk.tapes[0].label.line) == (CALL.address, CALL.line)
    assert desk.line.steps == ["language", "menu"]
    assert desk.line.heard[-1].startswith("lou")
    assert desk.line.how == "finished"


async def test_hash_ends_it_and_the_longest_does(desk: LineDesk, telephone: Telephone, play: Play) -> None:
    script = play(says("speak", then=SPEAK), says("again", then=ForSpeech(longest=1, silence=2)), BYE)

    def after(event: Event) -> None:
        if len(script.events) == 1:
            telephone.say(voice(0.5))
            telephone.press("#")
        elif len(script.events) == 2:
            telephone.say(voice(3))

    script.then = after
    await lead(desk, telephone)
    assert [type(event) for event in script.events] == [Began, Said, Said]
    assert len(desk.tapes[0].pcm) == len(voice(0.5))
    assert 16_000 <= len(desk.tapes[1].pcm) <= 17_000
    assert [tape.state for tape in desk.tapes] == ["discarded", "discarded"]


async def test_silence_is_nothing_and_leaves_no_recording(desk: LineDesk, telephone: Telephone, play: Play) -> None:
    script = play(says("speak", then=SPEAK), BYE)
    telephone.say(silence(8))
    await lead(desk, telephone)
    assert script.events[1] == Nothing()
    assert desk.tapes[0].state == "discarded"


async def test_a_star_before_anything_is_said_is_for_the_script(
    desk: LineDesk, telephone: Telephone, play: Play
) -> None:
    script = play(says("speak", then=SPEAK), BYE)
    script.then = lambda event: telephone.press("*") if isinstance(event, Began) else None
    await lead(desk, telephone)
    assert script.events[1] == Keys("*")


@pytest.mark.parametrize(
    ("keys", "wanted", "event"),
    [
        ("1", MENU, Keys("1")),
        ("48217059", ForKeys(8, "#", 5), Keys("48217059")),
        ("4821#", ForKeys(8, "#", 5), Keys("4821")),
        ("#", ForKeys(8, "#", 5), Nothing()),
        ("#", MENU, Keys("#")),
        ("*", ForKeys(8, "#", 5), Keys("*")),
        ("4*", ForKeys(2, "#", 5), Keys("4*")),
        ("48", ForKeys(8, "#", 0.05), Keys("48")),
        ("", ForKeys(1, "", 0.05), Nothing()),
    ],
)
async def test_keys_are_collected(
    desk: LineDesk, telephone: Telephone, play: Play, keys: str, wanted: ForKeys, event: Event
) -> None:
    script = play(says("keys", then=wanted), BYE)
    script.then = lambda event: telephone.press(keys) if isinstance(event, Began) else None
    await lead(desk, telephone)
    assert script.events[1] == event


async def test_a_key_cuts_what_may_be_cut(desk: LineDesk, telephone: Telephone, play: Play) -> None:
    script = play(says("one", "two", "three"), BYE)
    telephone.patient = True
    script.then = lambda event: telephone.press("3")
    await lead(desk, telephone)
    assert script.events[1] == Keys("3")
    assert "three" not in desk.spoken
    assert telephone.log[0] == "clear"


async def test_what_must_be_heard_is_not_cut(desk: LineDesk, telephone: Telephone, play: Play) -> None:
    script = play(says("in an emergency", interruptible=False, then=ForKeys(1, "", 0.2)), BYE)
    telephone.patient = True

    def then(event: Event) -> None:
        if isinstance(event, Began):
            telephone.press("3")
            asyncio.get_running_loop().call_later(0.3, telephone._quiet.set)
        else:
            telephone.patient = False

    script.then = then
    await lead(desk, telephone)
    assert script.events[1] == Nothing()
    assert "clear" not in telephone.log


async def test_a_voice_cuts_a_question_and_is_not_lost(desk: LineDesk, telephone: Telephone, play: Play) -> None:
    script = play(says("please speak after the tone", then=SPEAK), BYE)
    telephone.patient = True

    def then(event: Event) -> None:
        telephone.say(silence(1) + voice(1) + silence(3))
        if not isinstance(event, Began):
            telephone.patient = False

    script.then = then
    await lead(desk, telephone)
    assert isinstance(script.events[1], Said)
    assert telephone.log[0] == "clear"
    assert tone(8_000) not in telephone.played_out
    assert voice(1) in bytes(desk.tapes[0].pcm)


async def test_a_hang_up_in_mid_sentence_keeps_the_sentence(desk: LineDesk, telephone: Telephone, play: Play) -> None:
    script = play(says("speak", then=SPEAK), says("we understood"))
    telephone.say(voice(1))
    telephone.hang_up_there()
    await lead(desk, telephone)
    assert [type(event) for event in script.events] == [Began, Said, HungUp]
    assert desk.line.how == "hung_up"
    assert desk.tapes[0].state == "discarded"


@pytest.mark.parametrize(
    "turn",
    [says("menu"), says("speak", then=SPEAK), BYE, says("hold on", then=Transfer("+8610", 20)), says(then=MENU)],
)
async def test_a_hang_up_at_any_step_is_told(desk: LineDesk, telephone: Telephone, play: Play, turn: Turn) -> None:
    script = play(turn)
    telephone.hang_up_there()
    telephone.patient = True
    await lead(desk, telephone)
    assert [type(event) for event in script.events] == [Began, HungUp]
    assert desk.line.how == "hung_up"


async def test_a_transfer_ends_the_conversation(desk: LineDesk, telephone: Telephone, play: Play) -> None:
    script = play(says("hold on", then=Transfer("+861099", 20)))
    await lead(desk, telephone)
    assert telephone.log == ["transfer +861099"]
    assert desk.line.how == "transferred"
    assert len(script.events) == 1


async def test_where_no_transfer_is_possible_the_script_goes_on(
    desk: LineDesk, telephone: Telephone, play: Play
) -> None:
    script = play(says("hold on", then=Transfer("+861099", 20)), BYE)
    telephone.transfers = False
    await lead(desk, telephone)
    assert script.events == [Began(), Nothing()]


async def test_the_sound_of_own_words_is_not_kept(desk: LineDesk, telephone: Telephone, play: Play) -> None:
    play(Turn((Prompt("We understood: my neighbour drinks", "en", own=True), Prompt("press 1", "en")), End()))
    await lead(desk, telephone)
    assert desk.spoken == ["We understood: my neighbour drinks", "press 1"]
    assert desk.sounds_kept == ["press 1"]


async def test_all_lines_taken_is_said(desk: LineDesk, telephone: Telephone, play: Play) -> None:
    script = play()
    desk.busy = True
    await lead(desk, telephone)
    assert (desk.spoken, telephone.log, script.events) == (["voice_busy in en"], ["hang up"], [])


async def test_without_a_voice_the_call_goes_on(desk: LineDesk, telephone: Telephone, play: Play) -> None:
    script = play(says("speak", then=SPEAK), BYE)
    desk.mute = True
    telephone.say(voice(1) + silence(3))
    await lead(desk, telephone)
    assert isinstance(script.events[1], Said)


@pytest.mark.parametrize("how", ["no model", "cannot open", "breaks", "slow"])
async def test_without_an_ear_the_tape_goes_on(
    desk: LineDesk, telephone: Telephone, play: Play, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = play(says("speak", then=SPEAK), BYE)
    desk.no_model = how == "no model"
    desk.deaf = RuntimeError("no such model") if how == "cannot open" else None
    desk.breaks = RuntimeError("the recogniser is gone") if how == "breaks" else None
    if how == "slow":
        monkeypatch.setattr("channels._listening.BEHIND_AT_MOST", 0.5)
        monkeypatch.setattr("tests.channels.line_world.NotedEar.feed", _never)
    telephone.say(voice(1) + silence(3))
    await lead(desk, telephone)
    said = script.events[1]
    assert isinstance(said, Said)
    assert said.text is None
    assert said.media
    assert said.media.heard is None


async def _never(ear: object, pcm: bytes) -> Sequence[Any]:
    await asyncio.Event().wait()
    return ()


async def test_without_a_tape_the_words_go_on(desk: LineDesk, telephone: Telephone, play: Play) -> None:
    script = play(says("speak", then=SPEAK), BYE)
    desk.full = True
    telephone.say(voice(1) + silence(3))
    await lead(desk, telephone)
    assert script.events[1] == Said(WORDS, None, 0.9)


async def test_what_cannot_be_taken_now_is_left_on_its_tape(desk: LineDesk, telephone: Telephone, play: Play) -> None:
    script = play(says("speak", then=SPEAK))
    telephone.say(voice(1) + silence(3))

    def then(event: Event) -> None:
        if isinstance(event, Said):
            raise Busy("nothing was kept", 5)

    script.then = then
    await lead(desk, telephone)
    assert desk.spoken[-1] == "voice_busy in en"
    assert telephone.log == ["hang up"]
    assert desk.tapes[0].state == "released"
    assert desk.line.how == "failed"


async def test_once_taken_the_tape_is_gone(desk: LineDesk, telephone: Telephone, play: Play) -> None:
    script = play(says("speak", then=SPEAK), says("your ticket", then=ForKeys(1, "", 5)), BYE)
    script.tickets = {2: "48217059"}
    states: list[str] = []

    def then(event: Event) -> None:
        if isinstance(event, Began):
            telephone.say(voice(1) + silence(3))
        if isinstance(event, Said):
            telephone.press("1")
        states.append(desk.tapes[0].state if desk.tapes else "none")

    script.then = then
    await lead(desk, telephone)
    assert states == ["none", "open", "discarded"]
    assert desk.line.ticket == "48217059"


async def test_cut_off_by_us_it_goes_on_where_it_stood(desk: LineDesk, telephone: Telephone, play: Play) -> None:
    play(says("speak", then=SPEAK))
    telephone.say(voice(1))
    task = asyncio.create_task(lead(desk, telephone))
    async with asyncio.timeout(10):
        await desk.taped(len(voice(1)))
    task.cancel()
    await asyncio.wait([task])
    assert desk.tapes[0].state == "released"
    assert desk.kept["call:c1"]["step"] == "language"
    assert desk.line.how is None

    again = Telephone()
    script = play(says("speak", then=SPEAK), BYE)
    again.say(voice(0.5) + silence(3))
    await lead(desk, again, returning=True)
    said = script.events[1]
    assert isinstance(said, Said)
    assert bytes(desk.ears[1].pcm).startswith(voice(1) + voice(0.5)), "it is heard again from its beginning"
    assert desk.tapes[1].state == "discarded"


async def test_cut_off_at_a_question_the_tape_is_not_gone_on_with(
    desk: LineDesk, telephone: Telephone, play: Play
) -> None:
    await desk.tape("voice_test", "c1", 8_000, "en")
    desk.tapes[0].write(voice(1))
    desk.tapes[0].state = "released"
    script = play(says("1 keep, 2 again"), says("speak", then=SPEAK), BYE)

    def then(event: Event) -> None:
        if isinstance(event, Began):
            telephone.press("2")
        if isinstance(event, Keys):
            desk.tapes[0].state = "discarded"
            telephone.say(voice(0.5) + silence(3))

    script.then = then
    await lead(desk, telephone, returning=True)
    assert desk.tapes[1].state == "discarded"
    assert bytes(desk.ears[0].pcm).startswith(voice(0.5))


async def test_a_telephone_that_sends_nothing_is_silent(
    desk: LineDesk, telephone: Telephone, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_line, "PATIENCE", 0.05)
    script = play(says("speak", then=ForSpeech(30, 0.05)), BYE)
    await lead(desk, telephone)
    assert script.events[1] == Nothing()
