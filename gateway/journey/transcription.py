"""Step 3: a stored recording becomes text with a confidence, judged and masked like any other text.

No model for its language is a state that staff see; the recording waits and is written down once there is one.
"""

import asyncio
import contextlib
import functools
from collections.abc import Sequence
from dataclasses import replace

import structlog

from gateway import clock
from gateway.errors import BadInput, Conflict, EverylineError, NotFound
from gateway.journey import (
    folding,
    masking,
    moderation,
    phrases_heard,
    placing,
    waiting,
    whereabouts,
    writing,
)
from gateway.journey.saying import RULED
from gateway.runtime import Runtime
from gateway.schema import MediaState, Ruling, State, TranscriptState
from speech.audio import peaks_of
from speech.models import ModelInfo
from speech.recogniser import BadModel, Transcript, transcribe
from store import changes, events, history, media, transcribing
from store.changes import Changing
from store.database import Transaction
from store.history import Heard
from store.media import MediaJob
from store.transcribing import Written

# How many failures one press takes up again.
MOST_AGAIN = 500
GONE = "this speech model is not installed any more"
NOTHING = Heard("", None, ())

log = structlog.get_logger()


async def write_down(runtime: Runtime, job: MediaJob) -> None:
    """Transcribe one recording and give its words to its post, unless a moderator typed some already.

    A model that cannot be used, or is gone since it was looked for, is no fault of the recording's: the next one of
    its language is taken, and without one it waits.
    """
    models = await _models(runtime, job.language or job.post_language, job.channel)
    model = next((one for one in models if job.wanted_model in (None, one.name)), None)
    limits = runtime.settings.media
    if model is None and job.wanted_model:
        await _stand(runtime, job, TranscriptState.FAILED, GONE)
        return
    if model is None or job.sha256 is None:
        loud = await _loudness(runtime, job)
        await _stand(runtime, job, TranscriptState.NO_MODEL, None, peaks=loud)
        if job.sha256 and (came := await _models(runtime, job.language or job.post_language, job.channel)):
            await waiting.requeue(runtime, [came[0].language])  # whoever saw it come did not see this one wait yet
        return
    try:
        transcript = await transcribe(
            runtime.workers,
            model,
            runtime.blobs.path(job.sha256),
            timeout=runtime.settings.speech.longest_job,
            max_seconds=limits.most_seconds,
            max_bytes=limits.most_bytes,
        )
    except BadModel as error:
        runtime.models.refuse(model, str(error))
        log.error("speech model cannot be used", action="transcription.model", model=model.name, error=str(error))
        if job.wanted_model:
            await _stand(runtime, job, TranscriptState.FAILED, str(error)[:200])
        else:
            await write_down(runtime, job)
        return
    except EverylineError as error:
        log.warning("recording cannot be written down", action="transcription.failed", media=job.id, error=str(error))
        await _stand(runtime, job, TranscriptState.FAILED, str(error)[:200])
        return
    await runtime.database.write(lambda transaction: _keep(runtime, transaction, job, model, transcript))
    log.info("recording written down", action="transcription.done", media=job.id, model=model.name)


async def models_of(runtime: Runtime, language: str, channel: str) -> Sequence[str]:
    """The names of the models by which a recording may be written down, first the one that is taken by itself."""
    return [model.name for model in await _models(runtime, language, channel)]


async def again(runtime: Runtime, media_id: str, model: str | None, *, actor: str) -> None:
    """Have a recording written down once more, by a model if one is named. What is known of it stays beside it.

    Raises `NotFound`, `BadInput` for a model that is not there for its language, and `Conflict` for what waits
    already, or is no recording that we have.
    """
    async with runtime.database.reading() as connection:
        file = await media.find(connection, media_id)
    if model is not None and model not in await models_of(runtime, file.language, file.channel):
        raise BadInput("this speech model is not installed", "model")

    async def work(transaction: Transaction) -> None:
        if not file.type.startswith("audio/"):
            raise Conflict("only recordings are written down")
        if not await transcribing.again(transaction, media_id, model, clock.now()):
            raise Conflict("this recording is being written down, or is not here any more")
        await history.add(transaction, history.entry(file.post_id, actor, "transcript_again", reason=model))

    await runtime.database.write(work)


async def again_all(runtime: Runtime, *, actor: str) -> int:
    """Have everything written down once more that could not be; gives how many were taken up again."""
    async with runtime.database.reading() as connection:
        failed = await transcribing.failures(connection, MOST_AGAIN)
    done = 0
    for one in failed:
        # One may have been taken up, or erased, meanwhile.
        with contextlib.suppress(Conflict, NotFound):
            await again(runtime, one.media_id, None, actor=actor)
            done += 1
    return done


