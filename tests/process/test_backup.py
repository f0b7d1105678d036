"""The real commands beside the real gateway: a backup while it runs, refused restores, and a gateway that goes on."""

from pathlib import Path

import aiohttp
import pytest

from tests.process.gateway import running
from tests.process.test_start import run

pytestmark = pytest.mark.process


async def tickets(url: str) -> list[str]:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/api/v1/posts") as response:
        return [post["ticket"] for post in (await response.json())["items"]]


async def report(url: str, text: str, staff: dict[str, str]) -> str:
    """Say something and publish it; gives its ticket."""
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{url}/api/v1/posts", json={"text": text}) as response:
            ticket: str = (await response.json())["ticket"]
        decision = f"{url}/api/v1/console/posts/{ticket}/decision"
        async with http.post(decision, json={"action": "publish"}, headers=staff) as response:
            assert response.status == 200
    return ticket


@pytest.mark.timeout(300)  # eight processes are started, one after the other
async def test_a_backup_is_taken_beside_a_gateway_and_put_back_when_it_is_stopped(tmp_path: Path) -> None:
    archive = str(tmp_path / "backup.tar")
    async with running(tmp_path / "var") as gateway:
        await run(
            "user",
            "add",
            "mo",
            "--role",
            "moderator",
            "--password-stdin",
            typed="a long password\n",
            **gateway.environment,
        )
        _, token, _ = await run("user", "token", "mo", "--scope", "read", "--scope", "moderate", **gateway.environment)
        staff = {"Authorization": f"Bearer {token.strip()}"}
        before = await report(gateway.url, "the lamp at the gate is out", staff)
        code, said, complained = await run("backup", archive, **gateway.environment)
        assert (code, "verified" in said) == (0, True), complained
        after = await report(gateway.url, "a second one at the bridge", staff)
        assert set(await tickets(gateway.url)) == {before, after}
        code, _, complained = await run("restore", archive, "--force", **gateway.environment)
        assert (code, "another gateway serves" in complained) == (2, True)
        await gateway.stop()
        code, said, complained = await run("restore", archive, "--force", **gateway.environment)
        assert (code, "restored the state" in said) == (0, True), complained
        await gateway.start()
        assert await tickets(gateway.url) == [before]
        again = await report(gateway.url, "and one at the school", staff)
        assert set(await tickets(gateway.url)) == {before, again}
