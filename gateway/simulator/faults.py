"""What can be made to go wrong: the carrier's API for the next calls, and the receipts it sends."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from aiohttp import web

from gateway.simulator.errors import ApiError


class Fault(StrEnum):
    """How an API call goes wrong."""

    THROTTLE = "throttle"
    ERROR = "error"
    HANG = "hang"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Armed:
    """One fault waiting for its call. `seconds` is how long a hanging answer stays away."""

    fault: Fault
    seconds: float
    sends_only: bool


@dataclass(slots=True)
class Faults:
    """What is to go wrong from now on. `repeat_receipts` is how often each receipt comes again."""

    receipts_out_of_order: bool = False
    repeat_receipts: int = 0
    _armed: deque[Armed] = field(default_factory=deque)

    def arm(self, fault: Fault | str, count: int = 1, *, seconds: float = 30.0, sends_only: bool = False) -> None:
        """Let the next `count` calls go wrong; with `sends_only` calls that send nothing are spared."""
        self._armed.extend([Armed(Fault(fault), seconds, sends_only)] * count)

    @property
    def armed(self) -> int:
        """How many calls are still to go wrong."""
        return len(self._armed)

    def clear(self) -> None:
        """Let everything work again."""
        self._armed.clear()
        self.receipts_out_of_order, self.repeat_receipts = False, 0

    def next_for(self, *, sends: bool) -> Armed | None:
        """The fault for the call that is being made, used up by it."""
        if not self._armed or (self._armed[0].sends_only and not sends):
            return None
        return self._armed.popleft()


async def suffer(
    armed: Armed, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer one API call with its fault; one that hangs has done its work before."""
    match armed.fault:
        case Fault.THROTTLE:
            raise ApiError(20429, "Too Many Requests", status=429)
        case Fault.ERROR:
            raise ApiError(20500, "An internal server error has occurred", status=500)
        case Fault.CLOSE:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        case Fault.HANG:
            response = await handler(request)
            await asyncio.sleep(armed.seconds)
            return response
