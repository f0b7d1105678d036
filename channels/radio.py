"""The radio: what was published and answered, spoken. A page with a player, a podcast, and a stream without end."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import urlencode

from aiohttp import hdrs, web
from pydantic import Field

from channels import _icy, _podcast
from channels._podcast import Podcast
from channels._station import Station
from channels._syndication import Seen
from channels.base import Capabilities, Channel, ChannelSettings, DeliveryKind, Guard, Route, Surroundings
from channels.desk import Desk
from gateway.errors import BadInput, Busy, NotFound
from gateway.schema import LANGUAGES
from gateway.schema_outgoing import Outgoing, SendResult
from gateway.schema_radio import Bulletin
from speech.encoding import BIT_RATE, TYPE

BULLETIN = "/radio/bulletins/{id:[0-9a-f]{32}}"
FILE = BULLETIN + r"-{version:\d{1,6}}"
EARLIER = 12
# Seconds after which somebody who was turned away may try again, and in which a listener must take what he was sent.
RETRY, STALLED = 30, 20.0
# Asked anew each time: what is withdrawn must be gone at once, also behind a shared cache.
CACHING = "public, no-cache"


class RadioSettings(ChannelSettings):
    """`[radio]`: the podcast's length, the stream's listeners and how many bulletins it goes back."""

    length: int = Field(30, ge=1, le=30)
    listeners: int = Field(500, ge=1, le=20_000)
    repeats: int = Field(3, ge=1, le=20)


class Adapter(Channel):
    """The radio."""

    name = "radio"
    capabilities = Capabilities(delivery=DeliveryKind.TIMELINE)
    Settings = RadioSettings

    def __init__(self, settings: RadioSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self._length, self._most, self._repeats = settings.length, settings.listeners, settings.repeats
        self._seen = Seen()
        self._stations: dict[str, Station] = {}

    def routes(self, desk: Desk) -> Sequence[Route]:
        """The page, each bulletin's, its files, the podcast and the stream; each is also asked for its head alone."""
        readable: dict[str, Callable[..., object]] = {
            "/radio": self._page,
            BULLETIN: self._one,
            f"{FILE}.mp3": self._sound,
            f"{FILE}.json": self._chapters,
            f"{FILE}.vtt": self._transcript,
            "/feeds/radio.rss": self._feed,
            "/radio/live.mp3": self._live,
        }
        return [
            Route(method, path, Guard.PUBLIC, partial(handler, desk))  # type: ignore[arg-type]
            for path, handler in readable.items()
            for method in (hdrs.METH_GET, hdrs.METH_HEAD)
        ]

    async def send(self, outgoing: Outgoing) -> SendResult:
        """Nothing is left to do: the next bulletin is composed of what is published."""
        return SendResult(final=True)

    async def run(self, desk: Desk) -> None:
        """Play what is listened to."""
        async with asyncio.TaskGroup() as playing:
            for language in LANGUAGES:
                playing.create_task(self._station(desk, language).run(), name=f"radio {language}")

    async def hang_up(self) -> None:
        """Let go of all listeners."""
        for station in self._stations.values():
            station.close()

    async def _page(self, desk: Desk, request: web.Request) -> web.Response:
        """The newest bulletin, and those before it."""
        language = self._language(request, desk.language(request))
        known = await desk.bulletins(language, EARLIER)
        return await self._draw(desk, request, language, next(iter(known), None), known[1:])

    async def _one(self, desk: Desk, request: web.Request) -> web.Response:
        bulletin, _ = await desk.aired(request.match_info["id"])
        return await self._draw(desk, request, bulletin.language, bulletin, None)

    async def _draw(
        self,
        desk: Desk,
        request: web.Request,
        language: str,
        bulletin: Bulletin | None,
        earlier: Sequence[Bulletin] | None,
    ) -> web.Response:
        values = {
            "bulletin": bulletin,
            "earlier": earlier,
            "spoken": language,
            "shown_seconds": _podcast.shown_seconds,
            "podcast": self._address(language),
            "live": self._query("/radio/live.mp3", language),
        }
        return await desk.page(request, "radio.html", values, lasting=True)

    async def _sound(self, desk: Desk, request: web.Request) -> web.StreamResponse:
        """The sound, whole or in ranges; an address of an earlier version leads to what it is now."""
        bulletin, path = await desk.aired(request.match_info["id"])
        if path is None:
            raise NotFound("this bulletin cannot be heard just now")
        self._must_be_newest(request, bulletin, "mp3")
        return web.FileResponse(path, headers={hdrs.CONTENT_TYPE: TYPE, hdrs.CACHE_CONTROL: CACHING})

    async def _chapters(self, desk: Desk, request: web.Request) -> web.Response:
        bulletin = await self._audible(desk, request, "json")
        body = _podcast.chapters(self._podcast(desk, bulletin.language), bulletin)
        return self._seen.answer(request, request.path, body, _podcast.CHAPTERS_TYPE)

    async def _transcript(self, desk: Desk, request: web.Request) -> web.Response:
        bulletin = await self._audible(desk, request, "vtt")
        return self._seen.answer(request, request.path, _podcast.transcript(bulletin), _podcast.TRANSCRIPT_TYPE)

    async def _feed(self, desk: Desk, request: web.Request) -> web.Response:
        podcast = self._podcast(desk, self._language(request, self.city.language))
        known = await desk.bulletins(podcast.language, self._length)
        body = _podcast.feed(podcast, [bulletin for bulletin in known if bulletin.size])
        return self._seen.answer(request, podcast.address, body, "application/rss+xml")

    async def _live(self, desk: Desk, request: web.Request) -> web.StreamResponse:
        """The stream, until the listener goes; nothing of it is kept anywhere."""
        station = self._station(desk, self._language(request, self.city.language))
        if not await station.on_air():
            raise NotFound("there is nothing on the air yet")
        if sum(one.listeners for one in self._stations.values()) >= self._most:
            raise Busy("all places of the radio are taken; please listen to the bulletins instead", RETRY)
        headers = {
            hdrs.CONTENT_TYPE: TYPE,
            hdrs.CACHE_CONTROL: "no-store",
            hdrs.ACCEPT_RANGES: "none",
            "icy-name": f"Everyline {station.language}",
            "icy-br": str(BIT_RATE // 1000),
            "X-Accel-Buffering": "no",
        }
        titles = _icy.Titles() if _icy.asked(request.headers) else None
        if titles:
            headers[_icy.EVERY_HEADER] = str(_icy.EVERY)
        if request.method == hdrs.METH_HEAD:
            return web.Response(headers=headers)
        return await self._play(request, station, web.StreamResponse(headers=headers), titles)

    async def _play(
        self, request: web.Request, station: Station, response: web.StreamResponse, titles: _icy.Titles | None
    ) -> web.StreamResponse:
        listener = station.join()
        try:
            await response.prepare(request)
            while (block := await listener.next()) is not None:
                async with asyncio.timeout(STALLED):
                    await response.write(titles.put_in(block.sound, block.title) if titles else block.sound)
        except TimeoutError:
            if request.transport:
                request.transport.abort()  # he takes nothing: a proper end would wait for him too
        finally:
            station.leave(listener)
        return response

    async def _audible(self, desk: Desk, request: web.Request, ending: str) -> Bulletin:
        bulletin, _ = await desk.aired(request.match_info["id"])
        if not bulletin.size:
            raise NotFound("this bulletin cannot be heard just now")
        self._must_be_newest(request, bulletin, ending)
        return bulletin

    def _must_be_newest(self, request: web.Request, bulletin: Bulletin, ending: str) -> None:
        if int(request.match_info["version"]) != bulletin.version:
            raise web.HTTPFound(bulletin.file(ending))

    def _podcast(self, desk: Desk, language: str) -> Podcast:
        title, about = (desk.phrase(f"radio_podcast{part}", language) for part in ("", "_about"))
        author = desk.phrase("radio_podcast_by", language)
        home = self.city.public_url
        return Podcast(title, about, author, language, home + self._address(language), home)

    def _address(self, language: str) -> str:
        return self._query("/feeds/radio.rss", language)

    def _query(self, path: str, language: str) -> str:
        """A path in a language; the city's own needs no word."""
        return path if language == self.city.language else f"{path}?{urlencode({'language': language})}"

    def _language(self, request: web.Request, usual: str) -> str:
        language = request.query.get("language") or usual
        if language not in LANGUAGES:
            raise BadInput(f"choose one of {', '.join(LANGUAGES)}", "language")
        return language

    def _station(self, desk: Desk, language: str) -> Station:
        if language not in self._stations:
            self._stations[language] = Station(desk, language, self._repeats)
        return self._stations[language]
