"""One open window of the chat: what a browser says over its socket, and what it is shown.

Frames are JSON objects. The browser's have `do`: `hello` (the last letter it has), `say` (its id and text), `earlier`
(before which letter), `seen` (which letters), `typing`. Ours have `is`: `ready`, `letters` (each to be put where its
number says), `taken` and `refused` (what became of a `say`), `fault` (a frame nobody can use).
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from channels.handed import Letter, Mailbox
from gateway.errors import BadInput, Busy, TooMany
from gateway.limits import Limit

ID = re.compile("[0-9a-f]{32}")
LONGEST_NUMBER = 64
# How many letters come in one frame, and how many a browser may call seen in one.
PAGE = 30
MOST_SEEN = 100
# Without a wake-up the mailbox is looked at by itself this often, in seconds.
LOOK_EVERY = 60.0
# Who takes nothing for so long is cut off, for what waits for him would grow.
WRITE_WITHIN = 10.0
# Frames a minute, of any kind, and those nobody can use: a page that works stays far below.
MOST_FRAMES = 240
MOST_FAULTS = 10
# How many seconds later to say it again when we failed.
AGAIN = 10

Say = Callable[[str, str], Awaitable[None]]
Draw = Callable[[Letter], Mapping[str, Any]]
log = structlog.get_logger()


class BadFrame(Exception):
    """A frame that nobody can use; the message says why, for whoever writes the page."""


class Window:
    """One socket and the mailbox it shows. `say` takes a message in; `draw` makes a letter what a frame holds."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        mailbox: Mailbox,
        say: Say,
        draw: Draw,
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._mailbox = mailbox
        self._say = say
        self._draw = draw
        self._begun = asyncio.Event()
        self._frames, self._faults = Limit(MOST_FRAMES, 60), Limit(MOST_FAULTS, 60)
        self._tasks: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[None]]] = {
            "hello": self._hello,
            "say": self._take,
            "earlier": self._earlier,
            "seen": self._seen,
            "typing": self._typing,
        }

    async def talk(self) -> None:
        """Serve the window until it is closed, from whichever side."""
        showing = asyncio.create_task(self._show(), name="chat window")
        try:
            async for message in self._socket:
                try:
                    self._frames.take("")
                    await self._obey(_object(message.type, message.data))
                except BadFrame as error:
                    self._faults.take("")
                    await self._send({"is": "fault", "why": str(error)})
        except TooMany:
            await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too many frames")
        except (ConnectionError, TimeoutError):
            self.cut_off()
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)

    async def close(self) -> None:
        """Close the window from our side."""
        await self._socket.close(code=WSCloseCode.GOING_AWAY)

    def cut_off(self) -> None:
        """End the connection at once: who takes nothing would not take our goodbye either."""
        if self._transport:
            self._transport.abort()

    async def _obey(self, frame: Mapping[str, Any]) -> None:
        do = frame.get("do")
        task = self._tasks.get(do) if isinstance(do, str) else None
        if task is None:
            raise BadFrame("do: one of " + ", ".join(self._tasks))
        await task(frame)

    async def _hello(self, frame: Mapping[str, Any]) -> None:
        self._mailbox.begin(_number(frame, "after"))
        await self._send({"is": "ready"})
        self._begun.set()

    async def _take(self, frame: Mapping[str, Any]) -> None:
        """Take a message in. That it is taken is said only now that it is on disk."""
        said, text = frame.get("id"), frame.get("text")
        if not isinstance(said, str) or not ID.fullmatch(said) or not isinstance(text, str):
            raise BadFrame("say: an id of 32 hexadecimal digits, and a text")
        try:
            await self._say(said, text)
        except Busy as error:
            await self._send({"is": "refused", "id": said, "why": "busy", "again": error.retry_after})
        except TooMany as error:
            await self._send({"is": "refused", "id": said, "why": "too_often", "again": error.retry_after})
        except BadInput as error:
            await self._send({"is": "refused", "id": said, "why": error.field or "unusable"})
        except Exception as error:  # noqa: BLE001  (one message's own; the page keeps it and says it again)
            log.error("a chat message was not taken", action="chat.failed", error=type(error).__name__)
            await self._send({"is": "refused", "id": said, "why": "failed", "again": AGAIN})
        else:
            await self._send({"is": "taken", "id": said})

    async def _earlier(self, frame: Mapping[str, Any]) -> None:
        letters, more = await self._mailbox.earlier(_number(frame, "before") or None, PAGE)
        await self._send_letters(letters, more=more)

    async def _seen(self, frame: Mapping[str, Any]) -> None:
        numbers = frame.get("numbers")
        if not isinstance(numbers, list) or len(numbers) > MOST_SEEN:
            raise BadFrame(f"seen: a list of at most {MOST_SEEN} numbers")
        await self._mailbox.seen([number for number in numbers if isinstance(number, str)])

    async def _typing(self, _frame: Mapping[str, Any]) -> None:
        await self._mailbox.typing()

    async def _show(self) -> None:
        """Send what is new, as it comes. A failure ends the window: the page comes back with the last it has."""
        await self._begun.wait()
        try:
            while True:
                if letters := await self._mailbox.news(PAGE):
                    await self._send_letters(letters)
                if len(letters) < PAGE:
                    await self._mailbox.wait(LOOK_EVERY)
        except (ConnectionError, TimeoutError):
            self.cut_off()
        except Exception:
            log.exception("a chat window could not be kept current", action="chat.show")
            await self._socket.close(code=WSCloseCode.INTERNAL_ERROR)

    async def _send_letters(self, letters: Sequence[Letter], **more: bool) -> None:
        await self._send({"is": "letters", "letters": [self._draw(letter) for letter in letters], **more})

    async def _send(self, frame: Mapping[str, Any]) -> None:
        async with asyncio.timeout(WRITE_WITHIN):
            await self._socket.send_str(json.dumps(frame, ensure_ascii=False))


def _object(kind: WSMsgType, data: Any) -> Mapping[str, Any]:
    """A frame's object. Raises `BadFrame`."""
    if kind is not WSMsgType.TEXT:
        raise BadFrame("frames are text")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise BadFrame("this is no JSON") from None
    if not isinstance(value, dict):
        raise BadFrame("a frame is one object")
    return value


def _number(frame: Mapping[str, Any], name: str) -> str:
    """The number of a letter, empty for none. Raises `BadFrame` for what cannot be one."""
    value = frame.get(name) or ""
    if not isinstance(value, str) or len(value) > LONGEST_NUMBER:
        raise BadFrame(f"{name}: the number of a letter")
    return value
