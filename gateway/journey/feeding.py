"""Step 5 for subscribers: events of the public stream become deliveries to each system that wants to hear of them.

The stream itself is every subscriber's queue. Each has its own place in it and only a few deliveries under way; the
next are queued as those end. So a subscriber that is slow, or away for days, holds up nobody and fills nothing, and
what it is told again (a replay) is a stretch of the same stream. Place and deliveries change in one transaction.
"""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from channels.base import DeliveryKind
from gateway import clock
from gateway.journey.folding import fold
from gateway.runtime import Runtime
from gateway.schema import Audience, Priority, PublicPost, State, moment, public_json
from store import accounts, changes, deliveries, events, subscribers
from store.changes import Changing
from store.database import Transaction
from store.deliveries import Recorded
from store.events import About, Event
from store.subscribers import Filters, Subscriber

# How many deliveries of one subscriber may be under way: few, as a hanging one keeps that many senders busy.
WINDOW = 3
# How many events are looked at in one transaction.
CHUNK = 200
LOOK_EVERY = 2.0
PHRASE = "event"
TEST = "test"

log = structlog.get_logger()


async def run(runtime: Runtime) -> None:
    """Queue what each subscriber is to be told next, until cancelled."""
    bell = runtime.database.wakeups.bell(subscribers.TOPIC)
    while True:
        try:
            while await feed_some(runtime):
                pass
        except Exception:
            log.exception("subscribers could not be fed", action="subscribers.feed")
            await asyncio.sleep(LOOK_EVERY)
        await bell.wait(LOOK_EVERY)


async def feed_some(runtime: Runtime) -> bool:
    """Look at the next events for each subscriber that has room; false when nothing moved."""
    ready = clock.now() - timedelta(seconds=runtime.settings.subscribers.undo_seconds)
    async with runtime.database.reading() as connection:
        # What may still be taken back is not looked at for anybody.
        newest = await events.number_at(connection, ready)
        hungry = await subscribers.hungry(connection, WINDOW, newest)
    work = [partial(_feed, runtime, ready=ready, address_id=address_id) for address_id in hungry]
    return any(await asyncio.gather(*(runtime.database.write(one) for one in work)))


async def note(runtime: Runtime, transaction: Transaction, outcomes: Sequence[Recorded]) -> None:
    """Keep the subscribers' health as their attempts end; one that is given up is noted for people to see."""
    days = timedelta(days=runtime.settings.subscribers.failing_days)
    for address_id in await subscribers.note(transaction, outcomes, clock.now() - days):
        await accounts.note(transaction, "delivery", "subscriber stopped", address_id)
        log.warning("a subscriber is called no more", action="subscribers.stopped", subscriber=address_id)


def body(source: str, values: Mapping[str, Any], post: PublicPost | None) -> str:
    """What a subscriber reads: which event, and its post as the public sees it now.

    What is not public any more is told as withdrawn, whatever had happened to it.
    """
    about = values["about"]
    if about != TEST and (post is None or post.state is not State.PUBLISHED):
        about = About.WITHDRAWN
    told = {
        "type": about if about == TEST else f"post.{about}",
        "timestamp": values["at"],
        "number": values["number"],
        "replay": values["replay"],
        "source": source,
        "data": public_json(post) if post else {},
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def row(runtime: Runtime, subscriber: Subscriber, event: Event | None, *, replay: bool = False) -> dict[str, Any]:
    """A delivery of an event to a subscriber; without one, of a test. Its id is the same each time it is told."""
    at = clock.now()
    named = f"{event.number}" if event else clock.new_id()
    return deliveries.row(
        channel=subscriber.channel,
        kind=DeliveryKind.SUBSCRIBERS,
        audience=Audience.SUBSCRIBER,
        priority=Priority.BROADCAST,
        phrase=PHRASE,
        values={
            "id": "msg_" + runtime.vault.lookup(f"subscriber:{subscriber.id}:{named}")[:32],
            "about": event.about if event else TEST,
            "number": event.number if event else 0,
            "at": moment(event.at if event else at),
            "replay": replay,
        },
        language=runtime.settings.city.language,
        at=at,
        address_id=subscriber.id,
        post_id=event.post_id if event else None,
    )


def fits(filters: Filters, post: Changing) -> bool:
    """Whether a post is one that a subscriber wants to hear of. A place fits when the post names it."""
    if filters.category not in (None, post.category) or filters.department not in (None, post.department):
        return False
    return not filters.place or fold(filters.place) in fold(f"{post.place or ''} {post.text}")


async def _feed(runtime: Runtime, transaction: Transaction, ready: datetime, address_id: str) -> bool:
    """Queue what one subscriber is told next: what is new first, then what it is told again."""
    one = await subscribers.hold(transaction, address_id, wait=False)
    if one is None or one.standing is not subscribers.Standing.ACTIVE:
        return False
    new, cursor = await _next(transaction, one, one.cursor, ready, WINDOW - one.waiting)
    rows = [row(runtime, one, event) for event in new]
    replay_cursor = one.replay_cursor
    if replay_cursor < one.replay_until:
        room = WINDOW - one.waiting - len(rows)
        again, reached = await _next(transaction, one, replay_cursor, ready, room, one.replay_until)
        rows += [row(runtime, one, event, replay=True) for event in again]
        replay_cursor = min(reached, one.replay_until)
    if (cursor, replay_cursor) == (one.cursor, one.replay_cursor):
        return False
    await deliveries.add(transaction, rows)
    await subscribers.move(transaction, address_id, cursor=cursor, replay_cursor=replay_cursor)
    return True


async def _next(
    transaction: Transaction, one: Subscriber, cursor: int, ready: datetime, room: int, until: int | None = None
) -> tuple[list[Event], int]:
    """The next events a subscriber wants, as many as there is room for, and how far the stream was looked at."""
    found = await events.after(transaction.connection, cursor, CHUNK)
    found = [event for event in found if event.at < ready and (until is None or event.number <= until)]
    ids = {event.post_id for event in found}
    known = await changes.load_many(transaction.connection, ids)
    told = await subscribers.told(transaction.connection, one.id, ids)
    chosen: list[Event] = []
    for event in found:
        if _wanted(one.filters, event, known.get(event.post_id), told):
            if len(chosen) >= room:
                break
            chosen.append(event)
            told.add(event.post_id)
        cursor = event.number
    return chosen, cursor


def _wanted(filters: Filters, event: Event, post: Changing | None, told: Collection[str]) -> bool:
    """Whether an event is told: what was withdrawn meanwhile only to those who heard of it before."""
    if event.about not in filters.about or post is None:
        return False
    public = post.state is State.PUBLISHED and not post.private
    if event.about is About.WITHDRAWN or not public:
        return event.about is About.WITHDRAWN and event.post_id in told
    return event.post_id in told or fits(filters, post)
