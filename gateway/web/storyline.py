"""A thread's whole story in one line of time: what was done to its posts, what staff noted, what was sent of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.schema_outgoing import Audience
from store.deliveries import StaffDelivery
from store.history import Entry
from store.notes import Note
from store.posts_for_staff import StaffPost
from store.progress import Standing


@dataclass(frozen=True, slots=True)
class Event:
    """One moment of the story, and the post it is about: one of the four that may have happened is there."""

    at: datetime
    post: StaffPost | None
    entry: Entry | None = None
    note: Note | None = None
    broadcast: Standing | None = None
    delivery: StaffDelivery | None = None


def story(
    thread: Sequence[StaffPost],
    entries: Mapping[str, Sequence[Entry]],
    notes: Iterable[Note],
    broadcasts: Iterable[Standing],
    deliveries: Iterable[StaffDelivery],
) -> list[Event]:
    """Everything that happened to a thread, oldest first. What followers are told stands there as its broadcast."""
    known = {post.id: post for post in thread}
    events = [Event(entry.at, known[post_id], entry=entry) for post_id in known for entry in entries.get(post_id, ())]
    events += [Event(note.at, known.get(note.post_id), note=note) for note in notes]
    events += [Event(one.created_at, known.get(one.post_id), broadcast=one) for one in broadcasts]
    events += [
        Event(one.created_at, known.get(one.post_id or ""), delivery=one)
        for one in deliveries
        if one.audience is not Audience.FOLLOWER
    ]
    # Sorting keeps the order of what is of one moment: what was done, what was said of it, what left.
    return sorted(events, key=lambda event: event.at)
