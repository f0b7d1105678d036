"""Text messages through Twilio: what comes in, what goes out, and what becomes of it when things go wrong."""

import asyncio
import logging
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from unittest.mock import patch

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from channels import _twilio, sms_twilio
from channels.base import DeliveryKind, Guard
from channels.failures import (
    Failure,
    Misconfigured,
    OptedOut,
    RecipientGone,
    Refused,
    RetryLater,
    Throttled,
    Unknown,
)
from channels.sms_twilio import INBOUND, STATUS, Adapter, SmsSettings
from gateway import clock
from gateway.errors import Busy
from gateway.schema_outgoing import Outgoing, Receipt, ReceiptStatus, SendResult
from tests.channels.test__http import closed_port
from tests.channels.twilio_world import (
    ACCOUNT,
    CITIZEN,
    CREDENTIALS,
    NOW,
    NUMBER,
    TOKEN,
    FakeTwilio,
    NotedDesk,
    around,
    hook,
    payload,
)

SID = "SM" + "a" * 32
TEXT = "【城】已收到，编号 48217053。"
OUT = Outgoing(1, f"tel:{CITIZEN}", TEXT, "zh", "key")
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
async def adapter(http: ClientSession, api: TestServer) -> Adapter:
    return make(http, str(api.make_url("/")))


def make(http: ClientSession, api_url: str, **settings: Any) -> Adapter:
    return Adapter(SmsSettings.model_validate(CREDENTIALS | {"api_url": api_url} | settings), around(http))


# Case, text, address, whether Twilio itself replied.
TAKEN = [
    ("text_chinese", "幸福路的路灯坏了，三天没亮。", f"tel:{CITIZEN}", False),
    (
        "text_signs_and_lines",
        "Pipe burst @ 5th & Main?\r\n100% sure + it's 50°, call me ~ 'now' =;/",
        f"tel:{CITIZEN}",
        False,
    ),
    ("stop_word", " Stop ", f"tel:{CITIZEN}", True),
    ("stop_word_within", "Please stop the noise", f"tel:{CITIZEN}", False),
    ("opt_out_type", "ARRET", f"tel:{CITIZEN}", True),
    ("short_code", "Your parcel is here", "tel:95588", False),
    ("alphanumeric", "Sale! 50% off", "tel:BigShop", False),
    ("no_sender", "who am I", None, False),
    ("picture", "", f"tel:{CITIZEN}", False),
    ("new_parameters", "street light", f"tel:{CITIZEN}", False),
    ("repeated_parameter", "street light", f"tel:{CITIZEN}", False),
]


@pytest.mark.parametrize(("case", "text", "address", "replied"), TAKEN, ids=[row[0] for row in TAKEN])
async def test_messages_are_taken(
    http: ClientSession,
    gateway: TestServer,
    desk: NotedDesk,
    case: str,
    text: str,
    address: str | None,
    replied: bool,
) -> None:
    body = payload("sms_twilio", case)
    answer = await hook(http, gateway, INBOUND, body)
    assert (answer.status, answer.content_type) == (200, "text/xml")
    assert (await answer.text()).endswith("<Response/>")
    [incoming] = desk.taken
    assert (incoming.channel, incoming.text, incoming.address) == ("sms_twilio", text, address)
    assert (incoming.line, incoming.received_at, incoming.carrier_replied) == (NUMBER, NOW, replied)
    assert incoming.external_id in body
    assert incoming.raw == body.encode()


NOT_TAKEN = [("without_sid", 422), ("without_from", 422), ("other_account", 403)]


@pytest.mark.parametrize(("case", "status"), NOT_TAKEN)
async def test_what_is_no_message_of_ours_is_refused(
    http: ClientSession, gateway: TestServer, desk: NotedDesk, case: str, status: int
) -> None:
    answer = await hook(http, gateway, INBOUND, payload("sms_twilio", case))
    assert answer.status == status
    assert not desk.taken


@pytest.mark.parametrize("path", [INBOUND, STATUS])
async def test_forged_webhooks_reach_nobody(
    http: ClientSession, gateway: TestServer, desk: NotedDesk, path: str
) -> None:
    body = payload("sms_twilio", "text_chinese")
    answer = await hook(http, gateway, path, body, public_url="https://elsewhere.example")
    assert answer.status == 403
    assert not desk.taken
    assert not desk.receipts


