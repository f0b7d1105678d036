"""Words while they are spoken: one recogniser for each call, fed as its sound comes, in threads of their own.

Vosk lets go of the interpreter while it decodes, so a few threads serve many calls; but a recogniser that two threads
use at once ends the process. So each belongs to its `Hearing`, which is fed one piece after the other.
"""

import asyncio
import json
import os
import threading
from array import array
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.errors import Busy
from speech.audio import PEAKS, dither
from speech.models import ModelInfo, resamples
from speech.recogniser import Transcript, Word, recogniser_of, transcript_of, words_in
from speech.transcript import typed

if TYPE_CHECKING:
    from av import AudioResampler

# What a telephone network or a browser sends; another rate would be decoded into confident nonsense, or for ever.
RATES = (8_000, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
# Seconds after which whoever found no free ear may ask again.
RETRY = 30
# How many steps a second loudness is noted in while it comes, and of how many samples a second: enough for a picture,
# and each one more is work beside every call's recognition.
_NOTED, _LOOKED_AT = 50, 4000
# How loud a sample is, 0 to 100, by its higher byte: as fine as a picture shows.
_LOUD = bytes(round(min(high, 256 - high) * 100 / 128) for high in range(256))
# What is no louder is silence on any line; after so many seconds of it no new word comes before the utterance ends, and
# asking for what there is so far, a seventh of the whole work, is left out.
_SILENT, _NO_MORE_AFTER = 1, 0.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Piece:
    """What was heard by now: the words of the utterance going on (they may still change), or all of the one that ended.

    `words` have their times in seconds since the hearing began, and are there once it is `final`.
    """

    text: str
    final: bool
    words: tuple[Word, ...] = ()


class Ears:
    """The live recognition of one process: so many hearings at once at most, in so many threads (0: one a core)."""

    def __init__(self, most: int, threads: int = 0) -> None:
        self._most = most
        self._threads = ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="hearing")
        self._loading = threading.Lock()
        self.open_now = 0

    async def open(self, model: ModelInfo, rate: int) -> "Hearing":
        """An ear for one call's sound of `rate` samples a second.

        Raises `Busy` when all are in use, `BadModel`, and `ValueError` for a rate no sound comes in.
        """
        if rate not in RATES:
            raise ValueError(f"no sound comes with {rate} samples a second")
        if self.open_now >= self._most:
            raise Busy("as many calls are heard as can be; try again later", RETRY)
        self.open_now += 1
        try:
            direct = resamples(model, rate)
            recogniser = await self.work(self._recogniser, model, rate if direct else model.rate)
        except BaseException:
            self.open_now -= 1
            raise
        return Hearing(self, recogniser, model, rate, direct)

    async def work(self, function: Callable[..., T], *args: Any) -> T:
        """Do something in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)

    async def stop(self) -> None:
        """Let go of the threads; what one of them is at, it finishes by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _recogniser(self, model: ModelInfo, rate: int) -> Any:
        with self._loading:  # two first calls would load it twice
            return recogniser_of(model, rate)


class Hearing:
    """One speaker's ear, from his first sound to his last. Never fed by two tasks at once; `close` it in any case."""

    def __init__(self, ears: Ears, recogniser: Any, model: ModelInfo, rate: int, direct: bool) -> None:
        self._ears = ears
        self._recogniser = recogniser
        self._model = model
        self._rate = rate
        self._resampler = None if direct else _resampler(model.rate)
        self._words: list[Word] = []
        self._partial = ""
        self._bytes = 0
        self._loud = array("B")
        self._silent_for = 0.0
        self._closed = False
        # Whoever gives up waiting for a piece (a call that ends) leaves its thread at work on it: the end comes after.
        self._one = threading.Lock()

    async def feed(self, pcm: bytes) -> tuple[Piece, ...]:
        """Hear more sound (s16le mono, whole samples); gives what changed by it.

        Raises `ValueError` for half a sample: all that follows would be nonsense.
        """
        if len(pcm) % 2:
            raise ValueError("sound comes in whole samples")
        if not pcm or self._closed:
            return ()
        return await self._ears.work(self._hear, pcm)

    async def finish(self) -> Transcript:
        """All that was heard since the ear was opened. It hears nothing more."""
        self._closed = True
        return await self._ears.work(self._end)

    def close(self) -> None:
        """Give the ear back; any number of times."""
        if self._recogniser is not None:
            self._recogniser = None
            self._ears.open_now -= 1
        self._closed = True

    def _hear(self, pcm: bytes) -> tuple[Piece, ...]:
        with self._one:
            recogniser = self._recogniser
            if recogniser is None:
                return ()
            self._note(pcm)
            if recogniser.AcceptWaveform(dither(self._resampled(pcm))):
                return self._settle(recogniser.Result())
            if self._silent_for > _NO_MORE_AFTER:
                return ()
            return self._so_far(recogniser.PartialResult())

    def _so_far(self, result: str) -> tuple[Piece, ...]:
        partial = json.loads(result)["partial"]
        if partial == self._partial:
            return ()
        self._partial = partial
        return (Piece(typed(partial.split(), self._model.language), final=False),)

    def _settle(self, result: str) -> tuple[Piece, ...]:
        """Read at each endpoint: a result that is left unread costs more with each second of silence."""
        words = tuple(words_in(result))
        self._words += words
        before, self._partial = self._partial, ""
        if not words and not before:
            return ()
        return (Piece(typed([word.word for word in words], self._model.language), final=True, words=words),)

    def _end(self) -> Transcript:
        with self._one:
            recogniser = self._recogniser  # `close` may come meanwhile
            if recogniser is not None:
                if self._resampler and (rest := self._resampled(None)):
                    recogniser.AcceptWaveform(dither(rest))
                self._settle(recogniser.FinalResult())
            return transcript_of(self._words, self._model, self._bytes / 2 / self._rate, self._peaks())

    def _resampled(self, pcm: bytes | None) -> bytes:
        """The sound at the model's rate; None asks for what the resampler still holds."""
        if self._resampler is None or (pcm is None and not self._bytes):
            return pcm or b""
        import av

        frame = None
        if pcm is not None:
            frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
            frame.sample_rate = self._rate
            frame.planes[0].update(pcm + bytes(frame.planes[0].buffer_size - len(pcm)))
        made = self._resampler.resample(frame)
        return b"".join(bytes(out.planes[0])[: out.samples * 2] for out in made)

    def _note(self, pcm: bytes) -> None:
        """Loudness while it comes, so that not the sound itself must be held."""
        self._bytes += len(pcm)
        every = max(self._rate // _LOOKED_AT, 1)
        loud, step = pcm[1 :: 2 * every].translate(_LOUD), self._rate // every // _NOTED
        steps = bytes(max(loud[start : start + step]) for start in range(0, len(loud), step))
        self._loud.frombytes(steps)
        silent = max(steps, default=0) <= _SILENT
        self._silent_for = self._silent_for + len(pcm) / 2 / self._rate if silent else 0.0

    def _peaks(self) -> tuple[int, ...]:
        number = min(PEAKS, len(self._loud))
        edges = [len(self._loud) * step // number for step in range(number + 1)] if number else []
        return tuple(max(self._loud[a:b]) for a, b in pairwise(edges))


def _resampler(rate: int) -> "AudioResampler":
    import av  # wanted only where a model cannot do it itself

    return av.AudioResampler(format="s16", layout="mono", rate=rate)
