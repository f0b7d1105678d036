"""Duty: shifts, what is handed over, and alarms of a queue that waits too long."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import clock
from gateway.errors import Conflict, NotFound
from store.citizens import address_place
from store.database import Transaction
from store.dialect import insert_new
from store.tables_citizens import addresses, keys
from store.tables_duty import duty_alarms, duty_steps, handovers, shifts
from store.tables_staff import accounts, alarms
from store.vault import Vault

MOST_NOTES = 30
MOST_SHIFTS = 500
# The only way to the one alarm that is open.
_OPEN = duty_alarms.c.state == "open"


class AlarmState(StrEnum):
    """Open until somebody claims it; over once nothing waits so long any more."""

    OPEN = "open"
    CLAIMED = "claimed"
    OVER = "over"


class Way(StrEnum):
    """How somebody on duty is told."""

    TEXT = "text"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody's time on duty."""

    id: str
    account_id: str
    name: str
    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Handover:
    """What one hands over to the next."""

    id: str
    author: str
    text: str
    created_at: datetime
    read_by: str | None
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class DutyAlarm:
    """That the queue waits too long."""

    id: str
    state: AlarmState
    waiting_since: datetime
    opened_at: datetime
    claimed_by: str | None
    claimed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """Whom an alarm told, and how."""

    number: int
    account_id: str
    name: str
    way: Way
    at: datetime
    fault: str | None


@dataclass(frozen=True, slots=True)
class StaffLine:
    """The proved alarm line of somebody, in the clear for calling it."""

    account_id: str
    address_id: str
    scheme: str
    urn: str = field(repr=False)
    language: str | None


async def between(connection: AsyncConnection, since: datetime, until: datetime) -> list[Shift]:
    """The shifts that touch a time, in their order."""
    wanted = _shifts().where(shifts.c.ends_at > since, shifts.c.begins_at < until)
    rows = await connection.execute(wanted.order_by(shifts.c.begins_at, shifts.c.id).limit(MOST_SHIFTS))
    return [_shift(row) for row in rows]


async def add_shift(transaction: Transaction, row: Mapping[str, Any]) -> bool:
    """Add a shift; false when its rule has made it already."""
    connection = transaction.connection
    await connection.execute(insert_new(connection, shifts, ["origin"]), dict(row))
    own = select(shifts.c.id).where(shifts.c.id == row["id"])
    return (await connection.execute(own)).first() is not None


async def origins(connection: AsyncConnection, since: datetime) -> set[str]:
    """What the rota has made of the days that are not over."""
    wanted = select(shifts.c.origin).where(shifts.c.ends_at > since, shifts.c.origin.is_not(None))
    return set((await connection.execute(wanted)).scalars())


async def give(transaction: Transaction, shift_id: str, account_id: str) -> tuple[str, str]:
    """Give a shift to somebody; gives whose it was and whose it is, by name. Raises `NotFound`."""
    connection = transaction.connection
    before = (await connection.execute(_shifts().where(shifts.c.id == shift_id))).first()
    who = (await connection.execute(select(accounts.c.name).where(*_working(account_id)))).scalar()
    if before is None or who is None:
        raise NotFound("there is no such shift, or nobody of this name works here")
    await connection.execute(update(shifts).where(shifts.c.id == shift_id).values(account_id=account_id))
    return str(before.name), str(who)


async def drop(transaction: Transaction, shift_id: str, at: datetime | None) -> None:
    """Take a shift away, or (with None) put it back. Raises `NotFound`."""
    own = update(shifts).where(shifts.c.id == shift_id)
    if not (await transaction.connection.execute(own.values(dropped_at=at))).rowcount:
        raise NotFound("there is no such shift")


async def workers(connection: AsyncConnection) -> Sequence[tuple[str, str]]:
    """Who may be on duty: ids and names of those who moderate."""
    wanted = select(accounts.c.id, accounts.c.name).where(*_working()).order_by(accounts.c.name)
    return [(row.id, row.name) for row in await connection.execute(wanted)]


