"""One running gateway: its parts started in order, watched, and stopped in reverse within a limit."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiohttp import ClientSession, ClientTimeout, web

from channels import registry
from channels.base import Channel, DeliveryKind
from channels.registry import Plan
from gateway import clock
from gateway.assembly import assemble, environment_of, placed
from gateway.casework import campaigns, duty_alarms
from gateway.desk import Desk
from gateway.errors import SettingsError
from gateway.jobs import scheduler
from gateway.journey import automatic, delivery, expanding, feeding, in_force, indexing, mailbox, media, watching
from gateway.runtime import Runtime
from gateway.settings import Settings
from gateway.simulator.app import Simulator
from gateway.web import entering
from gateway.web.app import create_app
from gateway.web.keys import SETUP
from gateway.workers import Workers
from store import migrating, proof
from store.database import Database
from store.vault import Vault, open_key_file

RESTART_AFTER = 5.0
CALL_LIMIT = 30.0

log = structlog.get_logger()


class Service:
    """Starts and stops one gateway. `failed` is set when a part that must run has died."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self.settings = settings
        self.failed = asyncio.Event()
        self.simulator: Simulator | None = None
        self.runtime: Runtime
        self.app: web.Application
        self._environ = environ
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start every part in order; a part that fails undoes those before it. Raises `SettingsError` and others."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def stop(self) -> None:
        """Stop in reverse order; what does not end within the limit is abandoned, and found again at the next start."""
        try:
            async with asyncio.timeout(self.settings.server.stop_within):
                await self._stack.aclose()
        except TimeoutError:
            log.warning("stopped before all was finished", action="service.stop")

    async def setup_link(self) -> str | None:
        """Where the first administrator is made; None once there is one."""
        if await entering.setup_is_open(self.runtime):
            return self.app[SETUP].link(self.settings.public_url)
        return None

    async def _start(self) -> None:
        settings = self.settings
        environment = environment_of(self._environ)
        simulated = await self._simulate(environment)
        plans, problems = registry.read(settings.channels, environment, simulated)
        if problems:
            raise SettingsError(placed(settings, problems))
        self.runtime = await self._assemble(plans)
        desk = Desk(self.runtime)
        self.app = create_app(self.runtime, desk)
        self._run_parts(desk)
        await campaigns.begin(self.runtime)
        self.runtime.commands.update(duty_alarms.commands())
        ticking = scheduler.start(self.runtime)
        self._stack.callback(ticking.shutdown, wait=False)
        # Last in, first out: nothing new is let in before the rest is stopped.
        await self._listen()

    async def _simulate(self, environment: Mapping[str, str | None]) -> dict[str, Mapping[str, str]]:
        """Start the simulator when an enabled channel has no credentials and the world cannot reach us."""
        settings = self.settings
        lacking = registry.lacking(settings.channels, environment)
        if not lacking & {Simulator.carrier} or not is_local(settings.public_url):
            return {}
        self.simulator = Simulator(gateway_url=settings.public_url, port=settings.simulator.port)
        await self.simulator.start()
        self._stack.push_async_callback(self.simulator.stop)
        return {Simulator.carrier: self.simulator.environment()}

    async def _assemble(self, plans: list[Plan]) -> Runtime:
        settings = self.settings
        settings.storage.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        vault = Vault(open_key_file(settings.key_file))
        await migrating.upgrade(settings.database_url)
        database = Database(settings.database_url)
        await database.open(serving=True)
        self._stack.push_async_callback(database.close)
        await database.write(lambda transaction: proof.prove(transaction, vault, clock.now()))
        http = await self._stack.enter_async_context(ClientSession(timeout=ClientTimeout(total=CALL_LIMIT)))
        workers = Workers(settings.speech.processes)
        self._stack.push_async_callback(workers.stop)
        openers = Workers(settings.media.workers)
        self._stack.push_async_callback(openers.stop)
        runtime = assemble(settings, plans, database, vault, http, workers, openers)
        self._stack.push_async_callback(runtime.synthesiser.stop)
        self._stack.push_async_callback(runtime.ears.stop)
        await in_force.begin(runtime)
        return runtime

    async def _listen(self) -> None:
        runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=2, handle_signals=False)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, self.settings.server.host, self.settings.server.port).start()

    def _run_parts(self, desk: Desk) -> None:
        runtime = self.runtime
        senders = [c for c in runtime.channels.values() if c.capabilities.delivery is not DeliveryKind.NONE]
        lines = [delivery.Line(runtime, channel) for channel in senders]
        for line in lines:
            self._stack.push_async_callback(line.finish)
        # Stops before `finish`: no line claims more, and what is being sent then gets its answer recorded.
        self._stack.push_async_callback(self._end_tasks)
        self._watch("settings", in_force.run(runtime))
        self._watch("broadcasting", expanding.run(runtime))
        self._watch("subscribers", feeding.run(runtime))
        self._watch("search", indexing.run(runtime))
        self._watch("media", media.run(runtime))
        self._watch("mailboxes", mailbox.run(runtime))
        self._watch("automatic", automatic.Automatic(runtime).run())
        self._watch("words", runtime.words.run(runtime))
        self._watch("health", watching.run(runtime))
        self._watch("calls", desk.calling.run())
        self._watch("services", desk.service_uses.run())
        for line in lines:
            self._watch(f"delivery {line.name}", line.run())
        for channel in runtime.channels.values():
            self._watch(f"channel {channel.name}", _keep_running(runtime, channel, desk))

    def _watch(self, name: str, work: Any) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a part of the gateway died", action="service.died", part=task.get_name(), error=repr(error))
            self.failed.set()

    async def _end_tasks(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def is_local(url: str) -> bool:
    """Whether a URL names this machine only."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _keep_running(runtime: Runtime, channel: Channel, desk: Desk) -> None:
    """Run a channel's standing part again whenever it fails: one sick channel stops nothing else."""
    while True:
        try:
            await channel.run(desk)
        except Exception:
            log.exception("a channel's connection failed", action="channel.failed", channel=channel.name)
            runtime.pulse.count(channel.name, "broken")
            await asyncio.sleep(RESTART_AFTER)
        else:
            return
