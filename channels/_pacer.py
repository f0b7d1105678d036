"""Sound in time: every 20 ms the next 20 ms of each call leave, for all calls of a process by one clock.

A carrier that plays what it gets at once needs this: too early floods its telephones, too late is a gap. While a call
has nothing to say its silence leaves all the same, or the carrier would take us for dead.
"""

import asyncio
from typing import Protocol

from channels._sound import FRAME_SECONDS

# After a stall no more than this many frames leave at once; the rest of the pause was heard and is not made up for.
MOST_AT_ONCE = 10


class Paced(Protocol):
    """A call whose sound leaves in time."""

    def leave(self, frames: int) -> None:
        """Send the next frames, one as a rule; never raises."""
        ...


class Pacer:
    """The clock of all calls; it stands while there are none."""

    def __init__(self) -> None:
        self._calls: set[Paced] = set()
        self._timer: asyncio.Handle | None = None
        self._due = 0.0

    def add(self, call: Paced) -> None:
        """Let a call's sound leave from now on."""
        self._calls.add(call)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._due = loop.time()
            self._timer = loop.call_soon(self._tick)

    def remove(self, call: Paced) -> None:
        """Let nothing of a call leave any more."""
        self._calls.discard(call)

    def _tick(self) -> None:
        if not self._calls:
            self._timer = None
            return
        loop = asyncio.get_running_loop()
        frames = int((loop.time() - self._due) / FRAME_SECONDS) + 1
        self._due += frames * FRAME_SECONDS
        for call in list(self._calls):
            call.leave(min(frames, MOST_AT_ONCE))
        self._timer = loop.call_at(self._due, self._tick)
