"""Hearing callers while they speak: what it costs over Vosk alone, and how many one core can hear.

Both get the same chunks of the same utterances, 200 ms each as calls bring them, and both are asked what they have so
far after each. Processor time of the whole process, utterance by utterance in turns, so that what else the machine does
slows both alike; of each utterance the quickest of the rounds counts.
"""

import asyncio
import json
import time
import wave
from pathlib import Path

import vosk

from speech.audio import dither
from speech.live import Ears
from speech.models import ModelInfo, Models
from tests.bench.intake import Figure

DEMO = Path(__file__).parents[2] / "gateway/simulator/demo_speech"
CHUNK = 1600 * 2
RATE = 8000
ROUNDS = 5


async def measure() -> list[Figure]:
    """The processor time of live recognition as a share of Vosk's own, and its real-time factor."""
    model = Models(DEMO / "none", DEMO).find("en", demo=True)
    assert model
    sounds = [_sound(file) for file in sorted((DEMO / "en/utterances").glob("*-8k.wav"))]
    # What recognition lays under the sound is under both: silence that is none costs Vosk more than exact zeros.
    heard = [[dither(sound[at : at + CHUNK]) for at in range(0, len(sound), CHUNK)] for sound in sounds]
    vosk.SetLogLevel(-3)
    bare, ears = vosk.Model(str(model.path)), Ears(8, 2)
    seconds = sum(len(sound) for sound in sounds) / 2 / RATE
    quickest = [(float("inf"), float("inf"))] * len(sounds)
    for _ in range(ROUNDS):
        for at, (chunks, sound) in enumerate(zip(heard, sounds, strict=True)):
            alone = await asyncio.to_thread(_alone, bare, chunks)
            live = await _live(ears, model, sound)
            quickest[at] = (min(quickest[at][0], alone), min(quickest[at][1], live))
    await ears.stop()
    alone, live = (sum(times) for times in zip(*quickest, strict=True))
    return [
        Figure("live_hearing_over_vosk", live / alone, "times its processor time", 1.1, False),
        Figure("live_hearing_factor", live / seconds, "of real time a call, one core", 0.05, False),
    ]


def _alone(model: "vosk.Model", chunks: list[bytes]) -> float:
    begun = time.process_time()
    recogniser = vosk.KaldiRecognizer(model, float(RATE))
    recogniser.SetWords(True)
    for chunk in chunks:
        if recogniser.AcceptWaveform(chunk):
            json.loads(recogniser.Result())
        else:
            json.loads(recogniser.PartialResult())
    json.loads(recogniser.FinalResult())
    return time.process_time() - begun


async def _live(ears: Ears, model: ModelInfo, sound: bytes) -> float:
    begun = time.process_time()
    hearing = await ears.open(model, RATE)
    for start in range(0, len(sound), CHUNK):
        await hearing.feed(sound[start : start + CHUNK])
    await hearing.finish()
    hearing.close()
    return time.process_time() - begun


def _sound(file: Path) -> bytes:
    with wave.open(str(file)) as opened:
        return bytes(opened.readframes(opened.getnframes())) + bytes(RATE)
