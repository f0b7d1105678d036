"""A recording's way from Twilio to us: fetched within bounds, from our own account only, and then forgotten there."""

from collections.abc import AsyncIterator
from unittest.mock import patch

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from channels import _twilio, _twilio_files
from channels.base import Fetched
from channels.failures import Failure, Refused, RetryLater, Throttled, Unknown
from channels.voice_twilio import Adapter, VoiceSettings
from tests.channels.test__http import closed_port
from tests.channels.twilio_world import ACCOUNT, CREDENTIALS, FakeTwilio, around, start_api

SID = "RE" + "0" * 31 + "1"
RECORDINGS = f"/2010-04-01/Accounts/{ACCOUNT}/Recordings"
WAVE = b"RIFF\x24\x00\x00\x00WAVEfmt "


@pytest.fixture
async def adapter(http: ClientSession, api: TestServer) -> Adapter:
    return make(http, str(api.make_url("/")))


def make(http: ClientSession, api_url: str) -> Adapter:
    return Adapter(VoiceSettings.model_validate(CREDENTIALS | {"api_url": api_url}), around(http))


async def test_a_recording_is_fetched(adapter: Adapter, twilio: FakeTwilio, api: TestServer) -> None:
    twilio.says(WAVE, status=200, **{"Content-Type": "audio/x-wav; rate=8000"})
    assert await adapter.fetch(str(api.make_url(f"{RECORDINGS}/{SID}")), 1000) == Fetched(WAVE, "audio/x-wav")
    assert await adapter.fetch(str(api.make_url(f"{RECORDINGS}/{SID}.wav")), 1000) == Fetched(WAVE, "audio/x-wav")
    assert twilio.asked == [("GET", f"{RECORDINGS}/{SID}.wav", {})] * 2
    assert all(proof and proof.startswith("Basic ") for proof in twilio.proofs)


FETCHES: list[tuple[str, int, bytes, str, type[Failure]]] = [
    ("not there yet", 404, b"{}", "application/json", RetryLater),
    ("error", 500, b"", "text/plain", RetryLater),
    ("gateway timeout", 504, b"", "text/plain", RetryLater),
    ("throttled", 429, b'{"code": 20429}', "application/json", Throttled),
    ("wrong token, till mended", 401, b'{"code": 20003}', "application/json", RetryLater),
    ("gone", 410, b"", "text/plain", Refused),
    ("a page", 200, b"<html>", "text/html", Refused),
    ("no type", 200, WAVE, "", Refused),
    ("too long", 200, WAVE * 100, "audio/x-wav", Refused),
]


@pytest.mark.parametrize(("label", "status", "content", "kind", "failure"), FETCHES, ids=[row[0] for row in FETCHES])
async def test_how_fetching_fails(
    adapter: Adapter,
    twilio: FakeTwilio,
    api: TestServer,
    label: str,
    status: int,
    content: bytes,
    kind: str,
    failure: type[Failure],
) -> None:
    twilio.says(content, status=status, **{"Content-Type": kind})
    with pytest.raises(failure):
        await adapter.fetch(str(api.make_url(f"{RECORDINGS}/{SID}")), 1000)


async def test_a_file_that_does_not_come_is_tried_later(adapter: Adapter, twilio: FakeTwilio, api: TestServer) -> None:
    twilio.hangs()
    with patch.object(_twilio_files, "_FETCH_SECONDS", 0.3), pytest.raises(RetryLater):
        await adapter.fetch(str(api.make_url(f"{RECORDINGS}/{SID}")), 1000)


async def test_a_carrier_that_is_away_is_tried_later(http: ClientSession) -> None:
    base = f"http://127.0.0.1:{closed_port()}"
    with pytest.raises(RetryLater):
        await make(http, base).fetch(f"{base}{RECORDINGS}/{SID}", 1000)


