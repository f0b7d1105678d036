"""What many tests need: a whole gateway without its web, on a real SQLite file, with channels that only remember."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from channels.base import Capabilities, Channel, ChannelSettings, City, DeliveryKind, Surroundings
from channels.failures import Failure, Unknown
from channels.registry import Mode, Plan
from gateway import assembly, clock
from gateway.journey import delivery, expanding
from gateway.runtime import Runtime
from gateway.schema_outgoing import Outgoing, SendResult
from gateway.settings import Settings, load
from gateway.workers import Workers
from store import migrating
from store.database import Database
from store.vault import Vault
from tests import postgres
from tests.channels.subscribed import Hooks

# How long one example takes says nothing on a machine that does other things too.
hypothesis_settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("patient")

ROOT = Path(__file__).parents[1]
# Nothing waits for the undo time or for a digest, and nobody is asked where something is, but where a test is about it.
AT_ONCE = {"EVERYLINE_GATEWAY__BROADCAST__UNDO_SECONDS": "0", "EVERYLINE_GATEWAY__BROADCAST__DIGESTS": "false"}
NOT_ASKED = {"EVERYLINE_GATEWAY__INTAKE__ASK_WHERE": "false"}


class Texting(Channel):
    """A line to `tel:` addresses that remembers what it sent and fails as it is told."""

    name = "texting"
    capabilities = Capabilities(
        receives=True, delivery=DeliveryKind.SEND, receipts=True, schemes=("tel",), limit=1600, paid=True
    )

    def __init__(self, settings: ChannelSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self.sent: list[Outgoing] = []
        self.fail: list[Failure] = []
        self.had_it: SendResult | None = None

    async def send(self, outgoing: Outgoing) -> SendResult:
        if self.fail:
            raise self.fail.pop(0)
        self.sent.append(outgoing)
        return SendResult(f"SM{len(self.sent):032}")

    async def settle(self, outgoing: Outgoing, started_at: object) -> SendResult | None:
        if self.fail:
            raise self.fail.pop(0)
        return self.had_it

    def to(self, number: str) -> list[str]:
        """What a number got, in order."""
        return [outgoing.text for outgoing in self.sent if outgoing.address == f"tel:{number}"]


class Wall(Channel):
    """A timeline."""

    name = "wall"
    capabilities = Capabilities(delivery=DeliveryKind.TIMELINE, recalls=True)

    async def send(self, outgoing: Outgoing) -> SendResult:
        return SendResult(final=True)


class Form(Channel):
    """A channel that receives and sends nothing."""

    name = "form"
    capabilities = Capabilities(receives=True)


@pytest.fixture(autouse=True)
def system_clock() -> Iterator[None]:
    """Whatever a test does to the clock ends with it."""
    yield
    clock.replace()


@pytest.fixture
def later() -> Callable[[float], None]:
    """Move the clock on by seconds."""
    offset = timedelta()

    def move(seconds: float) -> None:
        nonlocal offset
        offset += timedelta(seconds=seconds)
        clock.replace(now=lambda: datetime.now(UTC) + offset)

    return move


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server, without a database."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres.server() as url:
        yield url


@pytest.fixture
def backend() -> str:
    """The kind of database; folders whose tests are to pass on both have a fixture of this name with both."""
    return "sqlite"


@pytest.fixture
async def database_url(request: pytest.FixtureRequest, backend: str, tmp_path: Path) -> AsyncIterator[str]:
    """A database with the first schema, of the test's own."""
    if backend == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path}/var/everyline.db"
        await migrating.upgrade(url)
        yield url
        return
    server: str = request.getfixturevalue("postgresql")
    name = f"test_{clock.new_id()}"
    async with postgres.database(server, name) as url:
        yield url


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """The settings as they are shipped, with their data in a folder of the test."""
    environ = {"EVERYLINE_CONFIG": str(ROOT / "config"), "EVERYLINE_DATA": str(tmp_path / "var")}
    return load({**environ, **AT_ONCE, **NOT_ASKED, "EVERYLINE_DATABASE": database_url})


def broadcasting_as(settings: Settings, **values: Any) -> Settings:
    """The same settings with others in `[broadcast]`."""
    return settings.model_copy(update={"broadcast": settings.broadcast.model_copy(update=values)})


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """An open store with the first schema."""
    store = Database(settings.database_url)
    await store.open(serving=True)
    yield store
    await store.close()


@pytest.fixture
async def runtime(settings: Settings, database: Database) -> AsyncIterator[Runtime]:
    """A process without web, simulator and real carriers."""
    workers, openers = Workers(1), Workers(1)
    city = City(name="Test", public_url="http://127.0.0.1:8080", language="zh", country="CN")
    async with ClientSession() as http:
        made = assembly.assemble(settings, [], database, Vault(bytes(32)), http, workers, openers)
        around = Surroundings(city, http)
        made.channels.update({kind.name: kind(ChannelSettings(), around) for kind in (Texting, Wall, Form)})
        made.plans = [Plan("texting", Mode.SIMULATED, "a test")]
        yield made
    await made.synthesiser.stop()
    await made.ears.stop()
    await workers.stop()
    await openers.stop()


@pytest.fixture
def texting(runtime: Runtime) -> Texting:
    """The texting line of `runtime`."""
    channel = runtime.channels["texting"]
    assert isinstance(channel, Texting)
    return channel


@pytest.fixture
async def hooks(runtime: Runtime) -> AsyncIterator[Hooks]:
    """A gateway with subscribers."""
    made = Hooks(runtime)
    yield made
    await made.close()


async def settle_down(runtime: Runtime) -> None:
    """Expand and deliver until nothing is due."""
    while await expanding.expand_some(runtime):
        pass
    for name in ("texting", "wall"):
        line = delivery.Line(runtime, runtime.channels[name])
        while await line.step():
            await line.finish()
    await asyncio.sleep(0)


__all__ = ["Texting", "Unknown", "broadcasting_as", "settle_down"]