async def correct(runtime: Runtime, media_id: str, text: str, *, actor: str) -> None:
    """Write down better what a recording says; what the model wrote is kept beside it.

    A post nobody has decided that says what was written down before says this now. Raises `NotFound`, `BadInput` for
    no words, and `Conflict` for what is no recording.
    """
    said = folding.clean(text, runtime.settings.intake.text_limit)
    if not said:
        raise BadInput("give the corrected text", "text")

    async def work(transaction: Transaction) -> None:
        file = await media.find(transaction.connection, media_id)
        if file.state is not MediaState.STORED or not file.type.startswith("audio/"):
            raise Conflict("only recordings are written down")
        post = await changes.load(transaction.connection, file.post_id, hold=True)
        heard = (await history.heard(transaction.connection, runtime.vault, [post.id])).get(media_id)
        key = await history.key_of_post(transaction.connection, runtime.vault, post.id)
        words = history.sealed_words(runtime.vault, key, post.id, history.What.CORRECTED, said)
        await history.add(
            transaction, history.entry(post.id, actor, "transcript_corrected", words_id=words["id"]), words
        )
        await media.change(transaction, media_id, corrected_id=words["id"])
        before = masking.mask_as_set(runtime.settings, (heard.corrected or heard.text) if heard else "")
        if post.state in (State.PENDING, State.HELD) and post.text in ("", before):
            filed = placing.refile(runtime, post, said, post.language)
            await changes.apply(transaction, post.id, text=masking.mask_as_set(runtime.settings, said), **filed)

    await runtime.database.write(work)


async def _models(runtime: Runtime, language: str, channel: str) -> Sequence[ModelInfo]:
    demo = runtime.simulated(channel)
    return await asyncio.to_thread(lambda: runtime.models.installed(language, demo=demo))


async def only_look(runtime: Runtime, job: MediaJob) -> None:
    """Note how loud a recording is of which nobody wants the words from us."""
    loud = await _loudness(runtime, job)
    await _stand(runtime, job, job.transcript_state, None, peaks=loud)


async def _loudness(runtime: Runtime, job: MediaJob) -> list[int] | None:
    """How loud a recording is that nobody can write down, for whoever listens; None for what is no sound."""
    if job.sha256 is None:
        return None
    limits = runtime.settings.media
    look = functools.partial(
        peaks_of, runtime.blobs.path(job.sha256), max_seconds=limits.most_seconds, max_bytes=limits.most_bytes
    )
    try:
        return list(await runtime.openers.run(look, timeout=limits.longest_job))
    except EverylineError:
        return None


async def _stand(
    runtime: Runtime, job: MediaJob, state: TranscriptState, error: str | None, peaks: list[int] | None = None
) -> None:
    values: dict[str, object] = {"transcript_state": state, "due_at": None, "error": error, "wanted_model": None}
    if job.transcript_id:
        # It was written down before, and still is.
        values["transcript_state"] = TranscriptState.DONE
    elif peaks:
        values["peaks"] = peaks
    await runtime.database.write(lambda tx: media.done(tx, job, **values))


async def _keep(
    runtime: Runtime, transaction: Transaction, job: MediaJob, model: ModelInfo, transcript: Transcript
) -> None:
    """Words, their file, their post and its history in one transaction; nothing of a file that is ours no more."""
    if not await media.is_held(transaction.connection, job):
        return
    key = await history.key_of_post(transaction.connection, runtime.vault, job.post_id)
    post = await changes.load(transaction.connection, job.post_id, hold=True)
    before = (await history.heard(transaction.connection, runtime.vault, [post.id])).get(job.id) or NOTHING
    verdict = runtime.judge(transcript.text)
    state = RULED.get(verdict.ruling, post.state) if post.state is State.PENDING else post.state
    reason = verdict.rules[0] if verdict.rules and state is not post.state else None
    plain = state is State.PENDING and not post.text and not verdict.emergency
    if plain and await phrases_heard.take_part(runtime, transaction, post, transcript.text):
        state, reason = State.REJECTED, phrases_heard.RULE
        verdict = replace(verdict, ruling=Ruling.BLOCK, rules=(reason, *verdict.rules))
    heard = transcript.heard()
    kept = writing.down(runtime.vault, key, job.post_id, heard, before=post.state, after=state, reason=reason)
    await history.add(transaction, kept.entry, kept.words)
    await history.keep(transaction, kept.timing)
    made = Written(
        kept.file["transcript_id"], model.name, heard.confidence, heard.seconds, transcript.took, clock.now()
    )
    await transcribing.add(transaction, job.id, kept.file["timing_id"], made)
    await media.done(transaction, job, **kept.file, wanted_model=None, due_at=None, error=None)
    if not post.text or _is_still(runtime, post, before):
        text = masking.mask_as_set(runtime.settings, transcript.text)
        await changes.apply(
            transaction,
            job.post_id,
            text=text,
            language=model.language,
            state=state,
            ruling=verdict.ruling,
            rules=list(verdict.rules),
            **placing.refile(runtime, post, text, model.language),
        )
        await _ask_or_tell_where(runtime, transaction, post, text, model.language)


async def _ask_or_tell_where(
    runtime: Runtime, transaction: Transaction, post: Changing, text: str, language: str
) -> None:
    """What was added may say where its report is; of a report that does not say it, its author is asked."""
    if post.thread_id == post.id:
        if not post.text:  # written down for the first time
            await whereabouts.ask_later(runtime, transaction, post.id)
        return
    thread = await changes.load(transaction.connection, post.thread_id, hold=True)
    if values := placing.refile_thread(runtime, thread, post, text, language):
        await changes.apply(transaction, thread.id, **values)
        if thread.state is State.PUBLISHED:
            await moderation.announce(runtime, transaction, thread, events.Happening.UPDATE)


def _is_still(runtime: Runtime, post: Changing, before: Heard) -> bool:
    """Whether an undecided post says what a model wrote down before: what a person typed is never overwritten."""
    undecided = post.state in (State.PENDING, State.HELD)
    return undecided and before.corrected is None and post.text == masking.mask_as_set(runtime.settings, before.text)