async def test_a_full_gateway_lets_twilio_repeat(http: ClientSession, gateway: TestServer, desk: NotedDesk) -> None:
    desk.refuse = Busy("full")
    assert (await hook(http, gateway, INBOUND, payload("sms_twilio", "text_chinese"))).status == 503
    desk.refuse = None
    assert (await hook(http, gateway, INBOUND, payload("sms_twilio", "text_chinese"))).status == 200


STATUSES: list[tuple[str, ReceiptStatus | None, str | None]] = [
    ("status_queued", None, None),
    ("status_sending", None, None),
    ("status_sent", ReceiptStatus.SENT, None),
    ("status_delivered", ReceiptStatus.DELIVERED, None),
    ("status_read", ReceiptStatus.DELIVERED, None),
    ("status_canceled", ReceiptStatus.FAILED, None),
    ("status_undelivered", ReceiptStatus.FAILED, "30003"),
    ("status_failed", ReceiptStatus.FAILED, "30008"),
]


@pytest.mark.parametrize(("case", "status", "code"), STATUSES)
async def test_receipts(
    http: ClientSession,
    gateway: TestServer,
    desk: NotedDesk,
    case: str,
    status: ReceiptStatus | None,
    code: str | None,
) -> None:
    body = payload("sms_twilio", case)
    assert (await hook(http, gateway, STATUS, body)).status == 204
    sid = body.partition("MessageSid=")[2][:34]
    assert desk.receipts == ([Receipt(sid, status, NOW, code)] if status else [])


async def test_a_receipt_for_nothing_is_refused(http: ClientSession, gateway: TestServer, desk: NotedDesk) -> None:
    assert (await hook(http, gateway, STATUS, payload("sms_twilio", "status_without_sid"))).status == 422
    assert not desk.receipts


async def test_what_is_sent(adapter: Adapter, twilio: FakeTwilio) -> None:
    twilio.says({"sid": SID, "status": "queued"}, status=201)
    assert await adapter.send(OUT) == SendResult(SID)
    wanted = {
        "To": CITIZEN,
        "From": NUMBER,
        "Body": TEXT,
        "StatusCallback": "https://city.example/hooks/sms_twilio/status",
        "ValidityPeriod": "14400",
    }
    assert twilio.asked == [("POST", MESSAGES, wanted)]


# What Twilio answers, and what that is.
SENDINGS: list[tuple[str, int, Any, type[Failure]]] = [
    ("throttled", 429, {"code": 20429, "message": "Too many requests"}, Throttled),
    ("error", 500, {"code": 20500, "message": "oops"}, RetryLater),
    ("error of a proxy", 502, "<html>bad gateway</html>", RetryLater),
    ("proxy gave up waiting", 504, "<html>timeout</html>", Unknown),
    ("opted out", 400, {"code": 21610, "message": f"{CITIZEN} has opted out"}, OptedOut),
    ("no such number", 400, {"code": 21211, "message": f"{CITIZEN} is not valid"}, RecipientGone),
    ("region", 403, {"code": 21408, "message": f"not to {CITIZEN}"}, Refused),
    ("loop guard", 400, {"code": 14107, "message": "loop"}, Refused),
    ("wrong token", 401, {"code": 20003, "message": "Authenticate"}, Misconfigured),
    ("number that cannot send", 400, {"code": 21606, "message": f"{NUMBER} cannot"}, Misconfigured),
    ("sent elsewhere", 302, "", Misconfigured),
    ("a page with 200", 200, "<html>welcome to the hotel network</html>", Unknown),
    ("nothing with 201", 201, "", Unknown),
    ("a list", 201, [], Unknown),
    ("no id", 201, {"status": "queued"}, Unknown),
    ("an id that is none", 201, {"sid": 7}, Unknown),
    ("numbers that are none", 201, {"sid": SID, "error_code": "x", "date_sent": 7}, Unknown),
    ("huge", 201, b" " * 3_000_000, Unknown),
]


