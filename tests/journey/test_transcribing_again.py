"""A recording written down once more: by which model, what stays beside it, and what is never overwritten."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway import schema_incoming
from gateway.errors import BadInput, Conflict
from gateway.journey import media, moderation, transcription
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, State, TranscriptState
from speech.models import ModelInfo, Models
from speech.recogniser import Transcript
from store import history
from store.history import Heard
from store.posts_for_staff import StaffPost
from tests.conftest import Texting
from tests.journey.test_intake import message
from tests.journey.test_transcription import SPOKEN, WORDS, Recording, call, look
from tests.store.test_transcribing import install

BETTER = "water pipe leaking on North Street 27"


@pytest.fixture
def models(runtime: Runtime) -> Sequence[str]:
    """Two models for English, the demo's behind them."""
    install(runtime, "en/large", "en/small")
    return ["large", "small", "demo-en"]


@pytest.fixture
def saying(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | Exception]:
    """What each model makes of anything."""
    said: dict[str, str | Exception] = {"large": WORDS}

    async def transcribe(_workers: Any, model: ModelInfo, _recording: Any, **_limits: Any) -> Transcript:
        text = said[model.name]
        if isinstance(text, Exception):
            raise text
        return Transcript(text, 0.75, (), 4.0, model.name, (1, 2), 1.0)

    monkeypatch.setattr(transcription, "transcribe", transcribe)
    return said


@pytest.fixture
async def called(
    runtime: Runtime, texting: Texting, models: Sequence[str], saying: dict[str, str | Exception]
) -> StaffPost:
    """A call written down by the first model."""
    Recording(runtime, SPOKEN.read_bytes())
    return await call(runtime)


async def again(runtime: Runtime, called: StaffPost, model: str | None) -> StaffPost:
    await transcription.again(runtime, called.media[0].id, model, actor="mo")
    while await media.work_on_due(runtime):
        pass
    return await look(runtime, called.id)


async def heard(runtime: Runtime, called: StaffPost) -> Heard:
    async with runtime.database.reading() as connection:
        return (await history.heard(connection, runtime.vault, [called.id]))[called.media[0].id]


async def test_the_chosen_model_writes_it_down_and_both_stand_beside_each_other(
    runtime: Runtime, called: StaffPost, models: Sequence[str], saying: dict[str, str | Exception]
) -> None:
    assert (called.text, called.media[0].model) == (WORDS, "large")
    assert list(await transcription.models_of(runtime, "en", "texting")) == models
    assert not (await heard(runtime, called)).versions, "written down once there is nothing to compare"
    saying["small"] = BETTER
    shown = await again(runtime, called, "small")
    assert (shown.text, shown.media[0].model, shown.state) == (BETTER, "small", State.PENDING)
    known = await heard(runtime, called)
    assert known.text == BETTER
    assert [(one.written.model, one.text, one.written.took) for one in known.versions] == [
        ("small", BETTER, 1.0),
        ("large", WORDS, 1.0),
    ]
    async with runtime.database.reading() as connection:
        entries = (await history.of_thread(connection, runtime.vault, [called.id]))[called.id]
    assert [(one.actor, one.action) for one in entries][-2:] == [("mo", "transcript_again"), ("rule", "transcribed")]


async def test_without_a_choice_the_usual_model_is_taken(
    runtime: Runtime, called: StaffPost, saying: dict[str, str | Exception]
) -> None:
    saying["small"] = BETTER
    await again(runtime, called, "small")
    assert (await again(runtime, called, None)).media[0].model == "large"


async def test_what_a_person_typed_is_never_overwritten(
    runtime: Runtime, called: StaffPost, saying: dict[str, str | Exception]
) -> None:
    typed = "the pipe at number 27 leaks"
    await transcription.correct(runtime, called.media[0].id, typed, actor="mo")
    saying["small"] = BETTER
    shown = await again(runtime, called, "small")
    known = await heard(runtime, called)
    assert (shown.text, known.corrected, known.text) == (typed, typed, BETTER)


async def test_an_edited_post_keeps_its_words(
    runtime: Runtime, called: StaffPost, saying: dict[str, str | Exception]
) -> None:
    await moderation.decide(runtime, called.id, Action.CORRECT, actor="mo", text="edited by hand")
    saying["small"] = BETTER
    assert (await again(runtime, called, "small")).text == "edited by hand"


