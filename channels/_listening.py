"""Listening to one caller until he has said what he has to say: taped, heard as it is spoken, and ended in one of the
ways people end.

Whatever fails here (no model, a recogniser that is slow, gone or overwhelmed), the tape goes on and the words come
later; and without a tape the words alone are kept.
"""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum

import structlog

from channels._sound import FRAME_SECONDS
from channels.desk import Desk
from channels.handed import OnTheLine, Tape
from gateway.errors import EverylineError
from gateway.schema_incoming import Heard, IncomingMedia
from speech.live import Hearing
from speech.turns import Turns

# The ear is fed in pieces of this many seconds; one that is behind by so much more is given up.
PIECE_SECONDS = 0.2
BEHIND_AT_MOST = 20.0
# For how long the end of what was said is waited for; the caller hears nothing meanwhile.
FINISH_WITHIN = 6.0
OPEN_WITHIN = 3.0

log = structlog.get_logger()


class Ended(StrEnum):
    """Why there is no more to listen to."""

    SILENCE = "silence"
    LONGEST = "longest"


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said: its words, if they are known already, and its recording, if there is one."""

    text: str | None
    confidence: float
    media: IncomingMedia | None


class Ear:
    """Live recognition of one utterance, fed by a task of its own so that it never holds up the call."""

    def __init__(self, hearing: Hearing, line: OnTheLine | None, rate: int, before: bytes) -> None:
        self._hearing = hearing
        self._line = line
        self._size = int(rate * PIECE_SECONDS) * 2
        self._waiting = deque(before[at : at + self._size] for at in range(0, len(before), self._size))
        self._behind = len(before)
        self._most = len(before) + int(rate * BEHIND_AT_MOST) * 2
        self._came = asyncio.Event()
        self._over = False
        self._lost = False
        self._task = asyncio.create_task(self._feed(), name="ear")

    def hear(self, pcm: bytes) -> None:
        """More sound; returns at once."""
        if self._lost:
            return
        self._waiting.append(pcm)
        self._behind += len(pcm)
        if self._behind > self._most:
            self._lose("it is far behind")
        self._came.set()

    async def finish(self) -> Heard | None:
        """What was heard; None when it was not heard to the end."""
        self._over = True
        self._came.set()
        try:
            async with asyncio.timeout(FINISH_WITHIN):
                await asyncio.shield(self._task)
                if not self._lost:
                    return (await self._hearing.finish()).heard()
        except TimeoutError:
            self._lose("its end did not come")
        except Exception as error:  # noqa: BLE001  (a recogniser may fail in any way; the tape has all)
            self._lose(repr(error)[:200])
        return None

    async def close(self) -> None:
        """Listen no more."""
        self._task.cancel()
        await asyncio.wait([self._task])
        with contextlib.suppress(Exception):
            self._hearing.close()

    async def _feed(self) -> None:
        try:
            while not self._lost:
                if self._behind >= self._size or (self._over and self._waiting):
                    await self._hear_piece()
                elif self._over:
                    return
                else:
                    self._came.clear()
                    await self._came.wait()
        except Exception as error:  # noqa: BLE001
            self._lose(repr(error)[:200])

    async def _hear_piece(self) -> None:
        piece = bytearray()
        while self._waiting and len(piece) < self._size:
            piece += self._waiting.popleft()
        for heard in await self._hearing.feed(bytes(piece)):
            if self._line:
                self._line.hearing(heard.text, heard.final)
        self._behind -= len(piece)

    def _lose(self, why: str) -> None:
        if not self._lost:
            log.warning("a call is not heard any more, only taped", action="line.deaf", fault=why)
        self._lost = True
        self._waiting.clear()
        self._came.set()


class Listening:
    """One utterance from its first sound to its end.

    `tape` and `ear` may each be missing. `longest` and `silence` are seconds; a caller who has not begun to speak gets
    `patience` before he counts as silent.
    """

    def __init__(
        self, tape: Tape | None, ear: Ear | None, rate: int, *, longest: float, silence: float, patience: float
    ) -> None:
        self.tape = tape
        self.spoke = False
        self._ear = ear
        self._rate = rate
        self._turns = Turns()
        self._longest, self._silence, self._patience = longest, silence, patience
        self._seconds = 0.0
        if tape and tape.before:
            # The call broke off while this caller spoke: what he said is heard again, so that his words are whole.
            self.spoke = True
            self._seconds = len(tape.before) / 2 / rate

    def hear(self, pcm: bytes) -> Ended | None:
        """More of the caller; says when he is done."""
        if self.tape:
            self.tape.write(pcm)
        if self._ear:
            self._ear.hear(pcm)
        size = int(self._rate * FRAME_SECONDS) * 2
        for start in range(0, len(pcm), size):
            self._turns.frame(pcm[start : start + size], self._rate)
        self.spoke = self.spoke or self._turns.spoke
        self._seconds += len(pcm) / 2 / self._rate
        if self._seconds >= self._longest:
            return Ended.LONGEST
        quiet = self._turns.silent_for if self._turns.spoke else self._seconds
        return Ended.SILENCE if quiet >= (self._silence if self._turns.spoke else self._patience) else None

    async def finish(self) -> Utterance | None:
        """What was said; None when nothing was."""
        heard = await self._ear.finish() if self._ear else None
        media = None
        if self.tape and self.spoke:
            try:
                media = await self.tape.finish()
            except (OSError, EverylineError) as error:
                log.error("what a caller said is not on disk", action="line.tape", fault=repr(error)[:200])
        if media is None:
            return Utterance(heard.text, heard.confidence, None) if heard and heard.text else None
        if heard is None:
            return Utterance(None, 0.0, media)
        return Utterance(heard.text, heard.confidence, replace(media, heard=heard))

    async def close(self) -> None:
        """Listen no more; the tape stays as it is."""
        if self._ear:
            await self._ear.close()


async def open_ear(
    desk: Desk, channel: str, language: str, rate: int, line: OnTheLine | None, before: bytes = b""
) -> Ear | None:
    """Live recognition for a call that has said something `before`; None when there is none, now or at all."""
    try:
        async with asyncio.timeout(OPEN_WITHIN):
            hearing = await desk.listen(channel, language, rate)
    except Exception as error:  # noqa: BLE001  (whatever it is, the tape has all)
        log.warning("a call is taped only", action="line.deaf", fault=repr(error)[:200])
        return None
    return Ear(hearing, line, rate, before) if hearing else None
