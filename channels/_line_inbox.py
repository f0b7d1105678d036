"""What comes from the caller of a live call: sound and keys, in order, until he is gone."""

import asyncio
from collections import deque

import structlog

from channels._sound import Frame, Key, Sound

# Keys that are pressed ahead of the questions; more is playing with the telephone.
AHEAD_AT_MOST = 32

log = structlog.get_logger()


class Gone(Exception):
    """The caller is not there any more."""


class Inbox:
    """What comes from the caller while the conversation thinks, speaks or listens; sound only while it `listens`."""

    def __init__(self, sound: Sound) -> None:
        self.listens = False
        self.gone = False
        self._held: deque[Frame | Key] = deque()
        self._keys = 0
        self._came = asyncio.Event()
        self._task = asyncio.create_task(self._read(sound), name="inbox")

    def take(self) -> Frame | Key | None:
        """What came next, or None. Raises `Gone` once nothing more will."""
        while self._held:
            came = self._held.popleft()
            if isinstance(came, Key):
                self._keys -= 1
                return came
            if self.listens:
                return came
        if self.gone:
            raise Gone
        return None

    def put_back(self, key: Key) -> None:
        """Let a key be what comes next."""
        self._held.appendleft(key)
        self._keys += 1

    async def wait(self) -> None:
        """Wait until something may have come."""
        self._came.clear()
        await self._came.wait()

    def wake(self) -> None:
        """End a `wait`."""
        self._came.set()

    async def next(self, seconds: float) -> Frame | Key | None:
        """What came next, or None when nothing does for so long. Raises `Gone`."""
        if came := self.take():
            return came
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self.wait()
                    if came := self.take():
                        return came
        except TimeoutError:
            return None

    async def close(self) -> None:
        """Read no more."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _read(self, sound: Sound) -> None:
        try:
            async for came in sound.heard():
                if isinstance(came, Frame):
                    if not self.listens:
                        continue
                elif self._keys >= AHEAD_AT_MOST:
                    continue
                else:
                    self._keys += 1
                self._held.append(came)
                self._came.set()
        except Exception as error:  # noqa: BLE001  (however a transport fails, the caller is gone)
            log.warning("the sound of a call failed", action="line.sound", fault=repr(error)[:200])
        finally:
            self.gone = True
            self._came.set()
