"""Two gateways on one PostgreSQL, as an operator starts them: what one keeps the other shows; no key but the same."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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


async def test_who_has_a_post_open_in_one_is_known_to_the_other(tmp_path: Path, database_url: str) -> None:
    common = {**CREDENTIALS, "EVERYLINE_DATABASE": database_url, "EVERYLINE_PUBLIC_URL": "http://127.0.0.1:8080"}
    one, two = Gateway(tmp_path / "var", **common), Gateway(tmp_path / "var", **common)
    (tmp_path / "var").mkdir()
    try:
        await asyncio.gather(one.start(), two.start())
        for name in ("anna", "boris"):
            adding = ("user", "add", name, "--role", "moderator", "--password-stdin")
            assert (await run(*adding, typed=f"{PASSWORD}\n", **one.environment))[0] == 0
        async with _logged_in(one, "anna") as anna, _logged_in(two, "boris") as boris:
            await anna.post(f"{one.url}/api/v1/posts", json={"text": "a hole in the road"})
            page = await (await anna.get(f"{one.url}/console")).text()
            post = re.findall(r'data-post="(\w+)"', page)[0]
            await anna.post(f"{one.url}/console/queue/{post}/open", data={"csrf": _token(page)})
            # The other process shows who has it open, and asks back before it decides it under her hands.
            page = await (await boris.get(f"{two.url}/console")).text()
            assert "anna" in page[page.index(post) :]
            fields = {"csrf": _token(page), "action": "publish", "unless_held": "1"}
            decide, headers = f"{two.url}/console/posts/{post}/decision", {"Accept": "application/json"}
            async with boris.post(decide, data=fields, headers=headers, raise_for_status=False) as asked:
                assert (asked.status, (await asked.json())["holder"]) == (409, "anna")
            page = await (await anna.get(f"{one.url}/console")).text()
            await anna.post(f"{one.url}/console/queue/{post}/leave", data={"csrf": _token(page)})
            async with boris.post(decide, data=fields, headers=headers) as done:
                assert "decided" in (await done.json())["html"]
    finally:
        await asyncio.gather(one.kill(), two.kill())


@asynccontextmanager
async def _logged_in(gateway: Gateway, name: str) -> AsyncIterator[aiohttp.ClientSession]:
    """The browser of somebody who works at one gateway."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), raise_for_status=True) as browser:
        page = await (await browser.get(f"{gateway.url}/login")).text()
        fields = {"csrf": _token(page), "name": name, "password": PASSWORD}
        async with browser.post(f"{gateway.url}/login", data=fields) as answer:
            assert answer.url.path == "/console"
        yield browser


def _token(page: str) -> str:
    return str(re.findall(r'name="csrf" value="([^"]+)"', page)[0])
