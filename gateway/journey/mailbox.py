"""A mailbox as its owner reads it: what he said and what we said, in one order, also long after.

What we say to a mailbox is said when its delivery is committed; whoever has it open is only told sooner.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

import structlog

from channels.base import DeliveryKind
from channels.handed import Letter, OwnFile
from gateway import clock
from gateway.errors import NotFound
from gateway.journey import letters
from gateway.runtime import Runtime
from store import changes, deliveries, mailbox
from store.changes import Reach
from store.mailbox import EPOCH, Kept, Owner, Position
from store.media import KEPT

# A message may be committed a little later than its moment says, by another process too: so far back is looked again.
OVERLAP = timedelta(seconds=30)
# How often a process asks what others put into the mailboxes that are open here, and how far back each time.
LOOK_EVERY = 2.0
LOOK_BACK = 200
LOOK_BACK_SECONDS = 10.0
MOST_SEEN = 200
# What says that something told before is no longer true.
RECALLS = ("follower_corrected", "follower_withdrawn")
# For how long somebody is believed to be typing, and how many of those are remembered.
TYPING = timedelta(seconds=6)
MOST_TYPING = 10_000

log = structlog.get_logger()


class Mailbox:
    """One address's mailbox, as one window has it open."""

    def __init__(self, runtime: Runtime, channel: str, address: str) -> None:
        self._runtime = runtime
        self._channel = channel
        self._lookup = runtime.vault.lookup(address)
        # By its hash until the address is known: its first message makes it.
        self._bell, self._known = runtime.database.wakeups.bell(deliveries.mailbox(self._lookup)), False
        self._at = Position(clock.now())
        # The places of what was given lately, so that looking back gives nothing twice.
        self._given: dict[str, Position] = {}

    def begin(self, number: str) -> None:
        """Go on behind a message the window has; without one, from the very first."""
        self._at = Position.of(number) or Position(EPOCH + OVERLAP)
        self._given = {}

    async def news(self, limit: int) -> Sequence[Letter]:
        """What came since, in order; with it what was told before and reads otherwise now. Empty when nothing came."""
        since = Position(max(EPOCH, self._at.at - OVERLAP))
        self._given = {number: place for number, place in self._given.items() if place > since}
        async with self._runtime.database.reading() as connection:
            who = await self._owner(connection)
            if who is None:
                return ()
            spoken, told = await mailbox.after(connection, who, since, limit + len(self._given))
            fresh = self._fresh([*(one.position for one in spoken), *(one.position for one in told)], limit)
            spoken = [one for one in spoken if one.position in fresh]
            told = [one for one in told if one.position in fresh]
            told += [one for one in await self._recalled(connection, who, told, limit) if one.position not in fresh]
            return await letters.worded(self._runtime, connection, self._channel, spoken, told)

    async def earlier(self, number: str | None, limit: int) -> tuple[Sequence[Letter], bool]:
        """The last messages before one, or of all, in order; and whether there are still earlier ones."""
        place = Position.of(number) if number else None
        if number and place is None:
            return (), False
        async with self._runtime.database.reading() as connection:
            who = await self._owner(connection)
            if who is None:
                return (), False
            spoken, told = await mailbox.before(connection, who, place, limit + 1)
            page = await letters.worded(self._runtime, connection, self._channel, spoken, told)
        return page[-limit:], len(spoken) + len(told) > limit

    async def seen(self, numbers: Collection[str]) -> None:
        """Note which of our messages the window has shown; what is none of this mailbox's is passed over."""
        places = [Position.of(number) for number in list(numbers)[:MOST_SEEN]]
        ids = [place.delivery_id for place in places if place and place.delivery_id]
        async with self._runtime.database.reading() as connection:
            who = await self._owner(connection)
            unseen = await mailbox.unseen(connection, who, ids) if who and ids else []
        if who and unseen:
            owner, at = who, clock.now()
            await self._runtime.database.write(lambda tx: mailbox.see(tx, owner, unseen, at))

    async def typing(self) -> None:
        """Note that the owner is typing, for staff who look at his thread just now."""
        async with self._runtime.database.reading() as connection:
            who = await self._owner(connection)
        if who:
            known = self._runtime.typing
            known.pop(who.address_id, None)
            known[who.address_id] = clock.now()
            while len(known) > MOST_TYPING:
                known.pop(next(iter(known)))

    async def file(self, media_id: str) -> OwnFile:
        """A file the owner sent himself. Raises `NotFound` for any other."""
        async with self._runtime.database.reading() as connection:
            who = await self._owner(connection)
            found = await mailbox.own_file(connection, who, media_id) if who else None
        sha256 = found and (found.sha256 or found.url.removeprefix(KEPT))
        path = self._runtime.blobs.path(sha256) if sha256 and sha256.isalnum() else None
        if found is None or path is None or not await asyncio.to_thread(path.is_file):
            raise NotFound("there is no such file")
        return OwnFile(path, found.type)

    async def wait(self, timeout: float) -> bool:
        """Wait until something may have come, or until `timeout` seconds passed; true when it was told."""
        return await self._bell.wait(timeout)

    async def _owner(self, connection: Any) -> Owner | None:
        who = await mailbox.owner(connection, self._lookup)
        if who and not self._known:
            self._known = True
            self._bell = self._runtime.database.wakeups.bell(deliveries.mailbox(who.address_id))
            # What was committed since this connection began to read rang nobody yet.
            self._bell.ring()
        return who

    def _fresh(self, places: Sequence[Position], limit: int) -> set[Position]:
        """The first of these places that were not given yet; now they are."""
        fresh = sorted(place for place in places if place.number not in self._given)[:limit]
        self._given |= {place.number: place for place in fresh}
        self._at = max([self._at, *fresh])
        return set(fresh)

    async def _recalled(self, connection: Any, who: Owner, told: Sequence[Kept], limit: int) -> list[Kept]:
        """What was told before of posts that are now said to be otherwise."""
        about = {one.post_id for one in told if one.delivery.phrase in RECALLS and one.post_id}
        return await mailbox.of_posts(connection, who, sorted(about), limit) if about else []


