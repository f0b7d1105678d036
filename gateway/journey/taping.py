"""What callers say, taken down as they say it: a call that breaks off at any moment leaves what was said till then.

Sound is handed over in the event loop, where it only lies in memory, and written by a thread about once a second for
all calls at once. When a call is over its tape becomes a recording like any that was handed in; a tape that a crash
left is found later by its channel, and taken as the report it was to be.
"""

import asyncio
import io
import wave
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from gateway import clock
from gateway.journey import media
from gateway.runtime import Runtime
from gateway.schema_incoming import IncomingMedia
from store.tapes import Label, Spool, Tapes

WRITE_EVERY = 1.0
# What is shorter than this many seconds says nothing.
SHORTEST = 0.1
_HEADER = 1024  # more than stands in front of the sound of a WAV

log = structlog.get_logger()


class Tape:
    """One caller's sound; `before` is what a conversation that broke off had of it already."""

    def __init__(self, taping: "Taping", spool: Spool, before: bytes, room: int) -> None:
        self.label = spool.label
        self.before = before
        self._taping = taping
        self._spool = spool
        self._pending = bytearray()
        self._room = room

    @property
    def seconds(self) -> float:
        """How much can still be said."""
        return self._room / 2 / self.label.rate

    def write(self, pcm: bytes) -> None:
        """Put sound (whole s16le samples) behind the rest; what is more than a recording may hold is lost."""
        taken = pcm[: self._room]
        self._pending += taken
        self._room -= len(taken)

    async def finish(self) -> IncomingMedia | None:
        """The recording, kept like an upload; None when there is next to nothing on it.

        The tape stays until `discard`, so that a crash before the recording is taken loses nothing. `external_id` is
        the tape's own: taken as the message's id too, it is taken once, whatever breaks off.
        """
        await self._taping.write([self])
        data = await asyncio.to_thread(_as_wav, self._spool, self.label.rate)
        if data is None:
            return None
        kept = await media.accept(self._taping.runtime, data)
        return replace(kept, external_id=f"tape:{self.label.id}", language=self.label.language)

    async def discard(self) -> None:
        """Delete it: what was said is kept elsewhere, or is not to be kept."""
        self._pending.clear()
        await self._taping.close(self, self._spool.remove)

    async def release(self) -> None:
        """Leave it to whoever goes on with the call, or to `Taping.left`."""
        await self._taping.write([self])
        await self._taping.close(self, self._spool.release)

    def take_pending(self) -> tuple[Spool, bytes]:
        """What is still to be written, which is the caller's to write now."""
        sound, self._pending = bytes(self._pending), bytearray()
        return self._spool, sound

    def give_back(self, sound: bytes) -> None:
        """What could not be written: it is tried again."""
        self._pending = bytearray(sound) + self._pending


class Taping:
    """All tapes that this process writes."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._store = Tapes(runtime.settings.storage.data / "calls", runtime.vault)
        self._open: set[Tape] = set()
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def open(
        self, channel: str, call: str, rate: int, language: str, *, address: str | None, line: str | None
    ) -> Tape:
        """The tape of a call: a new one, or the one a conversation that broke off was writing."""
        label = Label(clock.new_id(), channel, call, rate, language, address, line)
        tape = await self._made(await asyncio.to_thread(self._store.open, label))
        self._open.add(tape)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._keep_writing(), name="tapes")
        return tape

    async def left(self, channel: str, seconds: float) -> Sequence[Tape]:
        """The tapes of a channel that nobody writes any more and nobody has written to for so long; held now."""
        spools = await asyncio.to_thread(lambda: list(self._store.left(channel, seconds)))
        return [await self._made(spool) for spool in spools]

    async def close(self, tape: Tape, let_go: Callable[[], None]) -> None:
        """Write to a tape no more, and let go of it when nobody is writing: its number may be another file's then."""
        self._open.discard(tape)
        async with self._writing:
            await asyncio.to_thread(let_go)

    async def write(self, tapes: Sequence[Tape]) -> None:
        """Put on disk what came since."""
        async with self._writing:
            pending = [(tape, *tape.take_pending()) for tape in tapes]
            failed = await asyncio.to_thread(_write_all, [(spool, sound) for _, spool, sound in pending if sound])
        for tape, spool, sound in pending:
            if spool in failed:
                tape.give_back(sound)
        if failed:
            log.error("what callers say cannot be written", action="taping.write", calls=len(failed))

    async def _keep_writing(self) -> None:
        while self._open:
            await asyncio.sleep(WRITE_EVERY)
            await self.write(list(self._open))

    async def _made(self, spool: Spool) -> Tape:
        before = await asyncio.to_thread(spool.read)
        limits = self.runtime.settings.media
        most = min(limits.most_bytes - _HEADER, limits.most_seconds * spool.label.rate * 2)
        return Tape(self, spool, before, max(0, most - len(before)) // 2 * 2)


def _write_all(sounds: Sequence[tuple[Spool, bytes]]) -> set[Spool]:
    """Write what each tape got; gives those that could not be written, which are as they were."""
    failed = set()
    for spool, sound in sounds:
        try:
            spool.append(sound)
        except OSError:
            failed.add(spool)
    return failed


def _as_wav(spool: Spool, rate: int) -> bytes | None:
    pcm = spool.read()
    if len(pcm) < SHORTEST * rate * 2:
        return None
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(rate)
        written.writeframes(pcm)
    return file.getvalue()
