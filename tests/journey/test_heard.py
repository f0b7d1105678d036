"""What was written down of a call as it was spoken is the post its words would have made, and is written down once."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.journey import media
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import MediaState, State, TranscriptState
from gateway.schema_incoming import Heard
from speech.models import Models
from store import history
from store.posts_for_staff import StaffPost
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, message
from tests.journey.test_transcription import SAME, SPOKEN, WORDS, look

HEARD = Heard(WORDS, 0.93, (("water", 0.3, 0.6, 0.95), ("pipe", 0.6, 0.9, 0.91)), 2.5, "some-model", (0, 50, 100))


async def called(runtime: Runtime, heard: Heard | None, *, transcribe: bool = True, number: int = 1) -> StaffPost:
    kept = await media.accept(runtime, SPOKEN.read_bytes())
    recording = replace(kept, language="en", heard=heard, transcribe=transcribe)
    taken = await Intake(runtime).take(
        message("", media=(recording,), commands=False, language="en", external_id=f"call{number}", line="+10086")
    )
    assert taken.post_id
    while await media.work_on_due(runtime):
        pass
    return await look(runtime, taken.post_id)


async def test_what_was_heard_is_what_would_have_been_texted(runtime: Runtime, texting: Texting) -> None:
    post = await called(runtime, HEARD)
    taken = await Intake(runtime).take(message(WORDS, None, channel="form", commands=False))
    assert taken.post_id
    other = await look(runtime, taken.post_id)
    assert [getattr(post, name) for name in SAME] == [getattr(other, name) for name in SAME]
    assert post.text == WORDS
    await settle_down(runtime)
    assert post.ticket
    assert [post.ticket in text for text in texting.to(ANNA)] == [True]


async def test_it_is_not_written_down_a_second_time(runtime: Runtime, tmp_path: Path) -> None:
    runtime.models = Models(tmp_path / "none")  # whoever tried would fail
    post = await called(runtime, HEARD)
    [file] = post.media
    assert (file.state, file.transcript_state) == (MediaState.STORED, TranscriptState.DONE)
    assert (file.confidence, file.model, list(file.peaks)) == (0.93, "some-model", [0, 50, 100])
    async with runtime.database.reading() as connection:
        heard = (await history.heard(connection, runtime.vault, [post.id]))[file.id]
        entries = (await history.of_thread(connection, runtime.vault, [post.id]))[post.id]
    assert heard.text == WORDS
    assert [(w.word, w.start, w.end, w.confidence) for w in heard.words] == list(HEARD.words)
    assert [entry.action for entry in entries] == ["taken", "transcribed"]


@pytest.mark.parametrize(("text", "state"), [("you are all idiots", State.PENDING), ("", State.PENDING)])
async def test_few_or_no_words_are_a_post_all_the_same(runtime: Runtime, text: str, state: State) -> None:
    post = await called(runtime, replace(HEARD, text=text, words=()))
    assert (post.text, post.state) == (text, state)
    assert post.media[0].transcript_state is TranscriptState.DONE


async def test_a_call_for_help_is_urgent_at_once(runtime: Runtime, texting: Texting) -> None:
    post = await called(runtime, replace(HEARD, text="there is a fire in the house people are trapped"))
    assert post.urgent


async def test_numbers_said_are_masked_like_numbers_typed(runtime: Runtime) -> None:
    post = await called(runtime, replace(HEARD, text="call me at 13800138000"))
    assert post.text == "call me at 138****8000"


async def test_the_recording_only_means_no_words_by_a_machine(runtime: Runtime) -> None:
    post = await called(runtime, HEARD, transcribe=False)
    [file] = post.media
    assert (post.text, file.state) == ("", MediaState.STORED)
    assert (file.transcript_state, file.confidence, file.model) == (TranscriptState.NONE, None, None)
    assert max(file.peaks) > 0, "whoever listens sees where something is said"
    async with runtime.database.reading() as connection:
        assert await history.transcripts(connection, runtime.vault, [post.id]) == {}


async def test_without_live_words_the_recording_is_written_down_later(runtime: Runtime) -> None:
    post = await called(runtime, None)
    assert post.text == WORDS
    assert post.media[0].model == "demo-en"
