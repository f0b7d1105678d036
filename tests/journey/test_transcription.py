"""A recording becomes the post its words would have made: fetched, stored, written down by real Vosk, masked."""

import asyncio
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from channels import failures
from channels.base import Fetched
from gateway import clock
from gateway.errors import BadInput, Conflict
from gateway.journey import media, moderation, transcription, waiting
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, MediaState, State, TranscriptState
from gateway.schema_incoming import IncomingMedia
from gateway.workers import Workers
from speech.audio import PEAKS
from speech.models import ModelInfo, Models
from speech.recogniser import Transcript, transcribe
from store import history, posts_for_staff
from store import media as media_rows
from store.media import MediaJob
from store.posts_for_staff import StaffPost
from tests.conftest import Texting
from tests.journey.test_intake import ANNA, message
from tests.speech.test_recogniser import wav

SPOKEN = Path(__file__).parents[2] / "gateway/simulator/demo_speech/en/utterances/001-en-f4-8k.wav"
WORDS = "water pipe leaking on north street number 27"

# All that a post is, but for its provenance.
SAME = (
    "text",
    "kind",
    "state",
    "language",
    "category",
    "place",
    "private",
    "ruling",
    "rules",
    "progress",
    "department",
)


class Recording:
    """What a carrier holds: bytes, or failures first."""

    def __init__(self, runtime: Runtime, data: bytes) -> None:
        self.fail: list[failures.Failure] = []
        self.forgotten: list[str] = []
        self._data = data
        texting = runtime.channels["texting"]
        texting.fetch = self.fetch  # type: ignore[method-assign]
        texting.forget = self.forget  # type: ignore[method-assign]

    async def fetch(self, url: str, most_bytes: int) -> Fetched:
        if self.fail:
            raise self.fail.pop(0)
        return Fetched(self._data, "audio/x-wav")

    async def forget(self, url: str) -> None:
        self.forgotten.append(url)


async def call(runtime: Runtime, sid: str = "RE1", caller: str = ANNA) -> StaffPost:
    recording = IncomingMedia(sid, f"http://carrier.invalid/{sid}", "audio/x-wav", "en")
    taken = await Intake(runtime).take(message("", caller, media=(recording,), commands=False, language="en"))
    assert taken.post_id
    assert taken.say.phrase == "received_call"
    await runtime.database.write(lambda tx: media_rows.ready(tx, "texting", sid, clock.now()))
    while await media.work_on_due(runtime):
        pass
    return await look(runtime, taken.post_id)


async def look(runtime: Runtime, post_id: str) -> StaffPost:
    async with runtime.database.reading() as connection:
        return (await posts_for_staff.thread(connection, post_id))[0]


async def test_what_is_said_is_what_would_have_been_texted(runtime: Runtime, texting: Texting) -> None:
    recording = Recording(runtime, SPOKEN.read_bytes())
    called = await call(runtime)
    others = (message(WORDS), message(WORDS, None, channel="form", commands=False))
    for incoming in others:
        taken = await Intake(runtime).take(incoming)
        assert taken.post_id
        other = await look(runtime, taken.post_id)
        assert [getattr(called, name) for name in SAME] == [getattr(other, name) for name in SAME]
    assert called.text == WORDS
    assert called.media[0].transcript_state is TranscriptState.DONE
    assert (called.media[0].confidence or 0) > 0.5
    assert called.media[0].model == "demo-en"
    assert recording.forgotten == ["http://carrier.invalid/RE1"]
    async with runtime.database.reading() as connection:
        assert list((await history.transcripts(connection, runtime.vault, [called.id])).values()) == [WORDS]


async def test_without_a_model_the_recording_waits_and_staff_see_it(runtime: Runtime, texting: Texting) -> None:
    Recording(runtime, SPOKEN.read_bytes())
    runtime.plans = []  # not simulated any more: the demo models are not for citizens
    called = await call(runtime)
    assert called.media[0].transcript_state is TranscriptState.NO_MODEL
    assert called.state is State.PENDING
    models = runtime.settings.storage.data / "models"
    models.mkdir(parents=True)
    (models / "en").symlink_to(SPOKEN.parents[1] / "model")
    runtime.models = Models(models)
    await waiting.requeue(runtime, ["en"])
    while await media.work_on_due(runtime):
        pass
    assert (await look(runtime, called.id)).text == WORDS


@pytest.mark.parametrize("data", [b"", b"<html>not found</html>", SPOKEN.read_bytes()[:30]])
async def test_what_is_no_recording_is_said_to_staff(runtime: Runtime, data: bytes) -> None:
    Recording(runtime, data)
    called = await call(runtime)
    assert called.media[0].transcript_state is TranscriptState.FAILED
    assert called.media[0].error
    assert called.state is State.PENDING