OTHER = "AC" + "f" * 32
FOREIGN = [
    ("another host", f"http://evil.example{RECORDINGS}/{SID}"),
    ("the host as a prefix", f"{{api}}.evil.example{RECORDINGS}/{SID}"),
    ("the host as a user", f"{{api}}@evil.example{RECORDINGS}/{SID}"),
    ("another account", f"{{api}}/2010-04-01/Accounts/{OTHER}/Recordings/{SID}"),
    ("another thing of ours", f"{{api}}/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}"),
    ("the account itself", f"{{api}}/2010-04-01/Accounts/{ACCOUNT}.json"),
    ("up and away", f"{{api}}{RECORDINGS}/../../{OTHER}/Recordings/{SID}"),
    ("a query", f"{{api}}{RECORDINGS}/{SID}?x=1"),
    ("a line more", f"{{api}}{RECORDINGS}/{SID}\n"),
    ("inside", "http://169.254.169.254/latest/meta-data"),
    ("a file", "file:///etc/passwd"),
    ("nothing", ""),
]


@pytest.mark.parametrize(("label", "url"), FOREIGN, ids=[row[0] for row in FOREIGN])
async def test_foreign_addresses_are_never_asked(
    adapter: Adapter, twilio: FakeTwilio, api: TestServer, label: str, url: str
) -> None:
    address = url.replace("{api}", str(api.make_url("/")).rstrip("/"))
    for act in (adapter.fetch(address, 1000), adapter.forget(address)):
        with pytest.raises(Refused):
            await act
    assert not twilio.asked


@pytest.fixture
async def storage() -> AsyncIterator[tuple[FakeTwilio, TestServer]]:
    """Where Twilio's files really lie: another host."""
    fake = FakeTwilio()
    server = await start_api(fake)
    yield fake, server
    await server.close()


async def test_a_redirect_is_followed_without_our_credentials(
    adapter: Adapter, twilio: FakeTwilio, api: TestServer, storage: tuple[FakeTwilio, TestServer]
) -> None:
    signed = f"{storage[1].make_url('/bucket/x.wav')}?Signature=a%2Fb%2Bc%3D"
    twilio.says("", status=307, Location=f"{RECORDINGS}/elsewhere")
    twilio.says("", status=302, Location=signed)
    seen: list[str] = []

    async def give(request: web.Request) -> web.Response:
        seen.append(request.raw_path)
        return web.Response(body=WAVE, content_type="audio/x-wav")

    storage[0].answers.append(give)
    assert await adapter.fetch(str(api.make_url(f"{RECORDINGS}/{SID}")), 1000) == Fetched(WAVE, "audio/x-wav")
    assert seen == ["/bucket/x.wav?Signature=a%2Fb%2Bc%3D"]
    assert [bool(proof) for proof in twilio.proofs] == [True, True]
    assert storage[0].proofs == [None]


REDIRECTS = [
    ("ever on", "x/x", 4),
    ("round and round", f"{RECORDINGS}/{SID}.wav", 1),
    ("nowhere", "", 1),
    ("a file", "file:///etc/passwd", 1),
    ("another scheme", "ftp://127.0.0.1/x", 1),
    ("nonsense", "http://[", 1),
    ("no host", "http://", 1),
]


@pytest.mark.parametrize(("label", "location", "asked"), REDIRECTS, ids=[row[0] for row in REDIRECTS])
async def test_redirects_that_are_not_followed(
    adapter: Adapter, twilio: FakeTwilio, api: TestServer, label: str, location: str, asked: int
) -> None:
    twilio.says("", status=302, Location=location)
    with pytest.raises(Refused):
        await adapter.fetch(str(api.make_url(f"{RECORDINGS}/{SID}")), 1000)
    assert len(twilio.asked) == asked


async def test_the_carrier_forgets(adapter: Adapter, twilio: FakeTwilio, api: TestServer) -> None:
    url = str(api.make_url(f"{RECORDINGS}/{SID}"))
    twilio.says(b"", status=204)
    twilio.says({"code": 20404}, status=404)
    twilio.says({"code": 20500}, status=500)
    await adapter.forget(url)
    await adapter.forget(url)
    with pytest.raises(RetryLater):
        await adapter.forget(url)
    assert [(method, path) for method, path, _ in twilio.asked] == [("DELETE", f"{RECORDINGS}/{SID}.json")] * 3


async def test_forgetting_does_not_wait_for_ever(adapter: Adapter, twilio: FakeTwilio, api: TestServer) -> None:
    twilio.hangs()
    with patch.object(_twilio, "_SECONDS", 0.3), pytest.raises(Unknown):
        await adapter.forget(str(api.make_url(f"{RECORDINGS}/{SID}")))
