"""What the radio says is understood: spoken by the real voice, put into a file, and written down by a real model."""

import pytest

from gateway.casework import airing, bulletins
from gateway.runtime import Runtime
from speech.recogniser import transcribe
from store import bulletins as rows
from tests.casework.radio_world import publish
from tests.speech.test_recogniser import model


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(
    ("language", "text", "word"),
    [("en", "garbage smell near the school", "garbage"), ("zh", "5号楼暖气不热", "暖气")],
    ids=["en", "zh"],
)
async def test_a_bulletin_is_written_down_as_it_was_said(runtime: Runtime, language: str, text: str, word: str) -> None:
    await publish(runtime, text)
    await bulletins.make_now(runtime, actor="mo")
    await airing.speak_due(runtime)
    async with runtime.database.reading() as connection:
        [made] = await rows.newest(connection, [language], 1)
    assert made.sha256
    heard = await transcribe(
        runtime.workers,
        model(language),
        runtime.blobs.path(made.sha256),
        timeout=60,
        max_seconds=120,
        max_bytes=10_000_000,
    )
    assert text in heard.text
    begin, end = (made.parts[number].start or 0 for number in (1, 2))
    assert word in [one.word for one in heard.words if begin <= one.start < end], "its chapter is where it is said"
