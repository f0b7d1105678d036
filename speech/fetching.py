"""A large file is fetched over a line that may break: what is there already is kept and the rest asked for.

The file grows as `<name>.part`, beside it `<name>.etag` says which version of it that is the beginning of.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aiohttp import ClientError, ClientPayloadError, ClientResponse, ClientSession, ClientTimeout, hdrs

from gateway.errors import EverylineError

# In a row and without a single new byte; as long as any come it goes on.
TRIES = 5
FIRST_WAIT = 1.0
SILENCE = 60.0
CONNECTING = 30.0
_CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class CannotFetch(EverylineError):
    """The file could not be had; what came of it is kept, and the next try goes on from there."""

    status = 502
    title = "Cannot fetch"


@dataclass(slots=True)
class Download:
    """One file on its way to `path`: of `size` bytes, or (0) of at most `most`.

    `tell` hears how many bytes are there and how many it will be (None: unknown), as often as some come.
    """

    url: str
    path: Path
    size: int
    most: int
    tell: Callable[[int, int | None], None]
    first_wait: float = FIRST_WAIT

    @property
    def part(self) -> Path:
        """What there is of it."""
        return self.path.with_name(f"{self.path.name}.part")

    @property
    def etag(self) -> Path:
        """Of which version it is."""
        return self.path.with_name(f"{self.path.name}.etag")


async def fetch(http: ClientSession, download: Download) -> None:
    """Bring a file to its path. Raises `CannotFetch`."""
    failures = 0
    while not download.size or _size(download.part) != download.size:
        before = _size(download.part)
        try:
            await _go_on(http, download)
            break
        except (ClientError, TimeoutError, OSError) as error:
            failures = 1 if _size(download.part) > before else failures + 1
            if failures >= TRIES:
                raise CannotFetch(f"{download.url} cannot be fetched: {error or type(error).__name__}") from error
            await asyncio.sleep(download.first_wait * 2 ** (failures - 1))
    download.part.replace(download.path)
    download.etag.unlink(missing_ok=True)


async def _go_on(http: ClientSession, download: Download) -> None:
    """Ask for what is missing; whatever comes is kept, also when the line breaks."""
    have = _size(download.part)
    headers = {hdrs.ACCEPT_ENCODING: "identity"}
    if have:
        headers[hdrs.RANGE] = f"bytes={have}-"
        if version := _version(download.etag):
            headers[hdrs.IF_RANGE] = version
    timeout = ClientTimeout(total=None, connect=CONNECTING, sock_read=SILENCE)
    async with http.get(download.url, headers=headers, timeout=timeout) as response:
        start, total = _asked(response, have, download)
        download.etag.write_text(response.headers.get(hdrs.ETAG, response.headers.get(hdrs.LAST_MODIFIED, "")))
        with _opened(download.part, start) as file:
            done = start
            async for piece in response.content.iter_chunked(_CHUNK):
                done += len(piece)
                if done > (total or download.most):
                    raise CannotFetch(f"{download.url} gives more than it should")
                await asyncio.to_thread(file.write, piece)
                download.tell(done, total)
    if total is not None and done < total:
        raise ClientPayloadError("the line broke")


def _asked(response: ClientResponse, have: int, download: Download) -> tuple[int, int | None]:
    """From which byte on the answer is, and how many the whole file has."""
    if response.status == 416:  # the file is not what we have the beginning of
        _begin_again(download)
        raise ClientPayloadError("the file has changed")
    if response.status not in (200, 206):
        detail = f"{download.url} answers {response.status} {response.reason}"
        if response.status < 500 and response.status not in (408, 425, 429):
            raise CannotFetch(detail)
        raise ClientPayloadError(detail)
    start, total = 0, response.content_length
    if response.status == 206:
        told = _RANGE.match(response.headers.get(hdrs.CONTENT_RANGE, ""))
        if not told or int(told[1]) != have:
            _begin_again(download)
            raise ClientPayloadError("another part came than the one asked for")
        start, total = have, None if told[2] == "*" else int(told[2])
    if download.size and total not in (None, download.size):
        raise CannotFetch(f"{download.url} has {total} bytes and should have {download.size}")
    if (total or 0) > download.most:
        raise CannotFetch(f"{download.url} has {total} bytes, which no model has")
    return start, total or download.size or None


def _begin_again(download: Download) -> None:
    download.part.unlink(missing_ok=True)
    download.etag.unlink(missing_ok=True)


def _opened(part: Path, start: int) -> BinaryIO:
    return part.open("ab" if start else "wb")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _version(path: Path) -> str:
    """A strong validator: with a weak one no part may be asked for."""
    with contextlib.suppress(FileNotFoundError):
        version = path.read_text()
        return "" if version.startswith("W/") else version
    return ""
