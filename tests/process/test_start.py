"""The command line as operators meet it: what starting says, what is refused, staff and tokens, stopping."""

import asyncio
import os
import sys
from pathlib import Path

import aiohttp
import pytest

from gateway.service import is_local
from tests.process.gateway import ROOT, Gateway, free_port, running
from tests.process.twilio import CREDENTIALS

pytestmark = pytest.mark.process


async def run(*arguments: str, typed: str = "", **environment: str) -> tuple[int, str, str]:
    """Run one command to its end; gives its exit code and what it said on both outputs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "run.py"),
        *arguments,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await asyncio.wait_for(process.communicate(typed.encode()), 30)
    assert process.returncode is not None
    return process.returncode, said.decode(), complained.decode()


async def test_without_credentials_the_simulator_stands_in_and_says_so(tmp_path: Path) -> None:
    async with running(tmp_path / "var") as gateway:
        for words in ("sms_twilio       SIMULATED", "portal           on", "nothing leaves this machine", "/setup/"):
            assert words in gateway.said
        key = tmp_path / "var" / "everyline.key"
        assert key.stat().st_mode & 0o777 == 0o600
        assert await gateway.stop() == 0


async def test_with_credentials_there_is_no_simulator(tmp_path: Path) -> None:
    async with running(tmp_path / "var", **CREDENTIALS) as gateway:
        assert "sms_twilio       on" in gateway.said
        assert "handsets" not in gateway.said
        assert "SIMULATED" not in gateway.said


async def test_no_simulator_where_the_world_could_reach_it(tmp_path: Path) -> None:
    async with running(tmp_path / "var", EVERYLINE_PUBLIC_URL="https://line.example.org") as gateway:
        assert "sms_twilio       off" in gateway.said
        assert "handsets" not in gateway.said


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost", True),
        ("http://[::1]:8080", True),
        ("https://line.example.org", False),
        ("http://10.0.0.1", False),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org", False),
    ],
)
def test_what_is_local(url: str, local: bool) -> None:
    assert is_local(url) is local


async def test_a_second_gateway_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path / "var") as gateway:
        other = {**gateway.environment, "EVERYLINE_PORT": str(free_port())}
        other["EVERYLINE_GATEWAY__SIMULATOR__PORT"] = str(free_port())
        code, _, complained = await run("serve", **other)
    assert code == 2
    assert "another gateway serves" in complained
    assert "Traceback" not in complained


async def test_all_faults_of_the_settings_are_told_without_a_traceback(tmp_path: Path) -> None:
    wrong = {
        "EVERYLINE_DATA": str(tmp_path),
        "EVERYLINE_PORT": "99999",
        "EVERYLINE_CHANNELS__SMS_TWILIO__VALIDITY": "0",
        "EVERYLINE_SPEECH__WORKERS": "none",
        **CREDENTIALS,
    }
    code, said, complained = await run("check", **wrong)
    assert code == 2
    assert said == ""
    for part in ("gateway.toml: server.port:", "speech.toml: workers:"):
        assert part in complained
    assert "Traceback" not in complained
    wrong["EVERYLINE_PORT"], wrong["EVERYLINE_SPEECH__WORKERS"] = "0", "1"
    code, _, complained = await run("check", **wrong)
    assert (code, "channels.toml: sms_twilio.validity:" in complained) == (2, True)


async def test_check_says_how_things_stand(tmp_path: Path) -> None:
    code, said, _ = await run("check", EVERYLINE_DATA=str(tmp_path))
    assert code == 0
    assert "settings         ok" in said
    assert "sms_twilio       off: no credentials" in said
    dead = {"EVERYLINE_TWILIO_API_URL": f"http://127.0.0.1:{free_port()}", **CREDENTIALS}
    _, said, _ = await run("check", EVERYLINE_DATA=str(tmp_path), **dead)
    assert "sms_twilio       later:" in said
    assert CREDENTIALS["EVERYLINE_TWILIO_AUTH_TOKEN"] not in said


async def test_migrate_brings_a_database_up_and_says_where_it_stands(tmp_path: Path) -> None:
    data = {"EVERYLINE_DATA": str(tmp_path)}
    assert (await run("migrate", "--status", **data))[0] == 1
    assert (await run("migrate", **data))[1].startswith("applied: 0001")
    assert (await run("migrate", **data))[1] == "nothing to do\n"
    assert (await run("migrate", "--status", **data))[0] == 0


async def test_staff_and_their_tokens_while_the_gateway_runs(tmp_path: Path) -> None:
    async with running(tmp_path / "var") as gateway:
        added = await run("user", "add", "mo", "--role", "moderator", "--password-stdin", typed="long enough pw\n",
                          **gateway.environment)  # fmt: skip
        assert added[0] == 0, added[2]
        code, token, _ = await run("user", "token", "mo", **gateway.environment)
        assert code == 0
        short = await run("user", "add", "no", "--role", "viewer", "--password-stdin", typed="short\n",
                          **gateway.environment)  # fmt: skip
        assert (short[0], "password" in short[2]) == (2, True)
        await ask(gateway, token.strip())


async def ask(gateway: Gateway, token: str) -> None:
    """Post by the API, find it in the queue with a token, publish it, and read it without one."""
    async with aiohttp.ClientSession() as http:
        body = {"text": "garbage smell near the school"}
        taken = await http.post(f"{gateway.url}/api/v1/posts", json=body, headers={"Idempotency-Key": "k1"})
        assert taken.status == 202
        again = await http.post(f"{gateway.url}/api/v1/posts", json=body, headers={"Idempotency-Key": "k1"})
        ticket = (await taken.json())["ticket"]
        assert (await again.json())["ticket"] == ticket
        queue = f"{gateway.url}/api/v1/console/queue"
        assert (await http.get(queue)).status == 401
        assert (await http.get(queue, headers={"Authorization": "Bearer wrong"})).status == 401
        mine = {"Authorization": f"Bearer {token}"}
        items = (await (await http.get(queue, headers=mine)).json())["items"]
        assert [item["ticket"] for item in items] == [ticket]
        decision = f"{gateway.url}/api/v1/console/posts/{ticket}/decision"
        assert (await http.post(decision, json={"action": "publish"}, headers=mine)).status == 200
        posts = await (await http.get(f"{gateway.url}/api/v1/posts")).json()
        assert [post["ticket"] for post in posts["items"]] == [ticket]
        assert (await http.get(f"{gateway.url}/readyz")).status == 200
