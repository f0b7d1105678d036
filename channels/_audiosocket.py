"""Asterisk's AudioSocket: frames of a type (1 byte), a length (2 bytes, big-endian) and a payload, over TCP.

One connection is one call. Asterisk says first whose it is by a UUID, then sends the caller's sound and keys; we send
sound, all the time, and a frame that hangs up. A frame that cannot be ends its call and no other.
"""

import asyncio
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import structlog

from channels._pacer import Pacer
from channels._sound import FRAME_SECONDS, KEYS, Frame, Key

HANG_UP, IDENTITY, DTMF, ERROR = 0x00, 0x01, 0x03, 0xFF
# The types of sound: s16le mono at so many samples a second. 0x17 and 0x18 (96,000 and 192,000) are not taken: nothing
# that hears or speaks here gains by them.
RATES = {0x10: 8_000, 0x11: 12_000, 0x12: 16_000, 0x13: 24_000, 0x14: 32_000, 0x15: 44_100, 0x16: 48_000}
TYPES = {rate: kind for kind, rate in RATES.items()}

# Seconds for saying whose call it is, and without any frame at all.
IDENTIFY_WITHIN = 2.0
SILENT_AT_MOST = 5.0
# For how long sound is waited for that tells the rate; a telephone that sends none has the usual one.
RATE_WITHIN = 1.0
USUAL_RATE = 8_000
# How much more sound may come than time has passed: what a network held back, never a flood.
AHEAD_AT_MOST = 10.0
# Sound is handed on in pieces of this many seconds: each wakes its conversation once.
PIECE_SECONDS = 0.06
_HELD_AT_MOST = 100
_HEADER = struct.Struct(">BH")

log = structlog.get_logger()


class Broken(Exception):
    """A frame that cannot be; the message says why."""


def frame(kind: int, payload: bytes = b"") -> bytes:
    """A frame as it is sent."""
    return _HEADER.pack(kind, len(payload)) + payload