async def test_a_recording_that_is_not_ready_is_fetched_later(runtime: Runtime) -> None:
    recording = Recording(runtime, SPOKEN.read_bytes())
    recording.fail = [failures.RetryLater("404")]
    called = await call(runtime)
    assert called.media[0].state is MediaState.DUE
    assert called.media[0].error == "404"


async def test_a_recording_that_is_gone_is_given_up(runtime: Runtime) -> None:
    recording = Recording(runtime, SPOKEN.read_bytes())
    recording.fail = [failures.Refused("not ours")]
    called = await call(runtime)
    assert called.media[0].state is MediaState.FAILED
    assert called.media[0].transcript_state is TranscriptState.FAILED


async def test_each_word_has_its_time_and_the_sound_its_picture(runtime: Runtime, texting: Texting) -> None:
    Recording(runtime, SPOKEN.read_bytes())
    called = await call(runtime)
    async with runtime.database.reading() as connection:
        heard = (await history.heard(connection, runtime.vault, [called.id]))[called.media[0].id]
    assert [word.word for word in heard.words[:3]] == ["water", "pipe", "leaking"]
    assert all(0 <= word.start < word.end and 0 <= word.confidence <= 1 for word in heard.words)
    assert list(heard.words) == sorted(heard.words, key=lambda word: word.start)
    peaks = called.media[0].peaks
    assert len(peaks) == PEAKS
    assert max(peaks) > 10 > min(peaks) >= 0


async def test_a_correction_stands_beside_what_was_written_down(runtime: Runtime, texting: Texting) -> None:
    Recording(runtime, SPOKEN.read_bytes())
    called = await call(runtime)
    file = called.media[0].id
    better = "water pipe leaking on North Street 27, call 13800138000"
    await transcription.correct(runtime, file, better, actor="mo")
    async with runtime.database.reading() as connection:
        heard = (await history.heard(connection, runtime.vault, [called.id]))[file]
        last = await history.last(connection, called.id)
    assert (heard.text, heard.corrected) == (WORDS, better)
    assert last
    assert (last.actor, last.action) == ("mo", "transcript_corrected")
    shown = await look(runtime, called.id)
    assert shown.text == "water pipe leaking on North Street 27, call 138****8000"
    assert shown.version == called.version + 1
    await moderation.decide(runtime, called.id, Action.PUBLISH, actor="mo")
    await transcription.correct(runtime, file, "something else altogether", actor="mo")
    assert (await look(runtime, called.id)).text == shown.text, "what is decided is changed by a decision"


async def test_what_nobody_can_write_down_has_its_picture_all_the_same(runtime: Runtime, texting: Texting) -> None:
    Recording(runtime, SPOKEN.read_bytes())
    runtime.plans = []
    called = await call(runtime)
    assert called.media[0].transcript_state is TranscriptState.NO_MODEL
    assert len(called.media[0].peaks) == PEAKS
    await transcription.correct(runtime, called.media[0].id, WORDS, actor="mo")
    assert (await look(runtime, called.id)).text == WORDS


@pytest.mark.parametrize(("text", "error"), [(" ", BadInput), ("words", Conflict)])
async def test_a_correction_needs_words_and_a_recording(runtime: Runtime, text: str, error: type[Exception]) -> None:
    recording = Recording(runtime, SPOKEN.read_bytes())
    recording.fail = [failures.Refused("not ours")]
    called = await call(runtime)
    with pytest.raises(error):
        await transcription.correct(runtime, called.media[0].id, text, actor="mo")


def install(runtime: Runtime, name: str = "model", language: str = "en") -> Path:
    """Put the demo's model where operators put theirs; the gateway finds it there."""
    runtime.plans = []  # the demo models are not for citizens
    folder = runtime.settings.storage.data / "models"
    runtime.models = Models(folder)
    return shutil.copytree(SPOKEN.parents[1] / "model", folder / language / name)


async def work(runtime: Runtime) -> None:
    while await media.work_on_due(runtime):
        pass


