"""A broadcast becomes deliveries to everybody who should have it.

It goes in stages, each a chunk of rows added and the cursor moved in one transaction, so that a crash repeats at most a
chunk, and a repeated chunk adds nothing. First come the timelines, then what costs nothing, then what does, after it
was counted what it will cost.

What can be recalled is told at once; all else is due when the undo time is over, so that a decision taken back within
it is heard by nobody.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog

from channels.base import Channel
from gateway import clock
from gateway.journey import rendering, rounds
from gateway.journey.broadcasting import CHANGES, PUBLICATIONS, REPORTERS
from gateway.runtime import Runtime
from gateway.schema_outgoing import Audience, DeliveryState, Priority
from store import broadcasts, changes, deliveries, following
from store.broadcasts import WAITING, Broadcast, BroadcastState, Told
from store.database import Transaction
from store.following import Way
from store.participating import FOLLOWED

# A chunk is at most so long, and shorter when intake waits for it; so many follow each other before it is asked again
# what is to be done.
CHUNK = 2500
CHUNKS = 20
# What each broadcast says to followers.
FOLLOWER_PHRASES = {
    Told.PUBLISHED: "follower_published",
    Told.CORRECTED: "follower_corrected",
    Told.WITHDRAWN: "follower_withdrawn",
    Told.ANSWERED: "follower_answered",
    Told.COMMENTED: "commented",
}

# None for the timelines, else a source of addresses (see `following.add_followers`), a scheme, and who tells it.
Stage = tuple[str, str, Channel] | None

log = structlog.get_logger()


async def run(runtime: Runtime) -> None:
    """Expand open broadcasts, oldest first, until cancelled."""
    said = "a broadcast could not be expanded"
    await rounds.keep_doing(runtime, "broadcasts", expand_some, action="broadcast.expand", stumbled=said)


async def expand_some(runtime: Runtime) -> bool:
    """Do the next chunks of the oldest broadcast; false when there is none, or others work on all there are."""
    at = clock.now()
    async with runtime.database.reading() as connection:
        expired = await broadcasts.any_expired(connection, at)
        uncounted = await broadcasts.uncounted(connection)
        if not (expired or uncounted or await broadcasts.any_to_do(connection)):
            return False
    if expired:
        await runtime.database.write(lambda transaction: broadcasts.expire(transaction, at))
    if uncounted:
        await _count(runtime, uncounted)
    done = expired or uncounted is not None
    for _ in range(CHUNKS):
        more = await runtime.database.write_patiently(lambda transaction: _step(runtime, transaction))
        if not more:
            return done or more is not None
        done = True
    return True


async def _step(runtime: Runtime, transaction: Transaction) -> bool | None:
    """Hold a broadcast and do its next piece: one transaction, so that no two processes do the same.

    None when there is nothing to do, false when it must be counted before it goes on.
    """
    broadcast = await broadcasts.hold_next(transaction)
    if broadcast is None:
        return None
    match broadcast.state:
        case BroadcastState.OPEN:
            return await _expand_next(runtime, transaction, broadcast)
        case BroadcastState.PAUSED:
            due = [DeliveryState.DUE]
            await broadcasts.sweep(transaction, broadcast.id, due, DeliveryState.HELD, "paused", CHUNK)
        case BroadcastState.RESUMING:
            held = [DeliveryState.HELD]
            if not await broadcasts.sweep(transaction, broadcast.id, held, DeliveryState.DUE, None, CHUNK):
                await broadcasts.turn(transaction, broadcast.id, BroadcastState.OPEN)
                transaction.wake(*(deliveries.outbox(name) for name in runtime.channels))
        case _:
            dropped = DeliveryState.DROPPED
            if not await broadcasts.sweep(transaction, broadcast.id, WAITING, dropped, broadcast.reason, CHUNK):
                await broadcasts.turn(transaction, broadcast.id, BroadcastState.STOPPED)
    return True


async def _expand_next(runtime: Runtime, transaction: Transaction, broadcast: Broadcast) -> bool:
    stages = _stages(runtime, broadcast, await _sources(transaction.connection, broadcast))
    if broadcast.stage >= len(stages):
        await broadcasts.turn(transaction, broadcast.id, BroadcastState.EXPANDED)
        log.info("broadcast expanded", action="broadcast.expanded", broadcast=broadcast.id, told=broadcast.told)
        return True
    stage = stages[broadcast.stage]
    if stage is None:
        if broadcast.told is Told.WITHDRAWN:
            # An author may keep his post to himself while it is still on its way.
            await broadcasts.stop(transaction, broadcast.post_id, "withdrawn", PUBLICATIONS, before=broadcast.id)
            await broadcasts.stop_under(transaction, broadcast.post_id, "withdrawn", PUBLICATIONS)
        added = await _add_timelines(runtime, transaction, broadcast)
        await broadcasts.move(transaction, broadcast.id, 1, None, added)
        return False
    if broadcast.cost is None:
        return False
    source, scheme, outlet = stage
    # What many reported is told to all of them, whatever it costs: each would have been told his own.
    if outlet.capabilities.paid and _asks(runtime, broadcast) and not _reports(source):
        await broadcasts.turn(transaction, broadcast.id, BroadcastState.ASKING)
        log.warning("a broadcast asks for its cost", action="broadcast.asking", broadcast=broadcast.id)
        return True
    way = _way(runtime, broadcast, scheme, outlet, source)
    cursor, added = await following.add_followers(transaction, broadcast, source, way, CHUNK)
    await broadcasts.move(transaction, broadcast.id, broadcast.stage + (cursor is None), cursor, added)
    return True


async def _count(runtime: Runtime, broadcast: Broadcast) -> None:
    """Count whom a broadcast goes to and what that costs, beside the changes, which do not wait for it."""
    expected, cost = len(runtime.timelines()), 0
    async with runtime.database.reading() as connection:
        sources = await _sources(connection, broadcast)
        post = (await changes.load_many(connection, [broadcast.post_id])).get(broadcast.post_id)
        for scheme, outlet in _reached(runtime):
            way = _way(runtime, broadcast, scheme, outlet)
            for language, number in (
                await following.audience(connection, broadcast, _sources_for(outlet, sources), way)
            ).items():
                expected += number
                if outlet.capabilities.paid:
                    text = rendering.render(runtime, outlet, way.phrase, language, {}, {}, post)
                    cost += number * outlet.measure(text)
    await runtime.database.write(lambda transaction: broadcasts.count(transaction, broadcast.id, expected, cost))


def _asks(runtime: Runtime, broadcast: Broadcast) -> bool:
    """Whether somebody must say yes first. Who heard a thing must hear that it is wrong, whatever it costs."""
    dear = (broadcast.cost or 0) > runtime.settings.broadcast.ask_above
    return dear and not broadcast.agreed and broadcast.told not in CHANGES


async def _sources(connection: Any, broadcast: Broadcast) -> Sequence[str]:
    """Whose addresses hear it: a change goes to whoever heard what is changed, whatever he follows now."""
    if broadcast.told not in CHANGES:
        return broadcast.topics
    return [f"broadcast:{earlier}" for earlier in await broadcasts.earlier(connection, broadcast)]


def _reached(runtime: Runtime) -> list[tuple[str, Channel]]:
    """The schemes that can be reached and who tells them; what costs money last."""
    schemes = sorted({scheme for channel in runtime.channels.values() for scheme in channel.capabilities.schemes})
    reached = [(scheme, outlet) for scheme in schemes if (outlet := runtime.outlet(scheme))]
    return sorted(reached, key=lambda one: one[1].capabilities.paid)


def _stages(runtime: Runtime, broadcast: Broadcast, sources: Sequence[str]) -> list[Stage]:
    """Timelines first (None), then each scheme with the addresses of each source."""
    reached = [(scheme, outlet, _sources_for(outlet, sources)) for scheme, outlet in _reached(runtime)]
    return [None, *[(source, scheme, outlet) for scheme, outlet, own in reached for source in own]]


def _sources_for(outlet: Channel, sources: Sequence[str]) -> Sequence[str]:
    """Who is told by a channel: the phrase of each day costs money for those alone who asked for it by name."""
    return [FOLLOWED] if outlet.capabilities.paid and FOLLOWED in sources else sources


def _reports(source: str) -> bool:
    return source.partition(":")[0] == REPORTERS


def _way(runtime: Runtime, broadcast: Broadcast, scheme: str, outlet: Channel, source: str = "") -> Way:
    if _reports(source):
        due_at, kind = _due_at(broadcast, outlet), outlet.capabilities.delivery
        asks = runtime.settings.deadlines.satisfaction.ask and outlet.capabilities.receives
        return Way(scheme, outlet.name, kind, "answered_joined", due_at, reporters=True, asks=asks)
    digested = runtime.settings.broadcast.digests and broadcast.told not in CHANGES and not broadcast.urgent
    return Way(
        scheme=scheme,
        channel=outlet.name,
        kind=outlet.capabilities.delivery,
        phrase=FOLLOWER_PHRASES[broadcast.told],
        due_at=_due_at(broadcast, outlet),
        asked=digested and outlet.capabilities.paid,
    )


def _due_at(broadcast: Broadcast, outlet: Channel) -> datetime:
    at = clock.now()
    return at if outlet.capabilities.recalls else max(at, broadcast.due_at)


async def _add_timelines(runtime: Runtime, transaction: Transaction, broadcast: Broadcast) -> int:
    rows = [
        deliveries.row(
            channel=channel.name,
            kind=channel.capabilities.delivery,
            audience=Audience.TIMELINE,
            priority=Priority.BROADCAST,
            phrase=FOLLOWER_PHRASES[broadcast.told],
            values={},
            language=runtime.settings.city.language,
            at=clock.now(),
            due_at=_due_at(broadcast, channel),
            post_id=broadcast.post_id,
            broadcast_id=broadcast.id,
        )
        for channel in runtime.timelines()
    ]
    await deliveries.add(transaction, rows)
    return len(rows)
