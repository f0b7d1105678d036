"""Calls for staff to follow: those going on with their words so far, and how the last ones ended.

A row is kept up by the process that has the caller's line open. What is said grows every moment, so that rows are
written many at once and seldom (`journey.calling`), and everybody who shows them is woken.
"""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, Update, delete, func, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import TooMany
from store.database import Transaction
from store.dialect import Given, hold_back, update_all
from store.tables_calls import calls
from store.vault import Vault

# The topic that tells every process that calls began, went on or ended.
CALLS = "calls"
# How a call ended whose process was heard of no more.
LOST = "lost"
# How many calls' words are opened before others have their turn.
AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Words:
    """What a caller said so far: the utterances that have ended, and the present one as it is understood by now."""

    settled: tuple[str, ...] = ()
    partial: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as staff see it; who calls is not in it.

    `line` is our number that was called, `live` whether it is heard word by word, `step` where the conversation is,
    `how` it ended. `caller` and `holder` are for the store alone.
    """

    id: str
    channel: str
    external_id: str
    line: str | None
    language: str
    live: bool
    step: str
    begun_at: datetime
    changed_at: datetime
    lease_until: datetime
    holder: str
    caller: str | None = None
    ticket: str | None = None
    ended_at: datetime | None = None
    how: str | None = None
    words: Words = field(default=Words())


async def begin(transaction: Transaction, vault: Vault, call: Call, most: int) -> Call:
    """Keep a call that begins, or go on with one that is known by its carrier's id; gives it as it is kept.

    Raises `TooMany` for a new one while `most` are going on.
    """
    connection = transaction.connection
    await hold_back(connection, [CALLS])
    same = (calls.c.channel == call.channel) & (calls.c.external_id == call.external_id)
    row = (await connection.execute(select(calls).where(same))).first()
    transaction.wake(CALLS)
    if row is not None:
        await connection.execute(update(calls).where(calls.c.id == row.id).values(_resumed(row, call)))
        return _call(vault, (await connection.execute(select(calls).where(same))).one())
    if await going_on(connection, call.begun_at) >= most:
        raise TooMany("as many calls as may be are going on", retry_after=60)
    values = {name: getattr(call, name) for name in _PLAIN}
    await connection.execute(calls.insert(), {**values, "sealed": seal(vault, call)})
    return call


async def write(transaction: Transaction, vault: Vault, changed: Sequence[Call]) -> None:
    """Write how some calls stand now."""
    rows = [
        {
            "its": call.id,
            "spoken": call.language,
            "stands": call.step,
            "post": call.ticket,
            "said": seal(vault, call),
            "until": call.lease_until,
            "at": call.changed_at,
            "over": call.ended_at,
            "end": call.how,
        }
        for call in changed
    ]
    await update_all(transaction.connection, _written, rows)
    transaction.wake(CALLS)


async def renew(transaction: Transaction, ids: Collection[str], until: datetime) -> None:
    """Hold some calls longer."""
    await transaction.connection.execute(update(calls).where(calls.c.id.in_(ids)).values(lease_until=until))


async def abandon(transaction: Transaction, at: datetime) -> int:
    """End the calls whose process was heard of no more; gives how many."""
    over = calls.c.ended_at.is_(None) & (calls.c.lease_until <= at)
    ended = await transaction.connection.execute(
        update(calls).where(over).values(ended_at=calls.c.lease_until, how=LOST, changed_at=at)
    )
    if ended.rowcount:
        transaction.wake(CALLS)
    return ended.rowcount


async def forget_words(transaction: Transaction, before: datetime) -> int:
    """Empty the words of calls that ended before a moment: what was kept of them is in their posts; gives how many."""
    over = (calls.c.ended_at <= before) & calls.c.sealed.is_not(None)
    return (await transaction.connection.execute(update(calls).where(over).values(sealed=null()))).rowcount


async def forget(transaction: Transaction, before: datetime) -> int:
    """Delete the calls that ended before a moment; gives how many."""
    return (await transaction.connection.execute(delete(calls).where(calls.c.ended_at <= before))).rowcount


async def going_on(connection: AsyncConnection, at: datetime) -> int:
    """How many calls are going on."""
    wanted = select(func.count()).where(calls.c.ended_at.is_(None), calls.c.lease_until > at)
    return int((await connection.execute(wanted)).scalar_one())


async def present(connection: AsyncConnection, vault: Vault, limit: int) -> list[Call]:
    """The calls going on, oldest first."""
    wanted = select(calls).where(calls.c.ended_at.is_(None)).order_by(calls.c.begun_at).limit(limit)
    return await _read(connection, vault, wanted)


async def ended(connection: AsyncConnection, vault: Vault, limit: int) -> list[Call]:
    """The calls that ended last, newest first."""
    wanted = select(calls).where(calls.c.ended_at.is_not(None)).order_by(calls.c.ended_at.desc()).limit(limit)
    return await _read(connection, vault, wanted)


async def changed(connection: AsyncConnection, vault: Vault, since: datetime, limit: int) -> list[Call]:
    """The calls of which something changed at a moment or later, in the order it did."""
    wanted = select(calls).where(calls.c.changed_at >= since).order_by(calls.c.changed_at, calls.c.id).limit(limit)
    return await _read(connection, vault, wanted)


def seal(vault: Vault, call: Call) -> bytes | None:
    """A call's words as they are kept; nothing while nothing was said."""
    if call.words == Words():
        return None
    said = json.dumps([*call.words.settled, call.words.partial], ensure_ascii=False)
    return vault.seal(said.encode(), _place(call.id))


def _place(call_id: str) -> str:
    return f"calls.sealed:{call_id}"


async def _read(connection: AsyncConnection, vault: Vault, wanted: Select[Any]) -> list[Call]:
    found = []
    for number, row in enumerate(await connection.execute(wanted), 1):
        found.append(_call(vault, row))
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
    return found


def _resumed(row: Row[Any], call: Call) -> Mapping[str, Any]:
    """What is new of a known call: who holds it now, and that it goes on if only its process was lost."""
    again = {"ended_at": null(), "how": null()} if row.how == LOST else {}
    held = {name: getattr(call, name) for name in ("holder", "lease_until", "live", "changed_at")}
    return {**held, **again}


def _written(given: Given) -> Update:
    own = calls.c
    return (
        update(calls)
        # What waited patiently may come after what was written at once meanwhile.
        .where(own.id == given("its", own.id.type), own.changed_at <= given("at", own.changed_at.type))
        .values(
            language=given("spoken", own.language.type),
            step=given("stands", own.step.type),
            ticket=given("post", own.ticket.type),
            sealed=given("said", own.sealed.type),
            lease_until=given("until", own.lease_until.type),
            changed_at=given("at", own.changed_at.type),
            ended_at=given("over", own.ended_at.type),
            how=given("end", own.how.type),
        )
    )


# The fields of a call that stand in its row as they are.
_PLAIN = tuple(name for name in Call.__dataclass_fields__ if name != "words")


def _call(vault: Vault, row: Row[Any]) -> Call:
    words = Words()
    if row.sealed is not None:
        *settled, partial = json.loads(vault.open(row.sealed, _place(row.id)))
        words = Words(tuple(settled), partial)
    return Call(**{name: getattr(row, name) for name in _PLAIN}, words=words)
