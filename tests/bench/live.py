"""From a decision to a thousand live listeners: a moderator publishes, and each open stream has the post.

The gateway is a process of its own; the listeners share one with the moderator, so that their clock is one. Measured is
from the moment the decision is sent to the moment a listener has read the whole event.
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path

import aiohttp

from tests.bench.intake import Figure
from tests.process.gateway import Gateway, running
from tests.process.test_start import run
from tests.process.twilio import CREDENTIALS

LISTENERS = 1000
POSTS = 20
# Seconds between two publications.
APART = 0.5
REQUEST = b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


async def measure() -> list[Figure]:
    """The 99th percentile over all listeners and posts."""
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder), **CREDENTIALS) as gateway:
            times = sorted(await _publish_to_all(gateway))
    p99 = times[int(len(times) * 0.99)] * 1000
    return [Figure("decision_to_listeners_p99", p99, f"ms, {LISTENERS} listeners", 250, more_is_better=False)]


async def _publish_to_all(gateway: Gateway) -> list[float]:
    adding = ("user", "add", "mo", "--role", "moderator", "--password-stdin")
    await run(*adding, typed="long enough pw\n", **gateway.environment)
    staff = {"Authorization": f"Bearer {(await run('user', 'token', 'mo', **gateway.environment))[1].strip()}"}
    decided: dict[str, float] = {}
    arrived: list[tuple[str, float]] = []
    streams = [asyncio.create_task(_listen(gateway.port, arrived)) for _ in range(LISTENERS)]
    async with aiohttp.ClientSession(raise_for_status=True) as http:
        tickets = [await _post(http, gateway.url, n) for n in range(POSTS)]
        await asyncio.sleep(5)  # until all listen
        for ticket in tickets:
            decision = f"{gateway.url}/api/v1/console/posts/{ticket}/decision"
            decided[ticket] = time.perf_counter()
            await http.post(decision, json={"action": "publish"}, headers=staff)
            await asyncio.sleep(APART)
    for stream in streams:
        stream.cancel()
    await asyncio.gather(*streams, return_exceptions=True)
    if len(arrived) != LISTENERS * POSTS:
        raise AssertionError(f"{len(arrived)} events arrived of {LISTENERS * POSTS}")
    return [at - decided[ticket] for ticket, at in arrived]


async def _post(http: aiohttp.ClientSession, url: str, number: int) -> str:
    body = {"text": f"a hole in the road, number {number}"}
    ticket: str = (await (await http.post(f"{url}/api/v1/posts", json=body)).json())["ticket"]
    return ticket


async def _listen(port: int, arrived: list[tuple[str, float]]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    while line := await reader.readline():
        if line.startswith(b"data:"):
            at = time.perf_counter()
            arrived.append((json.loads(line.removeprefix(b"data:"))["ticket"], at))
