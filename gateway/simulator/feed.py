"""What happens here, as it happens: for the handsets page and for tests that wait for something."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# A reader this many events behind is cut off; it comes back and starts from the whole state.
LONGEST_QUEUE = 1000


@dataclass(frozen=True, slots=True)
class Event:
    """One change: its name and the thing that changed, as JSON-able data."""

    name: str
    data: dict[str, Any]


class Feed:
    """Hands every event to everybody who listens."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Event | None]] = set()
        self._closed = False

    def publish(self, name: str, data: dict[str, Any]) -> None:
        """Tell all listeners of one change."""
        for queue in self._queues:
            if queue.qsize() >= LONGEST_QUEUE:
                _cut_off(queue)
            queue.put_nowait(Event(name, data))

    @contextmanager
    def subscribe(self) -> Iterator["asyncio.Queue[Event | None]"]:
        """A queue of all events from now on; None in it means: no more, or too many missed."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._queues.add(queue)
        if self._closed:
            queue.put_nowait(None)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    async def wait(self, found: Callable[[], bool], timeout: float) -> None:
        """Return as soon as `found` says so, asked again after each event. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            with self.subscribe() as queue:
                while not found():
                    await queue.get()

    def close(self) -> None:
        """Send all listeners home."""
        self._closed = True
        for queue in self._queues:
            queue.put_nowait(None)


def _cut_off(queue: "asyncio.Queue[Event | None]") -> None:
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)
