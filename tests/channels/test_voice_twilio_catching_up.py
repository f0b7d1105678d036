"""Recordings that nobody told us of are found in Twilio's list, with the caller of their call."""

from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from channels._call_state import Call
from channels.voice_twilio import WITHHELD, Adapter, VoiceSettings
from gateway.schema_incoming import Incoming, IncomingMedia
from tests.channels.twilio_world import ACCOUNT, CITIZEN, CREDENTIALS, NOW, NUMBER, FakeTwilio, NotedDesk, around, look

SID, CALL = "RE" + "0" * 31 + "1", "CA" + "0" * 31 + "1"
HOME = f"/2010-04-01/Accounts/{ACCOUNT}"
FILED = NOW - timedelta(minutes=3)

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
async def adapter(http: ClientSession, api: TestServer) -> Adapter:
    settings = VoiceSettings.model_validate(CREDENTIALS | {"api_url": str(api.make_url("/"))})
    return Adapter(settings, around(http))


def listed(**changes: Any) -> dict[str, Any]:
    """Twilio's list with one recording of the hotline in it."""
    row = {
        "sid": SID,
        "call_sid": CALL,
        "status": "completed",
        "source": "RecordVerb",
        "duration": "7",
        "date_created": format_datetime(FILED),
    }
    return {"recordings": [row | changes], "page": 0}


def call(**changes: Any) -> dict[str, Any]:
    return {"sid": CALL, "from": CITIZEN, "to": NUMBER, "direction": "inbound", "status": "completed"} | changes


def incoming(base: str, number: str | None, language: str, raw: bytes) -> Incoming:
    return Incoming(
        channel="voice_twilio",
        external_id=SID,
        text="",
        received_at=NOW,
        address=f"tel:{number}" if number else None,
        line=NUMBER,
        language=language,
        media=(IncomingMedia(SID, f"{base}{HOME}/Recordings/{SID}", "audio/x-wav", language),),
        commands=False,
        raw=raw,
    )


async def test_a_recording_of_a_call_we_remember(
    adapter: Adapter, twilio: FakeTwilio, desk: NotedDesk, api: TestServer
) -> None:
    known = Call("voice_twilio", CALL, f"tel:{CITIZEN}", NUMBER, "en")
    await desk.keep("voice_twilio", f"call:{CALL}", known.to_mapping())
    twilio.says(listed())
    await look(adapter, desk)
    base = str(api.make_url("/")).rstrip("/")
    assert desk.taken == [incoming(base, CITIZEN, "en", desk.taken[0].raw)]
    assert desk.ready == [SID]
    assert [asked[:2] for asked in twilio.asked] == [("GET", f"{HOME}/Recordings.json")]
    assert twilio.asked[0][2]["DateCreated>"] == "2026-11-22T11:48:00Z"


# What Twilio says of the call, and whose recording it is; False for nobody's of ours.
CALLS: list[tuple[str, dict[str, Any], int, str | bool | None]] = [
    ("a citizen", call(), 200, CITIZEN),
    *[(f"withheld {number}", call(**{"from": number}), 200, None) for number in sorted(WITHHELD)],
    ("anonymous", call(**{"from": "anonymous"}), 200, None),
    ("nobody", call(**{"from": None}), 200, None),
    ("to another number of the account", call(to="+8657199999999"), 200, False),
    ("ours to somebody", call(direction="outbound-api"), 200, False),
    ("gone", {"code": 20404}, 404, False),
]


@pytest.mark.parametrize(("label", "content", "status", "number"), CALLS, ids=[row[0] for row in CALLS])
async def test_a_recording_of_a_call_we_forgot(
    adapter: Adapter,
    twilio: FakeTwilio,
    desk: NotedDesk,
    api: TestServer,
    label: str,
    content: dict[str, Any],
    status: int,
    number: str | bool | None,
) -> None:
    twilio.says(listed())
    twilio.says(content, status=status)
    await look(adapter, desk)
    assert twilio.asked[1][:2] == ("GET", f"{HOME}/Calls/{CALL}.json")
    if isinstance(number, bool):
        assert (desk.taken, desk.ready) == ([], [])
    else:
        base = str(api.make_url("/")).rstrip("/")
        assert desk.taken == [incoming(base, number, "zh", desk.taken[0].raw)]


OTHERS = [
    {"status": "absent"},
    {"status": "deleted"},
    {"status": "failed"},
    {"source": "DialVerb"},
    {"source": "Conference"},
    {"call_sid": None, "status": "failed"},
]


@pytest.mark.parametrize("changes", OTHERS, ids=str)
async def test_what_is_no_recording_of_the_hotline_is_left(
    adapter: Adapter, twilio: FakeTwilio, desk: NotedDesk, changes: dict[str, Any]
) -> None:
    twilio.says(listed(**changes))
    await look(adapter, desk)
    assert desk.taken == []
    assert len(twilio.asked) == 1


@pytest.mark.parametrize("status", ["in-progress", "paused", "stopped", "processing"])
async def test_what_is_not_finished_is_taken_at_the_next_look(
    adapter: Adapter, twilio: FakeTwilio, desk: NotedDesk, status: str
) -> None:
    known = Call("voice_twilio", CALL, f"tel:{CITIZEN}", NUMBER, "en")
    await desk.keep("voice_twilio", f"call:{CALL}", known.to_mapping())
    twilio.says(listed(status=status))
    await look(adapter, desk)
    assert desk.taken == []
    twilio.answers.clear()
    twilio.says(listed())
    await look(adapter, desk)
    assert [taken.external_id for taken in desk.taken] == [SID]


async def test_a_recording_taken_before_is_not_hurried(adapter: Adapter, twilio: FakeTwilio, desk: NotedDesk) -> None:
    desk.repeated = True
    twilio.says(listed())
    twilio.says(call())
    await look(adapter, desk)
    assert len(desk.taken) == 1
    assert desk.ready == []
