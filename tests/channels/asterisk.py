"""A simulated Asterisk: what the dial plan of `config/asterisk` and the application AudioSocket do, and what they hear.

It registers a call by HTTP, opens the socket, gives the caller's sound in frames of 20 ms, sends his keys, and notes
each frame of ours with the moment it came.
"""

import array
import asyncio
import contextlib
import struct
import wave
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from aiohttp import ClientSession

from channels._sound import tone

SECRET = "a-secret-of-the-exchange"
LINE, CALLER = "+861012345", "13800138001"
TYPES = {8_000: 0x10, 16_000: 0x12, 48_000: 0x16}
HEADER = struct.Struct(">BH")
FRAME = 0.02
_calls = count(1)


def sound_of(path: Path) -> tuple[bytes, int]:
    """The samples of a WAV file and its rate."""
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes()), file.getframerate()


@dataclass
class Exchange:
    """Where the gateway is, for all calls of one exchange."""

    url: str
    host: str
    port: int
    http: ClientSession
    secret: str = SECRET

    async def ask(self, step: str, **fields: str) -> str:
        """One request of the dial plan; its answer as the dial plan reads it."""
        body = {"secret": self.secret, **fields}
        async with self.http.post(f"{self.url}/hooks/voice_audiosocket/{step}", data=body) as answer:
            return await answer.text()

    def call(self, caller: str = CALLER, rate: int = 8_000, **more: str) -> "AsteriskCall":
        """A call that comes in."""
        return AsteriskCall(self, f"1764085000.{next(_calls)}", caller, rate, more)


@dataclass
class AsteriskCall:
    """One call, from the exchange's side. As a context: connected, and hung up at the end."""

    exchange: Exchange
    id: str
    caller: str
    rate: int
    more: dict[str, str] = field(default_factory=dict)
    # How much faster than life its sound is sent.
    haste: float = 1.0

    def __post_init__(self) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self.hung_up = asyncio.Event()
        self._came = asyncio.Event()
        self._to_say: asyncio.Queue[bytes] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self.identity: UUID
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.drop()

    async def register(self, **more: str) -> str:
        """What the dial plan hears when it announces this call."""
        shown = {"shown": "allowed_passed_screen", **self.more, **more}
        fields = {"call": self.id, "from": self.caller, "line": LINE, **shown}
        return await self.exchange.ask("register", **fields)

    async def connect(self, **more: str) -> None:
        """Register, open the socket, and let the telephone's sound flow."""
        await self.open(UUID(await self.register(**more)))

    async def open(self, identity: UUID) -> None:
        """Open the socket under a name, and let the telephone's sound flow."""
        self.identity = identity
        self.hung_up.clear()
        self.reader, self.writer = await asyncio.open_connection(self.exchange.host, self.exchange.port)
        self.frame(0x01, identity.bytes)
        self._tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._receive())]

    def frame(self, kind: int, payload: bytes = b"") -> None:
        """Send one frame, right or wrong."""
        self.writer.write(HEADER.pack(kind, len(payload)) + payload)

    async def say(self, pcm: bytes) -> None:
        """Speak; returns once all of it is on its way. A call that is over hears nothing more."""
        size = int(self.rate * FRAME) * 2
        for start in range(0, len(pcm), size):
            self._to_say.put_nowait(pcm[start : start + size])
        waiting = [asyncio.ensure_future(self._to_say.join()), asyncio.ensure_future(self.hung_up.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()

    def press(self, keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.frame(0x03, key.encode())

    async def drop(self) -> None:
        """Hang up, as Asterisk does: it closes."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    async def next(self) -> str:
        """What the dial plan hears when it asks what is next."""
        return await self.exchange.ask("next", call=self.id)

    async def hears(self, loud: int = 500) -> None:
        """Wait until something is said to the caller that he did not hear yet."""
        at = len(self.heard)
        while not any(loudness(pcm) > loud for _, pcm in self.heard[at:]):
            at = len(self.heard)
            await self.heard_more()

    async def is_asked(self) -> None:
        """Wait until the tone is over after which one speaks."""
        end = tone(self.rate)[-int(self.rate * FRAME) * 2 :]
        at = len(self.heard)
        while not any(pcm == end for _, pcm in self.heard[at:]):
            at = len(self.heard)
            await self.heard_more()

    async def heard_more(self) -> None:
        """Wait until more is heard, or the call is over."""
        self._came.clear()
        await self._came.wait()

    def gaps(self) -> list[float]:
        """The seconds between what was heard and what was heard before it."""
        return [after - before for (before, _), (after, _) in pairwise(self.heard)]

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        silence = bytes(int(self.rate * FRAME) * 2)
        due = loop.time()
        while not self.hung_up.is_set():
            spoken = not self._to_say.empty()
            self.frame(TYPES[self.rate], self._to_say.get_nowait() if spoken else silence)
            if spoken:
                self._to_say.task_done()
            due += FRAME / self.haste if spoken else FRAME
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def _receive(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                kind, length = HEADER.unpack(await self.reader.readexactly(HEADER.size))
                payload = await self.reader.readexactly(length)
                if kind == 0x00:
                    return
                # Until it has heard at which rate we speak, the gateway sends silence at the usual one.
                usual = kind == TYPES[8_000] and not any(payload)
                assert usual or kind == TYPES[self.rate], f"type {kind:#04x} instead of {TYPES[self.rate]:#04x}"
                self.heard.append((loop.time(), payload))
                self._came.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self.hung_up.set()
            self._came.set()


def loudness(pcm: bytes) -> int:
    """The loudest sample."""
    samples = array.array("h", pcm)
    return max(map(abs, samples), default=0)
