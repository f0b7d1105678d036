"""Live streams (server-sent events): publications for everybody, and the queue for staff.

One task a process reads the numbered events once and words each once for all: as JSON, and as HTML in each language.
A listener is a bounded queue; one that does not keep up is dropped and comes back with Last-Event-ID, from where the
store tells what it missed. Staff's stream only says that something changed; the page then asks what.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta

import structlog
from aiohttp import web

from gateway import clock
from gateway.journey import pace
from gateway.runtime import Runtime
from gateway.schema import LANGUAGES, State
from gateway.schema_public import PublicPost, public_json
from gateway.web import listeners
from gateway.web.api import ANY_SITE
from gateway.web.keys import HUB, LANGUAGE
from gateway.web.listeners import HEARTBEAT, Listeners
from gateway.web.phrase_counts import PhraseCounts
from store import events, posts, posts_for_staff
from store.events import Event, Happening
from store.participating import TOPIC

LOOK_EVERY = 2.0
JSON, STAFF = "json", "staff"
# Staff pages ask anew after each change, so many changes in a moment are told as one.
GATHER = 0.2
# How often the pace of decisions is counted again: with one of so many changes, and when it is older than this.
PACE_EVERY = 10
PACE_OLD = timedelta(seconds=5)

Wording = Callable[[PublicPost, str], str]
log = structlog.get_logger()


class Hub:
    """Reads new events and hands them to all listeners. `word` draws a post as HTML in a language, `phrases` counts."""

    def __init__(self, runtime: Runtime, word: Wording, phrases: PhraseCounts) -> None:
        self._runtime = runtime
        self._word = word
        self._phrases = phrases
        self.listeners = Listeners()
        self._tasks: list[asyncio.Task[None]] = []
        self._paced: pace.Pace | None = None
        self._paced_at = clock.now()
        # The number of the last event that was told.
        self.newest = 0

    async def start(self, _app: web.Application) -> None:
        """Start reading from what is newest now."""
        async with self._runtime.database.reading() as connection:
            self.newest = await events.last_number(connection)
        self._tasks = [
            asyncio.create_task(self._follow(), name="live stream"),
            asyncio.create_task(self._watch_queue(), name="live queue"),
            asyncio.create_task(self._watch_phrases(), name="live phrases"),
        ]

    async def stop(self, _app: web.Application) -> None:
        """End all streams."""
        for task in self._tasks:
            task.cancel()
        # Waited for, so that none holds a connection when the store closes.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.listeners.drop_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def missed(self, form: str, number: int) -> AsyncIterator[tuple[int, bytes]]:
        """What happened after a number, in a form, all of it, read from the store piece by piece."""
        while True:
            happened, shown = await self._read(number)
            if not happened:
                return
            for event in happened:
                if event.post_id in shown:
                    yield event.number, self._frame(event, shown[event.post_id], form)
            number = happened[-1].number

    async def _follow(self) -> None:
        bell = self._runtime.database.wakeups.bell("events")
        while True:
            try:
                happened, shown = await self._read(self.newest)
                # Before telling: what cannot be drawn is passed over, not tried for ever.
                self.newest = happened[-1].number if happened else self.newest
                self._tell(happened, shown)
            except Exception:
                log.exception("the live stream stumbled", action="live.failed")
                happened = []
            if not happened:
                await bell.wait(LOOK_EVERY)

    async def _read(self, number: int) -> tuple[Sequence[Event], Mapping[str, PublicPost]]:
        async with self._runtime.database.reading() as connection:
            happened = await events.after(connection, number)
            return happened, await posts.public_by_id(connection, [event.post_id for event in happened])

    def _tell(self, happened: Sequence[Event], shown: Mapping[str, PublicPost]) -> None:
        forms = self.listeners.forms - {STAFF}
        for event in happened:
            if event.post_id in shown:
                self.listeners.hand_out(
                    event.number, {form: self._frame(event, shown[event.post_id], form) for form in forms}
                )

    async def _watch_queue(self) -> None:
        """Tell staff that something changed and how many wait; their page then asks for the rest."""
        bell = self._runtime.database.wakeups.bell("queue")
        for number in itertools.count(1):
            await bell.wait(HEARTBEAT)
            if STAFF not in self.listeners.forms:
                await asyncio.sleep(GATHER)
                continue
            try:
                async with self._runtime.database.reading() as connection:
                    waiting = await posts_for_staff.waiting(connection)
                told = {"waiting": waiting, **await self._pace(number, waiting)}
                self.listeners.hand_out(number, {STAFF: f"event: queue\ndata: {json.dumps(told)}\n\n".encode()})
            except Exception:
                log.exception("the staff's stream stumbled", action="live.queue")
            await asyncio.sleep(GATHER)

    async def _watch_phrases(self) -> None:
        """Tell who looks at the pages how many took part today; not numbered, for only the last count matters."""
        bell = self._runtime.database.wakeups.bell(TOPIC)
        while True:
            await bell.wait(HEARTBEAT)
            try:
                # Counted again only when the last count has rested.
                await asyncio.sleep(self._phrases.rests)
                if forms := self.listeners.forms & set(LANGUAGES):
                    counted = self._phrases.frame(await self._phrases.look())
                    self.listeners.hand_out(None, dict.fromkeys(forms, counted))
            except Exception:
                log.exception("the counts of phrases stumbled", action="live.phrases")
            await asyncio.sleep(GATHER)

    async def _pace(self, number: int, waiting: int) -> Mapping[str, float | None]:
        """Since when the oldest waits and how fast decisions are; counted again only every few times in a rush, and
        when the queue has become empty or is so no more."""
        known = self._paced
        old = known is None or clock.now() - self._paced_at > PACE_OLD or bool(waiting) != bool(known.oldest)
        if known is None or old or number % PACE_EVERY == 1:
            known = self._paced = await pace.look(self._runtime)
            self._paced_at = clock.now()
        # Its age, not its moment: a browser's clock may be wrong.
        age = round((clock.now() - known.oldest).total_seconds()) if known.oldest else None
        return {"oldest": age, "median": known.median, "p95": known.p95}

    def _frame(self, event: Event, post: PublicPost, form: str) -> bytes:
        # What a listener learns of a post is what is true now, also when he hears of it late.
        data = json.dumps(public_json(post), ensure_ascii=False) if form == JSON else self._word(post, form)
        name = event.event if post.state is State.PUBLISHED else Happening.WITHDRAWN
        return listeners.frame(event.number, name, data)


def routes() -> list[web.RouteDef]:
    """The three streams."""
    return [
        web.get("/api/v1/stream", _json, allow_head=False),
        web.get("/live", _html, allow_head=False),
        web.get("/console/live", _queue, allow_head=False),
    ]


async def _json(request: web.Request) -> web.StreamResponse:
    return await _stream(request, JSON)


async def _html(request: web.Request) -> web.StreamResponse:
    language = request[LANGUAGE]
    return await _stream(request, language if language in LANGUAGES else LANGUAGES[0])


async def _stream(request: web.Request, form: str) -> web.StreamResponse:
    hub = request.app[HUB]
    last = None if form == STAFF else listeners.last_number(request)
    async with hub.listeners.listen(form) as listener:
        number = 0 if form == STAFF else hub.newest
        response = await listeners.begin(request, number if last is None else None, ANY_SITE if form == JSON else {})
        if last is not None:
            # A number that is still to come was given by another store: only what is new can be told.
            number = min(last, number)
            # Listening before looking back: an event in between comes twice and is passed over by its number.
            async for event, frame in hub.missed(form, number):
                number = event
                await listeners.write(request, response, frame)
        await listeners.pass_on(request, response, listener, number)
        return response


async def _queue(request: web.Request) -> web.StreamResponse:
    return await _stream(request, STAFF)
