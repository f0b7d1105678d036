"""Text to speech: espeak-ng in a process of its own, so that its faults cost one sentence and not the gateway.

Another voice is plugged in as a `Voice`: a picklable function that runs in the worker, from a text as it should be read
(`speech.spoken` made it) to 16-bit mono samples. What was said once is kept by its content, in memory and on disk,
unless it is somebody's own words.
"""

import asyncio
import contextlib
import ctypes
import functools
import hashlib
import os
import tempfile
from array import array
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from gateway.errors import BadInput, EverylineError
from gateway.workers import WorkerLost, Workers, WorkerTimeout
from speech import spoken

# A sentence is spoken four hundred times faster than it is heard; who takes longer hangs.
WITHIN = 20.0
MEMORY_BYTES = 16 * 1024 * 1024
RATES = range(8_000, 48_001)
# espeak-ng's names; Mandarin by Han characters needs 1.52 (Debian 12 has 1.51, which reads them as English).
VOICES: Mapping[str, str] = {"zh": "cmn", "en": "en-us"}
# espeak_ng/speak_lib.h
_RETRIEVAL, _DONT_EXIT = 1, 0x8000
_CHARS_UTF8, _CHARACTER = 1, 1
_EE_OK, _RATE_PARAMETER = 0, 1


class Voice(Protocol):
    """How a text becomes sound, in a worker process."""

    def __call__(self, text: str, language: str, pace: int) -> tuple[bytes, int]:
        """16-bit mono samples of a text, and how many of them are a second. `pace` is in words a minute."""
        ...


class Speechless(EverylineError):
    """The text cannot be spoken now; who asked goes on without, or in another way."""

    title = "Cannot be spoken"


class Synthesiser:
    """The voices of one process. `folder` holds what was spoken, of at most `most_bytes`; the oldest goes first."""

    def __init__(self, folder: Path, *, most_bytes: int, pace: int = 150, voice: Voice | None = None) -> None:
        self._workers = Workers(1, gives_way=False)  # callers wait for it
        self._voice = voice or espeak
        self._folder, self._most_bytes, self._pace = folder, most_bytes, pace
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        # What is being spoken now: a hundred callers who wait for one sentence have it spoken once.
        self._making: dict[tuple[str, bool], asyncio.Task[bytes]] = {}

    async def speak(self, text: str, language: str, *, rate: int = 8000, keep: bool = True) -> bytes:
        """The text as 16-bit mono samples, `rate` of them a second; empty for a text of which nothing can be said.

        Without `keep` it is spoken anew and kept nowhere, as befits words that are not for everybody.
        Raises `BadInput` for an impossible rate or an unknown language, and `Speechless` when the voice failed twice.
        """
        if rate not in RATES:
            raise BadInput("no voice speaks at this rate", "rate")
        if language not in VOICES:
            raise BadInput("no voice speaks this language", "language")
        words = spoken.spoken(text, language)
        if not words:
            return b""
        name = self._name(words, language, rate)
        if keep and (known := self._memory.pop(name, None)) is not None:
            self._memory[name] = known
            return known
        if (making := self._making.get((name, keep))) is None:
            file = self._folder / f"{name}.pcm" if keep else None
            making = asyncio.create_task(self._made(words, language, rate, file), name="speak")
            self._making[name, keep] = making
            making.add_done_callback(lambda _: self._making.pop((name, keep)))
        # Shielded: who waits no longer (he hung up) takes nothing from the others.
        pcm = await asyncio.shield(making)
        return self._remember(name, pcm) if keep else pcm

    async def stop(self) -> None:
        """End the process."""
        await self._workers.stop()

    def _name(self, words: str, language: str, rate: int) -> str:
        voice = f"{getattr(self._voice, '__module__', '')}.{getattr(self._voice, '__qualname__', '')}"
        said = "\0".join((voice, language, str(self._pace), str(rate), words))
        return hashlib.sha256(said.encode()).hexdigest()

    async def _made(self, words: str, language: str, rate: int, file: Path | None) -> bytes:
        job = functools.partial(
            self._workers.run,
            _spoken,
            self._voice,
            words,
            language,
            self._pace,
            rate,
            file,
            self._most_bytes,
            timeout=WITHIN,
        )
        try:
            try:
                return await job()
            except (WorkerLost, WorkerTimeout):
                return await job()  # the broken process is gone: this is a fresh one
        except (WorkerLost, WorkerTimeout, OSError, RuntimeError) as error:
            raise Speechless(f"the voice failed: {error}") from error

    def _remember(self, name: str, pcm: bytes) -> bytes:
        if name not in self._memory:
            self._size += len(pcm)
        self._memory[name] = pcm
        while self._size > MEMORY_BYTES:
            self._size -= len(self._memory.popitem(last=False)[1])
        return pcm


