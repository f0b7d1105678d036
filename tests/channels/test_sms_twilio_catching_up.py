"""Texts that nobody told us of are found in Twilio's list, and taken as the webhook would have taken them."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any, cast

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from channels.desk import Desk
from channels.sms_twilio import INBOUND, Adapter, SmsSettings
from tests.channels.twilio_world import (
    ACCOUNT,
    CITIZEN,
    CREDENTIALS,
    NOW,
    NUMBER,
    FakeTwilio,
    NotedDesk,
    around,
    hook,
    look,
    payload,
)

SID, MMS = "SM" + "0" * 31 + "1", "MM" + "b" * 32
HOME = f"/2010-04-01/Accounts/{ACCOUNT}"
MESSAGES = f"{HOME}/Messages.json"
FILED = NOW - timedelta(minutes=3)

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
async def adapter(http: ClientSession, api: TestServer) -> Adapter:
    return make(http, str(api.make_url("/")))


def make(http: ClientSession, api_url: str, **settings: Any) -> Adapter:
    return Adapter(SmsSettings.model_validate(CREDENTIALS | {"api_url": api_url} | settings), around(http))


def listed(**changes: Any) -> dict[str, Any]:
    """One row of Twilio's list: by default the text of the saved webhook `text_chinese`."""
    row = {
        "account_sid": ACCOUNT,
        "sid": SID,
        "body": "幸福路的路灯坏了，三天没亮。",
        "from": CITIZEN,
        "to": NUMBER,
        "direction": "inbound",
        "status": "received",
        "num_media": "0",
        "date_created": format_datetime(FILED),
        "date_sent": format_datetime(FILED),
    }
    return row | changes


def attached(*types: str) -> dict[str, Any]:
    """Twilio's list of a message's files."""
    rows = [
        {"sid": f"ME{str(n) * 32}", "content_type": kind, "date_created": format_datetime(FILED)}
        for n, kind in enumerate(types, 1)
    ]
    return {"media_list": rows, "page": 0}


async def test_a_text_is_the_same_from_the_list_as_from_the_webhook(
    http: ClientSession, adapter: Adapter, gateway: TestServer, twilio: FakeTwilio, desk: NotedDesk
) -> None:
    twilio.says({"messages": [listed()]})
    await look(adapter, desk)
    await hook(http, gateway, INBOUND, payload("sms_twilio", "text_chinese"))
    found, told = desk.taken
    assert replace(found, raw=b"", received_at=NOW) == replace(told, raw=b"")
    assert found.received_at == FILED
    assert b"MessageSid=" + SID.encode() in found.raw
    method, path, asked = twilio.asked[0]
    assert (method, path, asked["To"], asked["DateSent>"]) == ("GET", MESSAGES, NUMBER, "2026-11-22T11:50:00Z")


async def test_a_photo_is_the_same_from_the_list_as_from_the_webhook(
    http: ClientSession, adapter: Adapter, gateway: TestServer, twilio: FakeTwilio, desk: NotedDesk, api: TestServer
) -> None:
    twilio.says({"messages": [listed(sid=MMS, body="幸福路的路灯坏了", num_media="2")]})
    twilio.says(attached("image/jpeg", "audio/amr"))
    await look(adapter, desk)
    await hook(http, gateway, INBOUND, payload("sms_twilio", "mms_photo_and_voice"))
    found, told = desk.taken
    base = str(api.make_url("/")).rstrip("/")
    here = tuple(replace(file, url=file.url.replace("https://api.twilio.com", base)) for file in told.media)
    assert (found.text, found.media) == (told.text, here)
    assert twilio.asked[1][:2] == ("GET", f"{HOME}/Messages/{MMS}/Media.json")


async def test_what_the_webhook_brought_is_not_taken_again(
    http: ClientSession, adapter: Adapter, gateway: TestServer, twilio: FakeTwilio, desk: NotedDesk
) -> None:
    await hook(http, gateway, INBOUND, payload("sms_twilio", "mms_photo_and_voice"))
    twilio.says({"messages": [listed(sid=MMS, num_media="2")]})
    await look(adapter, desk)
    assert len(desk.taken) == 1
    assert len(twilio.asked) == 1, "nor are its files asked for"