async def run(runtime: Runtime) -> None:
    """Wake the mailboxes open here for what other processes put into them, until cancelled."""
    known: set[int | str] = set()
    last = 0
    while True:
        try:
            # Whoever opens one after a time without any looks for himself first.
            awaited = runtime.database.wakeups.awaited(deliveries.MAILBOXES)
            last, known = await look(runtime, last, known) if awaited else (0, set())
        except Exception:
            log.exception("the mailboxes could not be looked at", action="mailbox.look")
        await asyncio.sleep(LOOK_EVERY)


async def look(runtime: Runtime, last: int, known: set[int | str]) -> tuple[int, set[int | str]]:
    """Ring for what came since the delivery `last`, but for what is `known`; gives both for the next time."""
    # Ids begin with the millisecond they were made in (`gateway.clock`).
    since = f"{int((clock.now().timestamp() - LOOK_BACK_SECONDS) * 1000):012x}"
    async with runtime.database.reading() as connection:
        last = last or await mailbox.newest(connection)
        told, said = await mailbox.changed(connection, max(0, last - LOOK_BACK), since)
    fresh = {told[one] for one in told.keys() - known} | {said[one] for one in said.keys() - known}
    runtime.database.wakeups.ring({deliveries.mailbox(address_id) for address_id in fresh})
    return max([last, *told]), {*told, *said}


async def is_typing(runtime: Runtime, ticket: str) -> bool:
    """Whether the author of a thread is typing into a mailbox just now. Raises `NotFound`."""
    async with runtime.database.reading() as connection:
        reaches = await _author(connection, ticket)
    since = clock.now() - TYPING
    return any(runtime.typing.get(reach.id, since) > since for reach in reaches)


async def converses(runtime: Runtime, connection: Any, ticket: str) -> bool:
    """Whether the author of a thread has a mailbox here, so that his typing can be seen."""
    outlets = [runtime.outlet(reach.scheme) for reach in await _author(connection, ticket)]
    return any(outlet and outlet.capabilities.delivery is DeliveryKind.MAILBOX for outlet in outlets)


async def _author(connection: Any, ticket: str) -> Sequence[Reach]:
    thread = await changes.load(connection, ticket)
    return await changes.reaches(connection, thread.author_id) if thread.author_id else ()
