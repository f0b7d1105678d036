"""Files that come with a form, for the channels that take them: found, bounded, and handed to the desk."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace

from aiohttp import web
from multidict import MultiMapping

from channels.base import Uploads
from channels.desk import Desk
from gateway.errors import BadInput
from gateway.schema_incoming import IncomingMedia

FIELD = "media"
File = web.FileField | bytearray


class BadFile(BadInput):
    """One file that is not taken; `name` is what its sender called it."""

    def __init__(self, message: str, name: str | None) -> None:
        super().__init__(message, FIELD)
        self.name = name


def sent(form: MultiMapping[object]) -> list[File]:
    """The files of a form; an input left empty is none. Raises `BadInput` for words instead of a file."""
    files: list[File] = []
    for value in form.getall(FIELD, []):
        if isinstance(value, str) and value:
            raise BadInput("send files as parts of a form", FIELD)
        if isinstance(value, (web.FileField, bytearray)) and value:
            files.append(value)
    return files


async def hand_in(
    desk: Desk, files: Sequence[File], limits: Uploads, language: str | None = None
) -> tuple[IncomingMedia, ...]:
    """Keep files, each once; `language` is what is spoken in them. Raises `BadInput`, naming the first that is bad."""
    if len(files) > limits.most_files:
        raise BadInput("too many files", FIELD)
    kept: dict[str, IncomingMedia] = {}
    for file in files:
        name, claimed = (file.filename, file.content_type) if isinstance(file, web.FileField) else (None, "")
        try:
            media = await desk.upload(await _data(file, limits.most_bytes), claimed)
        except BadInput as error:
            raise BadFile(str(error), name) from error
        spoken = media.type.startswith("audio/")
        kept.setdefault(media.url, replace(media, language=language) if spoken else media)
    return tuple(kept.values())


async def _data(file: File, most_bytes: int) -> bytes:
    """The bytes of a file. Large ones lie on disk."""
    if isinstance(file, bytearray):
        return bytes(file)
    if file.file.seek(0, os.SEEK_END) > most_bytes:
        raise BadInput("this file is too large", FIELD)
    file.file.seek(0)
    return await asyncio.to_thread(file.file.read)
