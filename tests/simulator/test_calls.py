"""What the line may do in a call, verb by verb, and how recordings are told of. Each row is one rule of TwiML."""

import asyncio
import io
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.simulator.app import Simulator
from gateway.simulator.caller import Caller, Heard, Pace
from gateway.simulator.samples import samples
from tests.simulator.conftest import CITIZEN, TinyGateway

ANSWER = "/hooks/voice_twilio/answer"
NEXT, STATUS = "/hooks/voice_twilio/next", "/hooks/voice_twilio/recording"
BYE = "<Response><Say>Bye</Say></Response>"
RECORD = f'<Record action="next" recordingStatusCallback="{STATUS}"'


def tone(seconds: float, level: int = 1000) -> bytes:
    """A sound of telephone quality."""
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(level.to_bytes(2, "little") * int(8000 * seconds))
    return target.getvalue()


@dataclass
class Row:
    """A first document, what the caller does, and what comes of it; the next document is asked for with `told`."""

    name: str
    document: str
    spoken: list[str]
    caller: dict[str, Any] = field(default_factory=dict)
    told: dict[str, str] | None = None
    ended: str = "completed"
    error: int | None = None
    method: str = "POST"


SPEAKS = {"wav": tone(2)}
GATHER = '<Gather action="next" numDigits="1"><Say>Press</Say></Gather><Say>Nothing pressed</Say>'
ROWS = [
    Row("say joins and trims words", "<Say> one\n  two <b>three</b></Say>", ["one two three"]),
    Row("an empty document ends the call", "", []),
    Row("verbs run in order", '<Say>a</Say><Pause length="2"/><Play>x.mp3</Play><Say>b</Say>', ["a", "b"]),
    Row("hangup ends at once", "<Say>a</Say><Hangup/><Say>b</Say>", ["a"]),
    Row("reject", "<Reject/><Say>b</Say>", [], ended="rejected"),
    Row("reject as busy", '<Reject reason="busy"/>', [], ended="busy"),
    Row("redirect is relative to the document", "<Redirect>next</Redirect><Say>b</Say>", ["Bye"], told={}),
    Row("redirect by get", '<Redirect method="GET">next?a=1</Redirect>', ["Bye"], told={"a": "1"}, method="GET"),
    Row("redirect to a whole path", f"<Redirect>{NEXT}</Redirect>", ["Bye"], told={}),
    Row("a key goes to the action", GATHER, ["Press", "Bye"], {"keys": ["2"]}, {"Digits": "2"}),
    Row("no key: the next verb runs", GATHER, ["Press", "Nothing pressed"]),
    Row("keys beyond the number are lost", GATHER, ["Press", "Bye"], {"keys": ["23"]}, {"Digits": "2"}),
    Row(
        "gather by get",
        '<Gather action="next" method="GET"/>',
        ["Bye"],
        {"keys": ["7#"]},
        {"Digits": "7"},
        method="GET",
    ),
    Row("the usual finishing key", '<Gather action="next"/>', ["Bye"], {"keys": ["12#3"]}, {"Digits": "12"}),
    Row(
        "another finishing key", '<Gather action="next" finishOnKey="*"/>', ["Bye"], {"keys": ["1#*"]}, {"Digits": "1#"}
    ),
    Row("no finishing key", '<Gather action="next" finishOnKey=""/>', ["Bye"], {"keys": ["1#2"]}, {"Digits": "1#2"}),
    Row("only the finishing key is nothing", '<Gather action="next"/><Say>b</Say>', ["b"], {"keys": ["#"]}),
    Row(
        "an empty result, if asked for",
        '<Gather action="next" actionOnEmptyResult="true"/>',
        ["Bye"],
        {},
        {"Digits": ""},
    ),
    Row("gather by speech hears no keys", '<Gather action="next" input="speech"/><Say>b</Say>', ["b"], {"keys": ["1"]}),
    Row(
        "each gather gets its own keys",
        GATHER + GATHER,
        ["Press", "Nothing pressed", "Press", "Bye"],
        {"keys": ["", "4"]},
        {"Digits": "4"},
    ),
    Row("only prompts may be in a gather", "<Gather><Record/></Gather>", [], ended="failed", error=12200),
    Row(
        "a recording goes to the action",
        RECORD + "/><Say>b</Say>",
        ["Bye"],
        SPEAKS,
        {"RecordingDuration": "2", "Digits": ""},
    ),
    Row("a key ends a recording", RECORD + "/>", ["Bye"], SPEAKS | {"finish": "5"}, {"Digits": "5"}),
    Row("another key does not", RECORD + ' finishOnKey="#"/>', ["Bye"], SPEAKS | {"finish": "5"}, {"Digits": ""}),
    Row("a recording has a longest time", RECORD + ' maxLength="1"/>', ["Bye"], SPEAKS, {"RecordingDuration": "1"}),
    Row("silence: the next verb runs", RECORD + "/><Say>b</Say>", ["b"]),
    Row("a silent file is silence", RECORD + "/><Say>b</Say>", ["b"], {"wav": tone(2, level=0)}),
    Row("any bytes can be recorded", RECORD + "/>", ["Bye"], {"wav": b"\xff" * 48000}, {"RecordingDuration": "3"}),
    Row(
        "hang-up while recording",
        RECORD + "/>",
        [],
        SPEAKS | {"hang_up": "record"},
        {"Digits": "hangup", "CallStatus": "completed"},
        ended="caller",
    ),
    Row("hang-up instead of speaking", RECORD + "/><Say>b</Say>", [], {"hang_up": "record"}, ended="caller"),
    Row("hang-up at a question", GATHER, [], {"hang_up": "gather", "keys": ["1"]}, ended="caller"),
    Row("hang-up at the first word", "<Say>a</Say><Say>b</Say>", ["a"], {"hang_up": "say"}, ended="caller"),
    Row(
        "a dialled number does not answer",
        '<Dial action="next" timeout="5"><Number>+8613900139000</Number></Dial><Say>b</Say>',
        ["Bye"],
        {},
        {"DialCallStatus": "no-answer"},
    ),
    Row("without action the next verb runs", "<Dial>+8613900139000</Dial><Say>b</Say>", ["b"]),
    Row("an unknown verb", "<Say>a</Say><Dance/>", ["a"], ended="failed", error=12200),
    Row("no xml", "<Say>", [], ended="failed", error=12100),
    Row(
        "a url elsewhere is never asked for",
        "<Redirect>http://example.com/</Redirect>",
        [],
        ended="failed",
        error=11200,
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_what_a_document_does(simulator: Simulator, tiny: TinyGateway, row: Row) -> None:
    tiny.answers |= {ANSWER: [f"<Response>{row.document}</Response>"], NEXT: [BYE]}
    log = await simulator.call(CITIZEN, **row.caller)
    assert (log.spoken, log.ended, log.error) == (row.spoken, row.ended, row.error)
    assert all(told.signed for told in tiny.told)
    if row.told is None:
        assert tiny.at(NEXT) == []
        return
    (told,) = tiny.at(NEXT)
    assert told.method == row.method
    assert row.told.items() <= told.form.items()
    assert told.form["CallSid"] == log.sid


async def test_the_first_request_tells_who_calls(simulator: Simulator, tiny: TinyGateway) -> None:
    tiny.answers[ANSWER] = ["<Response><Redirect>next</Redirect></Response>"]
    log = await simulator.call("anonymous")
    expected = {"CallSid": log.sid, "AccountSid": simulator.account_sid, "Direction": "inbound", "FromCity": ""}
    expected |= {"From": "anonymous", "Caller": "anonymous", "To": simulator.number, "Called": simulator.number}
    for path, status in ((ANSWER, "ringing"), (NEXT, "in-progress")):
        (told,) = tiny.at(path)
        assert (expected | {"CallStatus": status}).items() <= told.form.items()
    assert log.sid.startswith("CA")


@pytest.mark.parametrize(
    ("answer", "type_", "error"),
    [
        (500, "text/xml", 11200),
        (403, "text/xml", 11200),
        ("Hello", "text/plain", 12300),
        ("<Other/>", "text/xml", 12100),
    ],
)
async def test_a_gateway_that_fails_ends_the_call(
    simulator: Simulator, tiny: TinyGateway, answer: str | int, type_: str, error: int
) -> None:
    tiny.answers[ANSWER], tiny.types[ANSWER] = [answer], type_
    log = await simulator.call(CITIZEN)
    assert (log.ended, log.error) == ("failed", error)


@pytest.mark.parametrize(("fragment", "ended"), [("#rc=2&rp=5xx", "completed"), ("#rc=1", "failed"), ("", "failed")])
async def test_a_document_is_asked_for_again_as_its_address_says(
    simulator: Simulator, tiny: TinyGateway, fragment: str, ended: str
) -> None:
    tiny.answers |= {ANSWER: [f"<Response><Redirect>next{fragment}</Redirect></Response>".replace("&", "&amp;")]}
    tiny.answers[NEXT] = [503, 503, BYE]
    log = await simulator.call(CITIZEN)
    assert log.ended == ended


@pytest.mark.parametrize("document", ["<Redirect/>", '<Record playBeep="false"/>', "<Pause/>" * 500])
async def test_lines_that_never_end_are_cut_off(simulator: Simulator, tiny: TinyGateway, document: str) -> None:
    """Also the trap of a Record without action, which asks for its own document again."""
    tiny.answers[ANSWER] = [f"<Response>{document}</Response>"]
    sounds = [tone(0.1)] * 100
    log, task = simulator.begin_call(CITIZEN, Caller(sounds=sounds))
    assert await task is log
    assert (log.ended, log.error) == ("failed", None)
    assert len(tiny.at(ANSWER)) <= 40


async def test_a_recording_is_told_of_when_it_can_be_fetched(simulator: Simulator, tiny: TinyGateway) -> None:
    tiny.answers |= {ANSWER: [f"<Response>{RECORD}/></Response>"], NEXT: [BYE]}
    log = await simulator.call(CITIZEN, wav=tone(2))
    (told,) = await tiny.heard(STATUS, 1)
    assert [one.path for one in tiny.told] == [ANSWER, NEXT, STATUS]
    url = f"{simulator.url}/2010-04-01/Accounts/{simulator.account_sid}/Recordings/{log.recording_sid}"
    started = told.form.pop("RecordingStartTime")
    assert started.endswith("+0000")
    assert told.form == {
        "AccountSid": simulator.account_sid,
        "CallSid": log.sid,
        "RecordingSid": log.recording_sid,
        "RecordingUrl": url,
        "RecordingStatus": "completed",
        "RecordingDuration": "2",
        "RecordingChannels": "1",
        "RecordingSource": "RecordVerb",
        "RecordingTrack": "both",
        "ErrorCode": "0",
    }
    assert tiny.at(NEXT)[0].form["RecordingUrl"] == url
    assert [entry.kind for entry in log.entries][:3] == [Heard.BEEP, Heard.RECORD, Heard.RECORDED]


async def test_a_recording_of_one_who_hung_up_is_told_of_too(simulator: Simulator, tiny: TinyGateway) -> None:
    tiny.answers |= {ANSWER: [f"<Response>{RECORD}/></Response>"], STATUS: [503, "<Response/>"]}
    await simulator.call(CITIZEN, wav=tone(1), hang_up="record")
    first, again = await tiny.heard(STATUS, 2)
    assert first.form == again.form
    assert first.idempotency == again.idempotency


@pytest.mark.parametrize(("event", "count"), [("completed", 0), ("absent", 1), ("in-progress completed absent", 1)])
async def test_an_absent_recording_is_told_of_if_asked(
    simulator: Simulator, tiny: TinyGateway, event: str, count: int
) -> None:
    tiny.answers[ANSWER] = [f'<Response>{RECORD} recordingStatusCallbackEvent="{event}"/></Response>']
    log = await simulator.call(CITIZEN)
    await asyncio.sleep(0.1)
    assert [told.form["RecordingStatus"] for told in tiny.at(STATUS)] == ["absent"] * count
    assert log.recording_sid is None


async def test_every_sample_can_be_said(simulator: Simulator, tiny: TinyGateway) -> None:
    tiny.answers |= {ANSWER: [f"<Response>{RECORD}/></Response>"], NEXT: [BYE]}
    assert {sample.language for sample in samples().values()} == {"en", "zh"}
    for sample in samples().values():
        log = await simulator.call(CITIZEN, wav=sample.path)
        assert log.recording_sid
        with wave.open(str(sample.path)) as sound:
            assert sound.getframerate() == 8000


@contextmanager
def heard(simulator: Simulator) -> Iterator["asyncio.Queue[Any]"]:
    with simulator._running.feed.subscribe() as queue:
        yield queue


async def reach(queue: "asyncio.Queue[Any]", kind: Heard) -> None:
    async with asyncio.timeout(3):
        while (await queue.get()).data["entries"][-1]["kind"] != kind:
            pass


async def test_a_caller_by_hand_presses_speaks_and_hangs_up(simulator: Simulator, tiny: TinyGateway) -> None:
    """At a lifelike pace keys interrupt the line, and what was spoken until the hang-up is kept."""
    gather = '<Gather action="next" numDigits="1"><Say>A very long question</Say><Say>Not heard</Say></Gather>'
    tiny.answers |= {ANSWER: [f"<Response>{gather}</Response>"], NEXT: [f"<Response>{RECORD}/></Response>"]}
    caller = Caller(sounds=[tone(30)], pace=Pace(letter=10, waiting=1))
    with heard(simulator) as queue:
        log, task = simulator.begin_call(CITIZEN, caller)
        await reach(queue, Heard.SAY)
        assert not task.done()
        caller.press("2")
        await reach(queue, Heard.RECORD)
        await asyncio.sleep(0.1)
        caller.hang_up()
        await asyncio.wait_for(task, 2)
    assert (log.spoken, log.keys, log.ended) == (["A very long question"], ["2"], "caller")
    # 0.1 s of it: far from the 30 s that were prepared.
    assert len(simulator._running.recordings[log.recording_sid or ""].wav) < 16_000
