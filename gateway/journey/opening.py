"""A file opened in a worker and made what is kept of it: a photo becomes a clean copy, sound stays as it is.

Whoever sent it, its content alone says what it is.
"""

import functools
from dataclasses import dataclass

from gateway.errors import EverylineError
from gateway.journey import filetypes, photos
from gateway.journey.photos import BadPhoto, Limits, Photo
from gateway.runtime import Runtime
from gateway.workers import WorkerLost, WorkerTimeout
from speech import audio
from speech.audio import BadAudio


class Unusable(EverylineError):
    """A file that is not taken; the message says why."""

    status = 422
    title = "Unusable file"


@dataclass(frozen=True, slots=True)
class Opened:
    """What is kept of a file: its bytes and true type, and of a photo its size, its preview and where it was taken."""

    data: bytes
    type: str
    photo: Photo | None = None


def settled(runtime: Runtime, data: bytes) -> str:
    """The type of a file that this installation takes. Raises `Unusable`."""
    kind = filetypes.recognise(data[: filetypes.HEAD])
    if not data:
        raise Unusable("this file is empty")
    if len(data) > runtime.settings.media.most_bytes:
        raise Unusable("this file is too large")
    if kind is None:
        raise Unusable("only photos and sound are taken")
    if not filetypes.can_show(kind):
        raise Unusable("this kind of picture cannot be shown here; send it as JPEG")
    return kind


async def refuse_films(runtime: Runtime, data: bytes, kind: str) -> None:
    """Look into containers that hold films as well as sound. Raises `Unusable` for a film."""
    if kind not in filetypes.DOUBTFUL:
        return
    limits = runtime.settings.media
    look = functools.partial(audio.is_film, max_bytes=limits.most_bytes)
    try:
        film = await runtime.openers.run(look, data, timeout=limits.longest_job)
    except (BadAudio, WorkerLost, WorkerTimeout):
        return  # damaged sound is kept: staff may hear more in it than we do
    if film:
        raise Unusable("films are not taken; send photos or sound")


async def open_file(runtime: Runtime, data: bytes) -> Opened:
    """Make of a file what is kept. Raises `Unusable` for what is no photo and no sound, or cannot be opened."""
    kind = settled(runtime, data)
    if not filetypes.is_photo(kind):
        await refuse_films(runtime, data, kind)
        return Opened(data, kind)
    try:
        photo = await _prepare(runtime, data)
    except BadPhoto as error:
        raise Unusable(str(error)) from error
    except (WorkerLost, WorkerTimeout) as error:
        raise Unusable("this picture could not be opened") from error
    return Opened(photo.data, photos.TYPE, photo)


async def _prepare(runtime: Runtime, data: bytes) -> Photo:
    """Clean a photo; a lost worker may be another's fault (memory ran out), so it is tried once more."""
    media = runtime.settings.media
    limits = Limits(media.most_bytes, media.most_pixels, media.longest_side, media.preview_side)
    job = functools.partial(runtime.openers.run, photos.prepare, data, limits, timeout=media.longest_job)
    try:
        return await job()
    except WorkerLost:
        return await job()
