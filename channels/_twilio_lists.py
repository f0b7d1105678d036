"""Catching up: what Twilio kept while we were away is listed since we last looked, and taken, oldest first.

How far we came is a moment by Twilio's clock, never by ours. Each look begins some time before it, so that what was
filed late at the border is seen; what was taken already is known by its id, and to the gateway a repeat is no harm.
Of several processes one looks; when it is gone, another goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

import structlog

from channels.desk import Desk
from channels.failures import Failure, Throttled
from gateway import clock
from gateway.errors import BadInput, TooMany

T = TypeVar("T")

# How much earlier than the newest thing seen a look begins.
OVERLAP = timedelta(minutes=10)
# For so long a look comes back to what Twilio has not finished: longer than the longest recording.
PATIENCE = timedelta(hours=2)
POSITION_DAYS = 60

_MOST_PAGES = 2000
_MOST_KNOWN = 20_000
_MOST_STUMBLES = 3
_AGAIN_SECONDS = 30.0
_THROTTLED_SECONDS = 60.0
# For how long a list stays with a process that was last alive, and how often that says so.
_LEASE_SECONDS = 30.0
_RENEW_SECONDS = 10.0

log = structlog.get_logger()


class Found(StrEnum):
    """What became of one thing listed: new to us, had before, not for us, or not ready and to be looked at again."""

    NEW = "new"
    KNOWN = "known"
    FOREIGN = "foreign"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """One thing in a list: its id, the moment it is filed under, and what it is."""

    id: str
    at: datetime
    thing: T


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list that goes from new to old, and the address of the next one."""

    rows: Sequence[Listed[T]]
    following: str | None


class Known:
    """The ids of what was taken lately, by webhook or list, so that a look does not ask for it again."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def __contains__(self, carrier_id: str) -> bool:
        return carrier_id in self._ids

    def add(self, carrier_id: str) -> None:
        """Remember one; the oldest beyond a number are forgotten."""
        self._ids[carrier_id] = None
        if len(self._ids) > _MOST_KNOWN:
            del self._ids[next(iter(self._ids))]


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """One of Twilio's lists: how to ask for its first page since a moment, for another page, and to take one thing."""

    since: Callable[[datetime], Awaitable[Page[T]]]
    at: Callable[[str], Awaitable[Page[T]]]
    take: Callable[[T], Awaitable[Found]]


