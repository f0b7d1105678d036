"""Promises 1 to 3 when the store itself goes away: the database stopped, crashed and started again; the disk full."""

import asyncio
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from gateway import clock
from tests import postgres
from tests.fault.accounts import Books, reckon
from tests.fault.carrier import Carrier
from tests.fault.citizens import Citizens
from tests.fault.conftest import PUBLIC
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

# What is committed must be in the files when the server is ended like a crash.
HONEST = ("fsync=off", "full_page_writes=off", "max_connections=50")
# A file may not grow beyond its beginning: for the gateway the disk is full.
NOTHING_MORE = 4096


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    """A server of the test's own."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres.standing(*HONEST) as made:
        yield made


async def test_the_database_goes_and_comes_back(
    tmp_path: Path, carrier: Carrier, environment: dict[str, str], server: postgres.Server
) -> None:
    async with postgres.empty(server.url, f"test_{clock.new_id()}") as url:
        async with running(tmp_path / "var", **environment, EVERYLINE_DATABASE=url) as gateway:
            carrier.ports = [gateway.port]
            citizens = Citizens(PUBLIC, carrier.ports)
            citizens.start()
            for number in (signal.SIGINT, signal.SIGQUIT):
                await asyncio.sleep(1)
                await asyncio.to_thread(server.stop, number)
                assert await _ready(gateway) == 503
                await asyncio.sleep(1)
                await asyncio.to_thread(server.start)
                assert await _ready(gateway, wanted=200) == 200
            await asyncio.sleep(1)
            await citizens.finish()
            await Books(url).settled()
            assert await gateway.stop() == 0
        counted = await reckon(Books(url), citizens, carrier)
    print("database gone twice:", counted)
    assert counted["repeated"] > 0, "it was felt"


async def test_the_disk_is_full_and_is_emptied(tmp_path: Path, carrier: Carrier, environment: dict[str, str]) -> None:
    data = tmp_path / "var"
    async with running(data, **environment) as gateway:
        carrier.ports = [gateway.port]
        citizens = Citizens(PUBLIC, carrier.ports)
        citizens.start()
        for _ in range(3):
            await asyncio.sleep(0.7)
            _allow(gateway, NOTHING_MORE)
            assert await _ready(gateway) == 503
            await asyncio.sleep(0.7)
            _allow(gateway, resource.RLIM_INFINITY)
            assert await _ready(gateway, wanted=200) == 200
        await citizens.finish()
        await Books(data).settled()
        assert await gateway.stop() == 0
    counted = await reckon(Books(data), citizens, carrier)
    print("disk full three times:", counted)
    assert counted["repeated"] > 0, "it was felt"


def _allow(gateway: Gateway, size: int) -> None:
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def _ready(gateway: Gateway, wanted: int = 503, within: float = 10.0) -> int:
    """What /readyz says, once it is what is wanted, or in the end."""
    until = time.perf_counter() + within
    async with aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"{gateway.url}/readyz") as answer:
                if answer.status == wanted or time.perf_counter() > until:
                    return answer.status
            await asyncio.sleep(0.1)
