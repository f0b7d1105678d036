"""From a recording to what was said in it, by Vosk in a worker process.

The worker decodes the recording to the rate its model was made for (a wrong rate gives confident nonsense, and some
rates never return), keeps its models loaded, and may crash or hang: then a fresh process tries once more.
"""

import functools
import json
import resource
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from gateway.errors import EverylineError
from gateway.schema_incoming import Heard
from gateway.workers import WorkerLost, Workers, WorkerTimeout
from speech.audio import Audio, decode, dither, peaks
from speech.models import ModelInfo
from speech.transcript import is_word, typed

MAX_SECONDS = 300.0
MAX_BYTES = 32 * 1024 * 1024
_CHUNK_SECONDS = 0.25
_MODELS_KEPT = 2


class BadModel(EverylineError):
    """The model has all its files and still cannot be used."""

    title = "Unusable speech model"


@dataclass(frozen=True, slots=True)
class Word:
    """One word as recognised, with its seconds from the start and how sure the model is (0 to 1)."""

    word: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recording says, as people would type it. Nothing heard: empty text, confidence 0.

    `peaks` is how loud it is from one end to the other (`speech.audio.peaks`), `took` the seconds of work it was,
    without loading the model; none where it was heard live.
    """

    text: str
    confidence: float
    words: tuple[Word, ...]
    seconds: float
    model: str
    peaks: tuple[int, ...] = ()
    took: float | None = None

    def heard(self) -> Heard:
        """The same as it travels with its recording."""
        words = tuple((word.word, word.start, word.end, round(word.confidence, 2)) for word in self.words)
        return Heard(self.text, self.confidence, words, self.seconds, self.model, self.peaks)


async def transcribe(
    workers: Workers,
    model: ModelInfo,
    recording: Path | bytes,
    *,
    timeout: float,
    max_seconds: float = MAX_SECONDS,
    max_bytes: int = MAX_BYTES,
) -> Transcript:
    """Write down a recording in the language of `model`; each of two tries may take `timeout` seconds.

    Raises `BadAudio` for an unusable recording, `BadModel` for an unusable model, and `WorkerLost` or `WorkerTimeout`
    when the second try ended like the first.
    """
    listen = functools.partial(workers.run, _listen, model, recording, max_seconds, max_bytes, timeout=timeout)
    try:
        return await listen()
    except (WorkerLost, WorkerTimeout):
        return await listen()  # the broken process is gone: this is a fresh one


def transcript_of(heard: Iterable[Word], model: ModelInfo, seconds: float, loudness: tuple[int, ...]) -> Transcript:
    """All that was heard as people would type it. Raises `BadModel` for a model that cannot name its words."""
    heard = tuple(heard)
    if not all(word.word for word in heard):
        raise BadModel(f"the speech model {model.name} lacks the names of its words")
    words = tuple(word for word in heard if is_word(word.word))
    confidence = fmean(word.confidence for word in words) if words else 0.0
    text = typed([word.word for word in words], model.language)
    return Transcript(text, round(confidence, 3), words, round(seconds, 3), model.name, loudness)


def recogniser_of(model: ModelInfo, rate: int) -> Any:
    """A recogniser for sound of so many samples a second. Raises `BadModel`.

    Loading its model takes seconds: never in the event loop. A recogniser is one thread's at a time.
    """
    import vosk

    try:
        recogniser = vosk.KaldiRecognizer(_loaded(str(model.path), model.stamp), float(rate))
    except Exception as error:  # vosk raises nothing more exact
        raise BadModel(f"the speech model {model.name} cannot be loaded") from error
    recogniser.SetWords(True)
    return recogniser


def words_in(result: str) -> Iterator[Word]:
    """The words of one of the recogniser's results."""
    for word in json.loads(result).get("result", ()):
        yield Word(word["word"], word["start"], word["end"], word["conf"])


def _listen(model: ModelInfo, recording: Path | bytes, max_seconds: float, max_bytes: int) -> Transcript:
    """The worker's part: sound in, transcript out."""
    begun = time.perf_counter()
    audio = decode(recording, rate=model.rate, max_seconds=max_seconds, max_bytes=max_bytes)
    decoded = time.perf_counter()
    recogniser = recogniser_of(model, model.rate)
    loaded = time.perf_counter()
    transcript = transcript_of(_words(recogniser, audio), model, audio.seconds, peaks(audio.pcm))
    return replace(transcript, took=round(decoded - begun + time.perf_counter() - loaded, 4))


@functools.lru_cache(maxsize=_MODELS_KEPT)
def _loaded(path: str, stamp: str) -> Any:  # another stamp is another model, at the same path
    """A loaded model: seconds and up to gigabytes, so a process keeps the last few."""
    import vosk  # heavy, wanted in workers only

    vosk.SetLogLevel(-3)
    return vosk.Model(path)


def _words(recogniser: Any, audio: Audio) -> Iterator[Word]:
    """Feed whole samples, and read `Result` at each endpoint: unread, every second of silence costs more."""
    step = int(audio.rate * _CHUNK_SECONDS) * 2
    for start in range(0, len(audio.pcm), step):
        if recogniser.AcceptWaveform(dither(audio.pcm[start : start + step])):
            yield from words_in(recogniser.Result())
    yield from words_in(recogniser.FinalResult())


@dataclass(frozen=True, slots=True)
class Measure:
    """What a model costs: seconds to load it, processor seconds for `seconds` of sound, bytes of memory; its words."""

    load_seconds: float
    took: float
    seconds: float
    memory: int
    texts: tuple[str, ...]

    @property
    def real_time_factor(self) -> float:
        """Seconds of one processor core for each second of sound."""
        return self.took / self.seconds


def measure(model: ModelInfo, recordings: Sequence[Path]) -> Measure:
    """Load a model and write recordings down by it. For a worker of its own, whose memory then is the model's.

    Raises `BadModel` and `BadAudio`.
    """
    begun = time.perf_counter()
    recogniser_of(model, model.rate)
    loaded, worked = time.perf_counter(), time.process_time()
    heard = [_listen(model, recording, MAX_SECONDS, MAX_BYTES) for recording in recordings]
    took = time.process_time() - worked
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    texts = tuple(transcript.text for transcript in heard)
    return Measure(loaded - begun, took, sum(transcript.seconds for transcript in heard), memory, texts)
