"""Speaking and silence are told apart on real utterances, on noisy lines, and where nobody is."""

import random
import wave
from array import array
from pathlib import Path

import pytest

from speech.turns import Turns
from tests.speech.test_recogniser import DEMO

RATE = 8000
FRAME = RATE // 50
UTTERANCES = sorted(DEMO.glob("*/utterances/*-8k.wav"))


def frames(pcm: bytes) -> list[bytes]:
    return [pcm[at : at + 2 * FRAME] for at in range(0, len(pcm), 2 * FRAME)]


def noise(seconds: float, loud: int, seed: int = 1) -> bytes:
    dice = random.Random(seed)
    return array("h", (dice.randint(-loud, loud) for _ in range(int(seconds * RATE)))).tobytes()


def sound(file: Path) -> bytes:
    with wave.open(str(file)) as opened:
        return bytes(opened.readframes(opened.getnframes()))


def mixed(one: bytes, other: bytes) -> bytes:
    return array(
        "h", (max(-32768, min(32767, a + b)) for a, b in zip(array("h", one), array("h", other), strict=False))
    ).tobytes()


@pytest.mark.parametrize("file", UTTERANCES, ids=lambda file: file.stem)
@pytest.mark.parametrize("hiss", [0, 60, 300])
def test_an_utterance_is_heard_from_its_begin_to_its_end(file: Path, hiss: int) -> None:
    said = sound(file)
    quiet = noise(1.5, hiss or 1)
    line = mixed(quiet + said + bytes(2 * RATE * 2), noise(60, hiss or 1, 2))
    turns, spoke_at, longest = Turns(), None, 0.0
    for number, frame in enumerate(frames(line)):
        turns.frame(frame, RATE)
        if turns.spoke and spoke_at is None:
            spoke_at = number * 0.02
        if turns.spoke and number * 0.02 < 1.5 + len(said) / 2 / RATE - 0.5:
            longest = max(longest, turns.silent_for)
    assert spoke_at is not None
    assert 1.4 < spoke_at < 2.2
    # Gaps between words end no turn, and the silence behind them does.
    assert longest < 1.0
    assert turns.silent_for > 1.5


@pytest.mark.parametrize("loud", [0, 100, 1000, 4000])
def test_where_nobody_speaks_nobody_is_heard_for_long(loud: int) -> None:
    turns = Turns()
    for frame in frames(noise(20, loud)):
        turns.frame(frame, RATE)
    assert turns.silent_for > 5


def test_a_click_begins_nothing() -> None:
    turns = Turns()
    click = array("h", [20_000, -20_000] * (FRAME // 2)).tobytes()
    for frame in [*frames(noise(1, 20)), click, click, *frames(noise(1, 20))]:
        turns.frame(frame, RATE)
    assert not turns.spoke


def test_a_voice_counts_on_over_a_gap() -> None:
    turns = Turns()
    for frame in frames(noise(0.5, 20)) + frames(noise(0.5, 8000)):
        speaking = turns.frame(frame, RATE)
    assert speaking
    assert turns.frame(bytes(2 * FRAME), RATE)
    for frame in frames(bytes(RATE)):
        speaking = turns.frame(frame, RATE)
    assert not speaking
    assert turns.frame(b"", RATE) is False