class Connection(asyncio.Protocol):
    """One call's connection, as `channels._sound.Sound` once it is known whose it is.

    `identified` is told of the UUID, once; `ended` when the connection is over, however it ended.
    """

    def __init__(
        self,
        pacer: Pacer,
        identified: Callable[["Connection", UUID], None],
        ended: Callable[["Connection"], None],
    ) -> None:
        self.rate = USUAL_RATE
        self.gone = False
        self._pacer = pacer
        self._identified = identified
        self._ended = ended
        self._known = False
        self._rated = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._incoming = bytearray()
        self._piece = bytearray()
        self._held: deque[Frame | Key] = deque()
        self._came = asyncio.Event()
        self._began = 0.0
        self._heard_bytes = 0
        self._saying: deque[memoryview] = deque()
        self._said = asyncio.Event()
        self._said.set()
        self._full = False
        self._last_at = 0.0

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  (asyncio types it so for all protocols)
        self._transport = transport
        self._last_at = self._began = asyncio.get_running_loop().time()
        self._pacer.add(self)
        self._watch(IDENTIFY_WITHIN, self._not_identified)

    def data_received(self, data: bytes) -> None:
        self._last_at = asyncio.get_running_loop().time()
        self._incoming += data
        try:
            self._take_frames()
        except Broken as broken:
            log.warning("a call ended by a frame that cannot be", action="audiosocket.broken", fault=str(broken))
            self.close()

    def eof_received(self) -> None:
        self.close(tell=False)

    def connection_lost(self, error: Exception | None) -> None:
        self.close(tell=False)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False

    # What a conversation asks.

    async def settle_rate(self) -> None:
        """Wait for the first sound, which tells the rate of both directions."""
        try:
            async with asyncio.timeout(RATE_WITHIN):
                await self._rated.wait()
        except TimeoutError:
            self._rated.set()

    async def heard(self) -> AsyncIterator[Frame | Key]:
        """The caller's sound and keys, until the connection is over."""
        while True:
            while self._held:
                yield self._held.popleft()
            if self._transport and not self.gone:
                self._transport.resume_reading()
            if self.gone:
                return
            self._came.clear()
            await self._came.wait()

    async def play(self, pcm: bytes) -> None:
        """Say this behind what is being said."""
        if pcm and not self.gone:
            self._saying.append(memoryview(pcm)[: len(pcm) // 2 * 2])
            self._said.clear()

    async def clear(self) -> None:
        """Stop saying at once."""
        self._saying.clear()
        self._said.set()

    async def played(self) -> None:
        """Wait until all was sent, which is as fast as it is heard."""
        await self._said.wait()

    async def hang_up(self) -> None:
        """End the call, once what is being said was heard."""
        await self.played()
        self.close()

    # What the pacer asks.

    def leave(self, frames: int) -> None:
        """Send what is to be said next, or silence; a peer that reads nothing misses it."""
        if not self._saying:
            self._said.set()
        kind, size = TYPES[self.rate], int(self.rate * FRAME_SECONDS) * 2
        sound = b"".join([frame(kind, self._next(size)) for _ in range(frames)])
        if self._transport and not self.gone and not self._full:
            self._transport.write(sound)

    def close(self, *, tell: bool = True) -> None:
        """Be done, and `tell` Asterisk, whose dial plan then goes on; what was heard so far can still be taken."""
        if self.gone:
            return
        if tell and self._transport:
            self._transport.write(frame(HANG_UP))
        self._hand_on()
        self.gone = True
        self._pacer.remove(self)
        if self._timer:
            self._timer.cancel()
        if self._transport:
            self._transport.close()
        self._saying.clear()
        for waited in (self._said, self._came, self._rated):
            waited.set()
        self._ended(self)

    def _next(self, size: int) -> bytes:
        """The next bytes of what is being said, filled up with silence."""
        taken = bytearray()
        while self._saying and len(taken) < size:
            first, wanted = self._saying[0], size - len(taken)
            taken += first[:wanted]
            if len(first) > wanted:
                self._saying[0] = first[wanted:]
            else:
                self._saying.popleft()
        return bytes(taken.ljust(size, b"\0"))

    def _take_frames(self) -> None:
        at, data = 0, self._incoming
        while not self.gone and len(data) - at >= _HEADER.size:
            kind, length = _HEADER.unpack_from(data, at)
            if len(data) - at - _HEADER.size < length:
                break
            at += _HEADER.size + length
            self._take(kind, bytes(data[at - length : at]))
        del data[:at]

    def _take(self, kind: int, payload: bytes) -> None:
        """One frame. Raises `Broken`."""
        if kind == HANG_UP:
            self.close(tell=False)
        elif not self._known:
            self._take_identity(kind, payload)
        elif kind in RATES:
            self._take_sound(RATES[kind], payload)
        elif kind == DTMF:
            self._take_key(payload)
        elif kind == ERROR:
            raise Broken(f"Asterisk reports error {payload[:4].hex()}")
        else:
            raise Broken(f"type {kind:#04x} is none that comes here")

    def _take_identity(self, kind: int, payload: bytes) -> None:
        if kind != IDENTITY or len(payload) != 16:
            raise Broken("the first frame does not say whose call it is")
        self._known = True
        self._watch(SILENT_AT_MOST, self._perhaps_dead)
        self._identified(self, UUID(bytes=payload))

    def _take_sound(self, rate: int, payload: bytes) -> None:
        if len(payload) % 2:
            raise Broken("half a sample")
        if not self._rated.is_set():
            self.rate = rate
            self._rated.set()
        if rate != self.rate:
            raise Broken(f"sound at {rate} instead of {self.rate} samples a second")
        self._heard_bytes += len(payload)
        if self._heard_bytes / 2 / rate > self._last_at - self._began + AHEAD_AT_MOST:
            raise Broken("sound comes much faster than anybody speaks")
        self._piece += payload
        if len(self._piece) >= PIECE_SECONDS * rate * 2:
            self._hand_on()

    def _take_key(self, payload: bytes) -> None:
        digit = payload.decode("ascii", "replace")
        if len(digit) != 1 or digit not in KEYS:
            raise Broken("no key of a telephone")
        self._hand_on()
        self._held.append(Key(digit))
        self._came.set()

    def _hand_on(self) -> None:
        """Give what was gathered to the conversation; when it takes nothing for long, nothing more is read."""
        if self._piece:
            self._held.append(Frame(bytes(self._piece)))
            self._piece.clear()
            self._came.set()
        if len(self._held) > _HELD_AT_MOST and self._transport:
            self._transport.pause_reading()

    def _watch(self, seconds: float, then: Callable[[], None]) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, then)

    def _not_identified(self) -> None:
        log.warning("a connection did not say whose call it is", action="audiosocket.nobody")
        self.close()

    def _perhaps_dead(self) -> None:
        """End a call whose peer has sent nothing for long; as long as it sends, look again."""
        left = self._last_at + SILENT_AT_MOST - asyncio.get_running_loop().time()
        if left > 0:
            self._watch(left, self._perhaps_dead)
            return
        log.warning("a call's connection went dead", action="audiosocket.dead")
        self.close()
