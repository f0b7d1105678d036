"""HTTP as channels use it: what is surely not sent, what nobody knows, and what is too much."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer, make_mocked_request

from channels._http import FORM_TYPE, Absent, Oversized, ask, failure, form, patience
from channels.failures import Failure, Misconfigured, RecipientGone, Refused, RetryLater, Throttled, Unknown
from gateway import clock
from gateway.errors import BadInput
from tests.channels.twilio_world import FakeTwilio, start_api


@pytest.fixture
async def other() -> AsyncIterator[tuple[FakeTwilio, TestServer]]:
    fake = FakeTwilio()
    server = await start_api(fake)
    yield fake, server
    fake.released.set()
    await server.close()


def closed_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


async def test_an_answer_is_read_whatever_its_status(http: ClientSession, other: tuple[FakeTwilio, TestServer]) -> None:
    other[0].says({"a": 1}, status=418, Extra="yes")
    answer = await ask(http, "GET", other[1].make_url("/x"), seconds=5, params={"q": "1"})
    assert (answer.status, answer.body, answer.headers["extra"]) == (418, b'{"a": 1}', "yes")
    assert other[0].asked == [("GET", "/x", {"q": "1"})]


async def test_redirects_are_not_followed(http: ClientSession, other: tuple[FakeTwilio, TestServer]) -> None:
    other[0].says("", status=302, Location="/elsewhere")
    assert (await ask(http, "GET", other[1].make_url("/x"), seconds=5)).status == 302
    assert len(other[0].asked) == 1


async def test_nobody_listening_is_surely_not_sent(http: ClientSession) -> None:
    with pytest.raises(RetryLater):
        await ask(http, "POST", f"http://127.0.0.1:{closed_port()}/", seconds=5, data=b"x")


async def test_a_name_that_does_not_exist_is_surely_not_sent(http: ClientSession) -> None:
    with pytest.raises(RetryLater):
        await ask(http, "POST", "http://nowhere.invalid/", seconds=5, data=b"x")


async def test_no_answer_is_unknown(http: ClientSession, other: tuple[FakeTwilio, TestServer]) -> None:
    other[0].hangs()
    with pytest.raises(Unknown):
        await ask(http, "POST", other[1].make_url("/x"), seconds=0.3, data=b"x")
    assert other[0].asked


async def test_a_cut_connection_is_unknown_and_not_repeated(
    http: ClientSession, other: tuple[FakeTwilio, TestServer]
) -> None:
    other[0].drops()
    with pytest.raises(Unknown):
        await ask(http, "POST", other[1].make_url("/x"), seconds=5, data=b"x")
    assert len(other[0].asked) == 1


async def test_a_body_that_never_ends_is_unknown(http: ClientSession) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(500):
            await response.write(b" ")
            await asyncio.sleep(0.01)
        return response

    app = web.Application()
    app.router.add_post("/", drip)
    server = TestServer(app)
    await server.start_server()
    with pytest.raises(Unknown):
        await ask(http, "POST", server.make_url("/"), seconds=0.5, data=b"x")
    await server.close()


async def test_a_huge_answer_is_cut_off(http: ClientSession, other: tuple[FakeTwilio, TestServer]) -> None:
    other[0].says(b"x" * 300_000)
    with pytest.raises(Oversized):
        await ask(http, "GET", other[1].make_url("/x"), seconds=5, most_bytes=100_000)


async def test_an_address_that_is_none_is_our_fault(http: ClientSession) -> None:
    with pytest.raises(Misconfigured):
        await ask(http, "GET", "ftp://127.0.0.1/", seconds=5)


STATUSES: list[tuple[int, type[Failure] | None]] = [
    (200, None),
    (204, None),
    (302, Misconfigured),
    (400, Refused),
    (401, Misconfigured),
    (403, Misconfigured),
    (404, Absent),
    (408, RetryLater),
    (410, RecipientGone),
    (422, Refused),
    (429, Throttled),
    (500, RetryLater),
    (502, RetryLater),
    (503, RetryLater),
    (504, Unknown),
]


@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_what_a_status_means(status: int, kind: type[Failure] | None) -> None:
    found = failure(status, {})
    assert type(found) is (kind or type(None))
    assert found is None or found.code == str(status)


PATIENCE = [
    ("seconds", "7", 7.0),
    ("longer than an hour", "999999999999", 3600.0),
    ("a date", "Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
    ("a date without a zone", "Mon, 23 Nov 2026 12:00:30", 30.0),
    ("a date gone by", "Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
    ("nothing", "", None),
    ("nonsense", "soon", None),
    ("negative", "-5", None),
    ("other digits", "٧", None),
]


@pytest.mark.parametrize(("label", "value", "seconds"), PATIENCE)
def test_how_long_to_wait(label: str, value: str, seconds: float | None) -> None:
    clock.replace(now=lambda: datetime(2026, 11, 23, 12, tzinfo=UTC))
    try:
        assert patience({"Retry-After": value}) == seconds
    finally:
        clock.replace()


FORMS = [
    ("blank and repeated", b"b=&a=2&a=1&a=1&c=x+y%2B", [("b", ""), ("a", "2"), ("a", "1"), ("a", "1"), ("c", "x y+")]),
    ("empty", b"", []),
    ("chinese", "文=字".encode(), [("文", "字")]),
    ("bytes that are no text", b"a=\xff", None),
    ("escaped bytes that are no text", b"a=%ff", None),
    ("too many fields", b"&".join(b"a=1" for _ in range(501)), None),
]


@pytest.mark.parametrize(("label", "body", "pairs"), FORMS, ids=[row[0] for row in FORMS])
async def test_forms(label: str, body: bytes, pairs: list[tuple[str, str]] | None) -> None:
    request = make_mocked_request("POST", "/", headers={"Content-Type": FORM_TYPE})
    request._read_bytes = body
    if pairs is None:
        with pytest.raises(BadInput):
            await form(request)
    else:
        assert list((await form(request)).items()) == pairs


async def test_another_kind_of_body_is_no_form() -> None:
    request = make_mocked_request("POST", "/", headers={"Content-Type": "application/json"})
    request._read_bytes = b"{}"
    with pytest.raises(BadInput):
        await form(request)
