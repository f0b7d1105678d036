"""What the tests of carriers' channels share: a client, a carrier that misbehaves on order, a desk, a fixed clock."""

from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from channels.base import Channel
from gateway import clock
from tests.channels.twilio_world import NOW, FakeTwilio, NotedDesk, serve, start_api


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    fake = FakeTwilio()
    yield fake
    fake.released.set()


@pytest.fixture
async def api(twilio: FakeTwilio) -> AsyncIterator[TestServer]:
    server = await start_api(twilio)
    yield server
    await server.close()


@pytest.fixture
def desk() -> NotedDesk:
    return NotedDesk()


@pytest.fixture
def noon() -> Iterator[None]:
    """The clock stands still."""
    clock.replace(now=lambda: NOW)
    yield
    clock.replace()


@pytest.fixture
async def gateway(adapter: Channel, desk: NotedDesk) -> AsyncIterator[TestServer]:
    """The webhooks of the adapter a test file makes, on a real socket."""
    server = await serve(adapter, desk)
    yield server
    await server.close()