async def write(transaction: Transaction, vault: Vault, author: str, text: str, at: datetime) -> str:
    """Keep a hand-over note, sealed; gives its id."""
    note_id = clock.new_id()
    sealed = vault.seal(text.encode(), _place(note_id))
    row = {"id": note_id, "author": author, "sealed": sealed, "created_at": at}
    await transaction.connection.execute(handovers.insert(), row)
    return note_id


async def notes(connection: AsyncConnection, vault: Vault) -> list[Handover]:
    """The newest hand-over notes."""
    wanted = select(handovers).order_by(handovers.c.created_at.desc(), handovers.c.id.desc()).limit(MOST_NOTES)
    return [
        Handover(
            row.id,
            row.author,
            vault.open(row.sealed, _place(row.id)).decode(),
            row.created_at,
            row.read_by,
            row.read_at,
        )
        for row in await connection.execute(wanted)
    ]


async def acknowledge(transaction: Transaction, note_id: str, reader: str, at: datetime) -> None:
    """Note who has read a note first. Raises `Conflict` when somebody had, or when it is one's own."""
    own = update(handovers).where(
        handovers.c.id == note_id, handovers.c.read_at.is_(None), handovers.c.author != reader
    )
    if not (await transaction.connection.execute(own.values(read_by=reader, read_at=at))).rowcount:
        raise Conflict("somebody has read this already, or it is your own")


async def newest_alarm(connection: AsyncConnection) -> DutyAlarm | None:
    """The last time the queue waited too long."""
    row = (await connection.execute(select(duty_alarms).order_by(duty_alarms.c.opened_at.desc()).limit(1))).first()
    return _alarm(row) if row else None


async def open_alarm(transaction: Transaction, waiting_since: datetime, at: datetime) -> str | None:
    """Open an alarm; None when one is open."""
    connection, alarm_id = transaction.connection, clock.new_id()
    row = {"id": alarm_id, "state": AlarmState.OPEN, "waiting_since": waiting_since, "opened_at": at}
    await connection.execute(insert_new(connection, duty_alarms, ["state"], _OPEN), row)
    own = select(duty_alarms.c.id).where(duty_alarms.c.id == alarm_id)
    return alarm_id if (await connection.execute(own)).first() else None


async def claim(transaction: Transaction, alarm_id: str, name: str, at: datetime) -> bool:
    """Note who takes care; false when it is nobody's to claim any more."""
    own = update(duty_alarms).where(duty_alarms.c.id == alarm_id, duty_alarms.c.state == AlarmState.OPEN)
    values = {"state": AlarmState.CLAIMED, "claimed_by": name, "claimed_at": at}
    return bool((await transaction.connection.execute(own.values(**values))).rowcount)


async def open_among(connection: AsyncConnection, alarm_ids: Collection[str]) -> Collection[str]:
    """Those of some alarms that nobody has claimed and that are not over."""
    wanted = select(duty_alarms.c.id).where(duty_alarms.c.id.in_(alarm_ids), duty_alarms.c.state == AlarmState.OPEN)
    return set((await connection.execute(wanted)).scalars())


async def claim_by_line(transaction: Transaction, alarm_id: str, address_id: str, at: datetime) -> bool:
    """The same by the line somebody of the staff is told on."""
    wanted = (
        select(accounts.c.name)
        .join(alarms, alarms.c.account_id == accounts.c.id)
        .where(alarms.c.address_id == address_id, alarms.c.proved_at.is_not(None), accounts.c.disabled_at.is_(None))
    )
    name = (await transaction.connection.execute(wanted.limit(1))).scalar()
    return name is not None and await claim(transaction, alarm_id, name, at)


async def claim_by_account(transaction: Transaction, alarm_id: str, account_id: str, at: datetime) -> bool:
    """The same for somebody who pressed a key on the telephone he was called on."""
    name = (await transaction.connection.execute(select(accounts.c.name).where(*_working(account_id)))).scalar()
    return name is not None and await claim(transaction, alarm_id, name, at)


