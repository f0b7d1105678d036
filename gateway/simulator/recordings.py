"""Recordings that the carrier made: the sound, how long it is, and whether it may be fetched yet."""

import io
import wave
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from gateway import clock
from gateway.simulator.account import API_VERSION, Account, new_sid

# At the speed of telephone sound: 8,000 samples of 2 bytes.
BYTES_PER_SECOND = 16_000


@dataclass(slots=True)
class Recording:
    """One recording; `ready` turns true when the carrier has processed it."""

    call_sid: str
    wav: bytes = field(repr=False)
    sid: str = field(default_factory=lambda: new_sid("RE"))
    ready: bool = False
    started: datetime = field(default_factory=clock.now)

    @property
    def duration(self) -> int:
        """Whole seconds, at least one, as the carrier counts them."""
        return max(1, round(seconds(self.wav)))


def seconds(wav: bytes) -> float:
    """How long a sound is; estimated from its size when it is no WAV, since a test may send anything."""
    try:
        with wave.open(io.BytesIO(wav)) as sound:
            return float(sound.getnframes() / sound.getframerate())
    except (wave.Error, EOFError, ZeroDivisionError):
        return len(wav) / BYTES_PER_SECOND


def is_silent(wav: bytes) -> bool:
    """Whether nothing can be heard; the carrier drops such a recording."""
    try:
        with wave.open(io.BytesIO(wav)) as sound:
            return not any(sound.readframes(sound.getnframes()))
    except (wave.Error, EOFError):
        return not wav


def cut(wav: bytes, length: float) -> bytes:
    """The first `length` seconds."""
    if seconds(wav) <= length:
        return wav
    try:
        with wave.open(io.BytesIO(wav)) as sound:
            shape, frames = sound.getparams(), sound.readframes(int(length * sound.getframerate()))
    except (wave.Error, EOFError):
        return wav[: int(length * BYTES_PER_SECOND)]
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setparams(shape)
        sound.writeframes(frames)
    return target.getvalue()


def describe(recording: Recording, account: Account) -> dict[str, Any]:
    """The Recording resource as JSON. https://www.twilio.com/docs/voice/api/recording"""
    return {
        "account_sid": account.sid,
        "api_version": API_VERSION,
        "call_sid": recording.call_sid,
        "channels": 1,
        "date_created": format_datetime(recording.started),
        "duration": str(recording.duration) if recording.ready else "-1",
        "error_code": None,
        "sid": recording.sid,
        "source": "RecordVerb",
        "start_time": format_datetime(recording.started),
        "status": "completed" if recording.ready else "processing",
        "uri": f"{account.path}/Recordings/{recording.sid}.json",
    }
