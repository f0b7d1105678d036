"""The gateway's end of a stream, for tests: notes what it is told, says what it is made to say."""

import asyncio
import base64
import json
from typing import Any, Protocol

from aiohttp import WSMsgType, web
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # the library has no types

ANSWER, STREAM = "/hooks/voice_twilio/answer", "/hooks/voice_twilio/stream"
PATIENCE = 20


class Gateway(Protocol):
    """What is known here of the tiny gateway."""

    url: str
    token: str
    answers: dict[str, list[str | int]]


class Line:
    """The gateway's end of a stream: notes what it is told, says what it is made to say."""

    def __init__(self, tiny: Gateway) -> None:
        self._tiny = tiny
        self.signed = False
        self.query = ""
        self.told: list[dict[str, Any]] = []
        self.sid = ""
        self.socket = web.WebSocketResponse()
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        signature = request.headers.get("X-Twilio-Signature", "")
        address = self._tiny.url.replace("http", "ws") + request.raw_path
        self.signed = bool(RequestValidator(self._tiny.token).validate(address, {}, signature))
        self.query = request.query_string
        await self.socket.prepare(request)
        async for message in self.socket:
            assert message.type is WSMsgType.TEXT
            self.told.append(json.loads(message.data))
            if self.told[-1]["event"] == "start":
                self.sid = self.told[-1]["streamSid"]
                self.begun.set()
        self.ended.set()
        return self.socket

    async def says(self, event: str, **what: Any) -> None:
        await self.socket.send_json({"event": event, "streamSid": self.sid, **what})

    async def plays(self, ulaw: bytes, mark: str = "") -> None:
        await self.says("media", media={"payload": base64.b64encode(ulaw).decode()})
        if mark:
            await self.says("mark", mark={"name": mark})

    def events(self, *wanted: str) -> list[dict[str, Any]]:
        return [one for one in self.told if one["event"] in wanted]

    async def until(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        async with asyncio.timeout(PATIENCE):
            while len(found := self.events(event)) < count:  # noqa: ASYNC110  (a test's own socket has no condition)
                await asyncio.sleep(0.005)
        return found


def connect(tiny: Gateway, url: str = "", inside: str = "", after: str = "") -> None:
    """Answer the call with a stream."""
    address = url or tiny.url.replace("http", "ws") + STREAM
    tiny.answers[ANSWER] = [f'<Response><Connect><Stream url="{address}">{inside}</Stream></Connect>{after}</Response>']