class CatchingUp(Generic[T]):
    """Looks at one list every `every`, each time from `overlap` before the newest it has seen.

    `position` is the name how far it came is kept under; the very first look goes back by `look_back`.
    """

    def __init__(
        self,
        channel: str,
        desk: Desk,
        listing: Listing[T],
        known: Known,
        *,
        position: str,
        every: timedelta,
        look_back: timedelta,
        overlap: timedelta = OVERLAP,
    ) -> None:
        self._channel, self._desk, self._list, self._known = channel, desk, listing, known
        self._position, self._every, self._look_back, self._overlap = position, every, look_back, overlap
        self._lost, self._stumbled = False, 0

    async def run(self) -> None:
        """Look at once and then again and again, whatever happens, until cancelled; or wait until the list is ours."""
        while True:
            if await self._hold():
                await self._rest(await self.step())
            else:
                await asyncio.sleep(_RENEW_SECONDS)

    async def step(self) -> float:
        """Look once; gives for how many seconds to wait before the next look."""
        usual = self._every.total_seconds()
        try:
            count = await self.look()
        except Throttled as failed:
            self._miss(failed.detail)
            return failed.retry_after or _THROTTLED_SECONDS
        except TooMany as full:
            self._miss(str(full))
            return float(full.retry_after)
        except Failure as failed:
            self._miss(failed.detail)
            return min(usual, _AGAIN_SECONDS)
        except Exception:
            if not self._lost:
                log.exception("catching up stumbled", action="catching_up.lost", channel=self._channel)
            self._lost = True
            return min(usual, _AGAIN_SECONDS)
        self._find_back()
        if count:
            log.info("took what had not come", action="catching_up.taken", channel=self._channel, count=count)
        return usual

    async def look(self) -> int:
        """Take what came since the last look; gives how many were new. How far it came is kept page by page."""
        position, count, unfinished = await self._recall(), 0, None
        start, self._stumbled = position - self._overlap, 0
        async for rows in self._oldest_first(start):
            for row in rows:
                found = await self._take(row)
                count += found is Found.NEW
                if found is Found.UNFINISHED and row.at > clock.now() - PATIENCE:
                    unfinished = min(unfinished or row.at, row.at)
            position = max([position, *(row.at for row in rows)])
            await self._keep(min(position, unfinished or position))
        return count

    async def _hold(self) -> bool:
        try:
            return await self._desk.hold(self._channel, "catching up", _LEASE_SECONDS)
        except Exception:
            log.exception("cannot see whose list it is", action="catching_up.lease", channel=self._channel)
            return False

    async def _rest(self, seconds: float) -> None:
        """Wait for the next look, and keep the list ours; no longer than it is."""
        while seconds > 0:
            wait = min(seconds, _RENEW_SECONDS)
            await asyncio.sleep(wait)
            seconds -= wait
            if not await self._hold():
                return

    async def _take(self, row: Listed[T]) -> Found:
        if row.id in self._known:
            return Found.KNOWN
        try:
            found = await self._list.take(row.thing)
        except BadInput as error:
            log.warning("cannot be taken", action="catching_up.unusable", channel=self._channel, reason=str(error))
            found = Found.FOREIGN
        except (Failure, TooMany):
            raise
        except Exception:
            # One thing that cannot be taken must not keep back all that came after it; when none can, the look ends.
            self._stumbled += 1
            if self._stumbled > _MOST_STUMBLES:
                raise
            log.exception("cannot be taken", action="catching_up.failed", channel=self._channel, external_id=row.id)
            found = Found.UNFINISHED
        if found is not Found.UNFINISHED:
            self._known.add(row.id)
        return found

    async def _oldest_first(self, start: datetime) -> AsyncIterator[list[Listed[T]]]:
        """The pages back to a moment, from the last to the first: walked once to the end, and asked again on the way
        back, so that no more than two are held. The first is held, for what arrives meanwhile moves its end."""
        first = page = await self._list.since(start)
        trail: list[str] = []
        while page.following and _reaches(page, start):
            if len(trail) >= _MOST_PAGES:
                log.error("there is too much to catch up with", action="catching_up.cut", channel=self._channel)
                break
            trail.append(page.following)
            page = await self._list.at(page.following)
        if trail:
            yield _since(page.rows, start)
        for address in reversed(trail[:-1]):
            yield _since((await self._list.at(address)).rows, start)
        yield _since(first.rows, start)

    async def _recall(self) -> datetime:
        """How far we came; at the very first look some time back, and from then on it is known."""
        if kept := await self._desk.recall(self._channel, self._position):
            return datetime.fromisoformat(kept["at"])
        position = clock.now() - self._look_back
        await self._keep(position)
        return position

    async def _keep(self, position: datetime) -> None:
        await self._desk.keep(self._channel, self._position, {"at": position.isoformat()}, days=POSITION_DAYS)

    def _miss(self, detail: str) -> None:
        """Say once that the list cannot be had."""
        if not self._lost:
            log.warning("cannot catch up now", action="catching_up.lost", channel=self._channel, detail=detail)
        self._lost = True

    def _find_back(self) -> None:
        if self._lost:
            log.info("catching up again", action="catching_up.back", channel=self._channel)
        self._lost = False


def _reaches(page: Page[T], start: datetime) -> bool:
    """Whether older pages may still hold something: a carrier may know whole days only."""
    return bool(page.rows) and min(row.at for row in page.rows) >= start


def _since(rows: Iterable[Listed[T]], start: datetime) -> list[Listed[T]]:
    return sorted((row for row in rows if row.at >= start), key=lambda row: row.at)
