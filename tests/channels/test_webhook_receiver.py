"""The receiver of docs/webhooks.md, taken from there and run: it must take what is genuine, and that once."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from channels import webhook
from gateway import clock
from gateway.schema_outgoing import DeliveryState
from tests.channels.subscribed import Hooks, Receiver, message
from tests.process.gateway import free_port

DOCUMENT = Path(__file__).parents[2] / "docs" / "webhooks.md"


@pytest.fixture
async def documented(hooks: Hooks, tmp_path: Path) -> AsyncIterator[tuple[str, str, asyncio.subprocess.Process]]:
    """The receiver of docs/webhooks.md as a process, subscribed; gives its URL, its secret and itself."""
    [program] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (tmp_path / "receiver.py").write_text(program)
    port = free_port()
    receiver = Receiver(url=f"http://127.0.0.1:{port}/")
    entered = await hooks.subscribe(receiver)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "receiver.py",
        str(port),
        cwd=tmp_path,
        env={**os.environ, "WEBHOOK_SECRET": entered.secret},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await _listening(port)
        yield receiver.url, entered.secret, process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def test_the_documented_receiver_takes_each_event_once(
    hooks: Hooks, documented: tuple[str, str, asyncio.subprocess.Process]
) -> None:
    url, secret, process = documented
    ticket = await hooks.publish()
    await hooks.deliver()
    assert [one.state for one in await hooks.deliveries()] == [DeliveryState.DELIVERED]
    channel = hooks.runtime.channels["webhook"]
    repeated = message(url, secret, '{"type": "post.updated", "data": {"ticket": "48217053"}}')
    await channel.send(repeated)
    await channel.send(repeated)
    process.terminate()
    out, _ = await process.communicate()
    assert out.decode().splitlines() == [f"post.published {ticket}", "post.updated 48217053"]


@pytest.mark.parametrize(
    ("change", "seconds", "status"),
    [
        ({}, 0, 204),
        ({"body": b'{"type": "test", "data": {"x": 1}}'}, 0, 401),
        ({}, -400, 401),
        ({}, 400, 401),
        ({"webhook-id": "msg_other"}, 0, 401),
        ({"webhook-timestamp": "1"}, 0, 401),
        ({"webhook-timestamp": "x"}, 0, 401),
        ({"webhook-signature": ""}, 0, 401),
    ],
)
async def test_the_documented_receiver_refuses_what_was_changed_or_is_old(
    documented: tuple[str, str, asyncio.subprocess.Process], change: dict[str, Any], seconds: int, status: int
) -> None:
    url, secret, _ = documented
    body = b'{"type": "test", "data": {}}'
    headers = dict(webhook.signed("msg_1", clock.now() + timedelta(seconds=seconds), body, [secret]))
    sent = change.get("body", body)
    headers |= {name: value for name, value in change.items() if name != "body"}
    async with ClientSession() as http, http.post(url, data=sent, headers=headers) as answer:
        assert answer.status == status
