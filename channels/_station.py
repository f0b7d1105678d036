"""The radio without end in one language: bulletins behind each other, in time, to everybody who listens.

One task sends a block of frames as often as one lasts; nothing is encoded again. Each listener has a short queue of his
own: who takes no more than it holds is let go, and nobody waits for him. While nobody listens, nothing runs.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from gateway.schema_radio import Bulletin
from speech.encoding import FRAME_BYTES, FRAME_SECONDS, SILENCE, frames

FRAMES = 20
BLOCK = FRAMES * FRAME_BYTES
BLOCK_SECONDS = FRAMES * FRAME_SECONDS
# Blocks of nothing between two bulletins, and while there is none.
PAUSE = 4
# Blocks that a new listener gets at once, so that his player begins without waiting.
HEAD_START = 6
# Blocks that may wait for one listener: some 15 seconds.
MOST_WAITING = 32
# Blocks after which it is asked again whether what is heard may still be heard.
LOOK_EVERY = 4
# Seconds behind time after which the lost time is not made up for: the machine slept.
TOO_LATE = 5.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Block:
    """A little sound, whole frames of it, and the title of what is read in it; "" in a pause."""

    sound: bytes
    title: str = ""


QUIET = Block(SILENCE * FRAMES)


class Programme(Protocol):
    """Where a station finds what it plays: `Desk`, or what stands for it."""

    async def bulletins(self, language: str, limit: int) -> Sequence[Bulletin]:
        """The bulletins, newest first."""
        ...

    async def aired(self, bulletin_id: str) -> tuple[Bulletin, Path | None]:
        """One bulletin and its sound."""
        ...


class Listener:
    """Somebody who listens: blocks come out of it in order, None at the end."""

    def __init__(self, head_start: Sequence[Block]) -> None:
        self._queue: asyncio.Queue[Block | None] = asyncio.Queue(MOST_WAITING)
        for block in head_start:
            self._queue.put_nowait(block)

    def give(self, block: Block) -> bool:
        """Hand over one block; false when so many wait already that he does not keep up."""
        try:
            self._queue.put_nowait(block)
        except asyncio.QueueFull:
            self.end()
            return False
        return True

    def end(self) -> None:
        """Nothing more will come; what still waits is not heard."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def next(self) -> Block | None:
        """The next block, or None at the end."""
        return await self._queue.get()


class Station:
    """The stream of one language. `sleep` and `clock` (seconds that only grow) are the world's, but in tests."""

    def __init__(
        self,
        programme: Programme,
        language: str,
        repeats: int,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.language = language
        self.playing: Bulletin | None = None
        self._programme = programme
        self._repeats = repeats
        self._sleep, self._clock = sleep, clock
        self._listeners: set[Listener] = set()
        self._listened = asyncio.Event()
        self._last: deque[Block] = deque(maxlen=HEAD_START)
        self._played: list[tuple[str, int]] = []

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    async def on_air(self) -> list[Bulletin]:
        """What there is to be heard, newest first."""
        known = await self._programme.bulletins(self.language, self._repeats)
        return [bulletin for bulletin in known if bulletin.size]

    def join(self) -> Listener:
        """Listen from now on."""
        listener = Listener(self._last)
        self._listeners.add(listener)
        self._listened.set()
        return listener

    def leave(self, listener: Listener) -> None:
        """Listen no more."""
        self._listeners.discard(listener)
        if not self._listeners:
            self._listened.clear()
            self._last.clear()

    def close(self) -> None:
        """Let go of everybody."""
        for listener in list(self._listeners):
            listener.end()
            self.leave(listener)

    async def run(self) -> None:
        """Play while anybody listens, until cancelled."""
        while True:
            await self._listened.wait()
            due = self._clock()
            async for block in self._blocks():
                self._send(block)
                if not self._listeners:
                    break
                due = max(due + BLOCK_SECONDS, self._clock() - TOO_LATE)
                await self._sleep(max(0.0, due - self._clock()))
            self.playing = None

    def _send(self, block: Block) -> None:
        self._last.append(block)
        for listener in list(self._listeners):
            if not listener.give(block):
                log.info("a listener did not keep up", action="radio.slow", language=self.language)
                self.leave(listener)

    async def _blocks(self) -> AsyncIterator[Block]:
        """One bulletin after the other, each cut into blocks, with a pause behind it."""
        while True:
            bulletin = self._next(await self.on_air())
            if bulletin:
                self.playing = bulletin
                async for block in self._sounding(bulletin):
                    yield block
            for _ in range(PAUSE):
                yield QUIET

    def _next(self, on_air: Sequence[Bulletin]) -> Bulletin | None:
        """The newest that was not played in this round; when all were, the next round begins."""
        for _ in range(2):
            for bulletin in on_air:
                if (bulletin.id, bulletin.version) not in self._played:
                    self._played.append((bulletin.id, bulletin.version))
                    return bulletin
            self._played.clear()
        return None

    async def _sounding(self, bulletin: Bulletin) -> AsyncIterator[Block]:
        """The blocks of one bulletin, until its end or until it may not be heard any more."""
        _, path = await self._programme.aired(bulletin.id)
        sound = frames(await asyncio.to_thread(path.read_bytes)) if path else b""
        for number, begin in enumerate(range(0, len(sound), BLOCK)):
            if number % LOOK_EVERY == 0 and not await self._may_be_heard(bulletin):
                return
            block = sound[begin : begin + BLOCK]
            yield Block(
                block + SILENCE * ((BLOCK - len(block)) // FRAME_BYTES), _title(bulletin, number * BLOCK_SECONDS)
            )

    async def _may_be_heard(self, bulletin: Bulletin) -> bool:
        return any((one.id, one.version) == (bulletin.id, bulletin.version) for one in await self.on_air())


def _title(bulletin: Bulletin, seconds: float) -> str:
    """What is read so many seconds after its beginning; of the sign that comes before its parts, the whole's."""
    begun = [part.title for part in bulletin.items if part.start is not None and part.start <= seconds]
    return begun[-1] if begun else bulletin.title
