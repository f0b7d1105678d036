"""Words while they are spoken: the same as from the recording, growing on the way, many calls at once."""

import asyncio
import json
import threading
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.errors import Busy
from gateway.workers import Workers
from speech.live import Ears, Hearing, Piece
from speech.models import ModelInfo, resamples
from speech.recogniser import BadModel, transcribe
from tests.speech.test_recogniser import DEMO, TYPED, model, utterances, workers

__all__ = ["utterances", "workers"]


@pytest.fixture
async def ears() -> AsyncIterator[Ears]:
    made = Ears(8, 2)
    yield made
    await made.stop()


def sound(file: Path) -> tuple[bytes, int]:
    with wave.open(str(file)) as opened:
        return opened.readframes(opened.getnframes()), opened.getframerate()


async def said(hearing: Hearing, pcm: bytes, rate: int, seconds: float = 0.2) -> list[Piece]:
    size = int(rate * seconds) * 2
    pieces: list[Piece] = []
    for start in range(0, len(pcm), size):
        pieces += await hearing.feed(pcm[start : start + size])
    return pieces


async def test_every_utterance_is_heard_word_for_word(
    ears: Ears, workers: Workers, utterances: list[tuple[str, Path, str, str]]
) -> None:
    for language, file, words, expected in utterances:
        pcm, rate = sound(file)
        hearing = await ears.open(model(language), rate)
        await said(hearing, pcm, rate)
        live = await hearing.finish()
        hearing.close()
        assert (live.text, file.name) == (expected, file.name)
        assert [word.word for word in live.words] == words.split()
        later = await transcribe(workers, model(language), file, timeout=30)
        assert (live.text, live.model, live.seconds) == (later.text, later.model, later.seconds)
        assert all(0 <= word.start < word.end <= live.seconds + 0.1 for word in live.words)
        assert 0 < len(live.peaks) <= 240
        assert max(live.peaks) == pytest.approx(max(later.peaks), abs=8)


async def test_words_come_as_they_are_spoken_and_settle_at_a_pause(ears: Ears) -> None:
    first, rate = sound(DEMO / "en/utterances/001-en-f4-8k.wav")
    second, _ = sound(DEMO / "en/utterances/006-en-pedro-8k.wav")
    hearing = await ears.open(model(), rate)
    pieces = await said(hearing, first + bytes(rate * 2 * 2) + second, rate)
    growing = [piece.text for piece in pieces if not piece.final]
    assert len(growing) > 4
    assert growing[0] in ("water", "water pipe")
    settled = [piece for piece in pieces if piece.final]
    assert settled[0].text == TYPED["en"]["001-en-f4"]
    whole = await hearing.finish()
    assert whole.text == f"{TYPED['en']['001-en-f4']} {TYPED['en']['006-en-pedro']}"
    begin = (len(first) / 2 / rate) + 2
    assert min(word.start for word in whole.words if word.word == "loud") >= begin - 0.3
    hearing.close()


async def test_silence_says_nothing(ears: Ears) -> None:
    hearing = await ears.open(model(), 8000)
    assert [piece.text for piece in await said(hearing, bytes(8000 * 2 * 10), 8000) if piece.text] == []
    heard = await hearing.finish()
    assert (heard.text, heard.confidence, heard.words) == ("", 0.0, ())
    hearing.close()


class Counting:
    """A recogniser that has heard one word more each time it is asked, and counts how often it is."""

    def __init__(self) -> None:
        self.fed = self.asked = 0

    def AcceptWaveform(self, pcm: bytes) -> bool:
        self.fed += 1
        return False

    def PartialResult(self) -> str:
        self.asked += 1
        return json.dumps({"partial": " ".join(["pipe"] * self.asked)})


async def test_in_a_silence_nothing_new_is_asked_for_and_all_is_heard(ears: Ears) -> None:
    counting = Counting()
    hearing = Hearing(ears, counting, model("en"), 8000, direct=True)
    loud, quiet = bytes((0, 40)) * 1600, bytes((9, 0, 200, 255)) * 800
    assert len(await said(hearing, loud + quiet * 2, 8000)) == 3, "a word may come a little after its sound"
    assert await said(hearing, quiet * 20, 8000) == []
    assert (counting.fed, counting.asked) == (23, 3)
    assert [piece.text for piece in await said(hearing, loud, 8000)] == ["pipe pipe pipe pipe"]


