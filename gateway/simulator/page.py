"""The handsets page: virtual phones in a browser, and the JSON and event stream behind it.

It belongs to whoever sits at this machine. No other site may use it from their browser: the Host must be this
machine (against DNS rebinding), and what changes something must come from the page itself or from no browser.
"""

import asyncio
import html
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from string import Template
from typing import Any

from aiohttp import web

from gateway.errors import BadInput, Conflict, EverylineError, NotFound
from gateway.simulator import bodies, page_files, texting
from gateway.simulator.account import API_VERSION, is_loopback, is_number
from gateway.simulator.faults import Fault
from gateway.simulator.handsets import MOST_SHOWN, describe_handset
from gateway.simulator.network import Network
from gateway.simulator.page_calls import BeginCall, PageCalls
from gateway.simulator.page_files import PageFiles
from gateway.simulator.samples import samples
from gateway.simulator.words import choose, languages

STATIC = Path(__file__).with_name("static")
FILES = {
    "handsets.css": "text/css",
    "handsets.js": "text/javascript",
    "phone-sound.js": "text/javascript",
    "phone-worklets.js": "text/javascript",
    "handsets.svg": "image/svg+xml",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
# Seconds between two signs of life on a quiet stream.
HEARTBEAT = 15.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HandsetsPage:
    """The page over one network; `begin_call` starts a call in the background."""

    def __init__(self, network: Network, begin_call: BeginCall) -> None:
        self._network, self._begin_call = network, begin_call

    def routes(self) -> list[web.RouteDef]:
        """All paths of the page."""
        return [
            web.get("/", self._page),
            web.get("/static/{name}", self._file),
            web.get("/handsets/events", self._events),
            web.get("/handsets/state", self._state),
            *PageFiles(self._network).routes(),
            *PageCalls(self._network, self._begin_call).routes(),
            web.post("/handsets", self._add),
            web.post("/handsets/faults", self._faults),
            web.post("/handsets/{number}/text", self._text),
            web.post("/handsets/{number}/power", self._power),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        language = choose(request.query.get("lang"), request.headers.get("Accept-Language", ""))
        words = languages()[language]
        filled = {key: html.escape(word) for key, word in words.items()}
        data = {
            "words": html.escape(json.dumps(words)),
            "samples": html.escape(json.dumps(_describe_samples(language))),
            "offered": html.escape(json.dumps(page_files.describe(language))),
        }
        others = "".join(
            f'<a href="?lang={other}" lang="{other}" hreflang="{other}">{html.escape(spoken["language"])}</a>'
            for other, spoken in languages().items()
            if other != language
        )
        template = Template((STATIC / "handsets.html").read_text("utf-8"))
        number = html.escape(self._network.account.number)
        text = template.substitute(
            filled,
            lang=language,
            others=others,
            city=number,
            data=data["words"],
            said=data["samples"],
            offered=data["offered"],
        )
        return web.Response(text=text, content_type="text/html", headers=HEADERS)

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in FILES:
            raise NotFound("no_such_thing")
        return web.Response(
            body=(STATIC / name).read_bytes(), content_type=FILES[name], charset="utf-8", headers=HEADERS
        )

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response(self._describe(), headers=HEADERS)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events; a stream begins with the whole state, so that a reader who was away misses nothing."""
        response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        with self._network.feed.subscribe() as queue:
            await response.write(_encode("state", self._describe()))
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), HEARTBEAT)
                except TimeoutError:
                    await response.write(b":\n\n")
                    continue
                if event is None:
                    return response
                if self._is_shown(event.data):
                    await response.write(_encode(event.name, event.data))

    async def _add(self, request: web.Request) -> web.Response:
        number = bodies.string(await bodies.read(request), "number", 20)
        number = "".join(letter for letter in number if letter not in " -()")
        if not is_number(number) or number == self._network.account.number:
            raise BadInput("bad_number", "number")
        if len(self._network.handsets.shown()) >= MOST_SHOWN:
            raise Conflict("too_many_phones")
        return web.json_response(describe_handset(self._network.handsets.show(number)), status=201)

    async def _text(self, request: web.Request) -> web.Response:
        """Send {"body", "media"} (see `page_files.files_of`), `repeat` times, or once more what had the id `sid`."""
        data = await bodies.read(request)
        body, files = bodies.string(data, "body", texting.LONGEST_BODY), await page_files.files_of(data)
        if not body.strip() and not files:
            raise BadInput("empty_text", "body")
        repeat, sid = bodies.whole(data, "repeat", 1), bodies.string(data, "sid", 34) or None
        number = bodies.number(request)
        statuses = await texting.text(self._network, number, body, files=files, sid=sid, repeat=repeat)
        return web.json_response({"statuses": statuses})

    async def _power(self, request: web.Request) -> web.Response:
        on = (await bodies.read(request)).get("on")
        if not isinstance(on, bool):
            raise BadInput("bad_value", "on")
        handset = self._network.handsets.get(bodies.number(request))
        handset.on = on
        self._network.handsets.tell(handset)
        return web.json_response({"on": on})

    async def _faults(self, request: web.Request) -> web.Response:
        """Let things go wrong: {"fault", "count", "seconds", "sends_only"} and what is to happen to receipts."""
        data, faults = await bodies.read(request), self._network.faults
        if data.get("clear") is True:
            faults.clear()
        if fault := bodies.string(data, "fault", 10):
            if fault not in list(Fault):
                raise BadInput("bad_value", "fault")
            count, seconds = bodies.whole(data, "count", 1), bodies.whole(data, "seconds", 30)
            faults.arm(fault, count, seconds=seconds, sends_only=data.get("sends_only") is True)
        faults.receipts_out_of_order = bool(data.get("receipts_out_of_order", faults.receipts_out_of_order))
        faults.repeat_receipts = bodies.whole(data, "repeat_receipts", faults.repeat_receipts)
        return web.json_response({})

    def _describe(self) -> dict[str, Any]:
        shown = [describe_handset(handset) for handset in self._network.handsets.shown()]
        return {"city": self._network.account.number, "handsets": shown}

    def _is_shown(self, data: dict[str, Any]) -> bool:
        number = data.get("handset") or data.get("number") or ""
        return is_number(number) and self._network.handsets.get(number).shown


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Around everything: only this machine's name, only this page's changes, errors as JSON."""
    if not is_loopback(request.url.host):
        return web.json_response({"error": "forbidden"}, status=403)
    if request.path.startswith(f"/{API_VERSION}/"):
        return await handler(request)
    changes = request.method != "GET" or request.headers.get("Upgrade", "").lower() == "websocket"
    if changes and not _is_own(request):
        return web.json_response({"error": "forbidden"}, status=403)
    try:
        return await handler(request)
    except EverylineError as error:
        return web.json_response({"error": str(error)}, status=error.status, headers=HEADERS)


def _is_own(request: web.Request) -> bool:
    """Whether a change comes from our own page, or from a program, which sends neither header."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    return site in (None, "same-origin") and origin in (None, f"{request.scheme}://{request.host}")


def _describe_samples(language: str) -> list[dict[str, str]]:
    """The sample utterances, those in the language of the page first."""
    ordered = sorted(samples().values(), key=lambda sample: sample.language != language)
    return [{"id": sample.id, "language": sample.language, "text": sample.text} for sample in ordered]


def _encode(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
