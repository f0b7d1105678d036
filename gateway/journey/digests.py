"""One message a day for followers on lines that cost money, instead of one for each post.

What is due is a question with the clock: the digest up to the last full hour that is set for it. After a downtime one
digest tells of all that was missed. It is written in chunks, each with its cursor in one transaction.
"""

from datetime import datetime, time, timedelta

import structlog

from gateway import clock
from gateway.runtime import Runtime
from store import digests
from store.database import Transaction
from store.digests import Digest, News, Outlet

CHUNK = 2000
DAY = timedelta(days=1)
# What is older is no news, even after a long downtime.
LONGEST = timedelta(days=7)

log = structlog.get_logger()


async def send_due(runtime: Runtime) -> None:
    """Begin the digest whose hour has come, and write it to everybody who should have it."""
    if not runtime.settings.broadcast.digests:
        return
    until = last_hour(runtime, clock.now())
    async with runtime.database.reading() as connection:
        reached = await digests.last_until(connection)
    if reached is None or reached < until:
        since = max(reached or until - DAY, until - LONGEST)
        await runtime.database.write(lambda transaction: digests.begin(transaction, since, until))
    while True:
        async with runtime.database.reading() as connection:
            digest = await digests.oldest_open(connection)
            found = await digests.news(connection, digest) if digest else {}
        if digest is None:
            return
        await _write(runtime, digest, found)


def last_hour(runtime: Runtime, at: datetime) -> datetime:
    """The last moment before now at which a digest was due, by the city's clock."""
    zone, hour = runtime.settings.city.zone, time(runtime.settings.broadcast.digest_hour)
    today = datetime.combine(at.astimezone(zone).date(), hour, zone)
    return today if today <= at else datetime.combine(today.date() - DAY, hour, zone)


async def _write(runtime: Runtime, digest: Digest, found: dict[str, News]) -> None:
    """Go on with a digest where its cursor stands, to its end."""
    values = {"url": runtime.settings.public_url}
    language = runtime.settings.city.language
    for outlet in _outlets(runtime) if found else ():
        if outlet.scheme < digest.cursor.partition(" ")[0]:
            continue

        async def chunk(transaction: Transaction, outlet: Outlet = outlet) -> bool:
            held = await digests.oldest_open(transaction.connection)
            if held is None or held.id != digest.id:
                return False
            return await digests.add_chunk(transaction, held, outlet, found, values, language, CHUNK)

        while await runtime.database.write(chunk):
            pass
    await runtime.database.write(lambda transaction: digests.finish(transaction, digest.id))
    log.info("digest written", action="digest.written", digest=digest.id, topics=len(found))


def _outlets(runtime: Runtime) -> list[Outlet]:
    """The schemes that cost money, in one order, and who tells them."""
    schemes = sorted({scheme for channel in runtime.channels.values() for scheme in channel.capabilities.schemes})
    found = [(scheme, outlet) for scheme in schemes if (outlet := runtime.outlet(scheme))]
    return [
        Outlet(scheme, outlet.name, outlet.capabilities.delivery)
        for scheme, outlet in found
        if outlet.capabilities.paid
    ]