async def test_what_is_decided_is_not_changed_by_a_model(
    runtime: Runtime, called: StaffPost, saying: dict[str, str | Exception]
) -> None:
    await moderation.decide(runtime, called.id, Action.PUBLISH, actor="mo")
    saying["small"] = BETTER
    shown = await again(runtime, called, "small")
    assert (shown.state, shown.text) == (State.PUBLISHED, WORDS)
    assert (await heard(runtime, called)).text == BETTER


async def test_when_it_fails_what_was_known_is_known_still(
    runtime: Runtime, called: StaffPost, saying: dict[str, str | Exception]
) -> None:
    saying["small"] = BadInput("the model cannot be loaded")
    shown = await again(runtime, called, "small")
    assert shown.media[0].transcript_state is TranscriptState.DONE
    assert (shown.media[0].error, shown.media[0].model) == ("the model cannot be loaded", "large")
    assert shown.media[0].peaks == (1, 2)
    assert (await heard(runtime, called)).text == WORDS


async def test_a_model_that_vanished_meanwhile_is_said(
    runtime: Runtime, called: StaffPost, tmp_path: Path, saying: dict[str, str | Exception]
) -> None:
    await transcription.again(runtime, called.media[0].id, "small", actor="mo")
    runtime.models = Models(tmp_path / "none")
    while await media.work_on_due(runtime):
        pass
    shown = await look(runtime, called.id)
    assert (shown.media[0].transcript_state, shown.media[0].error) == (TranscriptState.DONE, transcription.GONE)


async def test_what_cannot_be_asked_for(runtime: Runtime, called: StaffPost) -> None:
    file = called.media[0].id
    with pytest.raises(BadInput):
        await transcription.again(runtime, file, "no-such-model", actor="mo")
    await transcription.again(runtime, file, None, actor="mo")
    with pytest.raises(Conflict):
        await transcription.again(runtime, file, None, actor="mo")


async def test_all_that_failed_is_taken_up_at_once(
    runtime: Runtime, texting: Texting, models: Sequence[str], saying: dict[str, str | Exception]
) -> None:
    Recording(runtime, SPOKEN.read_bytes())
    saying["large"] = BadInput("the worker was lost")
    failed = await call(runtime)
    assert failed.media[0].transcript_state is TranscriptState.FAILED
    saying["large"] = WORDS
    assert await transcription.again_all(runtime, actor="mo") == 1
    while await media.work_on_due(runtime):
        pass
    assert (await look(runtime, failed.id)).text == WORDS
    assert await transcription.again_all(runtime, actor="mo") == 0


async def test_what_was_heard_live_stands_beside_what_a_model_makes_of_the_recording(
    runtime: Runtime, models: Sequence[str], saying: dict[str, str | Exception]
) -> None:
    kept = await media.accept(runtime, SPOKEN.read_bytes())
    live = schema_incoming.Heard("water pipe leaking", 0.5, (("water", 0.3, 0.6, 0.5),), 4.0, "live-model")
    recording = replace(kept, language="en", heard=live)
    taken = await Intake(runtime).take(message("", media=(recording,), commands=False, language="en"))
    while await media.work_on_due(runtime):
        pass
    post = await look(runtime, str(taken.post_id))
    assert post.text == "water pipe leaking"
    shown = await again(runtime, post, "large")
    assert shown.text == WORDS
    known = await heard(runtime, post)
    assert [(one.written.model, one.text, one.written.took) for one in known.versions] == [
        ("large", WORDS, 1.0),
        ("live-model", "water pipe leaking", None),
    ]


async def test_a_recording_of_which_nobody_wanted_words_has_them_when_staff_ask(
    runtime: Runtime, models: Sequence[str], saying: dict[str, str | Exception]
) -> None:
    kept = await media.accept(runtime, SPOKEN.read_bytes())
    recording = replace(kept, language="en", transcribe=False)
    taken = await Intake(runtime).take(message("", media=(recording,), commands=False, language="en"))
    while await media.work_on_due(runtime):
        pass
    post = await look(runtime, str(taken.post_id))
    assert (post.text, post.media[0].transcript_state) == ("", TranscriptState.NONE)
    assert (await again(runtime, post, None)).text == WORDS
