"""What the tests of the chat need: sites with a chat over one store, and browsers that talk over real sockets."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientWebSocketResponse, WSMsgType
from pytest_aiohttp.plugin import AiohttpClient

from channels import feeds, portal, web_chat, web_form
from channels.base import Surroundings
from gateway.clock import new_id
from gateway.desk import Desk
from gateway.runtime import Runtime
from gateway.web.app import create_app
from tests.channels.public_site import CITY, PUBLIC_URL
from tests.web.conftest import Client, World

SOCKET = web_chat.SOCKET
PATIENCE = 10.0
OpenSite = Callable[..., Awaitable[World]]


def with_chat(runtime: Runtime, **settings: Any) -> None:
    """Put the chat and the other public media into a process."""
    around = Surroundings(CITY, runtime.http)
    for adapter in (portal.Adapter, web_form.Adapter, feeds.Adapter):
        runtime.channels[adapter.name] = adapter(adapter.Settings(), around)  # type: ignore[arg-type]  # its own
    runtime.channels["web_chat"] = web_chat.Adapter(web_chat.ChatSettings(**settings), around)


async def open_chat(runtime: Runtime, aiohttp_client: AiohttpClient, **settings: Any) -> World:
    """A site with the chat."""
    with_chat(runtime, **settings)
    desk = Desk(runtime)
    app = create_app(runtime, desk)
    return World(runtime, desk, app, await aiohttp_client(app, headers={"Accept-Language": "en"}))


async def browser(world: World, aiohttp_client: AiohttpClient) -> Client:
    """Another browser of the same site, with cookies of its own."""
    server = world.client.server
    return await aiohttp_client(server, headers={"Accept-Language": "en"})  # type: ignore[return-value]  # its own


class Talk:
    """One open socket of a browser, and the letters it was sent, by number."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.letters: dict[str, dict[str, Any]] = {}
        self.frames: list[dict[str, Any]] = []

    async def send(self, **frame: Any) -> None:
        """Send a frame."""
        await self.socket.send_str(json.dumps(frame))

    async def next(self) -> dict[str, Any]:
        """The next frame; letters are noted."""
        message = await self.socket.receive(PATIENCE)
        assert message.type is WSMsgType.TEXT, message
        frame: dict[str, Any] = json.loads(message.data)
        self.frames.append(frame)
        if frame["is"] == "letters":
            self.letters |= {letter["number"]: letter for letter in frame["letters"]}
        return frame

    async def until(self, kind: str, **values: Any) -> dict[str, Any]:
        """The next frame of a kind with these values."""
        async with asyncio.timeout(PATIENCE):
            while True:
                frame = await self.next()
                if frame["is"] == kind and all(frame.get(name) == value for name, value in values.items()):
                    return frame

    async def until_said(self, words: str) -> dict[str, Any]:
        """The letter, come or still to come, whose words match."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for letter in self.letters.values():
                    if re.search(words, words_of(letter)):
                        return letter
                await self.next()

    async def say(self, text: str, said: str | None = None) -> dict[str, Any]:
        """Say something and wait for what becomes of it."""
        said = said or new_id()
        await self.send(do="say", id=said, text=text)
        async with asyncio.timeout(PATIENCE):
            while (frame := await self.next()).get("id") != said:
                pass
        return frame

    def conversation(self) -> list[tuple[str, str]]:
        """Who said what, in order."""
        ordered = sorted(self.letters.items())
        return [("own" if letter["own"] else "ours", words_of(letter)) for _, letter in ordered]

    async def nothing_more(self, seconds: float = 0.3) -> bool:
        """Whether no letter comes for a while."""
        try:
            async with asyncio.timeout(seconds):
                while (await self.next())["is"] != "letters":
                    pass
        except TimeoutError:
            return True
        return False


def words_of(letter: dict[str, Any]) -> str:
    """The words of a letter as a reader sees them."""
    found = re.search(r'<p class="words"[^>]*>(.*?)</p>', letter["html"], re.DOTALL)
    assert found
    return re.sub("<[^>]+>", "", found[1])


async def meet(client: Client) -> None:
    """Load the page, which gives the browser its cookie."""
    assert (await client.get("/chat")).status == 200


async def connect(client: Client, after: str | None = "", **headers: str) -> Talk:
    """Open a socket as the page does, and say hello (unless `after` is None)."""
    talk = Talk(await client.ws_connect(f"{SOCKET}?lang=en", origin=PUBLIC_URL, headers=headers, max_msg_size=0))
    if after is not None:
        await talk.send(do="hello", after=after)
        assert (await talk.next())["is"] == "ready"
    return talk


async def arrive(client: Client) -> Talk:
    """A browser that comes for the first time."""
    await meet(client)
    return await connect(client)
