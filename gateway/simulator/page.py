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
from gateway.simulator import page_files, texting
from gateway.simulator.account import API_VERSION, is_loopback, is_number
from gateway.simulator.caller import INSTANT, KEYS, LIFELIKE, At, Caller, CallLog
from gateway.simulator.faults import Fault
from gateway.simulator.handsets import MOST_SHOWN, Handset, describe_handset
from gateway.simulator.network import Network
from gateway.simulator.page_files import PageFiles
from gateway.simulator.samples import samples
from gateway.simulator.words import choose, languages

STATIC = Path(__file__).with_name("static")
FILES = {"handsets.css": "text/css", "handsets.js": "text/javascript", "handsets.svg": "image/svg+xml"}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
# Seconds between two signs of life on a quiet stream.
HEARTBEAT = 15.0
MOST_AT_ONCE = 1000

BeginCall = Callable[[str, Caller], tuple[CallLog, "asyncio.Task[CallLog]"]]
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
            web.post("/handsets", self._add),
            web.post("/handsets/faults", self._faults),
            web.post("/handsets/calls/{sid}/keys", self._press),
            web.post("/handsets/calls/{sid}/hangup", self._hang_up),
            web.post("/handsets/{number}/text", self._text),
            web.post("/handsets/{number}/power", self._power),
            web.post("/handsets/{number}/call", self._call),
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
        number = _string(await _json(request), "number", 20)
        number = "".join(letter for letter in number if letter not in " -()")
        if not is_number(number) or number == self._network.account.number:
            raise BadInput("bad_number", "number")
        if len(self._network.handsets.shown()) >= MOST_SHOWN:
            raise Conflict("too_many_phones")
        return web.json_response(describe_handset(self._network.handsets.show(number)), status=201)

    async def _text(self, request: web.Request) -> web.Response:
        """Send {"body", "media"} (see `page_files.files_of`), `repeat` times, or once more what had the id `sid`."""
        data = await _json(request)
        body, files = _string(data, "body", texting.LONGEST_BODY), await page_files.files_of(data)
        if not body.strip() and not files:
            raise BadInput("empty_text", "body")
        repeat, sid = _whole(data, "repeat", 1), _string(data, "sid", 34) or None
        number = self._handset(request).number
        statuses = await texting.text(self._network, number, body, files=files, sid=sid, repeat=repeat)
        return web.json_response({"statuses": statuses})

    async def _power(self, request: web.Request) -> web.Response:
        on = (await _json(request)).get("on")
        if not isinstance(on, bool):
            raise BadInput("bad_value", "on")
        handset = self._handset(request)
        handset.on = on
        self._network.handsets.tell(handset)
        return web.json_response({"on": on})

    async def _call(self, request: web.Request) -> web.Response:
        data, handset = await _json(request), self._handset(request)
        if handset.live_call is not None:
            raise Conflict("already_calling")
        name, hang_up = _string(data, "sample", 80), _string(data, "hang_up", 10)
        if (name and name not in samples()) or (hang_up and hang_up not in list(At)):
            raise BadInput("bad_value")
        caller = Caller(
            keys=_script(data.get("keys", [])),
            sounds=[await asyncio.to_thread(samples()[name].path.read_bytes)] if name else [],
            finish=_keys(_string(data, "finish", 1)),
            hang_up=At(hang_up) if hang_up else None,
            pace=INSTANT if data.get("live") is False else LIFELIKE,
        )
        log, _ = self._begin_call(handset.number, caller)
        return web.json_response(log.describe(), status=201)

    async def _press(self, request: web.Request) -> web.Response:
        self._live_caller(request).press(_keys(_string(await _json(request), "keys", 20)))
        return web.json_response({})

    async def _hang_up(self, request: web.Request) -> web.Response:
        self._live_caller(request).hang_up()
        return web.json_response({})

    async def _faults(self, request: web.Request) -> web.Response:
        """Let things go wrong: {"fault", "count", "seconds", "sends_only"} and what is to happen to receipts."""
        data, faults = await _json(request), self._network.faults
        if data.get("clear") is True:
            faults.clear()
        if fault := _string(data, "fault", 10):
            if fault not in list(Fault):
                raise BadInput("bad_value", "fault")
            count, seconds = _whole(data, "count", 1), _whole(data, "seconds", 30)
            faults.arm(fault, count, seconds=seconds, sends_only=data.get("sends_only") is True)
        faults.receipts_out_of_order = bool(data.get("receipts_out_of_order", faults.receipts_out_of_order))
        faults.repeat_receipts = _whole(data, "repeat_receipts", faults.repeat_receipts)
        return web.json_response({"armed": faults.armed})

    def _describe(self) -> dict[str, Any]:
        shown = [describe_handset(handset) for handset in self._network.handsets.shown()]
        return {"city": self._network.account.number, "handsets": shown, "armed": self._network.faults.armed}

    def _is_shown(self, data: dict[str, Any]) -> bool:
        number = data.get("handset") or data.get("number") or ""
        return is_number(number) and self._network.handsets.get(number).shown

    def _handset(self, request: web.Request) -> Handset:
        number = request.match_info["number"]
        if not is_number(number):
            raise BadInput("bad_number", "number")
        return self._network.handsets.get(number)

    def _live_caller(self, request: web.Request) -> Caller:
        log, caller = self._network.calls.get(request.match_info["sid"], (None, None))
        if log is None or caller is None or log.ended is not None:
            raise NotFound("no_call")
        return caller


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Around everything: only this machine's name, only this page's changes, errors as JSON."""
    if not is_loopback(request.url.host):
        return web.json_response({"error": "forbidden"}, status=403)
    if request.path.startswith(f"/{API_VERSION}/"):
        return await handler(request)
    if request.method != "GET" and not _is_own(request):
        return web.json_response({"error": "forbidden"}, status=403)
    try:
        return await handler(request)
    except EverylineError as error:
        return web.json_response({"error": str(error)}, status=error.status, headers=HEADERS)


def _is_own(request: web.Request) -> bool:
    """Whether a change comes from our own page, or from a program, which sends neither header."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    return site in (None, "same-origin") and origin in (None, f"{request.scheme}://{request.host}")


