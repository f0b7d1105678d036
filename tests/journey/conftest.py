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
    """A gateway that tells subscribers at once."""
    quick = runtime.settings.subscribers.model_copy(update={"undo_seconds": 0})
    runtime.settings = runtime.settings.model_copy(update={"subscribers": quick})
    made = Hooks(runtime)
    yield made
    await made.close()
