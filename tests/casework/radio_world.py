"""What the tests of the radio share: a voice that hums, a day with posts in it, a recording that may be heard."""

import hashlib
import io
import math
import wave
from array import array
from itertools import count
from pathlib import Path

from gateway.casework import cases
from gateway.journey import moderation
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_incoming import Taken
from speech.synthesiser import Speechless, Synthesiser
from tests.journey.test_intake import message

_writers = count(1000)


class Humming(Synthesiser):
    """Hums each text at a pitch of its own instead of speaking it, and remembers what it was asked to say."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"), most_bytes=0)
        self.said: list[tuple[str, str]] = []

    async def speak(self, text: str, language: str, *, rate: int = 8000, keep: bool = True) -> bytes:
        self.said.append((language, text))
        pitch = 150 + int(hashlib.sha256(text.encode()).hexdigest()[:2], 16)
        return humming(pitch, 0.05 * max(4, min(len(text), 40)), rate)


class Mute(Humming):
    """Says nothing: the voice has gone."""

    async def speak(self, text: str, language: str, *, rate: int = 8000, keep: bool = True) -> bytes:
        raise Speechless("the voice has gone")


def humming(pitch: float, seconds: float, rate: int) -> bytes:
    """A tone as mono 16-bit samples."""
    steps = (round(9000 * math.sin(2 * math.pi * pitch * step / rate)) for step in range(int(seconds * rate)))
    return array("h", steps).tobytes()


def wav(pcm: bytes, rate: int) -> bytes:
    """Samples as a file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(rate)
        written.writeframes(pcm)
    return file.getvalue()


def somebody() -> str:
    """A number that nobody had before."""
    return f"+86138001{next(_writers):05}"


async def publish(runtime: Runtime, text: str, sender: str | None = None, **more: object) -> Taken:
    """A report, of somebody new when nobody is named, that a moderator let through."""
    taken = await Intake(runtime).take(message(text, sender or somebody(), commands=False, **more))
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    return taken


async def answer(runtime: Runtime, taken: Taken, text: str, department: str = "water") -> str:
    """A department's answer to a report; gives its id."""
    assert taken.ticket
    return await cases.answer(runtime, taken.ticket, text, department, actor="of")


async def withdraw(runtime: Runtime, post_id: str | None) -> None:
    """Take something published back."""
    assert post_id
    await moderation.decide(runtime, post_id, Action.WITHDRAW, actor="mo", reason="personal")
