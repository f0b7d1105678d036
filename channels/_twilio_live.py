"""Calls of Twilio held live, as streams of sound both ways.

    answer -> Connect: Stream, with a token     the stream -> the conversation (`channels._line`)
              Redirect -> onward                onward -> hang up, dial, or the stream again

Twilio asks `onward` when a stream is over, however that came about. What was decided in the conversation is done; a
call whose stream broke (the network, or we were stopped) is taken up again where it stood; one whose stream can never
be opened is led by recordings instead, if that is how the caller can be served.
"""

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import structlog
from aiohttp import WSCloseCode, web
from twilio.twiml.voice_response import Connect, VoiceResponse  # type: ignore[import-untyped]

from channels._call_state import Call, CallSettings
from channels._line import converse
from channels._turn import Nothing
from channels._twilio import socket_url
from channels._twilio_recorded import SPOKE
from channels._twilio_stream import CLOSE_WITHIN, LARGEST_MESSAGE, Dial, MediaStream, Started, StreamFault, opened
from channels.desk import Desk
from gateway import clock
from gateway.errors import EverylineError

STREAM = "/hooks/voice_twilio/stream"
ONWARD = "/hooks/voice_twilio/onward"

# How long a token waits for its stream, which Twilio opens at once.
TOKEN_LIFE = timedelta(seconds=60)
# Streams of one call that were not even opened, and all of one call: what breaks more often is better recorded.
MOST_UNOPENED, MOST_STREAMS = 2, 8
# The longest that one stream lasts, in seconds, and how long what is broken off may take to end.
LONGEST_STREAM, STOP_WITHIN = 3600.0, 3.0
MOST_USED = 10_000
# How often Twilio asks again while we do not answer, as during a restart
# (twilio.com/docs/usage/webhooks/webhooks-connection-overrides).
PATIENTLY = "#rc=5&rp=all"

log = structlog.get_logger()

