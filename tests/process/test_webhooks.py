"""A publication reaches a subscriber of the real gateway once, although the process is killed on the way."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.channels.subscribed import Receiver, expected
from tests.process.gateway import Gateway
from tests.process.test_start import run

pytestmark = pytest.mark.process
UNDO_SECONDS = "EVERYLINE_GATEWAY__BROADCAST__UNDO_SECONDS"
# Nothing is told while the first process lives.
ENVIRONMENT = {"EVERYLINE_CHANNELS__WEBHOOK__ALLOW_ANY_ADDRESS": "true", UNDO_SECONDS: "3600"}


async def call(gateway: Gateway, token: str, path: str, body: dict[str, str] | None = None) -> Any:
    headers, method = {"Authorization": f"Bearer {token}"}, "POST" if body else "GET"
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.request(method, f"{gateway.url}/api/v1/{path}", json=body) as response,
    ):
        assert response.status < 300, await response.text()
        return await response.json()


async def recorded(gateway: Gateway, token: str) -> None:
    """Wait until the gateway knows that its only subscriber was told, and nothing more waits for it."""
    while True:
        [one] = (await call(gateway, token, "console/subscribers"))["items"]
        if one["last_success_at"] and not one["waiting"] and not one["behind"]:
            return
        await asyncio.sleep(0.1)


async def test_killed_between_publishing_and_telling(tmp_path: Path) -> None:
    receiver, came, app = Receiver(), asyncio.Event(), web.Application()

    async def answer(_request: web.Request) -> web.Response:
        came.set()
        return web.Response(status=204)

    receiver.answer = answer
    app.router.add_post("/in", receiver.handle)
    server = TestServer(app)
    await server.start_server()
    (tmp_path / "var").mkdir()
    gateway = Gateway(tmp_path / "var", **ENVIRONMENT)
    await gateway.start()
    try:
        await run("user", "add", "ad", "--role", "administrator", "--password-stdin", typed="long enough pw\n",
                  **gateway.environment)  # fmt: skip
        token = (await run("user", "token", "ad", **gateway.environment))[1].strip()
        subscriber = {"url": str(server.make_url("/in")), "name": "open data"}
        secret = (await call(gateway, token, "console/subscribers", subscriber))["secret"]
        ticket = (await call(gateway, token, "posts", {"text": "water pipe leaking"}))["ticket"]
        await call(gateway, token, f"console/posts/{ticket}/decision", {"action": "publish"})
        await gateway.kill()
        assert receiver.calls == []
        gateway.environment[UNDO_SECONDS] = "0"
        await gateway.start()
        async with asyncio.timeout(30):
            await came.wait()
            await recorded(gateway, token)
    finally:
        await gateway.stop()
        await server.close()
    [told] = receiver.calls
    assert told.event["data"]["ticket"] == ticket
    assert told.headers["webhook-signature"] == expected(secret, told.headers, told.body)
