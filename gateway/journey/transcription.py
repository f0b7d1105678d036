"""Step 3: a stored recording becomes text with a confidence, judged and masked like any other text.

No model for its language is a state that staff see; the recording waits and is written down once there is one.
"""

import structlog

from gateway import clock
from gateway.errors import EverylineError
from gateway.journey import masking
from gateway.journey.saying import RULED
from gateway.runtime import Runtime
from gateway.schema import LANGUAGES, State, TranscriptState
from speech.models import ModelInfo
from speech.recogniser import Transcript, transcribe
from store import changes, history, media
from store.database import Transaction
from store.media import MediaJob

log = structlog.get_logger()


async def write_down(runtime: Runtime, job: MediaJob) -> None:
    """Transcribe one recording and give its words to its post, unless a moderator typed some already."""
    model = runtime.models.find(job.language or job.post_language, demo=runtime.simulated(job.channel))
    if model is None or job.sha256 is None:
        await _stand(runtime, job, TranscriptState.NO_MODEL, None)
        return
    limits = runtime.settings.media
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
    await runtime.database.write(lambda transaction: _keep(runtime, transaction, job, model, transcript))
    log.info("recording written down", action="transcription.done", media=job.id, model=model.name)


async def requeue(runtime: Runtime) -> None:
    """Have what waited for a model written down, for each language that has one now."""
    languages = [language for language in LANGUAGES if runtime.models.find(language)]
    if languages:
        await runtime.database.write(lambda transaction: media.requeue(transaction, languages, clock.now()))


async def _stand(runtime: Runtime, job: MediaJob, state: TranscriptState, error: str | None) -> None:
    await runtime.database.write(lambda tx: media.done(tx, job, transcript_state=state, due_at=None, error=error))


async def _keep(
    runtime: Runtime, transaction: Transaction, job: MediaJob, model: ModelInfo, transcript: Transcript
) -> None:
    """Words, their file, their post and its history in one transaction; nothing of a file that is ours no more."""
    if not await media.is_held(transaction.connection, job):
        return
    key = await history.key_of_post(transaction.connection, runtime.vault, job.post_id)
    words = history.sealed_words(runtime.vault, key, job.post_id, history.What.TRANSCRIPT, transcript.text)
    post = await changes.load(transaction.connection, job.post_id, hold=True)
    verdict = runtime.judge(transcript.text)
    state = RULED.get(verdict.ruling, post.state) if post.state is State.PENDING else post.state
    entry = history.entry(
        job.post_id,
        "rule",
        "transcribed",
        from_state=post.state,
        to_state=state,
        reason=verdict.rules[0][:64] if verdict.rules and state is not post.state else None,
    )
    await history.add(transaction, entry, words)
    await media.done(
        transaction,
        job,
        transcript_state=TranscriptState.DONE,
        transcript_id=words["id"],
        confidence=transcript.confidence,
        seconds=transcript.seconds,
        model=model.name,
        due_at=None,
        error=None,
    )
    if not post.text:
        text = masking.mask_as_set(runtime.settings, transcript.text)
        await changes.apply(
            transaction,
            job.post_id,
            text=text,
            language=model.language,
            state=state,
            ruling=verdict.ruling,
            rules=list(verdict.rules),
        )