Fallback = Callable[[Desk, Call], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Course:
    """What is to become of a call when its stream is over: `stream` again, `dial`, then `dialled`, or `end`.

    `nobody` says that a Dial found nobody, `streams` and `unopened` how often a stream was asked for, and of these in
    vain.
    """

    then: str = "stream"
    number: str = ""
    seconds: float = 0.0
    nobody: bool = False
    streams: int = 0
    unopened: int = 0


class LiveCalls:
    """The live calls of one channel and one account of Twilio.

    `address` makes of a path our address as Twilio calls it; `fallback` leads a call on by recordings.
    """

    def __init__(
        self, channel: str, account: str, settings: CallSettings, address: Callable[[str], str], fallback: Fallback
    ) -> None:
        self._channel, self._account, self._settings = channel, account, settings
        self._address, self._fallback = address, fallback
        self._conversations: dict[str, asyncio.Task[None]] = {}
        self._used: OrderedDict[str, None] = OrderedDict()

    async def begin(self, desk: Desk, call: Call) -> str:
        """What Twilio does with a call that comes in."""
        await desk.keep(self._channel, _call_key(call.id), call.to_mapping())
        return await self._connect(desk, call.id, Course())

    async def onward(self, desk: Desk, sid: str, dialled: str | None) -> str:
        """What Twilio does with a call whose stream is over, or whose Dial ended with a status."""
        course = await self._course(desk, sid)
        if course.then == "dial":
            await self._keep(desk, sid, replace(course, then="dialled"))
            return self._dial(course)
        if course.then == "dialled" and dialled is None:
            return self._dial(course)  # the same request again: its answer was lost
        if course.then == "dialled" and dialled not in SPOKE:
            return await self._connect(desk, sid, replace(course, then="stream", nobody=True))
        if course.then == "stream":
            return await self._again(desk, sid, course)
        script = VoiceResponse()
        script.hangup()
        return str(script)

    async def stream(self, desk: Desk, request: web.Request) -> web.WebSocketResponse:
        """Hold one call's conversation over the stream that Twilio opens."""
        socket = web.WebSocketResponse(timeout=CLOSE_WITHIN, max_msg_size=LARGEST_MESSAGE, compress=False)
        await socket.prepare(request)
        try:
            started = await opened(socket)
            call = await self._admit(desk, started)
        except (StreamFault, ConnectionError) as fault:
            log.warning("a stream was refused", action="stream.refused", channel=self._channel, why=str(fault))
            await socket.close(code=WSCloseCode.POLICY_VIOLATION)
            return socket
        await self._break_off(call.id)
        course = replace(await self._course(desk, call.id), unopened=0)
        await self._keep(desk, call.id, replace(course, nobody=False))
        async with MediaStream(socket, started.stream, self._parting(desk, call.id)) as stream:
            await self._converse(desk, stream, call, course)
        return socket

    async def hang_up(self) -> None:
        """Break off all conversations; their calls go on wherever Twilio finds us then."""
        await asyncio.gather(*(self._break_off(call) for call in list(self._conversations)))

    async def _converse(self, desk: Desk, stream: MediaStream, call: Call, course: Course) -> None:
        """Lead the conversation to its end, or break it off where its stream breaks."""
        event = Nothing() if course.nobody else None
        leading = converse(desk, self._settings, stream, call, event, returning=course.streams > 1)
        task = asyncio.create_task(leading, name=f"{self._channel} call")
        breaking = asyncio.create_task(stream.broke.wait(), name=f"{self._channel} stream")
        self._conversations[call.id] = task
        try:
            await asyncio.wait([task, breaking], timeout=LONGEST_STREAM, return_when=asyncio.FIRST_COMPLETED)
            if not task.done() and not breaking.done():
                log.warning("a call took too long", action="stream.longest", channel=self._channel)
                await self._keep(desk, call.id, Course("end"))
        finally:
            breaking.cancel()
            task.cancel()
            await asyncio.wait([task, breaking], timeout=STOP_WITHIN)
            if self._conversations.get(call.id) is task:
                del self._conversations[call.id]
        if not task.cancelled() and task.done() and (error := task.exception()):
            log.error("a call failed", action="stream.failed", channel=self._channel, fault=type(error).__name__)

    async def _break_off(self, call: str) -> None:
        if task := self._conversations.get(call):
            task.cancel()
            await asyncio.wait([task], timeout=STOP_WITHIN)

    def _parting(self, desk: Desk, call: str) -> Callable[[Dial | None], Awaitable[bool]]:
        """What notes where a call goes when its conversation is over."""

        async def part(dial: Dial | None) -> bool:
            course = await self._course(desk, call)
            course = replace(course, then="dial", number=dial.number, seconds=dial.seconds) if dial else Course("end")
            try:
                await self._keep(desk, call, course)
            except EverylineError:
                return dial is None
            return True

        return part

    async def _admit(self, desk: Desk, started: Started) -> Call:
        """The call a stream belongs to, if it brings the token made for it, once and soon. Raises `StreamFault`."""
        key = _token_key(started.parameters.get("token", ""))
        kept = await desk.recall(self._channel, key)
        if started.account != self._account or kept is None or kept.get("call") != started.call:
            raise StreamFault("no token of this call")
        if datetime.fromisoformat(kept["until"]) < clock.now():
            raise StreamFault("a token that has run out")
        # Here at once, and where other processes serve too by the lease that only one of them gets.
        if key in self._used:
            raise StreamFault("a token that was used")
        self._used[key] = None
        if len(self._used) > MOST_USED:
            self._used.popitem(last=False)
        if not await desk.hold(self._channel, key, TOKEN_LIFE.total_seconds()):
            raise StreamFault("a token that is used elsewhere")
        call = await desk.recall(self._channel, _call_key(started.call))
        if call is None:
            raise StreamFault("a call that is not known any more")
        return Call.from_mapping(call)

    async def _again(self, desk: Desk, sid: str, course: Course) -> str:
        """Another stream for a call whose last one broke; by recordings, if streams do not work."""
        if course.unopened < MOST_UNOPENED and course.streams < MOST_STREAMS:
            return await self._connect(desk, sid, course)
        log.warning("a call is led by recordings: its stream cannot be had", action="stream.fallback")
        await self._keep(desk, sid, Course("end"))
        kept = await desk.recall(self._channel, _call_key(sid))
        if kept:
            return await self._fallback(desk, Call.from_mapping(kept))
        script = VoiceResponse()
        script.hangup()
        return str(script)

    async def _connect(self, desk: Desk, sid: str, course: Course) -> str:
        token = secrets.token_urlsafe(32)
        until = (clock.now() + TOKEN_LIFE).isoformat()
        await desk.keep(self._channel, _token_key(token), {"call": sid, "until": until})
        await self._keep(desk, sid, replace(course, streams=course.streams + 1, unopened=course.unopened + 1))
        script, connect = VoiceResponse(), Connect()
        stream = connect.stream(url=socket_url(self._address(STREAM)))
        stream.parameter(name="token", value=token)
        script.append(connect)
        script.redirect(self._address(ONWARD) + PATIENTLY, method="POST")
        return str(script)

    def _dial(self, course: Course) -> str:
        script = VoiceResponse()
        dial = script.dial(timeout=round(course.seconds), action=self._address(ONWARD) + PATIENTLY, method="POST")
        dial.number(course.number)
        return str(script)

    async def _course(self, desk: Desk, sid: str) -> Course:
        """The course of a call; one that is not known is at its end."""
        kept: Mapping[str, object] | None = await desk.recall(self._channel, f"course:{sid}")
        return Course(**kept) if kept else Course("end")  # type: ignore[arg-type]  # as kept below

    async def _keep(self, desk: Desk, sid: str, course: Course) -> None:
        await desk.keep(self._channel, f"course:{sid}", asdict(course))


def _call_key(sid: str) -> str:
    return f"call:{sid}"


def _token_key(token: str) -> str:
    """Under what a token is kept: nobody who reads the store learns it."""
    return f"token:{hashlib.sha256(token.encode()).hexdigest()}"
