"""Step 3: a stored recording becomes text with a confidence, judged and masked like any other text.

No model for its language is a state that staff see; the recording waits and is written down once there is one.
"""

import functools

import structlog

from gateway import clock
from gateway.errors import BadInput, Conflict, EverylineError
from gateway.journey import folding, masking, writing
from gateway.journey.saying import RULED
from gateway.runtime import Runtime
from gateway.schema import LANGUAGES, Heard, MediaState, State, TranscriptState
from speech.audio import peaks_of
from speech.models import ModelInfo
from speech.recogniser import transcribe
from store import changes, history, media
from store.database import Transaction
from store.media import MediaJob

log = structlog.get_logger()


async def write_down(runtime: Runtime, job: MediaJob) -> None:
    """Transcribe one recording and give its words to its post, unless a moderator typed some already."""
    model = runtime.models.find(job.language or job.post_language, demo=runtime.simulated(job.channel))
    limits = runtime.settings.media
    if model is None or job.sha256 is None:
        loud = await _loudness(runtime, job)
        await _stand(runtime, job, TranscriptState.NO_MODEL, None, peaks=loud)
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
    except EverylineError as error:
        log.warning("recording cannot be written down", action="transcription.failed", media=job.id, error=str(error))
        await _stand(runtime, job, TranscriptState.FAILED, str(error)[:200])
        return
    await runtime.database.write(lambda transaction: _keep(runtime, transaction, job, model, transcript.heard()))
    log.info("recording written down", action="transcription.done", media=job.id, model=model.name)


async def requeue(runtime: Runtime) -> None:
    """Have what waited for a model written down, for each language that has one now."""
    languages = [language for language in LANGUAGES if runtime.models.find(language)]
    if languages:
        await runtime.database.write(lambda transaction: media.requeue(transaction, languages, clock.now()))


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
            await changes.apply(transaction, post.id, text=masking.mask_as_set(runtime.settings, said))

    await runtime.database.write(work)


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
    values = {"transcript_state": state, "due_at": None, "error": error, "peaks": peaks}
    await runtime.database.write(lambda tx: media.done(tx, job, **values))


async def _keep(runtime: Runtime, transaction: Transaction, job: MediaJob, model: ModelInfo, heard: Heard) -> None:
    """Words, their file, their post and its history in one transaction; nothing of a file that is ours no more."""
    if not await media.is_held(transaction.connection, job):
        return
    key = await history.key_of_post(transaction.connection, runtime.vault, job.post_id)
    post = await changes.load(transaction.connection, job.post_id, hold=True)
    verdict = runtime.judge(heard.text)
    state = RULED.get(verdict.ruling, post.state) if post.state is State.PENDING else post.state
    reason = verdict.rules[0] if verdict.rules and state is not post.state else None
    kept = writing.down(runtime.vault, key, job.post_id, heard, before=post.state, after=state, reason=reason)
    await history.add(transaction, kept.entry, kept.words)
    await history.keep(transaction, kept.timing)
    await media.done(transaction, job, **kept.file, due_at=None, error=None)
    if not post.text:
        text = masking.mask_as_set(runtime.settings, heard.text)
        await changes.apply(
            transaction,
            job.post_id,
            text=text,
            language=model.language,
            state=state,
            ruling=verdict.ruling,
            rules=list(verdict.rules),
        )
