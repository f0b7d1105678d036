"""A whole web application over a real SQLite file, with somebody of each role and posts in each state."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from channels.base import Channel, ChannelSettings, City, Surroundings
from gateway import clock
from gateway.desk import Desk
from gateway.journey import moderation
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_incoming import Incoming, Taken
from gateway.web import auth, passwords
from gateway.web.app import create_app
from store import accounts
from store.accounts import Account, Role

PASSWORD = "correct horse battery"  # long enough for the shipped settings
Client = TestClient[web.Request, web.Application]


@dataclass(slots=True)
class World:
    """What tests of the web need of a gateway."""

    runtime: Runtime
    desk: Desk
    app: web.Application
    client: Client

    async def say(self, text: str, *, private: bool = False) -> Taken:
        """A citizen's report by the channel `form`."""
        return await self.desk.take(
            Incoming(
                channel="form",
                external_id=clock.new_id(),
                text=text,
                received_at=clock.now(),
                address=f"web:{clock.new_id()}",
                private=private,
                commands=False,
            )
        )

    async def published(self, text: str, *, private: bool = False) -> Taken:
        """A report a moderator let through."""
        taken = await self.say(text, private=private)
        assert taken.post_id
        await moderation.decide(self.runtime, taken.post_id, Action.PUBLISH, actor="test")
        return taken

    async def withdraw(self, taken: Taken) -> None:
        """Take a published report back."""
        assert taken.post_id
        await moderation.decide(self.runtime, taken.post_id, Action.WITHDRAW, actor="test", reason="duplicate")

    async def account(self, role: Role, name: str | None = None, department: str | None = None) -> Account:
        """Somebody of the staff, with `PASSWORD`."""
        hashed = await passwords.hashed(self.runtime, PASSWORD)
        return await self.runtime.database.write(
            lambda transaction: accounts.add(transaction, name or role.value, role, hashed, department)
        )

    async def token(self, role: Role, department: str | None = None) -> dict[str, str]:
        """The headers of a program of somebody with this role."""
        made = await self.account(role, f"{role.value}-{clock.new_id()[-6:]}", department)
        return {"Authorization": f"Bearer {await auth.make_token(self.runtime, made.name)}"}

    async def form_token(self, path: str) -> str:
        """The CSRF token that the page at a path gives to this client."""
        page = await (await self.client.get(path)).text()
        return page.split('name="csrf" value="')[1].split('"')[0]

    async def log_in(self, name: str, password: str = PASSWORD, onward: str = "/console") -> int:
        """Log this client in by the page; gives the status."""
        form = {"name": name, "password": password, "next": onward, "csrf": await self.form_token("/login")}
        response = await self.client.post("/login", data=form, allow_redirects=False)
        return response.status


MakeWorld = Callable[..., Awaitable[World]]


@pytest.fixture
def make_world(runtime: Runtime, aiohttp_client: AiohttpClient) -> MakeWorld:
    """Builds the application, with channels of the test beside those of `runtime`."""

    async def make(*kinds: type[Channel]) -> World:
        city = City(name="Test", public_url="http://127.0.0.1:8080", language="zh", country="CN")
        around = Surroundings(city, runtime.http)
        runtime.channels.update({kind.name: kind(ChannelSettings(), around) for kind in kinds})
        desk = Desk(runtime)
        app = create_app(runtime, desk)
        return World(runtime, desk, app, await aiohttp_client(app))

    return make


@pytest.fixture
async def world(make_world: MakeWorld) -> World:
    """The application as it is."""
    return await make_world()
