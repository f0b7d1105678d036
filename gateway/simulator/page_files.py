"""Files on the handsets page: those that can be attached, those that were, and what comes with a text as JSON."""

import asyncio
import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.errors import BadInput, NotFound
from gateway.simulator.attachments import MOST_BYTES, MOST_FILES, File
from gateway.simulator.network import Network
from gateway.simulator.pictures import pictures
from gateway.simulator.samples import samples
from gateway.simulator.words import languages

TYPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,60}")
# What a phone shows by itself; anything else is only handed over.
SHOWN = ("image/", "audio/", "video/")
HEADERS = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}


class PageFiles:
    """The files of one network's phones."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def routes(self) -> list[web.RouteDef]:
        """Where the page finds them."""
        return [
            web.get("/handsets/samples/{id}.wav", self._sample),
            web.get("/handsets/pictures/{id}.jpg", self._picture),
            web.get("/handsets/media/{sid}", self._attached),
        ]

    async def _sample(self, request: web.Request) -> web.Response:
        sample = samples().get(request.match_info["id"])
        if sample is None:
            raise NotFound("no_such_thing")
        return web.Response(body=sample.path.read_bytes(), content_type="audio/wav", headers=HEADERS)

    async def _picture(self, request: web.Request) -> web.Response:
        picture = pictures().get(request.match_info["id"])
        if picture is None:
            raise NotFound("no_such_thing")
        return web.Response(body=picture.path.read_bytes(), content_type="image/jpeg", headers=HEADERS)

    async def _attached(self, request: web.Request) -> web.Response:
        attachment = self._network.attachments.get(request.match_info["sid"])
        if attachment is None:
            raise NotFound("no_such_thing")
        shown = attachment.file.type.startswith(SHOWN)
        handed = {"Content-Disposition": "inline" if shown else "attachment", "Content-Type": attachment.file.type}
        return web.Response(body=attachment.file.data, headers={**HEADERS, **handed})


async def files_of(data: Mapping[str, Any]) -> list[File]:
    """The files of `media`: each `{"sample": id}`, or `{"type": MIME type, "data": base64}`. Raises `BadInput`."""
    wanted = data.get("media", [])
    if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        raise BadInput("bad_file", "media")
    if len(wanted) > MOST_FILES:
        raise BadInput("too_many_files", "media")
    files = await asyncio.to_thread(lambda: [_file(one) for one in wanted])
    if sum(len(file.data) for file in files) > MOST_BYTES:
        raise BadInput("too_large", "media")
    return files


def describe(language: str) -> list[dict[str, str]]:
    """What the page offers to attach: the pictures, and one voice note in the language of the page."""
    words = languages()[language]
    offered = [
        {
            "id": one.id,
            "type": "image/jpeg",
            "text": words[f"picture_{one.id}"],
            "url": f"/handsets/pictures/{one.id}.jpg",
        }
        for one in pictures().values()
    ]
    spoken = next((sample for sample in samples().values() if sample.language == language), None)
    if spoken:
        offered.append({"id": spoken.id, "type": "audio/wav", "text": f"{words['voice_note']}: {spoken.text}"})
    return offered


def _file(wanted: Mapping[str, Any]) -> File:
    name, kind, data = wanted.get("sample"), wanted.get("type"), wanted.get("data")
    if isinstance(name, str) and name in pictures():
        return File("image/jpeg", pictures()[name].path.read_bytes())
    if isinstance(name, str) and name in samples():
        return File("audio/wav", samples()[name].path.read_bytes())
    if not isinstance(kind, str) or not TYPE.fullmatch(kind) or not isinstance(data, str):
        raise BadInput("bad_file", "media")
    try:
        return File(kind, base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        raise BadInput("bad_file", "media") from None
