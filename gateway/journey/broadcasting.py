"""Step 5: a published post, its correction or its withdrawal, becomes deliveries to everybody who should have it.

The author is told in the decision's own transaction. All others follow in stages, each a chunk of rows added and the
cursor moved in one transaction, so that a crash repeats at most a chunk, and a repeated chunk adds nothing. First come
the timelines, then what costs nothing, then what does, after it was counted what it will cost.

What can be recalled is told at once; all else is due when the undo time is over, so that a decision taken back within
it is heard by nobody.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from channels.base import Channel
from gateway import clock
from gateway.journey import judging, rendering, rounds, topics
from gateway.runtime import Runtime
from gateway.schema import Audience, DeliveryState, Kind, Priority, Say, State
from store import audit, broadcasts, changes, deliveries, following, history, media, together
from store.broadcasts import WAITING, Broadcast, BroadcastState, Told
from store.changes import Changing, Reach
from store.database import Transaction
from store.following import Way
from store.participating import FOLLOWED
from store.vault import SealingKey

# A chunk is at most so long, and shorter when intake waits for it; so many follow each other before it is asked again
# what is to be done.
CHUNK = 2500
CHUNKS = 20

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
# Whose addresses hear as authors do: a thread's reporters (see `store.together`).
REPORTERS = "reporters"
# What the author of an answer's thread hears when it changes, if he heard the answer.
ANSWER_PHRASES = {Told.CORRECTED: "answer_corrected", Told.WITHDRAWN: "answer_withdrawn"}
# The words about a decision that are taken back with it.
DECIDED = (
    "published",
    "published_private",
    "comment_published",
    "answered",
    "held",
    "rejected",
    "comment_held",
    "comment_rejected",
    "joined",
    "answered_joined",
)
CORRECTED = ("corrected_author", "answer_corrected")
# These go to those who were told before, whatever they follow now.
CHANGES = (Told.CORRECTED, Told.WITHDRAWN)
# What a withdrawal stops.
PUBLICATIONS = tuple(told for told in Told if told is not Told.WITHDRAWN)

# None for the timelines, else a source of addresses (see `following.add_followers`), a scheme, and who tells it.
Stage = tuple[str, str, Channel] | None

log = structlog.get_logger()


async def start(
    runtime: Runtime,
    transaction: Transaction,
    post: Changing,
    told: Told,
    expires_at: datetime | None = None,
    topics_heard: Sequence[str] = (),
) -> None:
    """Tell the author, and set the broadcast to all others going; what is private goes to its author alone.

    `topics_heard` are the topics whose followers hear it, where the post itself does not say them.
    """
    if told in CHANGES:
        await _overtake(transaction, post, told)
    await _tell_own(runtime, transaction, post, told)
    hidden = post.id != post.thread_id and post.thread_state is not State.PUBLISHED
    if not post.private and not hidden:
        hearing = [] if told in CHANGES else topics_heard or await _topics(runtime, transaction, post, told)
        due_at = clock.now() if told is Told.WITHDRAWN else settled_at(runtime)
        await broadcasts.add(transaction, post.id, told, post.version + 1, hearing, due_at, expires_at)


async def take_back(runtime: Runtime, transaction: Transaction, post: Changing, said: Sequence[str]) -> None:
    """Undo what a decision set going: what has not left stays here, and who heard it all the same hears that too.

    `said` are the words the author was to hear.
    """
    heard = await deliveries.author_heard(transaction.connection, post.id, said)
    await deliveries.drop_words(transaction, post.id, said, "undone", clock.now())
    if heard and await deliveries.author_heard(transaction.connection, post.id, said):
        answer = post.kind is Kind.ANSWER
        phrase = ANSWER_PHRASES[Told.WITHDRAWN] if answer else "undone_author"
        await tell_author(runtime, transaction, post, Say(phrase, {"ticket": post.ticket}), Priority.RECEIPT)
    if post.state is State.PUBLISHED:
        await broadcasts.stop(transaction, post.id, "undone", PUBLICATIONS)
        await broadcasts.stop_under(transaction, post.id, "undone", PUBLICATIONS)
        if not post.private:
            version = post.version + 1
            await broadcasts.add(transaction, post.id, Told.WITHDRAWN, version, [], clock.now())


def settled_at(runtime: Runtime) -> datetime:
    """When what is decided now cannot be undone any more."""
    return clock.now() + timedelta(seconds=runtime.settings.broadcast.undo_seconds)


async def tell_author(
    runtime: Runtime,
    transaction: Transaction,
    post: Changing,
    say: Say,
    priority: Priority,
    *,
    waits: bool = False,
    asks: bool = False,
) -> None:
    """Say something to a thread's author where he spoke and on every other line he has not muted.

    A line that said STOP shows as undeliverable. What `waits` can still be undone, and leaves when it cannot any more.
    With `asks` the same message asks what he thinks of the answer, where he can write back.
    """
    if post.author_id is not None:
        reaches = await changes.reaches(transaction.connection, post.author_id)
        await tell_lines(runtime, transaction, post, reaches, say, priority, waits=waits, asks=asks)


async def tell_lines(
    runtime: Runtime,
    transaction: Transaction,
    post: Changing,
    reaches: Sequence[Reach],
    say: Say,
    priority: Priority,
    *,
    waits: bool = False,
    asks: bool = False,
) -> None:
    """Say something of a post on some lines of its author."""
    key = await history.key_of_post(transaction.connection, runtime.vault, post.thread_id) if say.secrets else None
    place = deliveries.secrets_place(post.id, say.phrase)
    sealed = runtime.vault.seal(json.dumps(say.secrets).encode(), place, key) if say.secrets else None
    rows = []
    for reach in reaches:
        if outlet := runtime.outlet(reach.scheme, post.channel):
            due_at = settled_at(runtime) if waits and not outlet.capabilities.recalls else clock.now()
            asked = replace(say, values={**say.values, "asks": True}) if asks and outlet.capabilities.receives else say
            rows.append(_to_author(outlet, reach, post, asked, priority, due_at, key, sealed))
    await deliveries.add(transaction, rows)


async def change(runtime: Runtime, broadcast_id: str, action: str, *, actor: str) -> None:
    """Pause, resume, stop a broadcast or agree to its cost, by a person; noted in the audit log.

    Raises `NotFound`, and `Conflict` when its state does not allow it.
    """

    async def work(transaction: Transaction) -> None:
        await broadcasts.by_hand(transaction, broadcast_id, action, actor)
        await audit.note(transaction, actor, f"broadcast {action}", broadcast_id)

    await runtime.database.write(work)


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


async def _overtake(transaction: Transaction, post: Changing, told: Told) -> None:
    """A change makes needless what of earlier ones has not left; a withdrawal all that has not left of the post."""
    if told is Told.CORRECTED:
        await broadcasts.stop(transaction, post.id, "superseded", [Told.CORRECTED])
        await deliveries.drop_words(transaction, post.id, CORRECTED, "superseded", clock.now())
        return
    await broadcasts.stop(transaction, post.id, "withdrawn", PUBLICATIONS)
    await broadcasts.stop_under(transaction, post.id, "withdrawn", PUBLICATIONS)
    await deliveries.drop_words(transaction, post.id, (*DECIDED, *CORRECTED), "withdrawn", clock.now())


async def _tell_own(runtime: Runtime, transaction: Transaction, post: Changing, told: Told) -> None:
    """Tell the author of a post, or of the thread that was answered, in words of his own."""
    phrase = AUTHOR_PHRASES.get(told)
    if post.kind is Kind.ANSWER and told in CHANGES:
        heard = await deliveries.author_heard(transaction.connection, post.id, ("answered", "answer_corrected"))
        phrase = ANSWER_PHRASES[told] if heard else None
    if phrase is None:
        return
    hidden = post.private and post.kind is not Kind.ANSWER
    phrase = "published_private" if hidden and told in (Told.PUBLISHED, Told.COMMENTED) else phrase
    urgent = Priority.ANSWER if told is Told.ANSWERED else Priority.RECEIPT
    files = await media.number_of(transaction.connection, post.id) if post.kind is Kind.ANSWER else 0
    say = Say(phrase, {"ticket": post.ticket, **({"files": files} if files else {})})
    asks = told is Told.ANSWERED and await judging.is_asked(runtime, transaction, post)
    await tell_author(runtime, transaction, post, say, urgent, waits=told is not Told.WITHDRAWN, asks=asks)


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


async def _topics(runtime: Runtime, transaction: Transaction, post: Changing, told: Told) -> list[str]:
    """Whose followers hear of a post: of a word added to a thread, only those who follow that very ticket."""
    if told is Told.COMMENTED:
        return [f"ticket:{post.ticket}"]
    # First those who reported it too, in words of their own; who follows it as well is told once.
    reported = told is Told.ANSWERED and await together.is_reported(transaction.connection, post.thread_id)
    first = [f"{REPORTERS}:{post.thread_id}"] if reported else []
    about = post
    if told is Told.ANSWERED:
        # An answer is about what its thread is about.
        thread = await changes.load(transaction.connection, post.thread_id)
        about = replace(thread, department=post.department or thread.department)
    return first + topics.of_post(
        # Who follows a ticket before it is published was told in words of his own (`groups`).
        post.ticket if told is not Told.PUBLISHED else None,
        topics.under(runtime, about),
        await broadcasts.places_followed(transaction.connection),
    )


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


def _to_author(
    outlet: Channel,
    reach: Reach,
    post: Changing,
    say: Say,
    priority: Priority,
    due_at: datetime,
    key: SealingKey | None,
    sealed: bytes | None,
) -> dict[str, object]:
    return deliveries.row(
        channel=outlet.name,
        kind=outlet.capabilities.delivery,
        audience=Audience.AUTHOR,
        priority=priority,
        phrase=say.phrase,
        values=say.values,
        language=reach.language or post.thread_language,
        at=clock.now(),
        due_at=due_at,
        address_id=reach.id,
        post_id=post.id,
        key=key,
        sealed=sealed,
    )
