from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import structlog
from aiohttp import WSServerHandshakeError, web
from structlog.testing import capture_logs

from channels.base import Capabilities, Channel, Guard, Route
from channels.desk import Desk
from gateway.settings import Settings
from tests.web.conftest import MakeWorld, World

SIGNED = {"X-Signed": "by the carrier"}
WIRE = "/hooks/wire/inbound"
SAY = "/wire/say"
SAY_API = "/api/v1/wire"
SOCKET = "/hooks/wire/socket"
OTHER_SITES = ("https://elsewhere.example", "http://127.0.0.1:9", "null", "//127.0.0.1:8080")


class Wire(Channel):
    """A channel with a route behind each guard, that counts whom it let through."""

    name = "wire"
    capabilities = Capabilities(receives=True)
    handled = 0

    def routes(self, desk: Desk) -> Sequence[Route]:
        return [
            Route("POST", WIRE, Guard.SIGNATURE, self._take),
            Route("GET", SAY, Guard.PUBLIC, self._take),
            Route("POST", SAY, Guard.PUBLIC, self._take),
            Route("POST", SAY_API, Guard.PUBLIC, self._take),
            Route("GET", SOCKET, Guard.SOCKET, self._talk),
        ]

    async def authentic(self, request: web.Request) -> bool:
        return request.headers.get("X-Signed") == SIGNED["X-Signed"] and await request.text() != "forged"

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.handled += 1
        if await request.text() == "crash":
            raise RuntimeError("boom")
        return web.Response(text="taken")

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("hello")
        await socket.close()
        return socket


@pytest.fixture
async def wired(make_world: MakeWorld) -> World:
    return await make_world(Wire)


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield lines


def handled(world: World) -> int:
    wire = world.runtime.channels["wire"]
    assert isinstance(wire, Wire)
    return wire.handled


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [(SIGNED, "hello", 200), ({}, "hello", 403), ({"X-Signed": "by me"}, "hello", 403), (SIGNED, "forged", 403)],
)
async def test_a_carriers_request_must_be_signed(wired: World, headers: dict[str, str], body: str, status: int) -> None:
    response = await wired.client.post(WIRE, data=body, headers=headers)
    assert response.status == status
    assert handled(wired) == (status == 200)


async def test_a_forged_request_is_counted_and_logged_with_the_address_the_carrier_should_call(
    wired: World, logs: list[Any]
) -> None:
    await wired.client.post(f"{WIRE}?From=%2B8613800000000", data="hello")
    line = next(line for line in logs if line["action"] == "hooks.unsigned")
    assert line["channel"] == "wire"
    assert line["expected"] == wired.runtime.settings.public_url + WIRE
    assert "13800000000" not in str(logs)
    metrics = await (await wired.client.get("/metrics")).text()
    assert 'everyline_unsigned_total{channel="wire"} 1.0' in metrics


async def test_a_crash_is_one_requests_own(wired: World) -> None:
    crashed = await wired.client.post(WIRE, data="crash", headers=SIGNED)
    assert (crashed.status, crashed.content_type) == (500, "application/problem+json")
    assert (await wired.client.post(WIRE, data="hello", headers=SIGNED)).status == 200


async def test_a_carriers_body_is_bounded(wired: World) -> None:
    body = "x" * (wired.runtime.settings.server.body_limit + 1)
    response = await wired.client.post(WIRE, data=body, headers=SIGNED)
    assert (response.status, handled(wired)) == (413, 0)


async def test_a_page_is_free_to_read_and_its_form_must_be_ours(wired: World) -> None:
    assert (await wired.client.get(SAY)).status == 200
    token = await wired.form_token("/login")
    assert (await wired.client.post(SAY, data={"text": "hello"})).status == 403
    assert (await wired.client.post(SAY, json={"text": "hello"})).status == 422
    assert (await wired.client.post(SAY, data="hello", headers={"Content-Type": "text/plain"})).status == 403
    ours = {"text": "hello", "csrf": token}
    elsewhere = await wired.client.post(SAY, data=ours, headers={"Sec-Fetch-Site": "same-site"})
    assert elsewhere.status == 403
    assert handled(wired) == 1
    assert (await wired.client.post(SAY, data=ours)).status == 200


async def test_a_program_posts_without_a_form(wired: World) -> None:
    assert (await wired.client.post(SAY_API, json={"text": "hello"})).status == 200


async def test_one_network_address_may_post_so_often_and_another_still_may(
    make_world: MakeWorld, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = settings.model_copy(
        update={
            "intake": settings.intake.model_copy(update={"forms_per_hour": 2}),
            "server": settings.server.model_copy(update={"trusted_proxies": ("127.0.0.1",)}),
        }
    )
    world = await make_world()
    monkeypatch.setattr(world.runtime, "settings", limited)
    world = await make_world(Wire)

    async def post(address: str) -> int:
        response = await world.client.post(SAY_API, json={}, headers={"X-Forwarded-For": address})
        if response.status == 429:
            assert 0 < int(response.headers["Retry-After"]) <= 1801
        return response.status

    assert [await post("198.51.100.1") for _ in range(3)] == [200, 200, 429]
    assert await post("198.51.100.2") == 200
    assert [await post(f"2001:db8:0:1::{host}") for host in "123"] == [200, 200, 429]
    assert await post("2001:db8:0:2::1") == 200
    assert (await world.client.get(SAY, headers={"X-Forwarded-For": "198.51.100.1"})).status == 200


@pytest.mark.parametrize(
    "origin", [None, "https://elsewhere.example", "http://127.0.0.1:9", "null", "//127.0.0.1:8080"]
)
async def test_a_socket_opened_by_another_site_is_refused(wired: World, origin: str | None) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await wired.client.ws_connect(SOCKET, origin=origin)
    assert refused.value.status == 403


async def test_a_socket_of_our_own_pages_opens(wired: World) -> None:
    async with wired.client.ws_connect(SOCKET, origin=wired.runtime.settings.public_url) as socket:
        assert await socket.receive_str() == "hello"
