"""Two hundred callers at once, through AudioSocket: how long the line is ever silent when it should send sound.

The gateway is a process of its own, with the small model and the real voice; the callers share one. Each walks through
the menu, speaks a sample after the tone, falls silent, hears what was understood, keeps it, and begins again. Measured
is the longest time between two pieces of sound that any caller got, how many reports came out word for word, and how
much of the processors the gateway needed, with its start and all its workers.
"""

import asyncio
import random
import resource
import sqlite3
import struct
import tempfile
import time
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import aiohttp

from channels._sound import tone
from tests.bench.intake import Figure
from tests.channels.asterisk import SECRET, Exchange, sound_of
from tests.process.gateway import free_port, running
from tests.process.twilio import CREDENTIALS
from tests.speech.test_recogniser import DEMO, TYPED

CALLERS = 200
# Over how many seconds they call, and for how many all of them are on the line.
ARRIVE, TALK = 20.0, 60.0
# Seconds until a caller who is not asked gives up, and with him the measurement.
PATIENCE = 60.0
RATE, FRAME = 8_000, 320
SILENCE = struct.pack(">BH", 0x10, FRAME) + bytes(FRAME)
TONE_ENDS = tone(RATE)[-FRAME:]


@dataclass(eq=False)
class Caller(asyncio.Protocol):
    """One telephone: what it hears is only timed, and looked at for the tone."""

    identity: UUID
    pieces: list[bytes]
    gaps: "array[float]" = field(default_factory=lambda: array("d"))
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    said: asyncio.Event = field(default_factory=asyncio.Event)
    speech: Iterator[bytes] | None = None
    last: float = 0.0
    before: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(struct.pack(">BH", 0x01, 16) + self.identity.bytes)

    def data_received(self, data: bytes) -> None:
        at = time.perf_counter()
        if self.last:
            self.gaps.append(at - self.last)
        self.last = at
        heard = self.before + data  # a frame may come in two pieces
        self.before = heard[-FRAME:]
        if TONE_ENDS in heard:
            self.asked.set()

    def connection_lost(self, error: Exception | None) -> None:
        for event in (self.over, self.asked, self.said):
            event.set()

    def tick(self) -> None:
        """The next 20 ms of this caller."""
        frame = next(self.speech, None) if self.speech else None
        if self.speech and frame is None:
            self.speech = None
            self.said.set()
        if not self.over.is_set():
            self.transport.write(frame or SILENCE)

    async def talk(self, until: float) -> int:
        """Report again and again; gives how often."""
        reports = 0
        await self._press("2", 0.5)
        while time.perf_counter() < until and not self.over.is_set():
            self.asked.clear()
            self.said.clear()
            await self._press("1", 0.5)
            async with asyncio.timeout(PATIENCE):
                await self.asked.wait()
            self.speech = iter(self.pieces)
            await self.said.wait()
            await asyncio.sleep(4.5)  # what was said ends by silence, and is read back
            await self._press("1", 0.0)
            reports += 1
            await self._press("9", 3.0)
        return reports

    async def _press(self, key: str, after: float) -> None:
        await asyncio.sleep(after)
        self.transport.write(struct.pack(">BH", 0x03, 1) + key.encode())


async def measure() -> list[Figure]:
    """The longest gap, the 99.9th percentile of all, the reports that came out word for word, and what it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        data, port = Path(folder), free_port()
        for language in TYPED:
            (data / "models").mkdir(exist_ok=True)
            (data / "models" / language).symlink_to(DEMO / language / "model")
        known = {
            **CREDENTIALS,
            "EVERYLINE_AUDIOSOCKET_SECRET": SECRET,
            "EVERYLINE_CHANNELS__VOICE_AUDIOSOCKET__PORT": str(port),
            "EVERYLINE_CHANNELS__VOICE_AUDIOSOCKET__SILENCE": "2",
            "EVERYLINE_GATEWAY__INTAKE__MESSAGES_PER_HOUR": "1000",
        }
        async with running(data, **known) as gateway, aiohttp.ClientSession() as http:
            callers, reports = await _call(Exchange(gateway.url, "127.0.0.1", port, http))
        texts = Counter(row[0] for row in sqlite3.connect(data / "everyline.db").execute("SELECT text FROM posts"))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    gaps = sorted(gap for caller in callers for gap in caller.gaps)
    right = sum(number for text, number in texts.items() if text in TYPED["en"].values())
    at_once = f"{CALLERS} calls at once, {reports} reports"
    return [
        Figure("calls_largest_gap", gaps[-1] * 1000, f"ms, {at_once}", 100, more_is_better=False),
        Figure("calls_gap_p999", gaps[int(len(gaps) * 0.999)] * 1000, "ms", 60, more_is_better=False),
        Figure("calls_word_for_word", 100 * right / max(1, reports), "% of the reports", 99),
        Figure("calls_processor", took / (ARRIVE + TALK), "cores, start included", 1.5, more_is_better=False),
    ]


async def _call(exchange: Exchange) -> tuple[list[Caller], int]:
    loop, begun = asyncio.get_running_loop(), time.perf_counter()
    samples = [_frames(DEMO / "en/utterances" / f"{stem}-8k.wav") for stem in TYPED["en"]]
    callers: list[Caller] = []
    until = begun + ARRIVE + TALK

    async def one(number: int) -> int:
        await asyncio.sleep(ARRIVE * number / CALLERS)
        call = exchange.call(f"138{10_000_000 + number * 7919}", RATE)
        caller = Caller(UUID(await call.register()), random.choice(samples))
        await loop.create_connection(lambda: caller, exchange.host, exchange.port)
        callers.append(caller)
        return await caller.talk(until)

    ticking = asyncio.create_task(_tick(callers))
    reports = sum(await asyncio.gather(*(one(number) for number in range(CALLERS))))
    ticking.cancel()
    for caller in callers:
        if caller.over.is_set():
            raise AssertionError("a call ended before its caller hung up")
        caller.transport.close()
    await asyncio.sleep(5)  # what was still going on is kept
    return callers, reports


async def _tick(callers: list[Caller]) -> None:
    """All telephones' clock."""
    due = time.perf_counter()
    while True:
        for caller in list(callers):
            caller.tick()
        due += 0.02
        await asyncio.sleep(max(0.0, due - time.perf_counter()))


def _frames(path: Path) -> list[bytes]:
    pcm, _ = sound_of(path)
    return [
        struct.pack(">BH", 0x10, FRAME) + pcm[at : at + FRAME].ljust(FRAME, b"\0") for at in range(0, len(pcm), FRAME)
    ]
