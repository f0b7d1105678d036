"""What the carrier of a live call must give, so that one conversation (`channels._line`) serves every carrier.

A transport only moves sound and keys. Who says what, and when, is not its affair.
"""

import math
from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

FRAME_SECONDS = 0.02
# What a telephone's keys can be; letters are on none that people have, and carriers may send them all the same.
KEYS = "0123456789*#ABCD"


@dataclass(frozen=True, slots=True)
class Frame:
    """A little sound of the caller: whole s16le mono samples at the transport's rate, 20 ms as a rule."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Key:
    """One key the caller pressed (`KEYS`)."""

    digit: str


class Sound(Protocol):
    """One call's sound, both ways. All of it is used by one conversation; nothing here blocks the loop."""

    rate: int
    """Samples a second, both ways."""

    def heard(self) -> AsyncIterator[Frame | Key]:
        """What comes from the caller, in order; it ends when the caller is gone, however that came about.

        Asked for once. What nobody takes soon may be dropped by the transport, frames before keys.
        """
        ...

    async def play(self, pcm: bytes) -> None:
        """Say this (s16le mono) behind what is being said; returns once it is taken, not once it was heard."""
        ...

    async def clear(self) -> None:
        """Stop saying at once, and forget what was still to be said."""
        ...

    async def played(self) -> None:
        """Wait until the caller has heard all, or nothing is left after `clear`, or the caller is gone."""
        ...

    async def transfer(self, number: str, seconds: float) -> bool:
        """Give the caller over to a number, letting it ring so long; false where the carrier cannot.

        Once true, this conversation is over: what follows if nobody answers comes as a conversation of its own.
        """
        ...

    async def hang_up(self) -> None:
        """End the call, once what is being said was heard; a caller who is gone already is fine."""
        ...


@lru_cache(maxsize=16)
def tone(rate: int) -> bytes:
    """The tone after which one speaks: a fifth of a second of 1 kHz, softly in and out, s16le mono."""
    length = rate // 5
    edge = rate // 100
    samples = array("h")
    for at in range(length):
        swell = min(1.0, at / edge, (length - at) / edge)
        samples.append(round(6000 * swell * math.sin(2 * math.pi * 1000 * at / rate)))
    return samples.tobytes()
