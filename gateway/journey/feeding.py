"""Step 5 for subscribers: events of the public stream become deliveries to each system that wants to hear of them.

The stream itself is every subscriber's queue. Each has its own place in it and only a few deliveries under way; the
next are queued as those end. So a subscriber that is slow, or away for days, holds up nobody and fills nothing, and
what it is told again (a replay) is a stretch of the same stream. Place and deliveries change in one transaction.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from channels.base import DeliveryKind
from gateway import clock
from gateway.journey import rounds, topics
from gateway.journey.folding import fold
from gateway.journey.topics import Under
from gateway.runtime import Runtime
from gateway.schema import State
from gateway.schema_outgoing import Audience, Outgoing, Priority
from gateway.schema_public import PublicPost, moment, public_json
from store import audit, changes, deliveries, events, subscribers
from store.changes import Changing
from store.database import Transaction
from store.deliveries import Claimed
from store.events import About, Event
from store.outcomes import Recorded
from store.subscribers import Filters, Subscriber

# How many deliveries of one subscriber may be under way: few, as a hanging one keeps that many senders busy.
WINDOW = 3
# How many events are looked at in one transaction, and for how many subscribers.
CHUNK = 100
GROUP = 25
PHRASE = "event"
TEST = "test"

log = structlog.get_logger()


async def run(runtime: Runtime) -> None:
    """Queue what each subscriber is to be told next, until cancelled."""
    said = "subscribers could not be fed"
    await rounds.keep_doing(runtime, subscribers.TOPIC, feed_some, action="subscribers.feed", stumbled=said)


async def feed_some(runtime: Runtime) -> bool:
    """Look at the next events for each subscriber that has room; false when nothing moved."""
    ready = clock.now() - timedelta(seconds=runtime.settings.broadcast.undo_seconds)
    async with runtime.database.reading() as connection:
        # What can still be undone is not looked at for anybody.
        newest = await events.settled(connection, ready)
        hungry = await subscribers.hungry(connection, WINDOW, newest)
    groups = [hungry[start : start + GROUP] for start in range(0, len(hungry), GROUP)]
    work = [partial(_feed, runtime, newest=newest, ids=ids) for ids in groups]
    return any(await asyncio.gather(*(runtime.database.write(one) for one in work)))


async def note(runtime: Runtime, transaction: Transaction, outcomes: Sequence[Recorded]) -> None:
    """Keep the subscribers' health as their attempts end; one that is given up is noted for people to see."""
    days = timedelta(days=runtime.settings.subscribers.failing_days)
    for address_id in await subscribers.note(transaction, outcomes, clock.now() - days):
        await audit.note(transaction, "delivery", "subscriber stopped", address_id)
        log.warning("a subscriber is called no more", action="subscribers.stopped", subscriber=address_id)


def outgoing(runtime: Runtime, claimed: Claimed, urn: str | None, post: PublicPost | None) -> Outgoing:
    """What a subscriber is sent: the post as it stands now, under an id that the event has for ever."""
    return Outgoing(
        delivery_id=claimed.id,
        address=urn,
        text=body(runtime.settings.public_url, claimed.values, post),
        language=claimed.language,
        idempotency=claimed.values["id"],
        post_id=claimed.post_id,
        event=claimed.values["about"],
    )


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


def fits(filters: Filters, under: Under) -> bool:
    """Whether what belongs there is what a subscriber wants to hear of. A place fits when it is named, or lies around
    the post's own."""
    if filters.category not in (None, *under.categories) or filters.department not in (None, *under.departments):
        return False
    return not filters.place or fold(filters.place) in under.said


async def _feed(runtime: Runtime, transaction: Transaction, newest: int, ids: Sequence[str]) -> bool:
    """Queue what some subscribers are told next: what is new first, then what they are told again."""
    some = await subscribers.hold_active(transaction, ids)
    rows, moved = [], []
    look = await _look(runtime, transaction, some, newest)
    for one in some:
        new, cursor = look.next(one, one.cursor, WINDOW - one.waiting)
        rows += [row(runtime, one, event) for event in new]
        replay_cursor = one.replay_cursor
        if replay_cursor < one.replay_until:
            room = WINDOW - one.waiting - len(new)
            again, replay_cursor = look.next(one, replay_cursor, room, one.replay_until)
            rows += [row(runtime, one, event, replay=True) for event in again]
        if (cursor, replay_cursor) != (one.cursor, one.replay_cursor):
            moved.append((one.id, cursor, replay_cursor))
    await deliveries.add(transaction, rows)
    await subscribers.move(transaction, moved)
    return bool(moved)


@dataclass(frozen=True, slots=True)
class _Look:
    """What several subscribers are fed from: the events behind each place in the stream, and what is known of them."""

    events: Mapping[int, Sequence[Event]]
    posts: Mapping[str, Changing]
    under: Mapping[str, Under]
    told: set[tuple[str, str]]

    def next(self, one: Subscriber, cursor: int, room: int, until: int | None = None) -> tuple[list[Event], int]:
        """The next events one wants, as many as there is room for, and how far the stream was looked at."""
        chosen: list[Event] = []
        for event in self.events[cursor]:
            if until is not None and event.number > until:
                return chosen, until
            told = (one.id, event.post_id) in self.told
            if self._wanted(one.filters, event, told=told):
                if len(chosen) >= room:
                    break
                chosen.append(event)
                self.told.add((one.id, event.post_id))
            cursor = event.number
        return chosen, cursor

    def _wanted(self, filters: Filters, event: Event, *, told: bool) -> bool:
        """Whether an event is told: what was withdrawn meanwhile only to those who heard of it before."""
        post = self.posts.get(event.post_id)
        if event.about not in filters.about or post is None:
            return False
        public = post.state is State.PUBLISHED and not post.private
        if event.about is About.WITHDRAWN or not public:
            return event.about is About.WITHDRAWN and told
        return told or fits(filters, self.under[post.id])


async def _look(runtime: Runtime, transaction: Transaction, some: Sequence[Subscriber], newest: int) -> _Look:
    """One question each for all of them; most stand at the same place."""
    places = {one.cursor for one in some} | {one.replay_cursor for one in some if one.replay_cursor < one.replay_until}
    found = {}
    for place in places:
        after = await events.after(transaction.connection, place, CHUNK)
        found[place] = [event for event in after if event.number <= newest]
    ids = {event.post_id for seen in found.values() for event in seen}
    posts = await changes.load_many(transaction.connection, ids)
    told = await subscribers.told(transaction.connection, [one.id for one in some], ids)
    return _Look(found, posts, {post.id: topics.under(runtime, post) for post in posts.values()}, told)