def espeak(text: str, language: str, pace: int) -> tuple[bytes, int]:
    """The voice of espeak-ng. One thread at a time: the worker's."""
    library, rate = _espeak()
    if library.espeak_SetVoiceByName(VOICES[language].encode()) != _EE_OK:
        raise RuntimeError(f"espeak-ng has no voice {VOICES[language]}")
    library.espeak_SetParameter(_RATE_PARAMETER, pace, 0)
    _heard.clear()
    data = text.encode() + b"\0"
    if library.espeak_Synth(data, len(data), 0, _CHARACTER, 0, _CHARS_UTF8, None, None) != _EE_OK:
        raise RuntimeError("espeak-ng could not speak")
    library.espeak_Synchronize()
    return b"".join(_heard), rate


def phonemes(text: str, language: str) -> str:
    """How espeak-ng would pronounce a text, in IPA."""
    library, _ = _espeak()
    library.espeak_SetVoiceByName(VOICES[language].encode())
    said, rest = [], ctypes.c_char_p(text.encode())
    while rest.value:
        clause = library.espeak_TextToPhonemes(ctypes.byref(rest), _CHARS_UTF8, 0x02)
        said.append((clause or b"").decode())
    return " ".join(said)


def _spoken(voice: Voice, words: str, language: str, pace: int, rate: int, file: Path | None, most_bytes: int) -> bytes:
    """The worker's part: what lies on disk, or else is spoken now and laid there; without a file, only spoken."""
    if file is None:
        return _at_rate(*voice(words, language, pace), rate)
    try:
        kept = file.read_bytes()
        os.utime(file)
    except OSError:
        kept = b""
    if kept:
        return kept
    pcm = _at_rate(*voice(words, language, pace), rate)
    with contextlib.suppress(OSError):  # a full disk costs the next one a moment, not this caller his answer
        _keep(file, pcm, most_bytes)
    return pcm


def _keep(file: Path, pcm: bytes, most_bytes: int) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".part", delete=False) as part:
        part.write(pcm)
    os.replace(part.name, file)
    known = sorted((one for one in os.scandir(file.parent) if one.is_file()), key=lambda one: one.stat().st_mtime)
    size = sum(one.stat().st_size for one in known)
    for one in known:
        if size <= most_bytes:
            return
        size -= one.stat().st_size
        Path(one.path).unlink(missing_ok=True)


def _at_rate(pcm: bytes, made: int, rate: int) -> bytes:
    """The same sound with so many samples a second."""
    if made == rate or not pcm:
        return pcm
    import av

    frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
    frame.sample_rate = made
    frame.planes[0].update(pcm + bytes(frame.planes[0].buffer_size - len(pcm)))
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    return b"".join(bytes(one.planes[0])[: one.samples * 2] for one in parts)


# What the library gave of the text it is at; it speaks through a callback.
_heard: list[bytes] = []


@functools.cache
def _espeak() -> tuple[Any, int]:
    """The library, ready to speak, and how many samples a second it gives."""
    import espeakng_loader  # brings the library and its data

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_Synth.argtypes = [
        *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint),
        *(ctypes.c_void_p, ctypes.c_void_p),
    ]
    rate = library.espeak_Initialize(_RETRIEVAL, 0, espeakng_loader.get_data_path().encode(), _DONT_EXIT)
    if rate <= 0:
        raise RuntimeError("espeak-ng could not be started")
    library.espeak_SetSynthCallback(_CALLBACK)
    return library, rate


def _take_in(samples: Any, number: int, _events: Any) -> int:
    if samples and number > 0:
        _heard.append(array("h", samples[:number]).tobytes())
    return 0


# Held here, as the library calls it for as long as the process lives.
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)(_take_in)