async def test_a_model_that_vanishes_before_it_is_loaded_costs_the_recording_nothing(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    Recording(runtime, SPOKEN.read_bytes())
    path = install(runtime)

    async def late(workers: Workers, model: ModelInfo, recording: Path | bytes, **limits: Any) -> Transcript:
        shutil.rmtree(path)
        return await transcribe(workers, model, recording, **limits)

    monkeypatch.setattr(transcription, "transcribe", late)
    called = await call(runtime)
    assert called.media[0].transcript_state is TranscriptState.NO_MODEL
    assert called.state is State.PENDING
    assert len(called.media[0].peaks) == PEAKS
    monkeypatch.undo()
    known = await waiting.look(runtime, frozenset())
    assert known == frozenset()
    install(runtime, "another")
    known = await waiting.look(runtime, known)
    assert [model.name for model in known] == ["another"]
    await work(runtime)
    assert (await look(runtime, called.id)).text == WORDS
    assert await waiting.look(runtime, known) == known


async def test_of_a_broken_model_the_recording_goes_to_the_next_one(runtime: Runtime) -> None:
    Recording(runtime, SPOKEN.read_bytes())
    (install(runtime, "a-broken") / "am/final.mdl").write_bytes(b"this is no model")
    install(runtime, "b-sound").rename(runtime.settings.storage.data / "models/en/b-good")
    runtime.models = Models(runtime.settings.storage.data / "models")
    called = await call(runtime)
    assert (called.text, called.media[0].model) == (WORDS, "b-good")
    assert [(fault.path.name, "cannot be loaded" in fault.reason) for fault in runtime.models.faults()] == [
        ("a-broken", True)
    ]


async def test_with_a_broken_model_alone_recordings_wait_until_it_is_put_right(runtime: Runtime) -> None:
    Recording(runtime, SPOKEN.read_bytes())
    path = install(runtime)
    whole = (path / "am/final.mdl").read_bytes()
    (path / "am/final.mdl").write_bytes(b"this is no model")
    called = await call(runtime)
    assert called.media[0].transcript_state is TranscriptState.NO_MODEL
    known = await waiting.look(runtime, frozenset())
    assert known == frozenset()
    (path / "am/final.mdl").write_bytes(whole)
    await waiting.look(runtime, known)
    await work(runtime)
    assert (await look(runtime, called.id)).text == WORDS


async def test_a_model_that_comes_just_when_there_is_none_is_not_missed(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks for new models sees it come before the recording is marked as waiting."""
    Recording(runtime, SPOKEN.read_bytes())
    runtime.plans = []
    runtime.models = Models(runtime.settings.storage.data / "models")
    real = transcription._loudness

    async def meanwhile(runtime: Runtime, job: MediaJob) -> list[int] | None:
        install(runtime)
        await waiting.look(runtime, frozenset())
        return await real(runtime, job)

    monkeypatch.setattr(transcription, "_loudness", meanwhile)
    assert (await call(runtime)).text == WORDS


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "held"])
@pytest.mark.parametrize("times", [1, 2])
async def test_a_worker_ended_or_held_once_costs_nothing_and_twice_calls_a_person(
    runtime: Runtime, texting: Texting, times: int, how: signal.Signals
) -> None:
    limit = 30 if how is signal.SIGKILL else 4  # seconds; a held worker is given up after them
    speech = runtime.settings.speech.model_copy(update={"longest_job": limit})
    runtime.settings = runtime.settings.model_copy(update={"speech": speech})
    # Seconds of work where it must not end before the second process is.
    Recording(runtime, repeated(SPOKEN, 4 if times == 1 else 400))
    workers, pid = runtime.workers, await runtime.workers.run(os.getpid, timeout=20)
    os.kill(pid, signal.SIGSTOP)
    calling = asyncio.create_task(call(runtime))
    for nth in range(times):
        pid = await at_work(workers, besides=pid if nth else None)
        os.kill(pid, how)
    called = await calling
    assert workers.lost == times
    assert called.media[0].state is MediaState.STORED
    if times == 1:
        assert called.media[0].transcript_state is TranscriptState.DONE
        assert called.text.startswith(WORDS)
    else:
        assert called.media[0].transcript_state is TranscriptState.FAILED
        assert called.media[0].error
        assert called.state is State.PENDING
    Recording(runtime, SPOKEN.read_bytes())
    assert (await call(runtime, "RE2", "+8613800138077")).text == WORDS, "the next caller's words are written down"


def repeated(spoken: Path, seconds: int) -> bytes:
    """A recording said again and again."""
    sound = spoken.read_bytes()[44:]
    pcm = sound * (seconds * 16_000 // len(sound) + 1)
    return wav(pcm, 8_000)


async def at_work(workers: Workers, besides: int | None) -> int:
    """The process that has the job now, once it is another than `besides`."""
    while not (pids := {process.pid for process in workers._busy} - {besides}):  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.005)
    return pids.pop()
