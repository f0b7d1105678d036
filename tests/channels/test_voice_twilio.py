"""The hotline through Twilio: each step of a call, the recording's way to us, and what it must not bring along."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from channels._call_state import Call
from channels._twilio_recorded import DIALLED, RECORDED, RECORDING, TURN
from channels.base import DeliveryKind, Guard
from channels.failures import RecipientGone
from channels.voice_twilio import ANSWER, CLAIMED, Adapter, VoiceSettings
from gateway.errors import BadInput, Busy
from gateway.schema_incoming import Incoming, IncomingMedia
from tests.channels.twilio_world import (
    ACCOUNT,
    CITIZEN,
    CREDENTIALS,
    NOW,
    NUMBER,
    PUBLIC_URL,
    FakeTwilio,
    NotedDesk,
    around,
    hook,
    payload,
    serve,
)

CALL = "voice_twilio call:CA" + "0" * 31 + "1"
SID = "RE" + "0" * 31 + "1"
RECORDINGS = f"/2010-04-01/Accounts/{ACCOUNT}/Recordings"
URL = f"https://api.twilio.com{RECORDINGS}/{SID}"


pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
async def adapter(http: ClientSession, api: TestServer) -> Adapter:
    return make(http, str(api.make_url("/")))


def make(http: ClientSession, api_url: str, **settings: Any) -> Adapter:
    return Adapter(VoiceSettings.model_validate(CREDENTIALS | {"api_url": api_url} | settings), around(http))


async def script(http: ClientSession, gateway: TestServer, path: str, case: str) -> ElementTree.Element:
    """What Twilio is told to do, given a saved webhook."""
    answer = await hook(http, gateway, path, payload("voice_twilio", case))
    assert (answer.status, answer.content_type) == (200, "text/xml")
    return ElementTree.fromstring(await answer.text())


def verbs(told: ElementTree.Element) -> list[str]:
    return [verb.tag for verb in told]


CALLERS = [("answer", CITIZEN), ("answer_withheld", None), ("answer_anonymous", None), ("answer_sip", None)]


@pytest.mark.parametrize(("case", "number"), CALLERS)
async def test_a_call_is_answered_in_both_languages(
    http: ClientSession, gateway: TestServer, desk: NotedDesk, case: str, number: str | None
) -> None:
    told = await script(http, gateway, ANSWER, case)
    assert verbs(told) == ["Gather", "Redirect"]
    gather, redirect = told
    assert gather.attrib == {
        "numDigits": "1",
        "finishOnKey": "",
        "timeout": "6",
        "action": f"{PUBLIC_URL}{TURN}?turn=1",
        "method": "POST",
    }
    assert [(say.attrib["language"], say.text) for say in gather] == [
        ("zh-CN", "中文服务请按1。"),
        ("en-US", "For English, press 2."),
    ]
    assert redirect.text == f"{PUBLIC_URL}{TURN}?turn=1"
    call = Call.from_mapping(desk.kept[CALL])
    assert (call.address, call.line, call.language) == (number and f"tel:{number}", NUMBER, "zh")


@pytest.mark.parametrize(("case", "status"), [("answer_without_call", 422), ("answer_other_account", 403)])
async def test_what_is_no_call_of_ours_is_refused(
    http: ClientSession, gateway: TestServer, desk: NotedDesk, case: str, status: int
) -> None:
    assert (await hook(http, gateway, ANSWER, payload("voice_twilio", case))).status == status
    assert not desk.kept


@pytest.mark.parametrize("path", [ANSWER, TURN, RECORDED, RECORDING, DIALLED])
async def test_forged_webhooks_reach_nobody(
    http: ClientSession, gateway: TestServer, desk: NotedDesk, path: str
) -> None:
    answer = await hook(
        http, gateway, path, payload("voice_twilio", "recorded_hash_key"), public_url="https://x.example"
    )
    assert answer.status == 403
    assert not desk.kept
    assert not desk.taken


KEYS = [
    ("keys_one", "zh", "欢迎致电"),
    ("keys_two", "en", "Welcome to"),
    ("keys_nine", "zh", "这个键在这里没有作用"),
    ("keys_none", "zh", "欢迎致电"),
]


async def reach_the_tone(http: ClientSession, gateway: TestServer, case: str = "keys_two") -> ElementTree.Element:
    """Answer a call, choose a language and report something: what Twilio is told then."""
    await script(http, gateway, ANSWER, "answer")
    await script(http, gateway, f"{TURN}?turn=1", case)
    return await script(http, gateway, f"{TURN}?turn=2", "keys_one")


@pytest.mark.parametrize(("case", "language", "greeting"), KEYS)
async def test_the_caller_is_greeted_in_his_language(
    http: ClientSession, gateway: TestServer, desk: NotedDesk, case: str, language: str, greeting: str
) -> None:
    await script(http, gateway, ANSWER, "answer")
    told = await script(http, gateway, f"{TURN}?turn=1", case)
    assert verbs(told) == ["Gather", "Redirect"]
    assert greeting in (told[0][0].text or "")
    assert told[0][0].attrib["language"] == {"zh": "zh-CN", "en": "en-US"}[language]
    assert Call.from_mapping(desk.kept[CALL]).language == language


async def test_what_is_said_after_the_tone_is_recorded(http: ClientSession, gateway: TestServer) -> None:
    told = await reach_the_tone(http, gateway)
    assert verbs(told) == ["Say", "Record", "Redirect"]
    assert "After the tone" in (told[0].text or "")
    assert told[1].attrib == {
        "action": f"{PUBLIC_URL}{RECORDED}?turn=3",
        "method": "POST",
        "maxLength": "120",
        "timeout": "4",
        "finishOnKey": "#",
        "playBeep": "true",
        "trim": "trim-silence",
        "recordingStatusCallback": f"{PUBLIC_URL}{RECORDING}?turn=3",
        "recordingStatusCallbackMethod": "POST",
        "recordingStatusCallbackEvent": "completed absent",
    }
    assert told[2].text == f"{PUBLIC_URL}{TURN}?turn=3"


async def test_silence_is_asked_again_and_then_let_go(http: ClientSession, gateway: TestServer) -> None:
    await reach_the_tone(http, gateway)
    for number in ("3", "4"):
        told = await script(http, gateway, f"{TURN}?turn={number}", "keys_none")
        assert verbs(told) == ["Say", "Say", "Record", "Redirect"]
        assert told[0].text == "We heard nothing."
    told = await script(http, gateway, f"{TURN}?turn=5", "keys_none")
    assert verbs(told) == ["Say", "Hangup"]
    assert told[0].text == "Goodbye."


async def test_a_request_that_comes_twice_gets_the_same_and_moves_nothing(
    http: ClientSession, gateway: TestServer, desk: NotedDesk
) -> None:
    first = await reach_the_tone(http, gateway)
    kept = dict(desk.kept)
    again = await script(http, gateway, f"{TURN}?turn=2", "keys_one")
    assert ElementTree.tostring(again) == ElementTree.tostring(first)
    assert desk.kept == kept
    for number in ("", "x", "99"):
        assert verbs(await script(http, gateway, f"{TURN}?turn={number}", "keys_one")) == verbs(first)


def incoming(desk: NotedDesk) -> Incoming:
    """The one thing taken, without its raw payload."""
    assert desk.taken
    first = replace(desk.taken[0], raw=b"")
    assert all(replace(one, raw=b"") == first for one in desk.taken)
    return first


@pytest.mark.parametrize("case", ["recorded_hash_key", "recorded_without_sid"])
async def test_a_recording_is_taken_and_its_ticket_spoken(
    http: ClientSession, gateway: TestServer, desk: NotedDesk, case: str
) -> None:
    await reach_the_tone(http, gateway)
    told = await script(http, gateway, f"{RECORDED}?turn=3", case)
    assert verbs(told) == ["Gather", "Redirect"]
    assert "".join(say.text or "" for say in told[0]).count("4 8 2 1, 7 0 5 3") == 2
    assert desk.taken[0].raw == payload("voice_twilio", case).encode()
    assert incoming(desk) == Incoming(
        channel="voice_twilio",
        external_id=SID,
        text="",
        received_at=NOW,
        address=f"tel:{CITIZEN}",
        line=NUMBER,
        language="en",
        media=(IncomingMedia(SID, URL, "audio/x-wav", "en"),),
        commands=False,
    )


async def test_hanging_up_is_as_good_as_the_hash_key(http: ClientSession, gateway: TestServer, desk: NotedDesk) -> None:
    await reach_the_tone(http, gateway)
    assert verbs(await script(http, gateway, f"{RECORDED}?turn=3", "recorded_hangup")) == ["Hangup"]
    assert incoming(desk).external_id == SID


async def test_who_is_on_duty_is_dialled_and_else_the_caller_is_called_back(
    http: ClientSession, api: TestServer, desk: NotedDesk
) -> None:
    gateway = await serve(make(http, str(api.make_url("/")), person="+86571000000"), desk)
    await script(http, gateway, ANSWER, "answer")
    await script(http, gateway, f"{TURN}?turn=1", "keys_two")
    told = await script(http, gateway, f"{TURN}?turn=2", "keys_zero")
    assert verbs(told) == ["Say", "Dial"]
    assert (told[1].text, told[1].attrib["action"]) == ("+86571000000", f"{PUBLIC_URL}{DIALLED}?turn=3")
    assert verbs(await script(http, gateway, f"{DIALLED}?turn=3", "dialled_completed")) == ["Hangup"]
    told = await script(http, gateway, f"{DIALLED}?turn=3", "dialled_no_answer")
    assert verbs(told) == ["Say", "Say", "Record", "Redirect"]
    assert told[2].attrib["recordingStatusCallback"] == f"{PUBLIC_URL}{RECORDING}?turn=4&asks_back=1"
    # Twilio may tell of the file before the caller has heard that it is kept, and when all else was forgotten.
    desk.kept.clear()
    await hook(http, gateway, f"{RECORDING}?turn=4&asks_back=1", payload("voice_twilio", "recording_completed"))
    assert incoming(desk).private
    await gateway.close()


@pytest.mark.parametrize("first", [RECORDED, RECORDING])
async def test_both_tellings_of_a_recording_are_one(
    http: ClientSession, gateway: TestServer, desk: NotedDesk, first: str
) -> None:
    await script(http, gateway, ANSWER, "answer")
    cases = {RECORDED: "recorded_hash_key", RECORDING: "recording_completed"}
    for path in sorted(cases, key=lambda path: path != first):
        assert (await hook(http, gateway, path, payload("voice_twilio", cases[path]))).status in (200, 204)
    assert len(desk.taken) == 2
    assert incoming(desk).address == f"tel:{CITIZEN}"
    assert desk.ready == [SID]


async def test_a_withheld_number_is_nobody(http: ClientSession, gateway: TestServer, desk: NotedDesk) -> None:
    await script(http, gateway, ANSWER, "answer_withheld")
    await script(http, gateway, RECORDED, "recorded_hash_key")
    assert incoming(desk).address is None


async def test_a_call_nobody_remembers_is_taken_with_what_its_request_says(
    http: ClientSession, gateway: TestServer, desk: NotedDesk
) -> None:
    await script(http, gateway, RECORDED, "recorded_hash_key")
    taken = incoming(desk)
    assert (taken.address, taken.line, taken.language) == (f"tel:{CITIZEN}", NUMBER, "zh")
    desk.taken.clear()
    desk.kept.clear()
    await hook(http, gateway, RECORDING, payload("voice_twilio", "recording_completed"))
    assert (incoming(desk).address, incoming(desk).line) == (None, None)


async def test_an_absent_recording_is_nothing(http: ClientSession, gateway: TestServer, desk: NotedDesk) -> None:
    assert (await hook(http, gateway, RECORDING, payload("voice_twilio", "recording_absent"))).status == 204
    assert not desk.taken
    assert not desk.ready


async def test_a_recording_without_a_name_is_refused(http: ClientSession, gateway: TestServer, desk: NotedDesk) -> None:
    assert (await hook(http, gateway, RECORDED, payload("voice_twilio", "recorded_nothing"))).status == 422
    assert not desk.taken


async def test_a_full_gateway_says_so_in_the_call(http: ClientSession, gateway: TestServer, desk: NotedDesk) -> None:
    desk.refuse = Busy("full")
    told = await script(http, gateway, RECORDED, "recorded_hash_key")
    assert verbs(told) == ["Say", "Hangup"]
    assert told[0].text == "抱歉，现在无法接听，请过几分钟再打。"
    assert (await hook(http, gateway, RECORDING, payload("voice_twilio", "recording_completed"))).status == 503
    assert not desk.ready


async def test_what_cannot_be_used_is_not_thanked_for(
    http: ClientSession, gateway: TestServer, desk: NotedDesk
) -> None:
    desk.refuse = BadInput("no")
    assert (await hook(http, gateway, RECORDED, payload("voice_twilio", "recorded_hash_key"))).status == 422


@pytest.mark.parametrize("wrong", [{"longest": 0}, {"silence": 0}, {"colour": "red"}], ids=str)
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        VoiceSettings.model_validate(CREDENTIALS | wrong)


async def test_what_it_can(adapter: Adapter, desk: NotedDesk) -> None:
    able = adapter.capabilities
    assert (adapter.name, adapter.carrier, able.delivery) == ("voice_twilio", "twilio", DeliveryKind.NONE)
    assert (able.receives, able.receipts, able.media) == (True, False, ("audio/x-wav",))
    routes = [(route.method, route.path, route.guard) for route in adapter.routes(desk)]  # type: ignore[arg-type]
    assert routes == [("POST", path, Guard.SIGNATURE) for path in (ANSWER, TURN, RECORDED, RECORDING, DIALLED, CLAIMED)]


REFERENCE = "a" * 32 + "b" * 32


async def test_somebody_on_duty_is_called_and_read_to(adapter: Adapter, twilio: FakeTwilio) -> None:
    twilio.says({"sid": "CA" + "0" * 32, "status": "queued"}, 201)
    await adapter.ring(f"tel:{CITIZEN}", "Posts < wait & wait.", "谢谢。", "zh", REFERENCE)
    [(method, path, fields)] = twilio.asked
    assert (method, path) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json")
    assert (fields["To"], fields["From"]) == (CITIZEN, NUMBER)
    told = ElementTree.fromstring(fields["Twiml"])
    assert verbs(told) == ["Gather", "Gather", "Hangup"]
    assert told[0].attrib["action"].startswith(f"{PUBLIC_URL}{CLAIMED}?reference={REFERENCE}&thanks=")
    assert [(say.attrib["language"], say.text) for say in told[0]] == [("zh-CN", "Posts < wait & wait.")]


@pytest.mark.parametrize(
    ("digits", "reference", "claimed", "said"),
    [
        ("1", REFERENCE, [REFERENCE], ["Say", "Hangup"]),
        ("2", REFERENCE, [], ["Hangup"]),
        ("1", "../../etc", [], ["Hangup"]),
        ("1", "", [], ["Hangup"]),
    ],
)
async def test_the_key_one_claims(
    http: ClientSession,
    gateway: TestServer,
    desk: NotedDesk,
    digits: str,
    reference: str,
    claimed: list[str],
    said: list[str],
) -> None:
    query = urlencode({"reference": reference, "thanks": "thank you", "language": "en"})
    body = urlencode({"AccountSid": ACCOUNT, "CallSid": "CA1", "Digits": digits})
    answer = await hook(http, gateway, f"{CLAIMED}?{query}", body)
    told = ElementTree.fromstring(await answer.text())
    assert (verbs(told), desk.claimed) == (said, claimed)


async def test_what_is_no_number_is_not_called(adapter: Adapter) -> None:
    with pytest.raises(RecipientGone):
        await adapter.ring("tel:nobody", "words", "thanks", "en", REFERENCE)