@pytest.mark.parametrize(("label", "status", "content", "kind"), SENDINGS, ids=[row[0] for row in SENDINGS])
async def test_how_sending_fails(
    adapter: Adapter,
    twilio: FakeTwilio,
    caplog: pytest.LogCaptureFixture,
    label: str,
    status: int,
    content: Any,
    kind: type[Failure],
) -> None:
    caplog.set_level(logging.DEBUG)
    twilio.says(content, status=status, **{"Retry-After": "3"})
    with pytest.raises(Failure) as caught:
        await adapter.send(OUT)
    assert type(caught.value) is kind
    assert len(twilio.asked) == 1
    for secret in (TOKEN, CITIZEN):
        assert secret not in str(caught.value) + caught.value.detail + caplog.text
    if isinstance(caught.value, Throttled):
        assert caught.value.retry_after == 3


async def test_a_refused_connection_may_be_repeated(http: ClientSession) -> None:
    with pytest.raises(RetryLater):
        await make(http, f"http://127.0.0.1:{closed_port()}").send(OUT)


async def test_a_silent_carrier_leaves_it_unknown(adapter: Adapter, twilio: FakeTwilio) -> None:
    twilio.hangs()
    with patch.object(_twilio, "_SECONDS", 0.3), pytest.raises(Unknown):
        await adapter.send(OUT)
    assert len(twilio.asked) == 1


async def test_a_cut_connection_leaves_it_unknown(adapter: Adapter, twilio: FakeTwilio) -> None:
    twilio.drops()
    with pytest.raises(Unknown):
        await adapter.send(OUT)
    assert len(twilio.asked) == 1


@pytest.mark.parametrize("address", [None, "", "tel:", "web:1", CITIZEN])
async def test_what_is_no_number_is_not_sent(adapter: Adapter, twilio: FakeTwilio, address: str | None) -> None:
    with pytest.raises(Refused):
        await adapter.send(Outgoing(1, address, TEXT, "zh", "key"))
    assert not twilio.asked


def listed(**changes: Any) -> dict[str, Any]:
    """One row of Twilio's list: by default the very message that was sent."""
    row = {
        "sid": SID,
        "body": TEXT,
        "from": NUMBER,
        "to": CITIZEN,
        "direction": "outbound-api",
        "status": "sent",
        "date_created": format_datetime(NOW),
        "date_sent": None,
    }
    return row | changes


def earlier(seconds: float) -> str:
    """A date so long before the attempt, as Twilio writes it."""
    return format_datetime(NOW - timedelta(seconds=seconds))


MORE = "/2010-04-01/Accounts/x/Messages.json?Page=1"
# The rows listed, whether there is a next page, and what that shows.
SETTLED: list[tuple[str, list[dict[str, Any]], bool, SendResult | type[Failure] | None]] = [
    ("there", [listed()], False, SendResult(SID)),
    ("there and delivered", [listed(status="delivered")], False, SendResult(SID, final=True)),
    ("there, not yet sent", [listed(status="queued")], False, SendResult(SID)),
    ("clocks apart", [listed(date_created=earlier(4))], False, SendResult(SID)),
    ("trial account", [listed(body=f"Sent from your Twilio trial account - {TEXT}")], False, SendResult(SID)),
    ("among others", [listed(sid="SMx", body="other"), listed()], True, SendResult(SID)),
    ("empty", [], False, None),
    ("other words", [listed(body="other")], False, None),
    ("the same words before", [listed(date_created=earlier(60))], False, None),
    ("the citizen's own", [listed(direction="inbound")], False, None),
    ("full page that goes back", [listed(body="other"), listed(date_created=earlier(60))], True, None),
    ("full page that does not", [listed(body="other")], True, Unknown),
    ("twice", [listed(), listed(sid="SMx")], False, Unknown),
    ("without a date", [listed(date_created=None)], False, Unknown),
]


@pytest.mark.parametrize(("label", "rows", "more", "found"), SETTLED, ids=[row[0] for row in SETTLED])
async def test_settling(
    adapter: Adapter,
    twilio: FakeTwilio,
    label: str,
    rows: list[dict[str, Any]],
    more: bool,
    found: SendResult | type[Failure] | None,
) -> None:
    twilio.says({"messages": rows, "page": 0, "page_size": 100, "next_page_uri": MORE if more else None})
    clock.replace(now=lambda: NOW + timedelta(seconds=20))
    if isinstance(found, type):
        with pytest.raises(found):
            await adapter.settle(OUT, NOW)
    else:
        assert await adapter.settle(OUT, NOW) == found
    assert twilio.asked == [("GET", MESSAGES, {"To": CITIZEN, "From": NUMBER, "PageSize": "100"})]


