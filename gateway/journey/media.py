"""Step 2: a citizen's file is brought, opened, made safe and stored; then recordings are written down.

A durable job: what is due stands in the table `media`, and a crash at any moment only repeats the current step. Of
several processes one holds a file while it works on it, by a lease it renews; when it dies, another goes on. The post
waits for nobody and shows meanwhile what is missing. The carrier's copy is deleted only once ours is on disk and
in the table; the file of a photo as it came, with where and by which device it was taken, is named by nothing then and
swept away (`jobs.upkeep`).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from channels import failures
from gateway import clock
from gateway.errors import BadInput
from gateway.journey import opening, showing, transcription, waiting
from gateway.journey.opening import Opened, Unusable
from gateway.runtime import Runtime
from gateway.schema import MediaState, TranscriptState
from gateway.schema_incoming import IncomingMedia
from store import media
from store.database import Transaction
from store.media import KEPT, MediaJob

LOOK_EVERY = 2.0
# For how long a file stays held by a process that was last alive, and how often one that is holds it longer.
LEASE = timedelta(seconds=30)
RENEW = timedelta(seconds=10)
FIRST_WAIT = timedelta(seconds=2)
# Recordings are there within a minute; the rest is time for a person to mend what is wrong.
LONGEST_WAIT = timedelta(hours=1)
AT_ONCE = 8
# Seconds that a carrier may take for one file, and for deleting it, whatever its channel allows.
FETCH_LIMIT = 120.0

log = structlog.get_logger()


async def accept(runtime: Runtime, data: bytes) -> IncomingMedia:
    """Keep a file that came with a message itself.

    Raises `BadInput` for one that is empty, too large, or neither a photo nor sound by its content.
    """
    try:
        kind = opening.settled(runtime, data)
        await opening.refuse_films(runtime, data, kind)
    except Unusable as error:
        raise BadInput(str(error), "media") from error
    sha256 = await runtime.blobs.keep(data)
    return IncomingMedia(f"upload:{clock.new_id()}", f"{KEPT}{sha256}", kind)


async def run(runtime: Runtime) -> None:
    """Work on what is due, until cancelled: files are brought while long recordings are still being written down."""
    # On one's own database nobody else can hold anything: what is held was so when the process before this one ended.
    await runtime.database.write(lambda tx: media.let_go(tx, runtime.database.holder))
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(waiting.run(runtime), name="media models")
            for state in _STEPS:
                group.create_task(_keep_on(runtime, state), name=f"media {state}")
    finally:
        await runtime.database.write(lambda tx: media.let_go(tx, runtime.database.holder))


async def work_on_due(runtime: Runtime) -> bool:
    """Do one step for each of a few due files and wait for their end; false when none is due."""
    jobs = [job for state in _STEPS for job in await _claim(runtime, state, AT_ONCE)]
    await asyncio.gather(*(_STEPS[job.state](runtime, job) for job in jobs))
    return bool(jobs)


async def _keep_on(runtime: Runtime, state: MediaState) -> None:
    """Do one kind of step, a few at once; a slow one holds up no other."""
    bell = runtime.database.wakeups.bell("media")
    busy: dict[str, asyncio.Task[None]] = {}
    renewed = clock.now()
    async with asyncio.TaskGroup() as group:
        while True:
            busy = {media_id: task for media_id, task in busy.items() if not task.done()}
            try:
                # A step may wait long for its worker; whoever is alive keeps what is his.
                if busy and clock.now() - renewed > RENEW:
                    await _renew(runtime, list(busy))
                    renewed = clock.now()
                for job in await _claim(runtime, state, AT_ONCE - len(busy)):
                    busy[job.id] = group.create_task(_guarded(runtime, job), name=f"media {job.id}")
            except Exception:
                log.exception("cannot see what files are due", action="media.due")
            await bell.wait(LOOK_EVERY)


async def _claim(runtime: Runtime, state: MediaState, limit: int) -> list[MediaJob]:
    """Take what is due, up to `limit`; nothing is written while nothing is due."""
    at, database = clock.now(), runtime.database
    async with database.reading() as connection:
        if limit <= 0 or not await media.waits(connection, at, state):
            return []
    return await database.write(lambda tx: media.claim(tx, database.holder, at, at + LEASE, limit, state))


async def _renew(runtime: Runtime, media_ids: Sequence[str]) -> None:
    database, until = runtime.database, clock.now() + LEASE
    await database.write(lambda tx: media.renew(tx, database.holder, media_ids, until))


async def _guarded(runtime: Runtime, job: MediaJob) -> None:
    """One step; what nobody thought of (a full disk) is noted and tried later, and stops no other file."""
    try:
        await _STEPS[job.state](runtime, job)
    except Exception as error:
        log.exception("the work on a file stumbled", action="media.step", media=job.id)
        with contextlib.suppress(Exception):
            await _try_later(runtime, job, type(error).__name__)


async def _bring(runtime: Runtime, job: MediaJob) -> None:
    """Fetch a file, open it and store what is kept of it."""
    try:
        opened = await opening.open_file(runtime, await _data(runtime, job))
    except (failures.Refused, failures.Misconfigured) as failure:
        await _give_up(runtime, job, failure.detail)
        return
    except failures.Failure as failure:
        await _try_later(runtime, job, failure.detail)
        return
    except Unusable as error:
        await _give_up(runtime, job, str(error))
        return
    sha256 = await runtime.blobs.keep(opened.data)
    preview = await runtime.blobs.keep(opened.photo.preview) if opened.photo else None
    if not await runtime.database.write(lambda transaction: _store(transaction, job, opened, sha256, preview)):
        return
    log.info("file stored", action="media.stored", media=job.id, channel=job.channel, type=opened.type)
    if not job.url.startswith(KEPT):
        await _forget(runtime, job)


async def _data(runtime: Runtime, job: MediaJob) -> bytes:
    """The file as it came: from our disk when it was handed to us, else from the carrier."""
    if job.url.startswith(KEPT):
        try:
            return await asyncio.to_thread(runtime.blobs.path(job.url.removeprefix(KEPT)).read_bytes)
        except FileNotFoundError as error:
            raise Unusable("this file is not on disk any more") from error
    channel = runtime.channels.get(job.channel)
    if channel is None:
        raise failures.RetryLater("the channel is off")
    try:
        async with asyncio.timeout(FETCH_LIMIT):
            return (await channel.fetch(job.url, runtime.settings.media.most_bytes)).data
    except TimeoutError as error:
        raise failures.RetryLater("the carrier took too long") from error


async def _store(transaction: Transaction, job: MediaJob, opened: Opened, sha256: str, preview: str | None) -> bool:
    """Name what is stored; from here on a photo belongs to the public post, and a recording waits for its words.

    False when the file is another process's by now, or gone.
    """
    photo = opened.photo
    words = _words_of(job, opened)
    stored = await media.done(
        transaction,
        job,
        state=MediaState.STORED,
        url=f"{KEPT}{sha256}" if job.url.startswith(KEPT) else job.url,
        sha256=sha256,
        preview=preview,
        bytes=len(opened.data),
        type=opened.type,
        width=photo.width if photo else None,
        height=photo.height if photo else None,
        public=photo is not None,
        transcript_state=words,
        error=None,
        due_at=None if photo or words is TranscriptState.DONE else clock.now(),
    )
    if photo is None or not stored:
        return stored
    # Where an officer took his photo is not where the report is.
    if photo.lat is not None and photo.lon is not None and job.channel != media.CONSOLE:
        await media.place_post(transaction, job.post_id, photo.lat, photo.lon)
    await showing.announce(transaction, job.post_id)
    return True


def _words_of(job: MediaJob, opened: Opened) -> TranscriptState:
    """Whether words are still to be taken from a file: not when they were as it was spoken, or its speaker wants none.

    What was announced as something else and is sound after all has words like any other.
    """
    if opened.photo:
        return TranscriptState.NONE
    unwanted = job.transcript_state is TranscriptState.NONE and job.type.startswith("audio/")
    return job.transcript_state if unwanted or job.transcript_state is TranscriptState.DONE else TranscriptState.DUE


async def _forget(runtime: Runtime, job: MediaJob) -> None:
    """Have the carrier delete its copy."""
    channel = runtime.channels[job.channel]
    try:
        async with asyncio.timeout(FETCH_LIMIT):
            await channel.forget(job.url)
    except (failures.Failure, TimeoutError) as failure:
        log.warning("the carrier kept its copy", action="media.forget", media=job.id, detail=str(failure)[:200])


async def _write_down(runtime: Runtime, job: MediaJob) -> None:
    """Turn a stored recording into words; anything else is finished."""
    if job.transcript_state is TranscriptState.DUE:
        await transcription.write_down(runtime, job)
    elif job.transcript_state is TranscriptState.NONE:
        await transcription.only_look(runtime, job)
    else:
        await runtime.database.write(lambda tx: media.done(tx, job, due_at=None))


async def _try_later(runtime: Runtime, job: MediaJob, detail: str) -> None:
    tries = job.tries + 1
    if tries >= runtime.settings.media.tries:
        await _give_up(runtime, job, detail)
        return
    due_at = clock.now() + min(LONGEST_WAIT, FIRST_WAIT * 2 ** (tries - 1))
    await runtime.database.write(lambda tx: media.done(tx, job, tries=tries, due_at=due_at, error=detail[:200]))


async def _give_up(runtime: Runtime, job: MediaJob, detail: str) -> None:
    log.warning("file cannot be used", action="media.failed", media=job.id, channel=job.channel, detail=detail)
    spoken = job.transcript_state is TranscriptState.DUE
    written = TranscriptState.DONE if job.transcript_id else TranscriptState.FAILED
    state = MediaState.FAILED if job.state is MediaState.DUE else job.state
    await runtime.database.write(
        lambda tx: media.done(
            tx,
            job,
            state=state,
            transcript_state=written if spoken else job.transcript_state,
            due_at=None,
            error=detail[:200],
        )
    )


_STEPS: dict[MediaState, Callable[[Runtime, MediaJob], Awaitable[None]]] = {
    MediaState.DUE: _bring,
    MediaState.STORED: _write_down,
}
