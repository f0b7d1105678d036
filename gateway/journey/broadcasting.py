"""Step 5: a published post, its correction or its withdrawal, becomes deliveries to everybody who should have it.

The author is told in the decision's own transaction. All others follow in stages, each a chunk of rows added and the
cursor moved in one transaction, so that a crash repeats at most a chunk, and a repeated chunk adds nothing.
"""

import asyncio
import json
from collections.abc import Sequence

import structlog

from gateway import clock
from gateway.journey import topics
from gateway.runtime import Runtime
from gateway.schema import Audience, Kind, Priority, Say, State
from store import broadcasts, changes, deliveries, history
from store.broadcasts import Broadcast, Told
from store.changes import Changing
from store.database import Transaction

CHUNK = 5000
LOOK_EVERY = 2.0

# What each broadcast says to the author and to followers.
AUTHOR_PHRASES = {
    Told.PUBLISHED: "published",
    Told.CORRECTED: "corrected_author",
    Told.ANSWERED: "answered",
    Told.COMMENTED: "comment_published",
}
FOLLOWER_PHRASES = {
    Told.PUBLISHED: "follower_published",
    Told.CORRECTED: "follower_corrected",
    Told.WITHDRAWN: "follower_withdrawn",
    Told.ANSWERED: "follower_answered",
    Told.COMMENTED: "commented",
}
# These go to those who were told before, whatever they follow now.
CHANGES = (Told.CORRECTED, Told.WITHDRAWN)

# None for the timelines, else a topic (None: who was told before) and a scheme of addresses.
Stage = tuple[str | None, str] | None

log = structlog.get_logger()


async def start(runtime: Runtime, transaction: Transaction, post: Changing, told: Told) -> None:
    """Tell the author, and set the broadcast to all others going; what is private goes to its author alone."""
    phrase = AUTHOR_PHRASES.get(told)
    if phrase and (told is Told.ANSWERED or post.kind is not Kind.ANSWER):
        phrase = "published_private" if told is Told.PUBLISHED and post.private else phrase
        urgent = Priority.ANSWER if told is Told.ANSWERED else Priority.RECEIPT
        await tell_author(runtime, transaction, post, Say(phrase, {"ticket": post.ticket}), urgent)
    hidden = post.id != post.thread_id and post.thread_state is not State.PUBLISHED
    if not post.private and not hidden:
        hearing = [] if told in CHANGES else await _topics(transaction, post, told)
        await broadcasts.add(transaction, post.id, told, post.version + 1, hearing)


async def tell_author(runtime: Runtime, transaction: Transaction, post: Changing, say: Say, priority: Priority) -> None:
    """Say something to a thread's author where he spoke and on every other line he has not muted.

    A line that said STOP shows as undeliverable.
    """
    if post.author_id is None:
        return
    reaches = await changes.reaches(transaction.connection, post.author_id)
    key = await history.key_of_post(transaction.connection, runtime.vault, post.thread_id) if say.secrets else None
    place = deliveries.secrets_place(post.id, say.phrase)
    sealed = runtime.vault.seal(json.dumps(say.secrets).encode(), place, key) if say.secrets else None
    rows = []
    for reach in reaches:
        if outlet := runtime.outlet(reach.scheme, post.channel):
            rows.append(
                deliveries.row(
                    channel=outlet.name,
                    kind=outlet.capabilities.delivery,
                    audience=Audience.AUTHOR,
                    priority=priority,
                    phrase=say.phrase,
                    values=say.values,
                    language=reach.language or post.thread_language,
                    at=clock.now(),
                    address_id=reach.id,
                    post_id=post.id,
                    key=key,
                    sealed=sealed,
                )
            )
    await deliveries.add(transaction, rows)


async def run(runtime: Runtime) -> None:
    """Expand open broadcasts, oldest first, until cancelled."""
    bell = runtime.database.wakeups.bell("broadcasts")
    while True:
        try:
            while await expand_some(runtime):
                pass
        except Exception:
            # The cursor stands where the last commit left it: nothing is lost by trying again.
            log.exception("a broadcast could not be expanded", action="broadcast.expand")
            await asyncio.sleep(LOOK_EVERY)
        await bell.wait(LOOK_EVERY)


async def expand_some(runtime: Runtime) -> bool:
    """Do the next chunk of the oldest open broadcast; false when none is open, or others work on all there are."""
    async with runtime.database.reading() as connection:
        if not await broadcasts.any_open(connection):
            return False
    return await runtime.database.write(lambda transaction: _expand_next(runtime, transaction))


async def _expand_next(runtime: Runtime, transaction: Transaction) -> bool:
    """Hold a broadcast, add a chunk, move its cursor: one transaction, so that no two processes do the same."""
    broadcast = await broadcasts.hold_oldest_open(transaction)
    if broadcast is None:
        return False
    stages = _stages(runtime, broadcast)
    if broadcast.stage < len(stages):
        await _expand(runtime, transaction, broadcast, stages)
    else:
        await broadcasts.move(transaction, broadcast.id, broadcast.stage, None, clock.now())
        log.info("broadcast expanded", action="broadcast.expanded", broadcast=broadcast.id, told=broadcast.told)
    return True


async def _topics(transaction: Transaction, post: Changing, told: Told) -> list[str]:
    """Whose followers hear of a post: of a word added to a thread, only those who follow that very ticket."""
    if told is Told.COMMENTED:
        return [f"ticket:{post.ticket}"]
    return topics.of_post(
        # Who follows a ticket before it is published was told in words of his own (`groups`).
        ticket=post.ticket if told is not Told.PUBLISHED else None,
        category=post.category,
        department=post.department,
        place=post.place,
        text=post.text,
        places=await broadcasts.places_followed(transaction.connection),
    )


def _stages(runtime: Runtime, broadcast: Broadcast) -> list[Stage]:
    """Timelines first (None), then the followers of each topic on each scheme that can be reached."""
    schemes = {s for channel in runtime.channels.values() for s in channel.capabilities.schemes}
    reached = sorted(scheme for scheme in schemes if runtime.outlet(scheme))
    followed: Sequence[str | None] = broadcast.topics or (None,)
    return [None, *[(topic, scheme) for topic in followed for scheme in reached]]


async def _expand(runtime: Runtime, transaction: Transaction, broadcast: Broadcast, stages: list[Stage]) -> None:
    stage, cursor = stages[broadcast.stage], None
    if stage is None:
        await _add_timelines(runtime, transaction, broadcast)
    elif outlet := runtime.outlet(stage[1]):
        topic, scheme = stage
        cursor = await broadcasts.add_followers(
            transaction,
            broadcast,
            topic,
            outlet.name,
            outlet.capabilities.delivery,
            scheme,
            FOLLOWER_PHRASES[broadcast.told],
            CHUNK,
        )
    await broadcasts.move(transaction, broadcast.id, broadcast.stage if cursor else broadcast.stage + 1, cursor)


async def _add_timelines(runtime: Runtime, transaction: Transaction, broadcast: Broadcast) -> None:
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
            post_id=broadcast.post_id,
            broadcast_id=broadcast.id,
        )
        for channel in runtime.timelines()
    ]
    await deliveries.add(transaction, rows)
