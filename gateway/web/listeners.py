"""Open live streams (server-sent events) of one kind: who listens, what waits for each, and how it is written.

A listener is a bounded queue; one that does not keep up is dropped, and comes back with Last-Event-ID.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from gateway.errors import BadInput, Busy

HEARTBEAT = 15.0
# Who takes nothing for so long is gone, or does not want to be seen as such.
WRITE_WITHIN = 10.0
# Milliseconds after which a browser that lost the stream comes back.
RETRY = 2000
MOST_BEHIND = 200
MOST_LISTENERS = 5000
# Only these end a line of a stream; `splitlines` would also cut JSON at a U+2028 somebody wrote.
LINE_END = re.compile("\r\n|\r|\n")
HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(slots=True, eq=False)
class Listener:
    """One open stream: in which form it wants its events, and what waits for it."""

    form: str
    waiting: asyncio.Queue[tuple[int | None, bytes] | None] = field(
        default_factory=lambda: asyncio.Queue(maxsize=MOST_BEHIND)
    )


class Listeners:
    """All that listen to the same."""

    def __init__(self) -> None:
        self._all: set[Listener] = set()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def forms(self) -> set[str]:
        """The forms in which anybody wants his events."""
        return {listener.form for listener in self._all}

    @asynccontextmanager
    async def listen(self, form: str) -> AsyncIterator[Listener]:
        """Be told from now on. Raises `Busy` when too many listen."""
        if len(self._all) >= MOST_LISTENERS:
            raise Busy("too many listen already")
        listener = Listener(form)
        self._all.add(listener)
        try:
            yield listener
        finally:
            self._all.discard(listener)

    def hand_out(self, number: int | None, frames: Mapping[str, bytes]) -> None:
        """Tell everybody for whose form there is a frame; what has no number is never told again to who missed it."""
        for listener in list(self._all):
            if listener.form not in frames:
                continue
            try:
                listener.waiting.put_nowait((number, frames[listener.form]))
            except asyncio.QueueFull:
                self._drop(listener)

    def drop_all(self) -> None:
        """End all streams."""
        for listener in list(self._all):
            self._drop(listener)

    def _drop(self, listener: Listener) -> None:
        self._all.discard(listener)
        while not listener.waiting.empty():
            listener.waiting.get_nowait()
        listener.waiting.put_nowait(None)


def frame(number: int, event: str, data: str) -> bytes:
    """One event as it is written."""
    lines = "".join(f"data: {line}\n" for line in LINE_END.split(data))
    return f"id: {number}\nevent: {event}\n{lines}\n".encode()


async def begin(request: web.Request, number: int | None, headers: Mapping[str, str]) -> web.StreamResponse:
    """Open a stream; a number alone tells the page nothing, and the browser where to continue from."""
    response = web.StreamResponse(headers={**HEADERS, **headers})
    await response.prepare(request)
    await write(request, response, f"retry: {RETRY}\n{f'id: {number}' if number is not None else ''}\n\n".encode())
    return response


async def pass_on(request: web.Request, response: web.StreamResponse, listener: Listener, number: int) -> None:
    """Write what is told after a number, until the stream ends."""
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT):
                told = await listener.waiting.get()
        except TimeoutError:
            await write(request, response, b": still here\n\n")
            continue
        if told is None:
            return
        if told[0] is None or told[0] > number:
            await write(request, response, told[1])


async def write(request: web.Request, response: web.StreamResponse, data: bytes) -> None:
    """Write to a listener; one that reads nothing is cut off, for its connection would be held for ever."""
    try:
        async with asyncio.timeout(WRITE_WITHIN):
            await response.write(data)
    except TimeoutError:
        if request.transport:
            request.transport.abort()
        raise ConnectionResetError("a listener reads nothing") from None


def last_number(request: web.Request) -> int | None:
    """From where a browser wants to go on, if it says so. Raises `BadInput`."""
    value = request.headers.get("Last-Event-ID") or request.query.get("last")
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise BadInput("a number of this stream", "last")
    return int(value)