# What stands in the list, and which texts are taken.
LISTS: list[tuple[str, list[dict[str, Any]], list[str]]] = [
    ("nothing", [], []),
    ("ours", [listed(direction="outbound-api", status="delivered")], []),
    ("a reply of ours", [listed(direction="outbound-reply", status="sent")], []),
    ("ours, whatever its status", [listed(direction="outbound-api", status="received")], []),
    ("half of one", [listed(status="receiving", date_sent=None)], []),
    ("a failed one", [listed(status="failed")], []),
    ("no date of sending", [listed(date_sent=None, body="a")], ["a"]),
    ("older than the first look goes back", [listed(date_sent=format_datetime(NOW - timedelta(days=3)))], []),
    ("no words", [listed(body=None)], [""]),
    ("an odd id", [listed(sid="S" * 200), listed(body="good")], ["good"]),
    ("a row without an id", [listed(sid=None)], []),
    ("a row without a date", [listed(date_sent=None, date_created=None)], []),
    ("a row that is none", [cast(Any, 5)], []),
]


@pytest.mark.parametrize(("label", "rows", "texts"), LISTS, ids=[row[0] for row in LISTS])
async def test_what_is_taken(
    adapter: Adapter, twilio: FakeTwilio, desk: NotedDesk, label: str, rows: list[dict[str, Any]], texts: list[str]
) -> None:
    twilio.says({"messages": rows, "page": 0})
    await look(adapter, desk)
    assert [incoming.text for incoming in desk.taken] == texts


# Case, and whether Twilio itself replied.
WORDS = [(" Stop ", True), ("START", True), ("help", True), ("Please stop the noise", False)]


@pytest.mark.parametrize(("text", "replied"), WORDS)
async def test_words_that_twilio_answers_are_known_here_too(
    adapter: Adapter, twilio: FakeTwilio, desk: NotedDesk, text: str, replied: bool
) -> None:
    twilio.says({"messages": [listed(body=text)]})
    await look(adapter, desk)
    assert [incoming.carrier_replied for incoming in desk.taken] == [replied]


async def test_no_sender_is_nobody(adapter: Adapter, twilio: FakeTwilio, desk: NotedDesk) -> None:
    twilio.says({"messages": [listed(**{"from": ""})]})
    await look(adapter, desk)
    assert desk.taken[0].address is None


async def test_files_that_are_gone_there_keep_no_text_back(
    adapter: Adapter, twilio: FakeTwilio, desk: NotedDesk
) -> None:
    twilio.says({"messages": [listed(sid=MMS, num_media="1", body="see photo")]})
    twilio.says({"code": 20404}, status=404)
    await look(adapter, desk)
    assert [(incoming.text, incoming.media) for incoming in desk.taken] == [("see photo", ())]


async def test_pages_are_followed_and_taken_from_the_oldest(
    adapter: Adapter, twilio: FakeTwilio, desk: NotedDesk
) -> None:
    pages = [[("f", 1), ("e", 2)], [("d", 3), ("c", 4)], [("b", 5), ("a", 6)]]

    def page(number: int) -> dict[str, Any]:
        rows = [
            listed(sid=f"SM{name * 32}", body=name, date_sent=format_datetime(NOW - timedelta(minutes=minutes)))
            for name, minutes in pages[number]
        ]
        following = f"{MESSAGES}?Page={number + 1}&PageToken=PA{number}" if number < 2 else None
        return {"messages": rows, "page": number, "next_page_uri": following}

    for number in (0, 1, 2, 1):
        twilio.says(page(number))
    await look(adapter, desk)
    assert [incoming.text for incoming in desk.taken] == ["a", "b", "c", "d", "e", "f"]
    assert [asked.get("PageToken") for _, _, asked in twilio.asked] == [None, "PA0", "PA1", "PA0"]
    assert desk.kept[f"sms_twilio listed:{ACCOUNT}:{NUMBER}"] == {"at": (NOW - timedelta(minutes=1)).isoformat()}


async def test_a_carrier_in_trouble_stops_nothing_and_nothing_secret_is_said(
    adapter: Adapter, twilio: FakeTwilio, desk: NotedDesk
) -> None:
    twilio.says({"code": 20003, "message": f"Authenticate {CITIZEN}"}, status=401)
    with capture_logs() as logs:
        await look(adapter, desk)
    assert [line["action"] for line in logs] == ["catching_up.lost"]
    assert CITIZEN not in str(logs)


async def test_it_can_be_switched_off(
    http: ClientSession, api: TestServer, twilio: FakeTwilio, desk: NotedDesk
) -> None:
    silent = make(http, str(api.make_url("/")), catch_up_minutes=0)
    await asyncio.wait_for(silent.run(cast(Desk, desk)), 1)
    assert not twilio.asked


async def test_a_repeat_is_not_counted_as_new(adapter: Adapter, twilio: FakeTwilio, desk: NotedDesk) -> None:
    desk.repeated = True
    twilio.says({"messages": [listed()]})
    with capture_logs() as logs:
        await look(adapter, desk)
    assert [incoming.external_id for incoming in desk.taken] == [SID]
    assert logs == []
