"""The settings in force: those parts of them that are kept in the console stand in the store, and are read from there.

A part is seeded from the settings files while the store keeps nothing of it yet; from then on the files are not asked
for it again. Whoever changes one wakes `store.wakeups.SETTINGS` in the same transaction; every process then replaces
`runtime.settings`, which nobody may hold on to. A wake-up that is lost costs a moment, as each process looks by itself.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from gateway.journey import organisation, ruling
from gateway.runtime import Runtime
from gateway.settings import Settings
from store.database import Database, Transaction
from store.wakeups import SETTINGS

LOOK_EVERY = 15.0
# Rung in this process alone, once other settings are in force in it.
REPLACED = "settings in force"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Kept:
    """One part of the settings that the store keeps.

    `seed` keeps what the files say unless something is kept already; it may run in several processes at once. `read`
    gives what of the settings is other than in the files, by the names of their fields: nothing before the first seed.
    """

    seed: Callable[[Transaction, Settings], Awaitable[None]]
    read: Callable[[Database], Awaitable[Mapping[str, Any]]]


# Read in this order.
KEPT = (Kept(organisation.seed, organisation.read), Kept(ruling.seed, ruling.read))


async def begin(runtime: Runtime) -> None:
    """Keep what the files say where the store keeps nothing yet, and put in force what it keeps."""

    async def work(transaction: Transaction) -> None:
        for part in KEPT:
            await part.seed(transaction, runtime.settings)

    await runtime.database.write(work)
    await renew(runtime)


async def renew(runtime: Runtime) -> None:
    """Put in force in this process what the store keeps now. Who changed it does this before he answers."""
    async with runtime.renewing:
        parts: dict[str, Any] = {}
        for part in KEPT:
            parts |= await part.read(runtime.database)
        if all(getattr(runtime.settings, name) == value for name, value in parts.items()):
            return
        runtime.settings = runtime.settings.replaced(parts)
        for derive in runtime.derived:
            derive(runtime)
        runtime.database.wakeups.ring([REPLACED])
    log.info("other settings are in force", action="settings.replaced", parts=sorted(parts))


async def run(runtime: Runtime) -> None:
    """Follow what any process changes, until cancelled."""
    bell = runtime.database.wakeups.bell(SETTINGS)
    while True:
        try:
            await renew(runtime)
        except Exception:
            log.exception("the settings kept in the store cannot be read", action="settings.failed")
        await bell.wait(LOOK_EVERY)