async def _json(request: web.Request) -> dict[str, Any]:
    """The body as an object; only as application/json, which no other site's form can send."""
    if request.content_type != "application/json":
        raise BadInput("not_json")
    try:
        data = await request.json()
    except web.HTTPRequestEntityTooLarge:
        raise BadInput("too_large") from None
    except ValueError:
        raise BadInput("not_json") from None
    if not isinstance(data, dict):
        raise BadInput("not_json")
    return data


def _string(data: dict[str, Any], name: str, longest: int) -> str:
    value = data.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise BadInput("bad_value", name)
    return value


def _whole(data: dict[str, Any], name: str, default: int) -> int:
    value = data.get(name, default)
    if not isinstance(value, int) or not 0 <= value <= MOST_AT_ONCE:
        raise BadInput("bad_value", name)
    return value


def _keys(value: object) -> str:
    if not isinstance(value, str) or len(value) > 20 or any(key not in KEYS for key in value):
        raise BadInput("bad_value", "keys")
    return value


def _script(value: object) -> list[str]:
    """Keys for each time the line asks."""
    if not isinstance(value, list) or len(value) > MOST_AT_ONCE:
        raise BadInput("bad_value", "keys")
    return [_keys(keys) for keys in value]


def _describe_samples(language: str) -> list[dict[str, str]]:
    """The sample utterances, those in the language of the page first."""
    ordered = sorted(samples().values(), key=lambda sample: sample.language != language)
    return [{"id": sample.id, "language": sample.language, "text": sample.text} for sample in ordered]


def _encode(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
