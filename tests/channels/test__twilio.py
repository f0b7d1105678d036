"""Twilio's signature, its settings, and what its answers mean, on whichever channel."""

import base64
import hashlib
import logging
from typing import Any
from unittest.mock import patch

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from multidict import MultiDict
from pydantic import ValidationError
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from channels import _twilio
from channels._http import Answer
from channels._twilio import TwilioChannel, TwilioSettings, failed, hash_fits, signed
from channels.base import Standing
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
from channels.voice_twilio import Adapter, VoiceSettings
from tests.channels.test__http import closed_port
from tests.channels.twilio_world import (
    ACCOUNT,
    CITIZEN,
    CREDENTIALS,
    NUMBER,
    PUBLIC_URL,
    TOKEN,
    FakeTwilio,
    NotedDesk,
    around,
    hook,
    payload,
    serve,
    sign,
)

# Twilio's own vectors (its helper's tests and its page on webhook security); the token is "12345".
DOCUMENTED = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
    ("Caller", "+14158675309"),
]
REPEATED = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")]
BODY = b'{"property": "value", "boolean": true}'
BODY_HASH = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
PLAIN = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
VECTORS = [
    ("as documented", DOCUMENTED, CALL, PLAIN, True),
    ("https port signed, not called", DOCUMENTED, CALL, "kvajT1Ptam85bY51eRf/AJRuM3w=", True),
    ("https port called, not signed", DOCUMENTED.replace(".com", ".com:443"), CALL, PLAIN, True),
    ("http port signed, not called", DOCUMENTED.replace("https", "http"), CALL, "0ZXoZLH/DfblKGATFgpif+LLRf4=", True),
    ("odd port", "http://mycompany.com:1234/myapp.php?foo=1&bar=2", CALL, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=", True),
    ("repeated values", DOCUMENTED, REPEATED, "IK+Dwps556ElfBT0I3Rgjkr1wJU=", True),
    ("body hash in the query", f"{DOCUMENTED}&bodySHA256={BODY_HASH}", [], "a9nBmqA0ju/hNViExpshrM61xv4=", True),
    ("another path", DOCUMENTED.replace("myapp", "other"), CALL, PLAIN, False),
    ("query in another order", "https://mycompany.com/myapp.php?bar=2&foo=1", CALL, PLAIN, False),
    ("a slash more", DOCUMENTED.replace(".php", ".php/"), CALL, PLAIN, False),
    ("a field more", DOCUMENTED, [*CALL, ("Extra", "")], PLAIN, False),
    ("a value changed", DOCUMENTED, [*CALL[1:], ("CallSid", "CA1")], PLAIN, False),
    ("another host", DOCUMENTED.replace("mycompany", "yourcompany"), CALL, PLAIN, False),
    ("nothing", DOCUMENTED, CALL, "", False),
    ("no text", DOCUMENTED, CALL, "ключ\udcff", False),
    ("bytes in the path that are no text", DOCUMENTED + "\udcff", CALL, PLAIN, False),
]


@pytest.mark.parametrize(("label", "url", "params", "signature", "good"), VECTORS, ids=[row[0] for row in VECTORS])
def test_signature_vectors(label: str, url: str, params: list[tuple[str, str]], signature: str, good: bool) -> None:
    assert signed(["12345"], url, MultiDict(params), signature) is good
    assert not signed(["54321"], url, MultiDict(params), signature)
    assert signed(["54321", "12345"], url, MultiDict(params), signature) is good


SPELLINGS = [
    ("IPv6", "http://[2001:db8::1]/x", "http://[2001:db8::1]:80/x"),
    ("IPv6 and port", "https://[2001:db8::1]:8443/x", "https://[2001:db8::1]/x"),
    ("user and port", "https://user:pass@host:8443/x", "https://user:pass@host/x"),
    ("user alone", "https://user:1@host/x", "https://user:1@host:443/x"),
    ("port in the query", "https://host/x?u=http://h:9/", "https://host:443/x?u=http://h:9/"),
    ("no path", "https://host?x=1", "https://host:443?x=1"),
    ("websocket", "wss://host/media", "wss://host:443/media"),
]


@pytest.mark.parametrize(("label", "called", "spelled"), SPELLINGS, ids=[row[0] for row in SPELLINGS])
def test_ports_come_and_go_without_harm_to_the_rest(label: str, called: str, spelled: str) -> None:
    params: MultiDict[str] = MultiDict()
    assert signed([TOKEN], called, params, sign(called, ""))
    assert signed([TOKEN], called, params, sign(spelled, ""))


def test_newer_signatures_by_their_named_algorithm() -> None:
    signature = RequestValidator("12345").compute_signature(DOCUMENTED, MultiDict(CALL), "HMAC_SHA256")
    assert signed(["12345"], DOCUMENTED, MultiDict(CALL), signature, "HMAC_SHA256")
    assert not signed(["12345"], DOCUMENTED, MultiDict(CALL), signature)
    assert not signed(["12345"], DOCUMENTED, MultiDict(CALL), signature, "HMAC_MD5")


def test_a_body_must_be_the_one_whose_hash_was_signed() -> None:
    query = f"foo=1&bodySHA256={BODY_HASH}"
    assert hash_fits(query, BODY)
    assert not hash_fits(query, BODY + b" ")
    assert not hash_fits("foo=1", BODY)
    assert not hash_fits("bodySHA256=", BODY)


def channel(http: ClientSession, public_url: str = PUBLIC_URL, **settings: Any) -> Adapter:
    return Adapter(VoiceSettings(**(CREDENTIALS | settings)), around(http, public_url))


# The path and query as they stand on the wire, the public address, and the body: real requests over a socket, by http
# while the public address is https.
ON_THE_WIRE = [
    ("plain", "https://city.example", "", "Digits=1"),
    ("public address with a slash", "https://city.example/", "", "Digits=1"),
    ("public address with a path", "https://city.example/line", "", "Digits=1"),
    ("public address with a port", "https://city.example:8443", "", "Digits=1"),
    ("public address with path and port", "https://city.example:8443/a/b", "?x=1", "Digits=1"),
    ("escaped quote", "https://city.example", "?x=%27", "Digits=1"),
    ("plus", "https://city.example", "?x=a+b", "Digits=1"),
    ("slash in the query", "https://city.example", "?x=/a/", "Digits=1"),
    ("escaped tilde", "https://city.example", "?x=%7E", "Digits=1"),
    ("small hex digits", "https://city.example", "?x=%e8%b7%af%2f", "Digits=1"),
    ("blank and repeated in the query", "https://city.example", "?x=&x=2&x=1", "Digits=1"),
    ("blank fields", "https://city.example", "", "Digits=&FromCity="),
    ("repeated fields", "https://city.example", "", "Digits=2&Digits=1&Digits=1"),
    ("signs in fields", "https://city.example", "", "Digits=%2B1+%26%3D%25%E8%B7%AF"),
]


@pytest.mark.parametrize(("label", "public", "query", "extra"), ON_THE_WIRE, ids=[row[0] for row in ON_THE_WIRE])
async def test_signatures_over_a_socket(http: ClientSession, label: str, public: str, query: str, extra: str) -> None:
    server = await serve(channel(http, public), NotedDesk())
    body = payload("voice_twilio", "answer") + "&" + extra
    path = f"/hooks/voice_twilio/turn{query}"
    good = await hook(http, server, path, body, public_url=public.rstrip("/"))
    forged = await hook(http, server, path, body, public_url="https://elsewhere.example")
    await server.close()
    assert (good.status, forged.status) == (200, 403)


REFUSED = [
    ("no header", {}, None),
    ("empty header", {"X-Twilio-Signature": ""}, None),
    ("forged", {"X-Twilio-Signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}, None),
    ("no ASCII", {"X-Twilio-Signature": "签名"}, None),
    ("wrong token", {"X-Twilio-Signature": sign(f"{PUBLIC_URL}/hooks/voice_twilio/answer", "a=1", "wrong")}, b"a=1"),
    ("body changed", {"X-Twilio-Signature": sign(f"{PUBLIC_URL}/hooks/voice_twilio/answer", "a=1")}, b"a=2"),
    ("bytes that are no text", {"X-Twilio-Signature": sign(f"{PUBLIC_URL}/hooks/voice_twilio/answer", "")}, b"a=%ff"),
    (
        "proxy headers believed",
        {
            "X-Twilio-Signature": sign("https://evil.example/hooks/voice_twilio/answer", "a=1"),
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "https",
            "Host": "evil.example",
        },
        b"a=1",
    ),
]


@pytest.mark.parametrize(("label", "headers", "body"), REFUSED, ids=[row[0] for row in REFUSED])
async def test_what_is_not_signed_is_refused(
    http: ClientSession, label: str, headers: dict[str, str], body: bytes | None
) -> None:
    desk = NotedDesk()
    server = await serve(channel(http), desk)
    data = payload("voice_twilio", "answer").encode() if body is None else body
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await http.post(server.make_url("/hooks/voice_twilio/answer"), data=data, headers=headers | kind)
    await server.close()
    assert answer.status == 403
    assert not desk.kept


async def test_an_unsigned_body_under_a_signed_address_is_refused(http: ClientSession) -> None:
    server = await serve(channel(http), NotedDesk())
    path = "/hooks/voice_twilio/answer"
    bare = {"X-Twilio-Signature": sign(PUBLIC_URL + path, ""), "Content-Type": "application/json"}
    hashed = f"{path}?bodySHA256={hashlib.sha256(b'{}').hexdigest()}"
    proved = {"X-Twilio-Signature": sign(PUBLIC_URL + hashed, ""), "Content-Type": "application/json"}
    unproved = await http.post(server.make_url(path), data=b"{}", headers=bare)
    signed_json = await http.post(server.make_url(hashed), data=b"{}", headers=proved)
    await server.close()
    assert unproved.status == 403
    assert signed_json.status == 422  # let through, and then no form


async def test_tokens_in_rotation_are_all_heard_and_the_first_speaks(
    http: ClientSession, twilio: FakeTwilio, api: TestServer
) -> None:
    rotating = channel(http, auth_token=f"new-token, {TOKEN}", api_url=str(api.make_url("/")))
    server = await serve(rotating, NotedDesk())
    answer = await hook(http, server, "/hooks/voice_twilio/answer", payload("voice_twilio", "answer"))
    await server.close()
    twilio.says({"sid": ACCOUNT, "status": "active"})
    twilio.says(number())
    await rotating.check()
    assert answer.status == 200
    assert twilio.proofs == ["Basic " + _basic(f"{ACCOUNT}:new-token")] * 2


SETTINGS = [
    ("account that is none", {"account_sid": "AC1"}),
    ("no token", {"auth_token": " , "}),
    ("number without plus", {"number": "8657112345678"}),
    ("short number", {"number": "+1"}),
    ("address without scheme", {"api_url": "api.twilio.com"}),
    ("address with a query", {"api_url": "https://api.twilio.com/?x"}),
    ("unknown key", {"colour": "red"}),
]


@pytest.mark.parametrize(("label", "wrong"), SETTINGS, ids=[row[0] for row in SETTINGS])
def test_settings_that_cannot_be(label: str, wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        TwilioSettings.model_validate(CREDENTIALS | wrong)
    assert TOKEN not in str(caught.value.errors(include_input=False))


async def test_secrets_show_nowhere(http: ClientSession) -> None:
    made = channel(http)
    for shown in (repr(made), repr(made.account), repr(VoiceSettings(**CREDENTIALS)), str(made)):
        assert TOKEN not in shown


# HTTP status, Twilio's code, what it means.
CODES: list[tuple[int, int, type[Failure]]] = [
    (400, 21610, OptedOut),
    (400, 21211, RecipientGone),
    (400, 21614, RecipientGone),
    (400, 21612, RecipientGone),
    (400, 21635, RecipientGone),
    (403, 21408, Refused),
    (400, 21408, Refused),
    (400, 21608, Refused),
    (400, 21617, Refused),
    (400, 14107, Refused),
    (400, 99999, Refused),
    (400, 21603, Misconfigured),
    (400, 21606, Misconfigured),
    (401, 20003, Misconfigured),
    (403, 20005, Misconfigured),
    (403, 99999, Misconfigured),
    (429, 20429, Throttled),
    (429, 99999, Throttled),
    (429, 21610, Throttled),
    (400, 21611, Throttled),
    (500, 20500, RetryLater),
    (503, 20503, RetryLater),
    (504, 20504, Unknown),
]


@pytest.mark.parametrize(("status", "code", "kind"), CODES)
def test_what_a_code_means(status: int, code: int, kind: type[Failure]) -> None:
    words = f'{{"code": {code}, "message": "The number {CITIZEN} ...", "status": {status}}}'
    found = failed(Answer(status, {"Retry-After": "9"}, words.encode()))
    assert type(found) is kind
    assert CITIZEN not in str(found)
    if isinstance(found, Throttled):
        assert found.retry_after == 9
    if status < 500:
        assert found.code == str(code)


BODIES = [b"", b"<html>", b"[]", b"null", b'{"code": "x"}', b'{"code": true}', b"\xff", b"[" * 100_000]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_refusal_without_a_code_is_judged_by_its_status(body: bytes) -> None:
    found = failed(Answer(400, {}, body))
    assert found is not None
    assert found.code == "400"


def number(**fields: Any) -> dict[str, Any]:
    """Twilio's list of our one number, by default set up as the hotline needs it."""
    hotline = {"voice_url": f"{PUBLIC_URL}/hooks/voice_twilio/answer#rc=3&rp=all", "voice_method": "POST"}
    fallback = {"voice_fallback_url": f"{PUBLIC_URL}/hooks/voice_twilio/answer", "voice_fallback_method": "POST"}
    return {"incoming_phone_numbers": [{"phone_number": NUMBER} | hotline | fallback | fields], "page": 0}


CHECKS: list[tuple[str, Any, int, Standing]] = [
    ("suspended", {"sid": ACCOUNT, "status": "suspended"}, 200, Standing.NEVER),
    ("closed", {"sid": ACCOUNT, "status": "closed"}, 200, Standing.NEVER),
    ("closed to the API", {"code": 20005, "message": "Account not active"}, 403, Standing.NEVER),
    ("wrong token", {"code": 20003, "message": "Authenticate"}, 401, Standing.ASK),
    ("wrong account", {"code": 20404, "message": "not found"}, 404, Standing.ASK),
    ("in trouble", {"code": 20500, "message": "oops"}, 500, Standing.LATER),
    ("too many", {"code": 20429, "message": "slow"}, 429, Standing.LATER),
    ("a page of something else", "<html>hello</html>", 200, Standing.LATER),
    ("a list", [], 200, Standing.LATER),
    ("too long", b"{" + b" " * 3_000_000 + b"}", 200, Standing.LATER),
]


@pytest.mark.parametrize(("label", "content", "status", "standing"), CHECKS, ids=[row[0] for row in CHECKS])
async def test_check(
    http: ClientSession,
    twilio: FakeTwilio,
    api: TestServer,
    label: str,
    content: Any,
    status: int,
    standing: Standing,
) -> None:
    twilio.says(content, status=status)
    health = await channel(http, api_url=str(api.make_url("/"))).check()
    assert health.standing is standing
    assert health.sentence
    assert TOKEN not in health.sentence
    assert twilio.asked == [("GET", f"/2010-04-01/Accounts/{ACCOUNT}.json", {})]


# What Twilio says of the number, how things stand then, and a word of what is said.
NUMBERS: list[tuple[str, Any, int, Standing, str]] = [
    ("set up well", number(), 200, Standing.READY, "knows the account and its number"),
    ("calls go elsewhere", number(voice_url="https://x.example/"), 200, Standing.READY, "/hooks/voice_twilio/answer"),
    ("not ours", {"incoming_phone_numbers": []}, 200, Standing.ASK, f"no number {NUMBER}"),
    ("a longer one", number(phone_number=NUMBER + "9"), 200, Standing.ASK, f"no number {NUMBER}"),
    ("not for this key", {"code": 20003, "message": "Authenticate"}, 401, Standing.ASK, "refuses"),
    ("in trouble", {"code": 20500, "message": "oops"}, 500, Standing.LATER, "cannot be reached"),
    ("a page of something else", "<html>hello</html>", 200, Standing.LATER, "cannot be reached"),
]


@pytest.mark.parametrize(("label", "content", "status", "standing", "word"), NUMBERS, ids=[row[0] for row in NUMBERS])
async def test_check_of_the_number(
    http: ClientSession,
    twilio: FakeTwilio,
    api: TestServer,
    label: str,
    content: Any,
    status: int,
    standing: Standing,
    word: str,
) -> None:
    twilio.says({"sid": ACCOUNT, "status": "active"})
    twilio.says(content, status=status)
    health = await channel(http, api_url=str(api.make_url("/"))).check()
    assert health.standing is standing
    assert word in health.sentence
    asked = ("GET", f"/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json", {"PhoneNumber": NUMBER})
    assert (*twilio.asked[1][:2], {"PhoneNumber": twilio.asked[1][2]["PhoneNumber"]}) == asked


async def test_check_of_what_cannot_be_reached(http: ClientSession) -> None:
    health = await channel(http, api_url=f"http://127.0.0.1:{closed_port()}").check()
    assert health.standing is Standing.LATER


async def test_check_of_what_never_answers(http: ClientSession, twilio: FakeTwilio, api: TestServer) -> None:
    twilio.hangs()
    with patch.object(_twilio, "_SECONDS", 0.2):
        health = await channel(http, api_url=str(api.make_url("/"))).check()
    assert health.standing is Standing.LATER


async def test_the_environment_of_the_process_does_not_lead_elsewhere(
    http: ClientSession, twilio: FakeTwilio, api: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    monkeypatch.setenv("TWILIO_REGION", "au1")
    twilio.says({"sid": ACCOUNT, "status": "active"})
    twilio.says(number())
    health = await channel(http, api_url=f"{api.make_url('/')}base/").check()
    assert health.standing is Standing.READY
    assert twilio.asked[0][1] == f"/base/2010-04-01/Accounts/{ACCOUNT}.json"


async def test_nothing_secret_is_logged(
    http: ClientSession, twilio: FakeTwilio, api: TestServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    twilio.says({"code": 20003, "message": f"Authenticate {CITIZEN}"}, status=401)
    await channel(http, api_url=str(api.make_url("/"))).check()
    assert TOKEN not in caplog.text
    assert CITIZEN not in caplog.text
    assert _basic(f"{ACCOUNT}:{TOKEN}") not in caplog.text


def test_the_base_is_no_channel_by_itself() -> None:
    assert TwilioChannel.carrier == "twilio"
    assert not hasattr(TwilioChannel, "name")


def _basic(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
