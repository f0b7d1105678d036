"""A person has himself erased: his keys destroyed, his lines forgotten, his words withdrawn or left without his name.

What is published is withdrawn first, as any withdrawal, so that whoever was told hears of it; a few at a time, for the
store writes for everybody. The last transaction withdraws what came meanwhile and erases; a crash before it leaves a
person who is still there and can ask again.
"""

import asyncio

import structlog

from channels import failures
from gateway import clock
from gateway.journey import moderation
from gateway.runtime import Runtime
from store import audit, citizens, erasure, kept
from store.database import Transaction
from store.erasure import Remains

AT_ONCE = 50
# More than anybody writes between two transactions.
REST = 1000
FORGET_WITHIN = 10.0

log = structlog.get_logger()


async def erase(runtime: Runtime, person: str, *, withdraw: bool) -> None:
    """Erase a person. With `withdraw` his published posts are taken back too; else only those kept from the public."""

    async def some(transaction: Transaction) -> bool:
        return await _withdraw(runtime, transaction, person, withdraw, AT_ONCE)

    while await runtime.database.write(some):
        pass
    values = await _kept_values(runtime, person)
    remains = await runtime.database.write(lambda tx: _erase(runtime, tx, person, withdraw, values))
    await runtime.blobs.remove(remains.files, 0)
    log.info("a person was erased", action="identity.erased", files=len(remains.files))
    await _ask_carriers(runtime, remains)


async def _withdraw(runtime: Runtime, transaction: Transaction, person: str, public_too: bool, most: int) -> bool:
    """Withdraw some of a person's published posts; false when none is left."""
    members = await erasure.members(transaction.connection, person)
    found = await erasure.to_withdraw(transaction.connection, members, private_only=not public_too, limit=most)
    for post_id in found:
        await moderation.withdraw_for_author(runtime, transaction, post_id)
    return bool(found)


async def _erase(
    runtime: Runtime, transaction: Transaction, person: str, withdraw: bool, values: list[tuple[str, str]]
) -> Remains:
    at = clock.now()
    await _withdraw(runtime, transaction, person, withdraw, REST)
    members = await erasure.members(transaction.connection, person)
    await erasure.reject_waiting(transaction, members, moderation.ERASED, at)
    remains = await erasure.erase(transaction, members, at)
    await kept.forget(transaction, values)
    for citizen_id in members:
        await audit.note(transaction, "author", "erased", citizen_id)
    return remains


async def _kept_values(runtime: Runtime, person: str) -> list[tuple[str, str]]:
    """What channels keep of his lines for a day, the state of a call for one."""
    async with runtime.database.reading() as connection:
        lines = await citizens.lines(connection, runtime.vault, person)
        names = [line.urn.partition(":")[2] for line in lines if line.urn]
        return await kept.naming(connection, runtime.vault, names)


async def _ask_carriers(runtime: Runtime, remains: Remains) -> None:
    """Have carriers delete what was not fetched yet. Ours is gone in any case; theirs they delete in time."""
    for name, url in remains.carriers:
        if channel := runtime.channels.get(name):
            try:
                async with asyncio.timeout(FORGET_WITHIN):
                    await channel.forget(url)
            except (failures.Failure, TimeoutError):
                log.warning("the carrier kept its copy", action="identity.forget", channel=name)
