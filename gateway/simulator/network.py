"""What one simulated carrier consists of; the steps of texting and calling are functions over it."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from gateway.simulator.account import Account
from gateway.simulator.attachments import Attachments
from gateway.simulator.caller import Caller, CallLog
from gateway.simulator.faults import Faults
from gateway.simulator.feed import Feed
from gateway.simulator.handsets import Handsets
from gateway.simulator.messages import MessageLog
from gateway.simulator.recordings import Recording
from gateway.simulator.webhooks import Webhooks

# Calls beyond this are forgotten with their recordings, oldest first.
MOST_CALLS = 1000


@dataclass(slots=True)
class Delays:
    """How long the carrier takes, in seconds."""

    sending: float = 0.02
    delivering: float = 0.03
    retrying: float = 0.05
    processing_recording: float = 0.15
    storing_media: float = 0.0


@dataclass(slots=True)
class Network:
    """One carrier at work. `gateway_url` is where webhooks go, `url` where its own API stands."""

    account: Account
    gateway_url: str
    webhooks: Webhooks
    delays: Delays
    advanced_opt_out: bool
    url: str = ""
    faults: Faults = field(default_factory=Faults)
    feed: Feed = field(default_factory=Feed)
    log: MessageLog = field(default_factory=MessageLog)
    attachments: Attachments = field(default_factory=Attachments)
    recordings: dict[str, Recording] = field(default_factory=dict)
    calls: dict[str, tuple[CallLog, Caller]] = field(default_factory=dict)
    handsets: Handsets = field(init=False)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.handsets = Handsets(self.feed)

    def hook(self, path: str) -> str:
        """The full URL of one of the gateway's webhooks."""
        return f"{self.gateway_url.rstrip('/')}/hooks/{path}"

    def keep_call(self, log: CallLog, caller: Caller) -> None:
        """Remember a call while it lasts and some time after."""
        self.calls[log.sid] = (log, caller)
        if len(self.calls) > MOST_CALLS:
            oldest, _ = self.calls.pop(next(iter(self.calls)))
            for sid in oldest.recordings:
                self.recordings.pop(sid, None)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Do something in the background, named, and ended with the network."""
        task = asyncio.create_task(work, name=f"simulator: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """End all background work and let go of all connections."""
        self.feed.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.webhooks.close()
