"""The chat on the site: one conversation for each browser. It is a mailbox; its socket only shows it sooner.

What is written comes as a frame of the socket, or by the page's form: with photos and voice notes, and from browsers
without JavaScript. Both are the same message to the desk, and what becomes of it is the journey's.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from aiohttp import WSCloseCode, web
from pydantic import Field

from channels import _uploads
from channels._chat import ID, LONGEST_NUMBER, PAGE, Window
from channels._chat_letters import Shown, shown
from channels.base import Capabilities, Channel, ChannelSettings, DeliveryKind, Guard, Route, Surroundings
from channels.desk import Desk
from channels.handed import Letter, Mailbox
from gateway import clock
from gateway.errors import BadInput, TooMany
from gateway.limits import Limit
from gateway.schema import LANGUAGES
from gateway.schema_incoming import Incoming, IncomingMedia, Taken
from gateway.schema_outgoing import Outgoing, SendResult

PATH = "/chat"
SOCKET = "/hooks/web_chat/socket"
FILE = r"/chat/files/{id:[0-9a-f]{32}}"
# So much of what the city hears stands beside the conversation.
NOW = 10
# A character of JSON is at most two escapes of six bytes; the rest is the frame around the text.
CHARACTER_BYTES, FRAME_BYTES = 12, 4096
CLOSE_WITHIN = 0.5
# What a page is told when its socket is closed at once: load anew, too many windows, come back later.
UNKNOWN, TOO_MANY_WINDOWS = 4401, 4429
# Types a browser shows without running anything in them; all else is handed over as bytes.
SAFE_TYPES = ("audio/", "image/jpeg", "image/png", "image/webp", "image/gif")
FILE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": "inline",
    "Cache-Control": "private, no-cache",
}


class ChatSettings(ChannelSettings):
    """`[web_chat]`: how much one browser, one network and all together may say and hold open."""

    longest: int = Field(2000, ge=160, le=20_000)
    files: int = Field(4, ge=1, le=10)
    messages_per_minute: int = Field(20, ge=1)
    network_per_minute: int = Field(600, ge=1)
    windows: int = Field(8, ge=1)
    sockets: int = Field(5000, ge=1)
    ping: float = Field(25, ge=1, le=300)


class TooLong(BadInput):
    """A text above the limit."""

    def __init__(self) -> None:
        super().__init__("this is too long", "too_long")


class Adapter(Channel):
    """The chat."""

    name = "web_chat"
    capabilities = Capabilities(
        receives=True,
        delivery=DeliveryKind.MAILBOX,
        schemes=("web",),
        media=("image/", "audio/"),
        recalls=True,
    )
    Settings = ChatSettings

    def __init__(self, settings: ChatSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self._settings = settings
        self._files = replace(self.uploads, most_files=min(settings.files, self.uploads.most_files))
        self._by_visitor = Limit(settings.messages_per_minute, 60)
        self._by_network = Limit(settings.network_per_minute, 60)
        self._windows: set[Window] = set()
        self._open: Counter[str] = Counter()

    def routes(self, desk: Desk) -> Sequence[Route]:
        """The page, its form, its socket, and the files somebody sent, for himself."""
        return (
            Route("GET", PATH, Guard.PUBLIC, partial(self._page, desk)),
            Route("POST", PATH, Guard.PUBLIC, partial(self._sent, desk), most_bytes=self.uploads.most_together),
            Route("GET", FILE, Guard.PUBLIC, partial(self._file, desk)),
            Route("GET", SOCKET, Guard.SOCKET, partial(self._socket, desk)),
        )

    async def send(self, outgoing: Outgoing) -> SendResult:
        """Nothing is left to do: a letter lies in its mailbox from its commit on."""
        return SendResult(final=True)

    async def settle(self, outgoing: Outgoing, started_at: datetime) -> SendResult:
        """What was kept is delivered, also when the process died before it was noted."""
        return SendResult(final=True)

    async def hang_up(self) -> None:
        """Close every window; the pages come back to whoever serves then."""
        closing = {asyncio.create_task(window.close()): window for window in self._windows}
        if closing:
            _, stuck = await asyncio.wait(closing, timeout=CLOSE_WITHIN)
            for task in stuck:
                closing[task].cut_off()

    async def _page(self, desk: Desk, request: web.Request) -> web.Response:
        return await self._draw(desk, request)

    async def _sent(self, desk: Desk, request: web.Request) -> web.Response:
        """Take the form; what is wrong is shown above it, with everything typed still there."""
        form = await request.post()
        # Browsers send every line break as two characters; people counted one.
        text = str(form.get("word") or form.get("text", "")).replace("\r\n", "\n")
        try:
            await self._take_form(desk, request, str(form.get("id", "")), text)
        except (BadInput, TooMany) as error:
            return await self._draw(desk, request, text, str(error), error.status)
        raise web.HTTPSeeOther(f"{PATH}#end")

    async def _take_form(self, desk: Desk, request: web.Request, said: str, text: str) -> None:
        form = await request.post()
        files = _uploads.sent(form)
        if not ID.fullmatch(said):
            raise BadInput("load the page again and send once more")
        if not text.strip() and not files:
            raise BadInput("write what is wrong and where")
        visitor, language = desk.visitor(request), self._language(str(form.get("language", "")))
        self._allow(visitor, desk.network(request), text)
        media = await _uploads.hand_in(desk, files, self._files, language)
        # The same form sent twice is one message, but changed after going back it is another. A file is named by its
        # content.
        content = hashlib.sha256("\0".join([text, *(one.url for one in media)]).encode("utf-8", "replace"))
        await self._take(
            desk,
            visitor,
            f"{_own_id(said, visitor)}.{content.hexdigest()[:16]}",
            text,
            desk.network(request),
            media=media,
            language=None if text.strip() else language,
        )

    async def _file(self, desk: Desk, request: web.Request) -> web.StreamResponse:
        file = await self._mailbox(desk, desk.visitor(request)).file(request.match_info["id"])
        kind = file.type if file.type.startswith(SAFE_TYPES) else "application/octet-stream"
        return web.FileResponse(file.path, headers={**FILE_HEADERS, "Content-Type": kind})

    async def _socket(self, desk: Desk, request: web.Request) -> web.StreamResponse:
        most = self._settings.longest * CHARACTER_BYTES + FRAME_BYTES
        socket = web.WebSocketResponse(
            timeout=CLOSE_WITHIN, heartbeat=self._settings.ping, max_msg_size=most, compress=False
        )
        await socket.prepare(request)
        visitor = desk.returning(request)
        if visitor is None:
            await socket.close(code=UNKNOWN)
        elif len(self._windows) >= self._settings.sockets:
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)
        elif self._open[visitor] >= self._settings.windows:
            await socket.close(code=TOO_MANY_WINDOWS)
        else:
            await self._talk(desk, request, socket, visitor)
        return socket

    async def _talk(self, desk: Desk, request: web.Request, socket: web.WebSocketResponse, visitor: str) -> None:
        network, language = desk.network(request), self._language(request.query.get("lang", ""))
        say = partial(self._say, desk, visitor, network)
        draw = partial(self._frame, desk, language)
        window = Window(socket, request.transport, self._mailbox(desk, visitor), say, draw)
        self._windows.add(window)
        self._open[visitor] += 1
        try:
            await window.talk()
        finally:
            self._windows.discard(window)
            self._open[visitor] -= 1
            if not self._open[visitor]:
                del self._open[visitor]

    async def _say(self, desk: Desk, visitor: str, network: str, said: str, text: str) -> None:
        """Take what came over a socket. Raises `BadInput` and `TooMany`."""
        if not text.strip():
            raise BadInput("write what is wrong and where", "empty")
        self._allow(visitor, network, text)
        await self._take(desk, visitor, _own_id(said, visitor), text, network)

    def _allow(self, visitor: str, network: str, text: str) -> None:
        if len(text) > self._settings.longest:
            raise TooLong
        self._by_network.take(network)
        self._by_visitor.take(visitor)

    async def _take(
        self,
        desk: Desk,
        visitor: str,
        external_id: str,
        text: str,
        network: str,
        *,
        media: tuple[IncomingMedia, ...] = (),
        language: str | None = None,
    ) -> Taken:
        return await desk.take(
            Incoming(
                channel=self.name,
                external_id=external_id,
                text=text,
                received_at=clock.now(),
                address=visitor,
                language=language,
                media=media,
                commands=True,
                network=network,
                raw=text.encode("utf-8", "replace"),
            )
        )

    async def _draw(
        self, desk: Desk, request: web.Request, typed: str = "", fault: str | None = None, status: int = 200
    ) -> web.Response:
        """The page: the last letters, or those before one, the form, and what the city hears now."""
        before = request.query.get("before", "")[:LONGEST_NUMBER] or None
        visitor = desk.returning(request)
        letters, more = await self._mailbox(desk, visitor).earlier(before, PAGE) if visitor else ((), False)
        posts, _ = await desk.published(limit=NOW)
        values = {
            "letters": [self._shown(letter) for letter in letters],
            "earlier": letters[0].number if letters and more else None,
            "latest": not before,
            "posts": posts,
            "id": clock.new_id(),
            "typed": typed,
            "fault": fault,
            "longest": self._settings.longest,
            "most_files": self._settings.files,
            "socket": SOCKET,
        }
        return await desk.page(request, "chat.html", values, status)

    def _mailbox(self, desk: Desk, visitor: str) -> Mailbox:
        return desk.mailbox(self.name, visitor)

    def _frame(self, desk: Desk, language: str, letter: Letter) -> Mapping[str, Any]:
        """A letter as a frame holds it: what the page must know of it, and how it looks."""
        shown = self._shown(letter)
        html = desk.draw(language, "chat_letter.html", {"letter": shown}).strip()
        return {"number": shown.number, "own": shown.own, "id": shown.said, "ticket": shown.ticket, "html": html}

    def _shown(self, letter: Letter) -> Shown:
        return shown(letter, self.name, self.city.public_url)

    def _language(self, asked: str) -> str:
        return asked if asked in LANGUAGES else self.city.language


def _own_id(said: str, visitor: str) -> str:
    """A message's id in the store: what its browser calls it, and something of whose browser that is."""
    return f"{said}.{hashlib.sha256(visitor.encode()).hexdigest()[:16]}"
