"""A call's sound as a stream in both directions, as `<Connect><Stream>` opens it.

https://www.twilio.com/docs/voice/twiml/stream and /docs/voice/media-streams/websocket-messages. Twilio's own machines
speak `wss://` only; here, where nothing leaves this machine, `ws://` is taken too.
"""

import asyncio
import base64
import json
from collections import deque
from collections.abc import Mapping
from typing import Any

from aiohttp import ClientError, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from yarl import URL

from gateway.simulator.account import is_local, new_sid
from gateway.simulator.caller import Caller, CallLog, Heard
from gateway.simulator.network import Network
from gateway.simulator.sound import SILENCE, is_loud
from speech.telephone import pcm_to_ulaw, ulaw_to_pcm

SCHEMES = ("ws", "wss")
# Twilio's numbers of what can be wrong with a stream (twilio.com/docs/api/errors).
REFUSED, HANDSHAKE, BAD_URL, BINARY, BAD_MESSAGE = 31902, 31920, 31922, 31950, 31951
FRAME_MILLISECONDS, FRAME_BYTES, ULAW_SILENCE = 20, 160, b"\xff"
# How much sound the line may send ahead: half an hour.
MOST_AHEAD = 8000 * 1800
LARGEST_MESSAGE = 1024 * 1024
# Who made no sound for so many frames has stopped speaking; a scripted caller acts when the line has.
QUIET_FRAMES = 30


class StreamFailed(Exception):
    """A stream that could not be opened; `error` is Twilio's number."""

    def __init__(self, error: int, why: str) -> None:
        super().__init__(why)
        self.error = error


