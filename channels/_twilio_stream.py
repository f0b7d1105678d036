"""Twilio's Media Streams: a call's sound both ways, over a WebSocket that Twilio opens to us.

Messages are JSON text with base64 of µ-law in it (twilio.com/docs/voice/media-streams/websocket-messages). What we
send ahead Twilio plays without a gap, whatever we are busy with; a mark behind each piece comes back when it was heard,
so that never more is ahead than a few seconds. One message that makes no sense ends its call, and no other.
"""

import asyncio
import base64
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import WSCloseCode, WSMsgType, web

from channels._sound import KEYS, Frame, Key
from speech.telephone import pcm_to_ulaw, ulaw_to_pcm

RATE = 8000
# A message of 20 ms has some 330 bytes; Twilio promises no size.
LARGEST_MESSAGE = 16_384
LONGEST_TEXT = 512
# Twilio introduces itself at once, and then never stops sending, silence too. In seconds.
OPENING, IDLE = 10.0, 10.0
# Messages a second, and those that may come at once after the network was stuck; 50 a second are usual.
STEADY, BURST = 400.0, 1500.0
# Sound goes out in pieces of so many samples; so many pieces may be ahead of what was heard: 8 seconds.
PIECE, MOST_AHEAD = 3200, 20
# Who takes nothing for so long is gone, in seconds.
WRITE_WITHIN = 10.0
# How long a closing stream's other end is waited for, in seconds.
CLOSE_WITHIN = 1.0
# Frames nobody took; then the oldest are dropped.
MOST_UNHEARD = 500


class StreamFault(Exception):
    """A stream that nobody can use; the message says why, and holds nothing of what was sent."""


@dataclass(frozen=True, slots=True)
class Started:
    """What a stream introduces itself with."""

    account: str
    call: str
    stream: str
    parameters: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Marked:
    """All up to one of our marks was heard, or cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The call is over."""


@dataclass(frozen=True, slots=True)
class Dial:
    """What is to become of a call after its stream: a number is dialled, and rings for so many seconds."""

    number: str
    seconds: float


Event = Frame | Key | Marked | Stopped
# What is told where a call goes before its stream is closed: on to a number, or, by None, to its end.
Onward = Callable[[Dial | None], Awaitable[bool]]


def parse(text: str, stream: str) -> Event | None:
    """What a message of one stream says; None for one of a kind that says nothing to us. Raises `StreamFault`."""
    told = _object(text)
    kind = told.get("event")
    if told.get("streamSid") != stream:
        raise StreamFault("a message of another stream")
    if kind == "media":
        return _media(_part(told, "media"))
    if kind == "dtmf":
        digit = _text(_part(told, "dtmf"), "digit")
        if len(digit) != 1 or digit not in KEYS:
            raise StreamFault("a key no telephone has")
        return Key(digit)
    if kind == "mark":
        return Marked(_text(_part(told, "mark"), "name"))
    return Stopped() if kind == "stop" else None


async def opened(socket: web.WebSocketResponse) -> Started:
    """Read how a stream introduces itself. Raises `StreamFault`, also when it does not in time."""
    try:
        async with asyncio.timeout(OPENING):
            if _object(await _next(socket)).get("event") != "connected":
                raise StreamFault("the first message is not `connected`")
            told = _object(await _next(socket))
    except TimeoutError:
        raise StreamFault("nothing came") from None
    if told.get("event") != "start":
        raise StreamFault("the second message is not `start`")
    start = _part(told, "start")
    shape, parameters = _part(start, "mediaFormat"), _part(start, "customParameters")
    if (shape.get("encoding"), shape.get("sampleRate"), shape.get("channels")) != ("audio/x-mulaw", RATE, 1):
        raise StreamFault("the sound is not mono µ-law at 8,000 Hz")
    return Started(
        account=_text(start, "accountSid"),
        call=_text(start, "callSid"),
        stream=_text(start, "streamSid"),
        parameters={name: value for name, value in parameters.items() if isinstance(value, str)},
    )


