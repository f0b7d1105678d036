"""What callers said in calls that broke off and never came back: taken from their tapes as the reports they were."""

import asyncio

import structlog

from channels._sound import FRAME_SECONDS
from channels.base import Desk
from channels.handed import Tape
from gateway import clock
from gateway.errors import EverylineError
from gateway.schema import Incoming
from speech.turns import Turns

# A call that breaks off may come back within this many seconds; how often it is looked for those that did not.
COMES_BACK_WITHIN = 90.0
LOOK_EVERY = 30.0

log = structlog.get_logger()


async def keep_taking(desk: Desk, channel: str) -> None:
    """Take what was left by calls of a channel, at once and from time to time, until cancelled."""
    while True:
        try:
            await take(desk, channel)
        except (EverylineError, OSError) as error:
            log.warning("what callers left is taken later", action="line.left", fault=repr(error)[:200])
        await asyncio.sleep(LOOK_EVERY)


async def take(desk: Desk, channel: str, seconds: float = COMES_BACK_WITHIN) -> int:
    """Take what was left for so long; gives how many reports it was."""
    taken = 0
    for tape in await desk.tapes_left(channel, seconds):
        try:
            taken += await _take(desk, channel, tape)
        except (EverylineError, OSError) as error:
            log.warning("what a caller left is taken later", action="line.left", fault=repr(error)[:200])
        finally:
            await tape.release()
    return taken


async def _take(desk: Desk, channel: str, tape: Tape) -> bool:
    """Take one; where nobody spoke there is nothing to take."""
    media = await tape.finish() if await asyncio.to_thread(_speaks, tape) else None
    if media is not None:
        label = tape.label
        incoming = Incoming(
            channel=channel,
            external_id=media.external_id,
            text="",
            received_at=clock.now(),
            address=label.address,
            line=label.line,
            language=label.language,
            media=(media,),
            commands=False,
        )
        await desk.take(incoming)
        log.info("what a caller said before the call broke off was taken", action="line.left", channel=channel)
    await tape.discard()
    return media is not None


def _speaks(tape: Tape) -> bool:
    turns, size = Turns(), int(tape.label.rate * FRAME_SECONDS) * 2
    return any(turns.frame(tape.before[at : at + size], tape.label.rate) for at in range(0, len(tape.before), size))
