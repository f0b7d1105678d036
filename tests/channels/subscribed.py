"""What the tests of webhooks need: a gateway with the channel, subscribers, and receivers that answer as told."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from channels import webhook
from channels.base import City, Surroundings
from gateway import clock
from gateway.casework import cases
from gateway.journey import delivery, feeding, moderation, subscribing
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_incoming import Incoming
from gateway.schema_outgoing import Outgoing
from store import subscribers
from store.deliveries import StaffDelivery, search
from store.subscribers import Subscriber
from store.tables_deliveries import deliveries as table

FIRST = asyncio.FIRST_COMPLETED
CITY = City(name="Test", public_url="https://city.example", language="en", country="CN")


def expected(secret: str, headers: Any, body: bytes) -> str:
    """The signature by the words of the scheme, with nothing of ours."""
    key = base64.b64decode(secret.split("_", 1)[1])
    content = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    return "v1," + base64.standard_b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def saying(status: int, **headers: str) -> Callable[[web.Request], Any]:
    """A receiver that answers with a status."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    return answer


@dataclass
class Call:
    """One request as it came."""

    headers: Any
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """A system that is called; `answer` is called for each request."""

    calls: list[Call] = field(default_factory=list)
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(Call(request.headers.copy(), await request.read()))
        return await self.answer(request) if self.answer else web.Response(status=204)

    @property
    def told(self) -> list[str]:
        return [call.event["type"] for call in self.calls]


@dataclass
class Hooks:
    """A gateway whose subscribers may be on this machine."""

    runtime: Runtime
    servers: list[TestServer] = field(default_factory=list)
    line: delivery.Line = field(init=False)

    def __post_init__(self) -> None:
        self.wait_for(0.5)

    def wait_for(self, seconds: float) -> None:
        """Set for how long a receiver may take to answer."""
        settings = webhook.Settings(seconds=seconds, allow_any_address=True)
        self.runtime.channels["webhook"] = webhook.Adapter(settings, Surroundings(CITY, self.runtime.http))
        self.line = delivery.Line(self.runtime, self.runtime.channels["webhook"])

    async def receiver(self) -> Receiver:
        receiver, app = Receiver(), web.Application()
        app.router.add_route("*", "/{path:.*}", receiver.handle)
        server = TestServer(app)
        await server.start_server()
        self.servers.append(server)
        receiver.url = str(server.make_url("/in?token=x"))
        return receiver

    async def subscribe(self, receiver: Receiver, **filters: Any) -> subscribing.Entered:
        return await subscribing.add(self.runtime, receiver.url, "open data", actor="ad", **filters)

    async def publish(self, text: str = "water pipe leaking", **words: Any) -> str:
        """A published report; gives its ticket."""
        incoming = Incoming(
            channel="form",
            external_id=clock.new_id(),
            text=text,
            received_at=clock.now(),
            address=f"web:{clock.new_id()}",
            commands=False,
            **words,
        )
        taken = await Intake(self.runtime).take(incoming)
        assert taken.ticket
        await self.decide(taken.ticket, Action.PUBLISH)
        return taken.ticket

    async def decide(self, ticket: str, action: Action, **words: Any) -> None:
        await moderation.decide(self.runtime, ticket, action, actor="mo", **words)

    async def answer(self, ticket: str) -> str:
        """A department's answer, published; gives its id."""
        return await cases.answer(self.runtime, ticket, "a crew is coming", "water", actor="of")

    async def comment(self, ticket: str) -> str:
        """What somebody else adds to a thread, published; gives its id."""
        text, address = f"{ticket} it is worse now", "tel:+8613800138077"
        incoming = Incoming("texting", clock.new_id(), text, clock.now(), address=address)
        taken = await Intake(self.runtime).take(incoming)
        assert taken.post_id
        await self.decide(taken.post_id, Action.PUBLISH)
        return taken.post_id

    async def deliver(self) -> None:
        """Feed and send until nothing is due."""
        while True:
            idle = not self.line._workers
            fed = await feeding.feed_some(self.runtime)
            if not await self.line.step() and not fed:
                if idle:
                    return
                await asyncio.wait([*self.line._workers, asyncio.create_task(asyncio.sleep(0.05))], return_when=FIRST)
            if not self.line._workers:
                await self.line.finish()

    async def of(self, entered: subscribing.Entered) -> Subscriber:
        async with self.runtime.database.reading() as connection:
            return next(one for one in await subscribers.everyone(connection) if one.id == entered.id)

    async def deliveries(self) -> list[StaffDelivery]:
        """All that was queued for subscribers, oldest first."""
        async with self.runtime.database.reading() as connection:
            return [one for one in reversed(await search(connection)) if one.channel == "webhook"]

    async def due_now(self) -> None:
        """As if all waiting were over."""
        at = clock.now()
        await self.runtime.database.write(lambda tx: tx.connection.execute(table.update().values(due_at=at)))

    async def close(self) -> None:
        for server in self.servers:
            await server.close()


def message(url: str, secret: str = "whsec_" + "a" * 32, text: str = "{}") -> Outgoing:
    """A message as the channel gets it."""
    return Outgoing(1, f"hook:{url}#{secret}", text, "en", "msg_1")


def adapter(runtime: Runtime, **settings: Any) -> webhook.Adapter:
    """The channel as it is set by default, or otherwise."""
    return webhook.Adapter(webhook.Settings(**settings), Surroundings(CITY, runtime.http))
