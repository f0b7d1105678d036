"""Step 2: a citizen's file is fetched from the carrier, checked and stored; then recordings are written down.

A durable job: what is due stands in the table `media`, and a crash at any moment only repeats the current step. The
post waits for nobody and shows meanwhile what is missing.
"""

import asyncio
from datetime import timedelta

import structlog

from channels import failures
from gateway import clock
from gateway.errors import BadInput
from gateway.journey import transcription
from gateway.runtime import Runtime
from gateway.schema import IncomingMedia, MediaState, TranscriptState
from store import media
from store.media import MediaJob

LOOK_EVERY = 2.0
FIRST_WAIT = timedelta(seconds=2)
# Recordings are there within a minute; the rest is time for a person to mend what is wrong.
LONGEST_WAIT = timedelta(hours=1)
AT_ONCE = 8
KINDS = ("image/", "audio/")
# What stands before the hash of a file that we hold already.
KEPT = "blob:"

log = structlog.get_logger()


async def accept(runtime: Runtime, data: bytes, kind: str) -> IncomingMedia:
    """Keep a file that came with a message itself. Raises `BadInput` for one that is empty, too large or of no use."""
    if not data:
        raise BadInput("this file is empty", "media")
    if len(data) > runtime.settings.media.most_bytes:
        raise BadInput("this file is too large", "media")
    if not kind.startswith(KINDS):
        raise BadInput("only photos and sound are taken", "media")
    sha256 = await runtime.blobs.keep(data)
    return IncomingMedia(f"upload:{clock.new_id()}", f"{KEPT}{sha256}", kind[:64])


async def run(runtime: Runtime) -> None:
    """Work on what is due, until cancelled."""
    bell = runtime.database.wakeups.bell("media")
    await transcription.requeue(runtime)
    while True:
        try:
            busy = await work_on_due(runtime)
        except Exception:
            log.exception("the work on files stumbled", action="media.step")
            busy = False
        if not busy:
            await bell.wait(LOOK_EVERY)


async def work_on_due(runtime: Runtime) -> bool:
    """Do one step for each of a few due files; false when none is due."""
    async with runtime.database.reading() as connection:
        jobs = await media.due(connection, clock.now(), AT_ONCE)
    await asyncio.gather(*(_step(runtime, job) for job in jobs))
    return bool(jobs)


async def _step(runtime: Runtime, job: MediaJob) -> None:
    if job.state is MediaState.DUE:
        await _fetch(runtime, job)
    elif job.transcript_state is TranscriptState.DUE:
        await transcription.write_down(runtime, job)
    else:
        await runtime.database.write(lambda tx: media.change(tx, job.id, due_at=None))


async def _fetch(runtime: Runtime, job: MediaJob) -> None:
    """Bring the file and store it; the carrier's copy is deleted only once ours is on disk and in the table."""
    channel = runtime.channels.get(job.channel)
    try:
        if channel is None:
            raise failures.RetryLater("the channel is off")
        fetched = await channel.fetch(job.url, runtime.settings.media.most_bytes)
    except (failures.Refused, failures.Misconfigured) as failure:
        await _give_up(runtime, job, failure.detail)
        return
    except failures.Failure as failure:
        await _try_later(runtime, job, failure.detail)
        return
    sha256 = await runtime.blobs.keep(fetched.data)
    spoken = fetched.type.startswith("audio/")
    await runtime.database.write(
        lambda tx: media.change(
            tx,
            job.id,
            state=MediaState.STORED,
            sha256=sha256,
            bytes=len(fetched.data),
            type=fetched.type,
            error=None,
            due_at=clock.now() if spoken else None,
        )
    )
    log.info("file stored", action="media.stored", media=job.id, channel=job.channel)
    try:
        await channel.forget(job.url)
    except failures.Failure as failure:
        log.warning("the carrier kept its copy", action="media.forget", media=job.id, detail=failure.detail)


async def _try_later(runtime: Runtime, job: MediaJob, detail: str) -> None:
    tries = job.tries + 1
    if tries >= runtime.settings.media.tries:
        await _give_up(runtime, job, detail)
        return
    due_at = clock.now() + min(LONGEST_WAIT, FIRST_WAIT * 2 ** (tries - 1))
    await runtime.database.write(lambda tx: media.change(tx, job.id, tries=tries, due_at=due_at, error=detail[:200]))


async def _give_up(runtime: Runtime, job: MediaJob, detail: str) -> None:
    log.warning("file cannot be fetched", action="media.failed", media=job.id, channel=job.channel, detail=detail)
    spoken = job.transcript_state is TranscriptState.DUE
    await runtime.database.write(
        lambda tx: media.change(
            tx,
            job.id,
            state=MediaState.FAILED,
            transcript_state=TranscriptState.FAILED if spoken else job.transcript_state,
            due_at=None,
            error=detail[:200],
        )
    )
