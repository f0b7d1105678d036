"""The simulator as a whole: it stays on this machine, starts clean and stops at once."""

import asyncio
import time

import pytest
from aiohttp import ClientSession, encode_basic_auth

from gateway.simulator.app import Simulator
from gateway.simulator.caller import LIFELIKE
from tests.simulator.conftest import CITIZEN, TinyGateway


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.com", ""])
def test_it_listens_on_this_machine_only(host: str) -> None:
    with pytest.raises(ValueError, match="this machine"):
        Simulator(gateway_url="http://127.0.0.1:8080", host=host)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8080/", True),
        ("http://[::1]:8080", True),
        ("http://127.0.0.1.example.com", False),
        ("https://example.com", False),
        ("http://127.0.0.1@example.com", False),
        ("ftp://127.0.0.1", False),
        ("", False),
    ],
)
def test_it_speaks_to_this_machine_only(url: str, allowed: bool) -> None:
    if allowed:
        assert Simulator(gateway_url=url).gateway_url == url
        return
    with pytest.raises(ValueError, match="this machine"):
        Simulator(gateway_url=url)


async def test_it_stops_within_a_second_whatever_goes_on(tiny: TinyGateway) -> None:
    simulator = Simulator(gateway_url=tiny.url)
    await simulator.start()
    tiny.answers["/hooks/voice_twilio/answer"] = ['<Response><Pause length="60"/></Response>']
    call = asyncio.create_task(simulator.call(CITIZEN, pace=LIFELIKE))
    headers = {"Authorization": encode_basic_auth(simulator.account_sid, simulator.auth_token)}
    async with ClientSession(headers=headers) as client:
        stream = await client.get(f"{simulator.url}/handsets/events")
        assert await stream.content.readline() == b"event: state\n"
        simulator.faults.arm("hang", seconds=60)
        hanging = asyncio.create_task(client.get(f"{simulator.url}/2010-04-01/Accounts/{simulator.account_sid}.json"))
        await asyncio.sleep(0.1)
        started = time.monotonic()
        await simulator.stop()
        assert time.monotonic() - started < 1
        hanging.cancel()
        await asyncio.gather(hanging, call, return_exceptions=True)
        stream.close()
    names = [task.get_name() for task in asyncio.all_tasks()]
    assert not [name for name in names if name.startswith("simulator")]


async def test_a_taken_port_is_told_and_leaves_nothing_behind(simulator: Simulator, tiny: TinyGateway) -> None:
    second = Simulator(gateway_url=tiny.url, port=int(simulator.url.rsplit(":", 1)[1]))
    with pytest.raises(OSError, match="address already in use"):
        await second.start()


async def test_waiting_ends_with_the_words_or_the_time(simulator: Simulator) -> None:
    await simulator.text(CITIZEN, "STOP")
    assert "STOP" not in (await simulator.wait_for(CITIZEN, "START")).direction
    with pytest.raises(TimeoutError):
        await simulator.wait_for(CITIZEN, "never said", timeout=0.05)


@pytest.mark.parametrize("number", ["13800138001", "+0", "+86 138", "", "+123456789012345678"])
async def test_a_handset_needs_a_number(simulator: Simulator, number: str) -> None:
    with pytest.raises(ValueError, match="not a phone number"):
        await simulator.text(number, "Hello")
