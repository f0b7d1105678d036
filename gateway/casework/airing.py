"""Bulletins become sound: each piece read by a voice of its language, or by the caller who agreed, as one file."""

from pathlib import Path

import structlog

from gateway.errors import EverylineError, NotFound
from gateway.runtime import Runtime
from speech.encoding import RATE, Piece, Recording, record
from store import bulletins, media
from store.bulletins import Made

# How often one is tried to be spoken before staff must look.
TRIES = 3
# Seconds that putting one together may take: half an hour of sound takes ten.
LONGEST_JOB = 120.0

log = structlog.get_logger()


async def speak_due(runtime: Runtime) -> None:
    """Speak what is composed and not spoken yet."""
    async with runtime.database.reading() as connection:
        waiting = await bulletins.due(connection)
    for made in waiting:
        if not made.stale:  # else it is composed anew first
            await _speak(runtime, made)


async def _speak(runtime: Runtime, made: Made) -> None:
    """Speak one. However that fails, it is noted: one that never succeeds must not hold up the others for good."""
    try:
        parts = [await _pieces(runtime, made, number) for number in range(len(made.parts))]
        names, city = [part.title for part in made.parts], runtime.settings.city.name
        artist = city[made.language]  # type: ignore[index]  # one of ours
        spoken = await runtime.workers.run(record, parts, names, made.title, artist, timeout=LONGEST_JOB)
        sha256 = await runtime.blobs.keep(spoken.data)
        size, seconds, starts = len(spoken.data), spoken.seconds, spoken.starts
        await runtime.database.write(lambda tx: bulletins.sounds(tx, made, sha256, size, seconds, starts))
    except Exception as error:  # noqa: BLE001
        # What is not ours may quote what was to be said.
        why = str(error) if isinstance(error, EverylineError) else type(error).__name__
        log.warning("a bulletin cannot be spoken", action="bulletin.failed", bulletin=made.id, error=why)
        await runtime.database.write(lambda tx: bulletins.failed(tx, made, why, TRIES))
        return
    log.info("bulletin spoken", action="bulletin.spoken", bulletin=made.id, seconds=round(seconds), bytes=size)


async def _pieces(runtime: Runtime, made: Made, number: int) -> list[Piece]:
    """The sound of one part. Its second piece is what the post says: where its caller is heard, he says that."""
    pieces: list[Piece] = [
        await runtime.synthesiser.speak(words, language, rate=RATE) for language, words in made.parts[number].said
    ]
    path = await _recording(runtime, made.voices[number])
    if path and isinstance(pieces[1], bytes):
        limits, longest = runtime.settings.media, runtime.settings.radio.longest_voice
        pieces[1] = Recording(path, pieces[1], longest, limits.most_seconds, limits.most_bytes)
    return pieces


async def _recording(runtime: Runtime, media_id: str | None) -> Path | None:
    if media_id is None:
        return None
    async with runtime.database.reading() as connection:
        try:
            file = await media.find(connection, media_id)
        except NotFound:
            return None
    return runtime.blobs.path(file.sha256) if file.sha256 else None
