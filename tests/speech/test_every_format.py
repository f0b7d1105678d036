"""Every sample utterance comes out word for word, in whatever format it was recorded."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.workers import Workers
from speech.recogniser import transcribe
from tests.speech.encoding import DEMO, FORMATS, RECORDINGS, amr, encoded, repacked
from tests.speech.test_recogniser import TYPED, model


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    pool = Workers(1)
    yield pool
    await pool.stop()


def sounds(rate: str) -> list[tuple[str, str, Path]]:
    """Language, stem and file of each utterance."""
    return [
        (language, stem, DEMO / language / f"utterances/{stem}-{rate}.wav")
        for language, texts in TYPED.items()
        for stem in texts
    ]


@pytest.mark.parametrize("rate", ["8k", "16k"])
@pytest.mark.parametrize("kind", FORMATS)
async def test_every_utterance_in_every_format(workers: Workers, kind: str, rate: str) -> None:
    for language, stem, file in sounds(rate):
        data = encoded(file.read_bytes(), FORMATS[kind])
        said = await transcribe(workers, model(language), data, timeout=30)
        assert (said.text, stem, kind) == (TYPED[language][stem], stem, kind)


@pytest.mark.parametrize("container", ["amr", "3gp"])
async def test_every_utterance_as_amr(workers: Workers, container: str) -> None:
    for language, stem, _ in sounds("8k"):
        data = amr(language, stem) if container == "amr" else repacked(amr(language, stem), container)
        said = await transcribe(workers, model(language), data, timeout=30)
        assert (said.text, stem) == (TYPED[language][stem], stem)


async def test_wide_band_amr(workers: Workers) -> None:
    said = await transcribe(workers, model("zh"), RECORDINGS / "zh-000.awb", timeout=30)
    assert said.text == TYPED["zh"]["000-cmn-latn-pinyin-m4"]
