"""These tests pass on both kinds of database."""

from collections.abc import AsyncIterator

import pytest

from gateway.runtime import Runtime
from tests.channels.subscribed import Hooks


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    kind: str = request.param
    return kind


@pytest.fixture
async def hooks(runtime: Runtime) -> AsyncIterator[Hooks]:
    """A gateway with subscribers."""
    made = Hooks(runtime)
    yield made
    await made.close()
