"""A desk as a live conversation needs it, of memory alone: it hears what is fed, and speaks in tones."""

import asyncio
import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import EverylineError, TooMany
from gateway.schema_incoming import IncomingMedia
from speech.live import Piece
from speech.recogniser import Transcript, Word

WORDS = "loud noise at the park"


def voice(seconds: float, rate: int = 8_000, loud: int = 9_000) -> bytes:
    """Something as loud and uneven as speech."""
    samples = array("h")
    for at in range(int(seconds * rate)):
        swell = 0.55 + 0.45 * math.sin(2 * math.pi * 3 * at / rate)
        samples.append(round(loud * swell * math.sin(2 * math.pi * 220 * at / rate)))
    return samples.tobytes()


def silence(seconds: float, rate: int = 8_000) -> bytes:
    """Nothing."""
    return bytes(int(seconds * rate) * 2)


@dataclass
class NotedEar:
    """A hearing that understands one sentence, and breaks when told."""

    rate: int
    breaks: Exception | None = None
    pcm: bytearray = field(default_factory=bytearray)
    closed: bool = False

    async def feed(self, pcm: bytes) -> tuple[Piece, ...]:
        if self.breaks:
            raise self.breaks
        self.pcm += pcm
        return (Piece(WORDS[: len(self.pcm) // 4000], False),)

    async def finish(self) -> Transcript:
        seconds = len(self.pcm) / 2 / self.rate
        return Transcript(WORDS, 0.9, (Word("loud", 0.1, 0.3, 0.9),), seconds, "a-model", (1, 2))

    def close(self) -> None:
        self.closed = True


@dataclass(frozen=True)
class NotedLabel:
    id: str
    call: str
    rate: int
    language: str
    address: str | None
    line: str | None


@dataclass
class NotedTape:
    """A tape of memory."""

    label: NotedLabel
    before: bytes = b""
    written: asyncio.Event = field(default_factory=asyncio.Event)
    pcm: bytearray = field(default_factory=bytearray)
    state: str = "open"
    seconds: float = 600.0

    def write(self, pcm: bytes) -> None:
        self.pcm += pcm
        self.written.set()

    async def finish(self) -> IncomingMedia | None:
        sound = self.before + bytes(self.pcm)
        return IncomingMedia(f"tape:{self.label.id}", f"blob:{len(sound)}", "audio/wav", self.label.language)

    async def discard(self) -> None:
        self.state = "discarded"

    async def release(self) -> None:
        self.state = "released"


@dataclass
class NotedLine:
    """What staff would see."""

    steps: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    ticket: str | None = None
    how: str | None = None
    within: float | None = None

    async def step(self, name: str, *, language: str | None = None, within: float | None = None) -> None:
        self.steps.append(name)
        self.within = within

    def hearing(self, text: str, final: bool) -> None:
        self.heard.append(text)

    async def kept(self, ticket: str) -> None:
        self.ticket = ticket

    async def ended(self, how: str) -> None:
        self.how = how


class LineDesk:
    """The part of the desk that a conversation asks; `mute`, `deaf`, `busy` and `broken` make it fail."""

    def __init__(self) -> None:
        self.kept: dict[str, Mapping[str, Any]] = {}
        self.tapes: list[NotedTape] = []
        self.ears: list[NotedEar] = []
        self.line = NotedLine()
        self.written = asyncio.Event()
        self.spoken: list[str] = []
        self.sounds_kept: list[str] = []
        self.mute = self.busy = self.full = False
        self.deaf: Exception | None = None
        self.breaks: Exception | None = None
        self.no_model = False
        self.prompt_seconds = 0.1

    async def on_the_line(self, channel: str, call: str, **known: Any) -> NotedLine:
        if self.busy:
            raise TooMany("all lines are taken", 60)
        return self.line

    async def speak(self, text: str, language: str, rate: int = 8_000, *, keep: bool = True) -> bytes:
        if self.mute:
            raise EverylineError("no voice")
        self.spoken.append(text)
        if keep:
            self.sounds_kept.append(text)
        return voice(self.prompt_seconds, rate)

    async def listen(self, channel: str, language: str, rate: int) -> NotedEar | None:
        if self.deaf:
            raise self.deaf
        if self.no_model:
            return None
        self.ears.append(NotedEar(rate, self.breaks))
        return self.ears[-1]

    async def tape(
        self, channel: str, call: str, rate: int, language: str, *, address: str | None = None, line: str | None = None
    ) -> NotedTape:
        if self.full:
            raise OSError("no space left on device")
        before = next((bytes(one.before + one.pcm) for one in self.tapes if one.state == "released"), b"")
        label = NotedLabel(f"t{len(self.tapes)}", call, rate, language, address, line)
        self.tapes.append(NotedTape(label, before, self.written))
        return self.tapes[-1]

    async def taped(self, size: int) -> None:
        """Wait until so much is on the last tape."""
        while not self.tapes or len(self.tapes[-1].pcm) < size:
            self.written.clear()
            await self.written.wait()

    async def tapes_left(self, channel: str, seconds: float) -> Sequence[NotedTape]:
        return []

    async def keep(self, channel: str, key: str, value: Mapping[str, Any], days: int = 1) -> None:
        self.kept[key] = dict(value)

    async def recall(self, channel: str, key: str) -> Mapping[str, Any] | None:
        return self.kept.get(key)

    def phrase(self, key: str, language: str, values: Mapping[str, Any] | None = None) -> str:
        return f"{key} in {language}"
