"""A tiny gateway over a real socket, and a simulator that speaks to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import ClientSession, encode_basic_auth, web
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # the library has no types

from gateway.simulator.app import Simulator
from gateway.simulator.network import Delays
from tests.simulator.streaming import STREAM, Line

CITIZEN = "+8613800138001"
EMPTY = "<Response/>"


@dataclass
class Told:
    """One request that the gateway got."""

    path: str
    method: str
    form: dict[str, str]
    signed: bool
    idempotency: str | None


@dataclass
class TinyGateway:
    """Answers each path with the texts laid down for it, the last one for ever; notes what it was told."""

    url: str = ""
    token: str = ""
    answers: dict[str, list[str | int]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    streams: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = field(default_factory=dict)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def at(self, path: str) -> list[Told]:
        """What was told at one path."""
        return [one for one in self.told if one.path == path]

    async def heard(self, path: str, count: int) -> list[Told]:
        """What was told at one path, as soon as it is that much."""
        async with asyncio.timeout(3), self.news:
            await self.news.wait_for(lambda: len(self.at(path)) >= count)
        return self.at(path)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if stream := self.streams.get(request.path):
            return await stream(request)
        form = {str(name): str(value) for name, value in (await request.post()).items()}
        url = self.url + request.raw_path
        signature = request.headers.get("X-Twilio-Signature", "")
        signed = bool(RequestValidator(self.token).validate(url, form, signature))
        given = form or dict(request.query)
        token = request.headers.get("I-Twilio-Idempotency-Token")
        self.told.append(Told(request.path, request.method, given, signed, token))
        async with self.news:
            self.news.notify_all()
        waiting = self.answers.get(request.path, [EMPTY])
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, int):
            return web.Response(status=answer)
        return web.Response(text=answer, content_type=self.types.get(request.path, "text/xml"))


@pytest.fixture
async def tiny() -> AsyncIterator[TinyGateway]:
    """The gateway's side."""
    gateway = TinyGateway()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", gateway.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    gateway.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield gateway
    await runner.cleanup()


@pytest.fixture
def line(tiny: TinyGateway) -> Line:
    """What answers when a stream is opened."""
    made = Line(tiny)
    tiny.streams[STREAM] = made.serve
    return made


@pytest.fixture
async def simulator(tiny: TinyGateway) -> AsyncIterator[Simulator]:
    """The carrier's side, quick."""
    delays = Delays(sending=0.005, delivering=0.005, retrying=0.005, processing_recording=0.05)
    made = Simulator(gateway_url=tiny.url, delays=delays, webhook_timeout=2.0)
    tiny.token = made.auth_token
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def api(simulator: Simulator) -> AsyncIterator[ClientSession]:
    """A client with the account's credentials, at the account's part of the API."""
    credentials = encode_basic_auth(simulator.account_sid, simulator.auth_token)
    base = f"{simulator.url}/2010-04-01/Accounts/{simulator.account_sid}/"
    async with ClientSession(base, headers={"Authorization": credentials}) as session:
        yield session


@pytest.fixture
async def page(simulator: Simulator) -> AsyncIterator[ClientSession]:
    """A client without credentials, at the page."""
    async with ClientSession(simulator.url) as session:
        yield session
