"""The live stream of calls: a call drawn anew at each step, and in between only its words as they grow.

One task a process reads what changed and words it once for all who listen. What is told is how a call stands now, not
what happened: who comes late or comes back is told how all stands that changed since.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from aiohttp import web

from gateway import clock
from gateway.journey import masking
from gateway.runtime import Runtime
from gateway.schema import LANGUAGES
from gateway.web import access, listeners
from gateway.web.keys import ACCOUNT, LANGUAGE, SWITCHBOARD
from gateway.web.listeners import Listeners
from store import calls
from store.calls import Call

LOOK_EVERY = 5.0
# Changes of a moment are told together.
GATHER = 0.1
# What is written at a moment is committed a little later, by processes whose clocks differ a little.
LATE = timedelta(seconds=5)
MOST = 1000
# How many calls are worded before others have their turn.
AT_ONCE = 20
FIRST = datetime(1970, 1, 1, tzinfo=UTC)

log = structlog.get_logger()
Draw = Callable[[Call, str], str]


def number_of(at: datetime) -> int:
    """A moment as the number of an event."""
    return (at - FIRST) // timedelta(microseconds=1)


def known(runtime: Runtime) -> Mapping[str, Any]:
    """What the drawing of a call needs beside it."""
    return {"masked": lambda text: masking.mask_as_set(runtime.settings, text), "at": clock.now()}


@dataclass(frozen=True, slots=True)
class Told:
    """How a call stood when it was told of: when it had changed, what it shows beside its words, and these."""

    at: datetime
    standing: tuple[object, ...]
    settled: tuple[str, ...]
    goes_on: bool


class Switchboard:
    """Follows the calls and tells those who listen. `draw` draws a call as HTML in a language."""

    def __init__(self, runtime: Runtime, draw: Draw) -> None:
        self._runtime = runtime
        self._draw = draw
        self._task: asyncio.Task[None] | None = None
        self._told: dict[str, Told] = {}
        self.listeners = Listeners()

    async def start(self, _app: web.Application) -> None:
        """Begin to follow."""
        self._task = asyncio.create_task(self._follow(), name="live calls")

    async def stop(self, _app: web.Application) -> None:
        """End all streams."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.listeners.drop_all()

    async def missed(self, number: int, language: str) -> AsyncIterator[bytes]:
        """How the calls stand that changed since a number."""
        since = FIRST + timedelta(microseconds=min(number, number_of(clock.now())))
        for at, call in enumerate(await self._changed(since - LATE)):
            yield self._whole(call, language)
            if at % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _follow(self) -> None:
        bell = self._runtime.database.wakeups.bell(calls.CALLS)
        while True:
            await bell.wait(LOOK_EVERY)
            try:
                await self._tell()
            except Exception:
                log.exception("the live calls stumbled", action="live.calls")
            await asyncio.sleep(GATHER)

    async def _tell(self) -> None:
        if not self.listeners:
            self._told = {}
            return
        since = clock.now() - LATE - timedelta(seconds=LOOK_EVERY)
        found = await self._changed(since)
        new = [call for call in found if call.id not in self._told or self._told[call.id].at < call.changed_at]
        for at, call in enumerate(new):
            try:
                self.listeners.hand_out(number_of(call.changed_at), self._frames(call))
            except Exception:  # the others go on
                log.exception("a call cannot be drawn", action="live.call", call=call.id)
            if at % AT_ONCE == 0:
                await asyncio.sleep(0)
        self._told = {
            **{call_id: told for call_id, told in self._told.items() if told.goes_on or told.at >= since},
            **{
                call.id: Told(call.changed_at, _standing(call), call.words.settled, not call.ended_at) for call in found
            },
        }

    async def _changed(self, since: datetime) -> list[Call]:
        async with self._runtime.database.reading() as connection:
            return await calls.changed(connection, self._runtime.vault, since, MOST)

    def _frames(self, call: Call) -> Mapping[str, bytes]:
        """What is told of a change, by language."""
        before = self._told.get(call.id)
        if before is None or before.standing != _standing(call):
            return {language: self._whole(call, language) for language in self.listeners.forms}
        told: dict[str, object] = {"id": call.id, "partial": self._mask(call.words.partial)}
        if before.settled != call.words.settled:
            told["settled"] = [self._mask(said) for said in call.words.settled]
        frame = listeners.frame(number_of(call.changed_at), "words", json.dumps(told, ensure_ascii=False))
        return dict.fromkeys(self.listeners.forms, frame)

    def _whole(self, call: Call, language: str) -> bytes:
        return listeners.frame(number_of(call.changed_at), "call", self._draw(call, language))

    def _mask(self, text: str) -> str:
        return masking.mask_as_set(self._runtime.settings, text)


def _standing(call: Call) -> tuple[object, ...]:
    """All that a call shows beside its words."""
    return call.step, call.language, call.ticket, call.how, call.live, call.ended_at


async def stream(request: web.Request) -> web.StreamResponse:
    """The stream itself, in the language of whoever asks."""
    access.check_queue(request[ACCOUNT])
    board, language = request.app[SWITCHBOARD], request[LANGUAGE]
    language = language if language in LANGUAGES else LANGUAGES[0]
    last = listeners.last_number(request)
    async with board.listeners.listen(language) as listener:
        response = await listeners.begin(request, number_of(clock.now()) if last is None else None, {})
        if last is not None:
            # What changes meanwhile is told twice, which changes nothing.
            async for frame in board.missed(last, language):
                await listeners.write(request, response, frame)
        await listeners.pass_on(request, response, listener, 0)
        return response