async def test_many_are_heard_at_once_and_none_hears_another(ears: Ears) -> None:
    stems = [*TYPED["en"], *list(TYPED["en"])[:3]]

    async def call(stem: str) -> str:
        pcm, rate = sound(DEMO / f"en/utterances/{stem}-8k.wav")
        hearing = await ears.open(model(), rate)
        try:
            await said(hearing, pcm, rate)
            return (await hearing.finish()).text
        finally:
            hearing.close()

    assert await asyncio.gather(*(call(stem) for stem in stems)) == [TYPED["en"][stem] for stem in stems]
    assert ears.open_now == 0


async def test_there_are_only_so_many_ears(ears: Ears) -> None:
    held = [await ears.open(model(), 8000) for _ in range(8)]
    with pytest.raises(Busy):
        await ears.open(model(), 8000)
    held[0].close()
    held[0].close()
    (await ears.open(model(), 8000)).close()
    for hearing in held[1:]:
        hearing.close()
    assert ears.open_now == 0


async def test_what_would_be_nonsense_is_refused(ears: Ears) -> None:
    for rate in (0, -1, 4000, 8001):
        with pytest.raises(ValueError, match="samples a second"):
            await ears.open(model(), rate)
    hearing = await ears.open(model(), 8000)
    with pytest.raises(ValueError, match="whole samples"):
        await hearing.feed(b"abc")
    assert await hearing.feed(b"") == ()
    hearing.close()
    assert await hearing.feed(bytes(320)) == ()


async def test_a_model_that_is_gone_costs_no_ear(ears: Ears, tmp_path: Path) -> None:
    with pytest.raises(BadModel):
        await ears.open(ModelInfo("en", tmp_path / "gone", "gone"), 8000)
    assert ears.open_now == 0


async def test_a_model_that_takes_only_its_own_rate_hears_telephones_too(ears: Ears, tmp_path: Path) -> None:
    strict = tmp_path / "strict"
    strict.mkdir()
    for part in model().path.iterdir():
        if part.name != "conf":
            (strict / part.name).symlink_to(part)
    (strict / "conf").mkdir()
    for conf in (model().path / "conf").iterdir():
        kept = [line for line in conf.read_text().splitlines() if "--allow-" not in line]
        (strict / "conf" / conf.name).write_text("\n".join(kept) + "\n")
    info = ModelInfo("en", strict, "strict")
    assert not resamples(info, 8000)
    assert resamples(model(), 8000)
    for rate in ("8k", "16k"):
        pcm, number = sound(DEMO / f"en/utterances/006-en-pedro-{rate}.wav")
        hearing = await ears.open(info, number)
        await said(hearing, pcm, number)
        assert (await hearing.finish()).text == TYPED["en"]["006-en-pedro"]
        hearing.close()


class Slow:
    """A recogniser in the middle of a piece, who notes when somebody else wants something of it meanwhile."""

    def __init__(self) -> None:
        self.at_work = threading.Event()
        self.asked = threading.Event()
        self.disturbed: bool | None = None

    def AcceptWaveform(self, pcm: bytes) -> bool:
        self.at_work.set()
        self.disturbed = self.asked.wait(0.5)
        return False

    def PartialResult(self) -> str:
        return '{"partial": ""}'

    def FinalResult(self) -> str:
        self.asked.set()
        return '{"text": ""}'


async def test_a_piece_that_is_given_up_is_heard_before_the_end(ears: Ears) -> None:
    """Vosk ends the process when two threads use one recogniser."""
    slow = Slow()
    hearing = Hearing(ears, slow, model("en"), 8000, direct=True)
    feeding = asyncio.create_task(hearing.feed(bytes(1600)))
    assert await asyncio.to_thread(slow.at_work.wait, 20)
    feeding.cancel()
    await asyncio.wait([feeding])
    transcript = await hearing.finish()
    assert feeding.cancelled()
    assert (slow.disturbed, slow.asked.is_set(), transcript.seconds) == (False, True, 0.1)
