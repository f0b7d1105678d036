"""The sound of one call at the caller's end: what is said into the phone, and what is heard from it.

All of it is 16-bit mono at the telephone's 8,000 samples a second, cut into frames of 20 ms.
"""

import array
import asyncio
import io
import sys
import wave
from collections.abc import Iterator
from contextlib import contextmanager

RATE = 8000
FRAME_SECONDS = 0.02
FRAME_BYTES = 320
SILENCE = bytes(FRAME_BYTES)

# Longer than anything said at once; and how far a microphone may be behind before some of it is left out.
_LONGEST = RATE * 2 * 120
_LONGEST_BEHIND = RATE * 2
# A listener who takes nothing for so many frames misses the oldest.
_MOST_WAITING = 250
# Peaks of a quiet room's microphone stay below.
_LOUD = 700


class Mouth:
    """What waits to be said. A sample is said whole; a microphone brings it as it is spoken."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    @property
    def speaks(self) -> bool:
        """Whether something waits to be said."""
        return bool(self._waiting)

    def say(self, pcm: bytes) -> None:
        """Say something after what is being said."""
        self._waiting += pcm[: max(0, _LONGEST - len(self._waiting))]

    def speak(self, pcm: bytes) -> None:
        """Add what a microphone just picked up; what it is too far ahead of the line with is left out."""
        if len(self._waiting) < _LONGEST_BEHIND:
            self._waiting += pcm[:_LONGEST_BEHIND]

    def frame(self) -> bytes | None:
        """The next 20 ms; None when nothing is said."""
        if not self._waiting:
            return None
        frame = bytes(self._waiting[:FRAME_BYTES])
        del self._waiting[:FRAME_BYTES]
        return frame.ljust(FRAME_BYTES, b"\0")


class Ear:
    """Hands what the line says to everybody who listens in."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[bytes | None]] = set()

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._queues)

    def hear(self, pcm: bytes | None) -> None:
        """The line's next 20 ms; None when there will be no more."""
        for queue in self._queues:
            if queue.qsize() >= _MOST_WAITING:
                queue.get_nowait()
            queue.put_nowait(pcm)

    @contextmanager
    def listen(self) -> Iterator["asyncio.Queue[bytes | None]"]:
        """A queue of all the line says from now on."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)


class Beats:
    """Keeps time: one beat for each frame, `length` seconds apart; a late one is made up for."""

    def __init__(self, length: float) -> None:
        self._length = length
        self._next = asyncio.get_running_loop().time()

    async def next(self) -> None:
        """Wait for the next beat."""
        self._next += self._length
        await asyncio.sleep(max(0.0, self._next - asyncio.get_running_loop().time()))


def is_loud(frame: bytes) -> bool:
    """Whether somebody speaks in this frame."""
    samples = array.array("h", frame)
    if sys.byteorder == "big":
        samples.byteswap()
    return max(max(samples), -min(samples)) > _LOUD


def pcm_of(wav: bytes) -> bytes:
    """The samples of a WAV of telephone quality. Raises ValueError for any other."""
    try:
        with wave.open(io.BytesIO(wav)) as sound:
            if (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) != (1, 2, RATE):
                raise ValueError("a caller speaks in WAV of 16 bits, mono, at 8,000 Hz")
            frames: bytes = sound.readframes(sound.getnframes())
            return frames
    except (wave.Error, EOFError) as error:
        raise ValueError("this is no WAV") from error


def wav_of(pcm: bytes) -> bytes:
    """Samples as a WAV."""
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(pcm)
    return target.getvalue()
