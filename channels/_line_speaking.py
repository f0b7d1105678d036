"""Speaks to the caller of a live call, and hears whether he speaks into it."""

import asyncio
from collections import deque
from collections.abc import Sequence

import structlog

from channels._sound import Sound, tone
from channels._turn import Prompt
from channels.desk import Desk
from gateway.errors import EverylineError
from speech.turns import Turns

# Seconds for one sentence to be spoken; what takes longer is passed over.
SPEAK_WITHIN = 8.0
# How much of a voice cuts a prompt short, and how much from before that belongs to what is said.
VOICE_SECONDS = 0.3
EARLIER_SECONDS = 0.8

log = structlog.get_logger()


class Speaker:
    """Speaks prompts one after the other, each while the one before is played; `interruptible` says of the present one
    whether the caller may cut it short."""

    def __init__(self, desk: Desk, sound: Sound, prompts: Sequence[Prompt], *, signal: bool) -> None:
        self.interruptible = True
        self._desk, self._sound, self._prompts, self._signal = desk, sound, prompts, signal

    async def speak(self) -> None:
        """Say all, and return when it was heard."""
        for prompt in self._prompts:
            pcm = await spoken(self._desk, prompt, self._sound.rate)
            await self._sound.played()
            self.interruptible = prompt.interruptible
            await self._sound.play(pcm)
        await self._sound.played()
        if self._signal:
            self.interruptible = True
            await self._sound.play(tone(self._sound.rate))
            await self._sound.played()


class Voice:
    """Whether the caller speaks into a prompt; what he said till that is noticed is `earlier`."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._turns = Turns()
        self._seconds = 0.0
        self._kept = 0
        self.earlier: deque[bytes] = deque()

    def hears(self, pcm: bytes, *, counts: bool) -> bool:
        """More sound; whether it is a voice by now, where that `counts`."""
        self.earlier.append(pcm)
        self._kept += len(pcm)
        while self._kept - len(self.earlier[0]) >= EARLIER_SECONDS * self._rate * 2:
            self._kept -= len(self.earlier.popleft())
        size = self._rate // 50 * 2
        for start in range(0, len(pcm), size):
            piece = pcm[start : start + size]
            speaks = self._turns.frame(piece, self._rate)
            self._seconds = self._seconds + len(piece) / 2 / self._rate if speaks and counts else 0.0
        return self._seconds >= VOICE_SECONDS


async def spoken(desk: Desk, prompt: Prompt, rate: int) -> bytes:
    """A sentence as sound; nothing when it cannot be spoken now, which is better than no call."""
    try:
        async with asyncio.timeout(SPEAK_WITHIN):
            return await desk.speak(prompt.text, prompt.language, rate, keep=not prompt.own)
    except (EverylineError, TimeoutError, OSError) as error:
        log.warning("a sentence was not spoken", action="line.mute", fault=repr(error)[:200])
        return b""
