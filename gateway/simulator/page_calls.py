"""Calls on the handsets page: dialling, keys, what is said, and the sound in both directions.

The sound of a call goes over a WebSocket of its own, in binary frames of 16-bit mono at 8,000 Hz: the page sends what
its microphone picks up, and is sent what the line says.
"""

import asyncio
from collections.abc import Callable

from aiohttp import ClientError, WSMsgType, web

from gateway.errors import BadInput, Conflict, NotFound
from gateway.simulator import bodies
from gateway.simulator.caller import INSTANT, LIFELIKE, At, Caller, CallLog
from gateway.simulator.network import Network
from gateway.simulator.samples import samples
from gateway.simulator.sound import pcm_of

# A page sends a few frames at once; this is a quarter of a second.
LARGEST_SOUND = 4000
MOST_LISTENERS = 4
# Seconds between two questions whether the page is still there, and until a closing one is left alone.
HEARTBEAT, CLOSE_WITHIN = 15.0, 0.2

BeginCall = Callable[[str, Caller], tuple[CallLog, "asyncio.Task[CallLog]"]]


class PageCalls:
    """The calls of one network's phones; `begin_call` starts one in the background."""

    def __init__(self, network: Network, begin_call: BeginCall) -> None:
        self._network, self._begin_call = network, begin_call

    def routes(self) -> list[web.RouteDef]:
        """Where the page finds them."""
        return [
            web.post("/handsets/{number}/call", self._call),
            web.post("/handsets/calls/{sid}/keys", self._press),
            web.post("/handsets/calls/{sid}/say", self._say),
            web.post("/handsets/calls/{sid}/hangup", self._hang_up),
            web.get("/handsets/calls/{sid}/sound", self._sound),
        ]

    async def _call(self, request: web.Request) -> web.Response:
        """Call the hotline: by hand, or by a script with a `sample` to be said into the first recording."""
        data = await bodies.read(request)
        handset = self._network.handsets.get(bodies.number(request))
        if handset.live_call is not None:
            raise Conflict("already_calling")
        name, hang_up = bodies.string(data, "sample", 80), bodies.string(data, "hang_up", 10)
        if (name and name not in samples()) or (hang_up and hang_up not in list(At)):
            raise BadInput("bad_value")
        lifelike = data.get("live") is not False
        caller = Caller(
            keys=bodies.script(data.get("keys", [])),
            sounds=[await _wav(name)] if name else [],
            finish=bodies.keys(bodies.string(data, "finish", 1)),
            hang_up=At(hang_up) if hang_up else None,
            pace=LIFELIKE if lifelike else INSTANT,
            by_hand=lifelike and not name,
        )
        log, _ = self._begin_call(handset.number, caller)
        return web.json_response(log.describe(), status=201)

    async def _press(self, request: web.Request) -> web.Response:
        self._live_caller(request).press(bodies.keys(bodies.string(await bodies.read(request), "keys", 20)))
        return web.json_response({})

    async def _say(self, request: web.Request) -> web.Response:
        """Say a sample now."""
        name = bodies.string(await bodies.read(request), "sample", 80)
        if name not in samples():
            raise BadInput("bad_value", "sample")
        self._live_caller(request).mouth.say(pcm_of(await _wav(name)))
        return web.json_response({})

    async def _hang_up(self, request: web.Request) -> web.Response:
        self._live_caller(request).hang_up()
        return web.json_response({})

    async def _sound(self, request: web.Request) -> web.StreamResponse:
        """The sound of a call, until it is over or the page leaves."""
        caller = self._live_caller(request)
        if caller.ear.listeners >= MOST_LISTENERS:
            raise Conflict("too_many_listeners")
        socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT, max_msg_size=LARGEST_SOUND, timeout=CLOSE_WITHIN, compress=False
        )
        await socket.prepare(request)
        with caller.ear.listen() as queue:
            telling = asyncio.create_task(_tell(socket, queue), name="simulator: sound for a page")
            try:
                async for message in socket:
                    if message.type is not WSMsgType.BINARY or len(message.data) % 2:
                        break
                    caller.mouth.speak(message.data)
            finally:
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)
        await socket.close()
        return socket

    def _live_caller(self, request: web.Request) -> Caller:
        log, caller = self._network.calls.get(request.match_info["sid"], (None, None))
        if log is None or caller is None or log.ended is not None:
            raise NotFound("no_call")
        return caller


async def _tell(socket: web.WebSocketResponse, queue: "asyncio.Queue[bytes | None]") -> None:
    """Send what the line says; None is its end."""
    try:
        while (pcm := await queue.get()) is not None:
            await socket.send_bytes(pcm)
        await socket.close()
    except (ClientError, ConnectionError):
        return


async def _wav(name: str) -> bytes:
    return await asyncio.to_thread(samples()[name].path.read_bytes)
