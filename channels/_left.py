"""What callers said in calls that broke off and never came back: taken from their tapes as the reports they were."""

import asyncio
from dataclasses import replace

import structlog

from channels._call_messages import report
from channels._call_state import Call
from channels._sound import FRAME_SECONDS
from channels._turn import Said
from channels.desk import Desk
from channels.handed import Tape, TapeLabel
from gateway.schema_incoming import Incoming, IncomingMedia
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
        except Exception as error:  # noqa: BLE001  (it must not end the line that serves those who call now)
            log.warning("what callers left is taken later", action="line.left", fault=type(error).__name__)
        await asyncio.sleep(LOOK_EVERY)


async def take(desk: Desk, channel: str, seconds: float = COMES_BACK_WITHIN) -> int:
    """Take what was left for so long; gives how many reports it was."""
    taken = 0
    for tape in await desk.tapes_left(channel, seconds):
        try:
            taken += await _take(desk, channel, tape)
        except Exception as error:  # noqa: BLE001  (one that cannot be taken keeps none of the others waiting)
            log.warning("what a caller left is taken later", action="line.left", fault=type(error).__name__)
        finally:
            await tape.release()
    return taken


async def _take(desk: Desk, channel: str, tape: Tape) -> bool:
    """Take one; where nobody spoke there is nothing to take."""
    media = await tape.finish() if await asyncio.to_thread(_speaks, tape) else None
    if media is not None:
        await desk.take(await _message(desk, channel, tape.label, media))
        log.info("what a caller said before the call broke off was taken", action="line.left", channel=channel)
    await tape.discard()
    return media is not None


async def _message(desk: Desk, channel: str, label: TapeLabel, media: IncomingMedia) -> Incoming:
    """What it was to be: a report, or a wish to be called back; where that is forgotten, staff alone see it."""
    kept = await desk.recall(channel, f"call:{label.call}")
    call = Call.from_mapping(kept) if kept else Call(channel, label.call)
    whose = replace(call, address=label.address, line=label.line, language=label.language, own_voice=False)
    message = report(whose, Said(None, media, 0.0))
    return message if kept else replace(message, private=True)


def _speaks(tape: Tape) -> bool:
    turns, size = Turns(), int(tape.label.rate * FRAME_SECONDS) * 2
    return any(turns.frame(tape.before[at : at + size], tape.label.rate) for at in range(0, len(tape.before), size))
