"""What an administrator does with subscribers: enter one, look at all, pause, resume, test, replay, rotate, remove."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from channels.base import Channel
from gateway import clock
from gateway.errors import BadInput, Conflict, NotFound
from gateway.journey import feeding
from gateway.runtime import Runtime
from store import audit, citizens, deliveries, events, subscribers
from store.database import Transaction
from store.events import About
from store.subscribers import Filters, Standing

LONGEST_NAME = 64
LONGEST_PLACE = 100
# For how long a replaced secret still signs, and how far back a replay goes.
OVERLAP = timedelta(days=1)
REPLAYED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Entered:
    """A subscriber as it was just entered or given a new secret: the only time the secret is shown."""

    id: str
    secret: str = field(repr=False)


async def add(
    runtime: Runtime,
    url: str,
    name: str,
    *,
    about: Sequence[str] = (),
    category: str | None = None,
    department: str | None = None,
    place: str | None = None,
    actor: str,
) -> Entered:
    """Enter a subscriber; with nothing in `about` it hears of everything. Raises `BadInput`."""
    channel, name = _channel(runtime), " ".join(name.split())
    filters = _filters(runtime, about, category, department, place)
    if not name or len(name) > LONGEST_NAME:
        raise BadInput("give it a name of at most 64 characters", "name")
    admitted = channel.admit(url)

    async def work(transaction: Transaction) -> str:
        if await subscribers.count(transaction.connection) >= runtime.settings.subscribers.most:
            raise Conflict("there are too many subscribers; remove one first")
        at, language = clock.now(), runtime.settings.city.language
        address = await citizens.enter(
            transaction, runtime.vault, admitted.address, language=language, at=at, owned=False
        )
        await subscribers.add(transaction, address.id, channel.name, name, admitted.host, filters, at)
        await audit.note(transaction, actor, "subscriber added", address.id)
        return address.id

    return Entered(await runtime.database.write(work), admitted.secret)


async def pause(runtime: Runtime, address_id: str, *, actor: str) -> None:
    """Tell one nothing until it is resumed; its place in the stream stays."""

    async def work(transaction: Transaction) -> None:
        one = await subscribers.hold(transaction, address_id)
        if one.standing is not Standing.ACTIVE:
            raise Conflict("this change is not possible any more")
        await subscribers.change(transaction, address_id, state=Standing.PAUSED)
        await subscribers.set_aside(transaction, address_id, clock.now())
        await audit.note(transaction, actor, "subscriber paused", address_id)

    await runtime.database.write(work)


async def resume(runtime: Runtime, address_id: str, *, actor: str) -> None:
    """Go on where one was left, with what waited first; its failures are forgotten."""

    async def work(transaction: Transaction) -> None:
        one = await subscribers.hold(transaction, address_id)
        if one.standing is Standing.ACTIVE and not one.failures:
            raise Conflict("this change is not possible any more")
        fresh = {"state": Standing.ACTIVE, "failures": 0, "failing_since": None}
        await subscribers.change(transaction, address_id, **fresh)
        await subscribers.take_up(transaction, one.channel, address_id, clock.now())
        await audit.note(transaction, actor, "subscriber resumed", address_id)

    await runtime.database.write(work)


async def test(runtime: Runtime, address_id: str, *, actor: str) -> None:
    """Send one an event that tells of nothing, also while it is paused."""

    async def work(transaction: Transaction) -> None:
        one = await subscribers.hold(transaction, address_id)
        await deliveries.add(transaction, [feeding.row(runtime, one, None)])
        await audit.note(transaction, actor, "subscriber tested", address_id)

    await runtime.database.write(work)


async def replay(runtime: Runtime, address_id: str, *, actor: str) -> None:
    """Tell one again what happened in the last day, each event under the id it had."""

    async def work(transaction: Transaction) -> None:
        one = await subscribers.hold(transaction, address_id)
        before = await events.number_at(transaction.connection, clock.now() - REPLAYED)
        # What lies behind its place it is told anyway.
        stretch = {"replay_cursor": min(before, one.cursor), "replay_until": one.cursor}
        await subscribers.change(transaction, address_id, **stretch)
        await audit.note(transaction, actor, "subscriber replayed", address_id)

    await runtime.database.write(work)


async def rotate(runtime: Runtime, address_id: str, *, actor: str) -> Entered:
    """Give one a new secret; for a day messages are signed with the old one too."""
    channel = _channel(runtime)

    async def work(transaction: Transaction) -> str:
        await subscribers.hold(transaction, address_id)
        at, connection = clock.now(), transaction.connection
        urn, _ = (await citizens.unseal(connection, runtime.vault, [address_id]))[address_id]
        known = await citizens.known(connection, runtime.vault, urn)
        if known is None:
            raise NotFound("there is no such subscriber")
        admitted = channel.renew(urn, at + OVERLAP)
        await citizens.rename(transaction, runtime.vault, known, admitted.address)
        await subscribers.change(transaction, address_id, rotated_at=at)
        await audit.note(transaction, actor, "subscriber rotated", address_id)
        return admitted.secret

    return Entered(address_id, await runtime.database.write(work))


async def remove(runtime: Runtime, address_id: str, *, actor: str) -> None:
    """Forget one, with its address and secrets."""

    async def work(transaction: Transaction) -> None:
        await subscribers.remove(transaction, address_id, clock.now())
        await audit.note(transaction, actor, "subscriber removed", address_id)

    await runtime.database.write(work)


def _channel(runtime: Runtime) -> Channel:
    channel = runtime.subscribing()
    if channel is None:
        raise BadInput("no channel takes subscribers just now")
    return channel


def _filters(
    runtime: Runtime, about: Sequence[str], category: str | None, department: str | None, place: str | None
) -> Filters:
    settings = runtime.settings
    if not set(about) <= set(About):
        raise BadInput("choose one of the list", "events")
    if category and category not in {one.slug for one in settings.categories}:
        raise BadInput("choose one of the list", "category")
    if department and department not in {one.slug for one in settings.departments}:
        raise BadInput("choose one of the list", "department")
    if place and len(place) > LONGEST_PLACE:
        raise BadInput("this is too long", "place")
    chosen = tuple(one for one in About if one in about) or tuple(About)
    return Filters(chosen, category or None, department or None, (place or "").strip() or None)
