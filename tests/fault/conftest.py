"""What all faults need: a carrier with a ledger, and the settings by which a gateway uses it and is quick to settle."""

import os
from collections.abc import AsyncIterator

import pytest

from gateway import clock
from tests import postgres
from tests.fault.carrier import Carrier
from tests.process.twilio import CREDENTIALS

# What every process of a gateway is called from outside, wherever it listens.
PUBLIC = "http://127.0.0.1:8080"
# So many times the rounds; the suite's own number is kept short.
MORE = int(os.environ.get("EVERYLINE_TEST_FAULT_ROUNDS", "1"))


@pytest.fixture
async def carrier() -> AsyncIterator[Carrier]:
    """A carrier that is there from the start."""
    made = Carrier(PUBLIC)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
def environment(carrier: Carrier) -> dict[str, str]:
    """The settings of a process that sends by this carrier."""
    return {
        **CREDENTIALS,
        "EVERYLINE_TWILIO_API_URL": carrier.url,
        "EVERYLINE_PUBLIC_URL": PUBLIC,
        "EVERYLINE_GATEWAY__DELIVERY__LEASE": "5",
        "EVERYLINE_GATEWAY__DELIVERY__FIRST_WAIT": "0.2",
        "EVERYLINE_CHANNELS__SMS_TWILIO__SEGMENTS_PER_SECOND": "1000",
        "EVERYLINE_CHANNELS__SMS_TWILIO__CATCH_UP_MINUTES": "0",
        "EVERYLINE_CHANNELS__VOICE_TWILIO__CATCH_UP_MINUTES": "0",
    }


@pytest.fixture
async def server_database(postgresql: str) -> AsyncIterator[str]:
    """An empty database on a server."""
    async with postgres.empty(postgresql, f"test_{clock.new_id()}") as url:
        yield url