class Stream:
    """One stream, from the opening of its socket to the end of either side."""

    def __init__(self, network: Network, caller: Caller, log: CallLog, parameters: Mapping[str, str]) -> None:
        self._network, self._caller, self._log = network, caller, log
        self._parameters = parameters
        self.sid = new_sid("MZ")
        self._sequence = self._chunk = self._time = 0
        self._line = _Line()
        self._line_voice, self._caller_voice = _Voice(), _Voice()
        self._warned: set[int] = set()

    async def run(self, url: str) -> None:
        """Hold the stream until the line closes it or the caller hangs up. Raises `StreamFailed` when it never began.

        The query of the address is not sent: Twilio supports none.
        """
        if not is_local(url, SCHEMES):
            raise StreamFailed(BAD_URL, "a stream goes to a wss:// address (on this machine also ws://)")
        address = URL(url, encoded=True).with_query(None).with_fragment(None)
        try:
            socket = await self._network.webhooks.connect(str(address), LARGEST_MESSAGE)
        except WSServerHandshakeError as error:
            raise StreamFailed(HANDSHAKE, f"the gateway answered {error.status} instead of opening it") from None
        except (ClientError, TimeoutError):
            raise StreamFailed(REFUSED, "the gateway did not open it") from None
        try:
            await self._hold(socket)
        except ConnectionError:
            pass
        finally:
            self._log.line_speaks = self._log.caller_speaks = False
            await socket.close()

    async def _hold(self, socket: ClientWebSocketResponse) -> None:
        await socket.send_json({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        await self._tell(socket, "start", self._start())
        self._note(Heard.STREAM)
        works = {"hearing": self._read(socket), "sounding": self._beat(socket), "waiting": self._caller.until_gone()}
        tasks = [
            asyncio.create_task(work, name=f"simulator: {name} in {self._log.sid}") for name, work in works.items()
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._caller.gone and not socket.closed:
            await self._tell(socket, "stop", self._whose())

    def _start(self) -> dict[str, Any]:
        return {
            **self._whose(),
            "streamSid": self.sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(self._parameters),
        }

    def _whose(self) -> dict[str, Any]:
        return {"accountSid": self._network.account.sid, "callSid": self._log.sid}

    async def _beat(self, socket: ClientWebSocketResponse) -> None:
        """Every 20 ms: a frame of the caller's sound there, keys as they are pressed, a frame of the line's here."""
        beats = self._caller.beats()
        while True:
            await self._speak(socket)
            while key := self._caller.pressed():
                self._note(Heard.KEYS, key)
                await self._tell(socket, "dtmf", {"track": "inbound_track", "digit": key})
            await self._hear(socket)
            await beats.next()

    async def _speak(self, socket: ClientWebSocketResponse) -> None:
        frame = self._caller.mouth.frame() or SILENCE
        if self._caller_voice.changed(is_loud(frame)):
            self._log.caller_speaks = self._caller_voice.speaks
            self._note(Heard.CALLER if self._caller_voice.speaks else None)
        self._chunk += 1
        payload = base64.b64encode(pcm_to_ulaw(frame)).decode()
        told = {"track": "inbound", "chunk": str(self._chunk), "timestamp": str(self._time), "payload": payload}
        self._time += FRAME_MILLISECONDS
        await self._tell(socket, "media", told)

    async def _hear(self, socket: ClientWebSocketResponse) -> None:
        """Play the line's next frame, say which marks are reached by it, and let a script go on when it has spoken."""
        sound = self._line.play()
        if sound:
            self._caller.ear.hear(ulaw_to_pcm(sound))
        if self._line_voice.changed(bool(sound)):
            self._log.line_speaks = self._line_voice.speaks
            self._note(Heard.LINE if self._line_voice.speaks else None)
            if not self._line_voice.speaks:
                self._caller.act()
        await self._reach(socket)

    async def _reach(self, socket: ClientWebSocketResponse) -> None:
        for mark in self._line.reached():
            await self._tell(socket, "mark", {"name": mark})

    async def _read(self, socket: ClientWebSocketResponse) -> None:
        """Obey the line until it closes the socket. A message that makes no sense is noted once, and passed over."""
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                self._warn(BINARY, "the line sent a binary message")
                continue
            try:
                cleared = _obey(self._line, message.data, self.sid)
            except (ValueError, TypeError, LookupError, RecursionError):
                self._warn(BAD_MESSAGE, "the line sent a message that makes no sense")
                continue
            if cleared:
                self._note(Heard.CLEARED)
                await self._reach(socket)

    def _note(self, kind: Heard | None, text: str = "") -> None:
        """Show what happened, or only that somebody stopped speaking."""
        if kind is not None:
            self._log.note(kind, text)
        self._network.feed.publish("call", self._log.describe())

    def _warn(self, warning: int, why: str) -> None:
        if warning not in self._warned:
            self._warned.add(warning)
            self._note(Heard.ERROR, f"{warning}: {why}")

    async def _tell(self, socket: ClientWebSocketResponse, event: str, what: Mapping[str, Any]) -> None:
        self._sequence += 1
        told = {"event": event, "sequenceNumber": str(self._sequence), event: what, "streamSid": self.sid}
        await socket.send_json(told)


class _Voice:
    """Whether somebody speaks: from the first sound until some time without any."""

    def __init__(self) -> None:
        self.speaks = False
        self._quiet = 0

    def changed(self, sounds: bool) -> bool:
        """Count one frame; whether somebody began to speak, or stopped, with it."""
        self._quiet = 0 if sounds else self._quiet + 1
        before, self.speaks = self.speaks, sounds or (self.speaks and self._quiet < QUIET_FRAMES)
        return before is not self.speaks


class _Line:
    """What the line sent and is not played yet: µ-law, and the marks that stand behind some of it."""

    def __init__(self) -> None:
        self._sound = bytearray()
        self._marks: deque[tuple[int, str]] = deque()
        self._played = 0

    def add(self, sound: bytes) -> None:
        """Play some sound after all that waits. Raises ValueError for more than may wait."""
        if len(self._sound) + len(sound) > MOST_AHEAD:
            raise ValueError("too much sound ahead")
        self._sound += sound

    def mark(self, name: str) -> None:
        """Stand a mark behind all that waits."""
        self._marks.append((self._played + len(self._sound), name))

    def clear(self) -> bool:
        """Play nothing of what waits, so that its marks are reached; gives whether anything waited."""
        waited = bool(self._sound)
        self._played += len(self._sound)
        self._sound.clear()
        return waited

    def play(self) -> bytes:
        """The next frame; a last one may be short, and filled with silence."""
        frame = bytes(self._sound[:FRAME_BYTES])
        del self._sound[: len(frame)]
        self._played += len(frame)
        return frame.ljust(FRAME_BYTES, ULAW_SILENCE) if frame else b""

    def reached(self) -> list[str]:
        """The marks whose sound is played, in their order, each once."""
        reached = []
        while self._marks and self._marks[0][0] <= self._played:
            reached.append(self._marks.popleft()[1])
        return reached


def _obey(line: _Line, text: str, stream: str) -> bool:
    """Do what a message asks for; gives whether it took sound away.

    Raises ValueError, TypeError or LookupError for one that makes no sense.
    """
    told = json.loads(text)
    event = told["event"]
    if told["streamSid"] != stream:
        raise ValueError("another stream")
    if event == "media":
        line.add(base64.b64decode(told["media"]["payload"], validate=True))
    elif event == "mark":
        name = told["mark"]["name"]
        if not isinstance(name, str):
            raise TypeError("the name of a mark is a text")
        line.mark(name)
    elif event == "clear":
        return line.clear()
    else:
        raise ValueError("no message of a stream")
    return False
