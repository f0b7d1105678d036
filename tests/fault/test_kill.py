"""Promises 1 to 3 against real processes: `kill -9` at random moments, while texts come in and answers go out."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.fault.accounts import Books, reckon
from tests.fault.carrier import Carrier
from tests.fault.citizens import Citizens
from tests.fault.conftest import MORE, PUBLIC
from tests.fault.nursery import Forked, forked, nursery

pytestmark = [pytest.mark.process, pytest.mark.timeout(300 * MORE)]

ALONE, OF_TWO = 12 * MORE, 40 * MORE


async def test_kill_9_of_the_only_process(tmp_path: Path, carrier: Carrier, environment: dict[str, str]) -> None:
    data = tmp_path / "var"
    async with nursery() as young, forked(young, data, **environment) as gateway:
        carrier.ports = [gateway.port]
        citizens = Citizens(PUBLIC, carrier.ports)
        citizens.start()
        for _ in range(ALONE):
            await asyncio.sleep(random.uniform(0.1, 0.9))
            await gateway.kill()
            await gateway.start()
        await citizens.finish()
        await Books(data).settled()
        assert await gateway.stop() == 0
    counted = await reckon(Books(data), citizens, carrier)
    print("kills:", ALONE, counted)
    assert counted["texts"] > 10 * ALONE, "there was load"


async def test_kill_9_of_one_of_two(
    tmp_path: Path, carrier: Carrier, environment: dict[str, str], server_database: str
) -> None:
    environment["EVERYLINE_DATABASE"] = server_database
    data = tmp_path / "var"
    async with nursery() as young, forked(young, data, **environment) as one, forked(young, data, **environment) as two:
        gateways = (one, two)
        carrier.ports = [gateway.port for gateway in gateways]
        citizens = Citizens(PUBLIC, carrier.ports)
        citizens.start()
        for turn in range(OF_TWO):
            await asyncio.sleep(random.uniform(0.1, 0.4))
            await _fall(gateways[turn % 2], within=0.5)
        await citizens.finish()
        await Books(server_database).settled()
        assert [await gateway.stop() for gateway in gateways] == [0, 0]
    counted = await reckon(Books(server_database), citizens, carrier)
    print("kills:", OF_TWO, counted)
    assert counted["texts"] > 10 * OF_TWO, "there was load"


async def _fall(gateway: Forked, within: float) -> None:
    await gateway.kill()
    await asyncio.sleep(random.uniform(0, within))
    await gateway.start()