async def test_settling_does_not_believe_an_empty_list_too_early(adapter: Adapter, twilio: FakeTwilio) -> None:
    twilio.says({"messages": []})
    clock.replace(now=lambda: NOW + timedelta(seconds=2))
    with pytest.raises(Unknown):
        await adapter.settle(OUT, NOW)


UNSETTLED: list[tuple[str, int, Any]] = [
    ("error", 500, {}),
    ("throttled", 429, {"code": 20429}),
    ("wrong token", 401, {"code": 20003}),
    ("a page", 200, "<html>"),
    ("not a list", 200, {"a": 1, "b": 2}),
    ("rows that are none", 200, {"messages": [1]}),
    ("messages that are none", 200, {"messages": None}),
    ("huge", 200, b" " * 3_000_000),
]


@pytest.mark.parametrize(("label", "status", "content"), UNSETTLED, ids=[row[0] for row in UNSETTLED])
async def test_a_list_that_cannot_be_read_settles_nothing(
    adapter: Adapter, twilio: FakeTwilio, label: str, status: int, content: Any
) -> None:
    twilio.says(content, status=status)
    clock.replace(now=lambda: NOW + timedelta(minutes=1))
    with pytest.raises(Unknown) as caught:
        await adapter.settle(OUT, NOW)
    assert CITIZEN not in str(caught.value)


async def test_a_carrier_that_is_away_settles_nothing(http: ClientSession) -> None:
    with pytest.raises(Unknown):
        await make(http, f"http://127.0.0.1:{closed_port()}").settle(OUT, NOW)


MEASURED = [("", 1), ("hello", 1), ("a" * 161, 2), ("路" * 70, 1), ("路" * 71, 2), ("😀" * 36, 2)]


@pytest.mark.parametrize(("text", "segments"), MEASURED, ids=range(len(MEASURED)))
async def test_what_a_text_costs(adapter: Adapter, text: str, segments: int) -> None:
    assert adapter.measure(text) == segments


async def test_the_rate_holds_back_what_is_too_much(http: ClientSession, twilio: FakeTwilio, api: TestServer) -> None:
    twilio.says({"sid": SID}, status=201)
    slow = make(http, str(api.make_url("/")), segments_per_second=1.0)
    results: list[SendResult | BaseException] = []
    with patch.object(sms_twilio, "_TURN_SECONDS", 0.2):
        results += await asyncio.gather(*(slow.send(OUT) for _ in range(30)), return_exceptions=True)
    sent = [result for result in results if isinstance(result, SendResult)]
    held = [result for result in results if isinstance(result, Throttled)]
    assert (len(sent), len(held)) == (24, 6)
    assert len(twilio.asked) == 24


async def test_a_long_text_fits_a_slow_number(http: ClientSession, twilio: FakeTwilio, api: TestServer) -> None:
    twilio.says({"sid": SID}, status=201)
    slow = make(http, str(api.make_url("/")), segments_per_second=0.5)
    longest = Outgoing(1, f"tel:{CITIZEN}", "😀" * 1600, "zh", "key")
    assert await slow.send(longest) == SendResult(SID)


WRONG = [{"segments_per_second": 0}, {"validity": 0}, {"validity": 36_001}, {"colour": "red"}]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SmsSettings.model_validate(CREDENTIALS | wrong)


async def test_what_it_can(adapter: Adapter, desk: NotedDesk) -> None:
    able = adapter.capabilities
    assert (adapter.name, adapter.carrier, able.delivery) == ("sms_twilio", "twilio", DeliveryKind.SEND)
    assert (able.receives, able.receipts, able.paid, able.schemes, able.limit) == (True, True, True, ("tel",), 1600)
    routes = [(route.method, route.path, route.guard) for route in adapter.routes(desk)]  # type: ignore[arg-type]
    assert routes == [("POST", INBOUND, Guard.SIGNATURE), ("POST", STATUS, Guard.SIGNATURE)]