class MediaStream:
    """One call's sound, as `channels._sound.Sound`; to be entered, and left when the conversation is over.

    `onward` is told where the call goes before we close the stream, and says whether it can. A stream that `broke`,
    instead of being closed by us or stopped with its call, is no caller who hung up: nothing more is heard then, but
    the end neither, and whoever holds the conversation breaks it off to go on with it in another stream.
    """

    rate = RATE

    def __init__(self, socket: web.WebSocketResponse, stream: str, onward: Onward) -> None:
        self._socket, self._stream, self._onward = socket, stream, onward
        # What the caller said and nobody took yet; None is the end.
        self._heard: deque[Frame | Key] = deque()
        self._news = asyncio.Event()
        self._gone, self._code = False, WSCloseCode.OK
        self._parted = False
        self.broke = asyncio.Event()
        # What is to be said and not sent yet, and the marks of what was sent and not heard yet.
        self._unsent = bytearray()
        self._ahead: deque[str] = deque()
        self._marks = 0
        self._changed = asyncio.Condition()
        self._sending = asyncio.Lock()
        self._flow = _Flow()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        work = {"hearing": self._read(), "speaking": self._send()}
        self._tasks = [asyncio.create_task(each, name=f"stream: {name}") for name, each in work.items()]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._end(self._code)

    async def heard(self) -> AsyncIterator[Frame | Key]:
        """What the caller says and presses, until the stream ends."""
        while True:
            while self._heard:
                yield self._heard.popleft()
            if self._parted:
                return
            self._news.clear()
            await self._news.wait()

    async def play(self, pcm: bytes) -> None:
        """Say this behind what is being said."""
        async with self._changed:
            self._unsent += pcm
            self._changed.notify_all()

    async def clear(self) -> None:
        """Stop saying anything; what Twilio has of it, it drops."""
        async with self._sending:
            async with self._changed:
                self._unsent.clear()
                self._ahead.clear()
                self._changed.notify_all()
            await self._tell("clear")

    async def played(self) -> None:
        """Wait until all was heard, or the caller is gone."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._gone or not (self._unsent or self._ahead))

    async def transfer(self, number: str, seconds: float) -> bool:
        """Let Twilio dial a number once the stream is closed, which it is when all was heard."""
        return await self._part(Dial(number, seconds))

    async def hang_up(self) -> None:
        """Close the stream once all was heard; Twilio then asks what to do with the call."""
        await self._part(None)

    async def _part(self, where: Dial | None) -> bool:
        await self.played()
        if not await self._onward(where):
            return False
        self._parted = True
        await self._over()
        await self._end(WSCloseCode.OK)
        return True

    async def _read(self) -> None:
        """Take in what comes. Whatever is wrong with it, this stream is over, and only this."""
        try:
            while not self._gone:
                async with asyncio.timeout(IDLE):
                    text = await _next(self._socket)
                self._flow.take()
                await self._take(parse(text, self._stream))
        except StreamFault:
            self._code = WSCloseCode.POLICY_VIOLATION
        except (TimeoutError, ConnectionError):
            self._code = WSCloseCode.GOING_AWAY
        finally:
            await self._over()

    async def _take(self, event: Event | None) -> None:
        if isinstance(event, Stopped):
            self._parted = True
            await self._over()
        elif isinstance(event, Marked):
            async with self._changed:
                while event.name in self._ahead:
                    self._ahead.popleft()
                self._changed.notify_all()
        elif event is not None:
            self._heard.append(event)
            if len(self._heard) > MOST_UNHEARD:
                self._forget()
            self._news.set()

    def _forget(self) -> None:
        """Drop the oldest sound, or the oldest key when there is none."""
        oldest = next((event for event in self._heard if isinstance(event, Frame)), self._heard[0])
        self._heard.remove(oldest)

    async def _send(self) -> None:
        """Send what is to be said, piece by piece, never too far ahead."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._unsent and len(self._ahead) < MOST_AHEAD)
            async with self._sending:
                piece = bytes(self._unsent[: PIECE * 2])
                if not piece:
                    continue
                del self._unsent[: len(piece)]
                self._marks += 1
                mark = str(self._marks)
                self._ahead.append(mark)
                await self._tell("media", {"payload": base64.b64encode(pcm_to_ulaw(piece)).decode()})
                await self._tell("mark", {"name": mark})

    async def _tell(self, event: str, what: Mapping[str, str] | None = None) -> None:
        told: dict[str, Any] = {"event": event, "streamSid": self._stream}
        try:
            async with asyncio.timeout(WRITE_WITHIN):
                await self._socket.send_str(json.dumps(told | ({event: what} if what else {})))
        except (ConnectionError, TimeoutError):
            await self._over()

    async def _over(self) -> None:
        """Nothing more will come, and nothing be heard."""
        self._gone = True
        if not self._parted:
            self.broke.set()
        self._news.set()
        async with self._changed:
            self._unsent.clear()
            self._ahead.clear()
            self._changed.notify_all()

    async def _end(self, code: WSCloseCode) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            await self._socket.close(code=code)


class _Flow:
    """How many messages may come: a bucket that fills steadily."""

    def __init__(self) -> None:
        self._left, self._seen = BURST, asyncio.get_running_loop().time()

    def take(self) -> None:
        """Count one message. Raises `StreamFault` for one too many."""
        now = asyncio.get_running_loop().time()
        self._left = min(BURST, self._left + (now - self._seen) * STEADY) - 1
        self._seen = now
        if self._left < 0:
            raise StreamFault("too many messages")


async def _next(socket: web.WebSocketResponse) -> str:
    """The next message's text. Raises `StreamFault` for another kind, `ConnectionError` at the end."""
    message = await socket.receive()
    if message.type is WSMsgType.TEXT:
        return str(message.data)
    if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
        raise ConnectionResetError("the stream was closed")
    raise StreamFault("messages are text, and not long")


def _object(text: str) -> Mapping[str, Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise StreamFault("a message that is no JSON") from None
    if not isinstance(told, dict):
        raise StreamFault("a message that is no object")
    return told


def _part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = told.get(name)
    if not isinstance(part, dict):
        raise StreamFault(f"{name} is missing")
    return part


def _text(part: Mapping[str, Any], name: str) -> str:
    value = part.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
        raise StreamFault(f"{name} is missing or too long")
    return value


def _media(media: Mapping[str, Any]) -> Frame | None:
    """The caller's sound; what is said of our own, in another track, is passed over."""
    payload = media.get("payload")
    if not isinstance(payload, str):
        raise StreamFault("payload is missing")
    if media.get("track", "inbound") != "inbound":
        return None
    try:
        return Frame(ulaw_to_pcm(base64.b64decode(payload, validate=True)))
    except ValueError:
        raise StreamFault("a payload that is no base64") from None
