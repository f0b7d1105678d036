"""Two gateways on one PostgreSQL, as an operator starts them: what one keeps the other shows; no key but the same."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway import clock
from tests import postgres
from tests.process.gateway import Gateway, running
from tests.process.test_start import run
from tests.process.twilio import CREDENTIALS

pytestmark = pytest.mark.process

PASSWORD = "long enough pw"
SHOWN_WITHIN = 1.0


@pytest.fixture
async def database_url(postgresql: str) -> AsyncIterator[str]:
    """An empty database on a server."""
    async with postgres.empty(postgresql, f"test_{clock.new_id()}") as url:
        yield url


async def test_what_one_commits_the_other_shows_within_a_second(tmp_path: Path, database_url: str) -> None:
    common = {**CREDENTIALS, "EVERYLINE_DATABASE": database_url, "EVERYLINE_PUBLIC_URL": "http://127.0.0.1:8080"}
    one, two = Gateway(tmp_path / "var", **common), Gateway(tmp_path / "var", **common)
    (tmp_path / "var").mkdir()
    try:
        # Both at once: one makes key and tables, the other finds them.
        await asyncio.gather(one.start(), two.start())
        assert one.setup_link == two.setup_link
        assert (tmp_path / "var" / "everyline.key").exists()
        adding = ("user", "add", "mo", "--role", "moderator", "--password-stdin")
        assert (await run(*adding, typed=f"{PASSWORD}\n", **one.environment))[0] == 0
        token = (await run("user", "token", "mo", **two.environment))[1].strip()
        await _publish_and_see(one, two, token)
        await one.kill()
        await _publish_and_see(two, two, token)
        assert await two.stop() == 0
    finally:
        await asyncio.gather(one.kill(), two.kill())


async def _publish_and_see(one: Gateway, two: Gateway, token: str) -> None:
    """Post and publish at one, and read it from the live stream of the other."""
    staff = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(raise_for_status=True) as http, http.get(f"{two.url}/api/v1/stream") as stream:
        await stream.content.readuntil(b"\n\n")
        body = {"text": "a hole in the road"}
        ticket = (await (await http.post(f"{one.url}/api/v1/posts", json=body)).json())["ticket"]
        await http.post(f"{one.url}/api/v1/console/posts/{ticket}/decision", json={"action": "publish"}, headers=staff)
        begun = time.perf_counter()
        async with asyncio.timeout(10):
            while not (line := await stream.content.readline()).startswith(b"data:"):
                pass
        assert json.loads(line.removeprefix(b"data:"))["ticket"] == ticket
        assert time.perf_counter() - begun < SHOWN_WITHIN


async def test_another_key_for_the_same_database_is_refused_in_words(tmp_path: Path, database_url: str) -> None:
    async with running(tmp_path / "one", **CREDENTIALS, EVERYLINE_DATABASE=database_url):
        other = Gateway(tmp_path / "two", **CREDENTIALS, EVERYLINE_DATABASE=database_url)
        code, _, complained = await run("serve", **other.environment)
    assert code == 2
    assert "sealed with another master key" in complained
    assert "EVERYLINE_KEY_FILE" in complained
    assert "Traceback" not in complained
