"""What must be done again and again: end lost leases, forget what may be forgotten."""

from datetime import timedelta

import structlog

from gateway import clock
from gateway.runtime import Runtime
from store import accounts, deliveries, incoming, kept, words

log = structlog.get_logger()


async def abandon_leases(runtime: Runtime) -> None:
    """Deliveries whose worker died while sending become unknown, and are settled by their channel."""
    lost = await runtime.database.write(lambda transaction: deliveries.abandon(transaction, clock.now()))
    if lost:
        log.warning("deliveries were left in sending", action="upkeep.leases", number=lost)


async def forget(runtime: Runtime) -> None:
    """Delete what its keeping time is over for, and note in the audit log how much it was."""
    at = clock.now()
    before = at - timedelta(days=runtime.settings.keeping.payload_days)
    payloads = await runtime.database.write(lambda transaction: incoming.forget_payloads(transaction, before))
    values = await runtime.database.write(lambda transaction: kept.forget_old(transaction, at))
    day = (at - timedelta(days=runtime.settings.filters.hits_days)).astimezone(runtime.settings.city.zone).date()
    await runtime.database.write(lambda transaction: words.forget(transaction, day))
    sessions = await runtime.database.write(lambda transaction: accounts.sweep_sessions(transaction, at))
    if payloads:
        await runtime.database.write(
            lambda transaction: accounts.note(transaction, "upkeep", "payloads forgotten", str(payloads))
        )
    log.info("forgot", action="upkeep.forget", payloads=payloads, kept=values, sessions=sessions)
