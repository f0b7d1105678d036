"""Pausing, isolating and resuming a channel by hand: kept in the store, known to every process within seconds.

A paused channel sends nothing and goes on taking in. An isolated one goes on sending, and turns away what comes in so
that the carrier repeats it later.
"""

import structlog

from gateway import clock
from gateway.errors import NotFound
from gateway.runtime import Runtime
from store import audit, deliveries, standings
from store.database import Transaction
from store.standings import Position

DEEDS = {Position.PAUSED: "channel paused", Position.ISOLATED: "channel isolated", None: "channel resumed"}

log = structlog.get_logger()


async def switch(runtime: Runtime, channel: str, position: Position | None, *, actor: str) -> None:
    """Set a channel to a position, or (None) let it run again. Raises `NotFound` for a channel that does not run."""
    if channel not in runtime.channels:
        raise NotFound("there is no such channel here")

    async def work(transaction: Transaction) -> bool:
        changed = await standings.switch(transaction, channel, position, actor, clock.now())
        if changed:
            await audit.note(transaction, actor, DEEDS[position], channel)
            transaction.wake(deliveries.outbox(channel))
        return changed

    if await runtime.database.write(work):
        log.warning("a channel was switched", action="channel.switched", channel=channel, position=position, by=actor)
    async with runtime.database.reading() as connection:
        runtime.switches.known = await standings.switched(connection)