async def end(transaction: Transaction, alarm_id: str, at: datetime) -> None:
    """Nothing waits so long any more."""
    own = update(duty_alarms).where(duty_alarms.c.id == alarm_id)
    await transaction.connection.execute(own.values(state=AlarmState.OVER, closed_at=at))


async def steps(connection: AsyncConnection, alarm_id: str) -> list[Step]:
    """Whom an alarm told, in order."""
    wanted = (
        select(duty_steps, accounts.c.name)
        .outerjoin(accounts, accounts.c.id == duty_steps.c.account_id)
        .where(duty_steps.c.alarm_id == alarm_id)
        .order_by(duty_steps.c.number)
    )
    rows = await connection.execute(wanted)
    return [Step(row.number, row.account_id, row.name or "", Way(row.way), row.at, row.fault) for row in rows]


async def step(transaction: Transaction, alarm_id: str, number: int, account_id: str, way: Way, at: datetime) -> bool:
    """Note that somebody is told now; false when another process does it, or the alarm is not open any more."""
    connection = transaction.connection
    still = select(duty_alarms.c.id).where(duty_alarms.c.id == alarm_id, duty_alarms.c.state == AlarmState.OPEN)
    if (await connection.execute(still.with_for_update())).first() is None:
        return False
    row = {"alarm_id": alarm_id, "number": number, "account_id": account_id, "way": way, "at": at}
    done = await connection.execute(insert_new(connection, duty_steps, ["alarm_id", "number"]), row)
    return bool(done.rowcount)


async def fault(transaction: Transaction, alarm_id: str, number: int, why: str) -> None:
    """Note why somebody could not be called."""
    own = update(duty_steps).where(duty_steps.c.alarm_id == alarm_id, duty_steps.c.number == number)
    await transaction.connection.execute(own.values(fault=why[:64]))


async def staff_lines(connection: AsyncConnection, vault: Vault, account_ids: Sequence[str]) -> dict[str, StaffLine]:
    """The proved lines of some of the staff, without those that said STOP."""
    wanted = (
        select(alarms.c.account_id, addresses.c.id, addresses.c.scheme, addresses.c.sealed, addresses.c.language)
        .add_columns(addresses.c.key_id, keys.c.wrapped)
        .join(addresses, addresses.c.id == alarms.c.address_id)
        .join(keys, keys.c.id == addresses.c.key_id)
        .where(alarms.c.account_id.in_(account_ids), alarms.c.proved_at.is_not(None), addresses.c.stopped_at.is_(None))
    )
    found = {}
    for row in await connection.execute(wanted):
        if row.wrapped:
            urn = vault.open(row.sealed, address_place(row.id), vault.unwrap(row.key_id, row.wrapped)).decode()
            found[row.account_id] = StaffLine(row.account_id, row.id, row.scheme, urn, row.language)
    return found


def _place(note_id: str) -> str:
    return f"handovers.sealed:{note_id}"


def _working(account_id: str | None = None) -> list[Any]:
    able = [accounts.c.disabled_at.is_(None), accounts.c.role.in_(["administrator", "moderator"])]
    return [*able, accounts.c.id == account_id] if account_id else able


def _shifts() -> Select[Any]:
    return (
        select(shifts, accounts.c.name)
        .join(accounts, accounts.c.id == shifts.c.account_id)
        .where(shifts.c.dropped_at.is_(None), accounts.c.disabled_at.is_(None))
    )


def _shift(row: Row[Any]) -> Shift:
    return Shift(row.id, row.account_id, row.name, row.begins_at, row.ends_at)


def _alarm(row: Row[Any]) -> DutyAlarm:
    return DutyAlarm(row.id, AlarmState(row.state), row.waiting_since, row.opened_at, row.claimed_by, row.claimed_at)
