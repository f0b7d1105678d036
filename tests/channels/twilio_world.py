"""What the tests of Twilio's channels need: a desk that notes, an API that misbehaves on order, and signed webhooks."""

import asyncio
import base64
import hashlib
import hmac
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch
from urllib.parse import parse_qsl

from aiohttp import ClientResponse, ClientSession, web
from aiohttp.test_utils import TestServer
from yarl import URL

from channels._twilio_lists import CatchingUp
from channels.base import Channel, City, Surroundings
from channels.desk import Desk
from gateway.errors import EverylineError, TooMany
from gateway.schema_incoming import Incoming, Outcome, Taken
from gateway.schema_outgoing import Receipt, Say
from tests.channels.line_world import NotedLine

ROOT = Path(__file__).parents[2]
PAYLOADS = Path(__file__).parent / "payloads"
ACCOUNT = "AC" + "0" * 31 + "1"
TOKEN = "the-token-of-nobody"
NUMBER = "+8657112345678"
CITIZEN = "+8613800138000"
CREDENTIALS = {"account_sid": ACCOUNT, "auth_token": TOKEN, "number": NUMBER}
PUBLIC_URL = "https://city.example"
TICKET = "48217053"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class NotedDesk:
    """A desk that notes what channels ask of it."""

    def __init__(self) -> None:
        self.taken: list[Incoming] = []
        self.receipts: list[Receipt] = []
        self.claimed: list[str] = []
        self.ready: list[str] = []
        self.kept: dict[str, Mapping[str, Any]] = {}
        self.days: dict[str, int] = {}
        self.refuse: EverylineError | None = None
        self.ticket: str | None = TICKET
        self.voices = False
        self.heard: list[str] = []
        self.repeated = False
        self.held_by_another = False
        self.lines: dict[str, NotedLine] = {}
        self.most_lines = 10
        self._phrases = {
            language: tomllib.loads((ROOT / f"config/phrases/{language}.toml").read_text()) for language in ("zh", "en")
        }

    async def take(self, incoming: Incoming) -> Taken:
        if self.refuse:
            raise self.refuse
        self.taken.append(incoming)
        language = incoming.language or "zh"
        return Taken(Outcome.POST, Say("received"), language, self.ticket, "p1", repeated=self.repeated)

    async def receipt(self, channel: str, receipt: Receipt) -> None:
        self.receipts.append(receipt)

    async def claim(self, reference: str) -> bool:
        self.claimed.append(reference)
        return True

    async def media_ready(self, channel: str, external_id: str) -> None:
        self.ready.append(external_id)

    async def keep(self, channel: str, key: str, value: Mapping[str, Any], days: int = 1) -> None:
        self.kept[f"{channel} {key}"] = value
        self.days[f"{channel} {key}"] = days

    async def recall(self, channel: str, key: str) -> Mapping[str, Any] | None:
        return self.kept.get(f"{channel} {key}")

    async def hold(self, channel: str, name: str, seconds: float) -> bool:
        return not self.held_by_another

    async def on_the_line(self, channel: str, call: str, **known: Any) -> NotedLine:
        if call not in self.lines and len(self.lines) >= self.most_lines:
            raise TooMany("all lines are taken", 60)
        return self.lines.setdefault(call, NotedLine())

    async def chosen_language(self, address: str) -> str | None:
        return None

    def is_emergency(self, text: str) -> bool:
        return False

    def own_voices(self) -> bool:
        return self.voices

    async def let_be_heard(self, post_id: str) -> None:
        self.heard.append(post_id)

    def phrase(self, key: str, language: str, values: Mapping[str, Any] | None = None) -> str:
        known = {"city": "A & B <City>", "emergency": "110", **(values or {})}
        text: str = self._phrases[language][key].format(**known)
        return text


@dataclass
class FakeTwilio:
    """Twilio's API on a real socket: answers what it was told to, in order, and notes what it was asked."""

    answers: list[Callable[[web.Request], Awaitable[web.StreamResponse]]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    proofs: list[str | None] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Note the request and give the next answer; the last one is given again and again."""
        fields = dict(parse_qsl((await request.text()) or request.query_string))
        self.asked.append((request.method, request.path, fields))
        self.proofs.append(request.headers.get("Authorization"))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)

    def says(self, content: Any, status: int = 200, **headers: str) -> None:
        """Answer next with JSON, or with text or bytes as they are."""

        async def answer(_: web.Request) -> web.StreamResponse:
            if isinstance(content, bytes):
                return web.Response(body=content, status=status, headers=headers)
            if isinstance(content, str):
                return web.Response(text=content, status=status, headers=headers)
            return web.json_response(content, status=status, headers=headers)

        self.answers.append(answer)

    def hangs(self) -> None:
        """Take the next request and never answer."""

        async def answer(_: web.Request) -> web.StreamResponse:
            await self.released.wait()
            return web.Response()

        self.answers.append(answer)

    def drops(self) -> None:
        """Take the next request and cut the connection."""

        async def answer(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.close()
            return web.Response()

        self.answers.append(answer)


async def start_api(twilio: FakeTwilio) -> TestServer:
    """Put the API on a free port of this machine."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", twilio.serve)
    server = TestServer(app)
    await server.start_server()
    return server


async def look(channel: Channel, desk: NotedDesk) -> None:
    """Let a channel look once for what did not come by itself."""
    with patch.object(CatchingUp, "run", CatchingUp.step):
        await channel.run(cast(Desk, desk))


def around(http: ClientSession, public_url: str = PUBLIC_URL) -> Surroundings:
    """A city that speaks Chinese."""
    return Surroundings(City("城", public_url, "zh", "CN"), http)


async def serve(channel: Channel, desk: NotedDesk) -> TestServer:
    """Put a channel's routes on a real socket, behind the guard that the gateway's web puts before them."""
    app = web.Application(client_max_size=65_536)
    for route in channel.routes(cast(Desk, desk)):
        app.router.add_route(route.method, route.path, _guarded(channel, route.handler))
    server = TestServer(app)
    await server.start_server()
    return server


def _guarded(
    channel: Channel, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def guarded(request: web.Request) -> web.StreamResponse:
        if not await channel.authentic(request):
            return web.Response(status=403, text="forged")
        try:
            return await handler(request)
        except EverylineError as error:
            return web.Response(status=error.status, text=str(error))

    return guarded


def payload(channel: str, case: str) -> str:
    """A saved webhook, as its body was."""
    return (PAYLOADS / channel / f"{case}.form").read_text()


def sign(url: str, body: str, token: str = TOKEN) -> str:
    """The signature Twilio would send, written after its description and not after its helper."""
    pairs = sorted(set(parse_qsl(body, keep_blank_values=True)))
    text = url + "".join(name + value for name, value in pairs)
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), hashlib.sha1)).decode()


async def hook(
    http: ClientSession, server: TestServer, path: str, body: str, *, public_url: str = PUBLIC_URL
) -> ClientResponse:
    """Send a webhook as Twilio does, to the gateway behind its proxy."""
    headers = {
        "X-Twilio-Signature": sign(public_url + path, body),
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
    }
    url = URL(str(server.make_url("/")).rstrip("/") + path, encoded=True)
    return await http.post(url, data=body.encode(), headers=headers)
