"""The gateway's voice: understood by a recogniser, cached by content, and lost without harm."""

import asyncio
import os
import signal
import time
from array import array
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.errors import BadInput
from speech import synthesiser
from speech.live import Ears
from speech.synthesiser import Speechless, Synthesiser, phonemes
from tests.speech.test_live import said
from tests.speech.test_recogniser import model


@pytest.fixture
async def speaker(tmp_path: Path) -> AsyncIterator[Synthesiser]:
    made = Synthesiser(tmp_path / "spoken", most_bytes=4_000_000)
    yield made
    await made.stop()


def seconds(pcm: bytes, rate: int) -> float:
    return len(pcm) / 2 / rate


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100])
async def test_it_speaks_at_the_rate_that_is_asked_for(speaker: Synthesiser, rate: int) -> None:
    pcm = await speaker.speak("Water pipe leaking on North Street.", "en", rate=rate)
    assert len(pcm) % 2 == 0
    assert 1.5 < seconds(pcm, rate) < 5
    assert max(array("h", pcm)) > 3000


async def test_what_it_says_is_understood(speaker: Synthesiser) -> None:
    """The small models were made from other voices of the same kind; most words must come back."""
    text = "water pipe leaking on north street"
    pcm = await speaker.speak(text, "en")
    ears = Ears(1, 1)
    hearing = await ears.open(model(), 8000)
    await said(hearing, pcm + bytes(8000), 8000)
    heard = (await hearing.finish()).text.split()
    hearing.close()
    await ears.stop()
    assert len(set(heard) & set(text.split())) >= 4


def test_mandarin_is_mandarin() -> None:
    # xing4 fu2 lu4 de lu4 deng1: tones and sounds, not English letters.
    spoken = phonemes("幸福路的路灯", "zh")
    assert "ɕ" in spoken
    assert "tˈə5ŋ" in spoken
    assert "(en)" not in spoken


async def test_both_languages_and_figures_are_spoken(speaker: Synthesiser) -> None:
    ticket = await speaker.speak("48217059", "zh")
    assert seconds(ticket, 8000) > 1.5
    assert await speaker.speak("😀", "zh") == b""
    assert await speaker.speak("编号 48217059", "zh") != await speaker.speak("编号 48217051", "zh")


async def test_the_same_words_are_spoken_once(speaker: Synthesiser, tmp_path: Path) -> None:
    first = await speaker.speak("Thank you.", "en")
    (file,) = (tmp_path / "spoken").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    file.unlink()
    assert await speaker.speak("Thank you.", "en") == first  # from memory
    assert not list((tmp_path / "spoken").iterdir())
    other = Synthesiser(tmp_path / "spoken", most_bytes=4_000_000)
    assert await other.speak("Thank you.", "en") == first
    (file,) = (tmp_path / "spoken").iterdir()
    file.write_bytes(first + first)
    again = Synthesiser(tmp_path / "spoken", most_bytes=4_000_000)
    assert await again.speak("Thank you.", "en") == first + first  # from disk
    await other.stop()
    await again.stop()


async def test_what_is_not_to_be_kept_is_kept_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "spoken"
    made = Synthesiser(folder, most_bytes=4_000_000, voice=clicking)
    first = await made.speak("My neighbour drinks.", "en", keep=False)
    assert seconds(first, 8000) == pytest.approx(0.1)
    assert not folder.exists()
    assert await made.speak("My neighbour drinks.", "en") == first
    [file] = folder.iterdir()  # so it did not come from memory
    file.write_bytes(b"12")
    assert await made.speak("My neighbour drinks.", "en", keep=False) == first, "nor from the disk"
    await made.stop()


async def test_the_folder_does_not_grow_over_its_bound(tmp_path: Path) -> None:
    small = Synthesiser(tmp_path / "spoken", most_bytes=60_000)
    for number in range(6):
        await small.speak(f"This is sentence number {number}.", "en")
    assert sum(file.stat().st_size for file in (tmp_path / "spoken").iterdir()) <= 60_000
    await small.stop()


async def test_a_folder_that_cannot_be_written_costs_no_words(tmp_path: Path) -> None:
    blocked = tmp_path / "spoken"
    blocked.write_text("not a folder")
    made = Synthesiser(blocked, most_bytes=1000)
    assert await made.speak("Thank you.", "en")
    await made.stop()


async def test_what_is_no_rate_or_language_is_refused(speaker: Synthesiser) -> None:
    with pytest.raises(BadInput):
        await speaker.speak("Thank you.", "en", rate=0)
    with pytest.raises(BadInput):
        await speaker.speak("Merci.", "fr")


def dying(text: str, language: str, pace: int) -> tuple[bytes, int]:
    """A voice that ends its process, but not for everybody."""
    if "die" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    return array("h", [1000] * 800).tobytes(), 8000


def clicking(text: str, language: str, pace: int) -> tuple[bytes, int]:
    """A voice that needs no engine."""
    return array("h", [1000] * 800).tobytes(), 8000


def hanging(text: str, language: str, pace: int) -> tuple[bytes, int]:
    """A voice that says nothing for a long time."""
    time.sleep(60)
    return b"", 8000


def broken(text: str, language: str, pace: int) -> tuple[bytes, int]:
    """A voice that raises."""
    raise RuntimeError("no")


async def test_a_voice_that_dies_costs_its_sentence_only(tmp_path: Path) -> None:
    made = Synthesiser(tmp_path / "spoken", most_bytes=1000, voice=dying)
    with pytest.raises(Speechless):
        await made.speak("die", "en")
    assert seconds(await made.speak("live", "en"), 8000) == pytest.approx(0.1)
    await made.stop()


async def test_a_voice_that_raises_or_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Synthesiser(tmp_path / "spoken", most_bytes=1000, voice=broken)
    with pytest.raises(Speechless):
        await made.speak("anything", "en")
    await made.stop()
    monkeypatch.setattr(synthesiser, "WITHIN", 0.3)
    made = Synthesiser(tmp_path / "spoken", most_bytes=1000, voice=hanging)
    with pytest.raises(Speechless):
        await made.speak("anything", "en")
    await made.stop()


async def test_a_sentence_that_many_wait_for_is_spoken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    voice, asked, spoken = Synthesiser(tmp_path, most_bytes=10**7), 0, asyncio.Event()

    async def made(*what: object) -> bytes:
        nonlocal asked
        asked += 1
        await spoken.wait()
        return b"12"

    monkeypatch.setattr(voice, "_made", made)
    waiting = [asyncio.create_task(voice.speak("good morning", "en")) for _ in range(5)]
    await asyncio.sleep(0)
    waiting.pop().cancel()
    spoken.set()
    assert await asyncio.gather(*waiting) == [b"12"] * 4
    assert asked == 1
    assert await voice.speak("good morning", "en") == b"12"
    await voice.stop()
