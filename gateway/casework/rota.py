"""Who is on duty: the rules of the file make shifts some days ahead; staff add, swap and take away single ones."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway import clock
from gateway.errors import BadInput
from gateway.runtime import Runtime
from gateway.sections_duty import WEEK, RotaRule
from store import audit, duty
from store.database import Transaction

AHEAD = timedelta(days=14)
LONGEST = timedelta(hours=24)
LONGEST_NOTE = 2000
# Whom the audit names for what the rules did.
CLOCK = "clock"


async def keep_up(runtime: Runtime) -> None:
    """Make the shifts of the next days that no rule has made yet."""
    rules = runtime.settings.duty.rota
    if not rules:
        return
    at, zone = clock.now(), runtime.settings.city.zone
    async with runtime.database.reading() as connection:
        known = await duty.origins(connection, at)
        by_name = {name: account_id for account_id, name in await duty.workers(connection)}
    for rule in rules:
        for day in _days(at, zone):
            begins, ends = span(rule, day, zone)
            origin = f"{rule.account} {day} {rule.begins}"[:96]
            if WEEK[day.weekday()] in rule.days and ends > at and rule.account in by_name and origin not in known:
                await _add(runtime, by_name[rule.account], begins, ends, origin, actor=CLOCK)


def span(rule: RotaRule, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a rule's shift of a day begins and ends, in UTC; past midnight when it ends earlier than it begins."""
    begins, ends = time.fromisoformat(rule.begins), time.fromisoformat(rule.ends)
    last = day + timedelta(days=1) if ends <= begins else day
    return datetime.combine(day, begins, zone).astimezone(UTC), datetime.combine(last, ends, zone).astimezone(UTC)


async def add(runtime: Runtime, account_id: str, day: str, begins: str, ends: str, *, actor: str) -> str:
    """Put somebody on duty once, by the city's clock; gives the shift's id. Raises `BadInput`."""
    try:
        rule = RotaRule(account="-", begins=begins, ends=ends)
        since, until = span(rule, date.fromisoformat(day), runtime.settings.city.zone)
        if not clock.in_every_zone(since):
            raise ValueError(day)
    except (ValueError, OverflowError):
        raise BadInput("give a day and two times, like 2026-03-02, 08:00 and 16:00", "day") from None
    async with runtime.database.reading() as connection:
        if account_id not in {known for known, _ in await duty.workers(connection)}:
            raise BadInput("choose one of the list", "account")
    return await _add(runtime, account_id, since, until, None, actor=actor)


async def swap(runtime: Runtime, shift_id: str, account_id: str, *, actor: str) -> None:
    """Give a shift to somebody else. Raises `NotFound`."""

    async def work(transaction: Transaction) -> None:
        before, after = await duty.give(transaction, shift_id, account_id)
        await audit.note(transaction, actor, "shift swapped", f"{before} > {after}"[:64])

    await runtime.database.write(work)


async def drop(runtime: Runtime, shift_id: str, *, actor: str) -> None:
    """Take a shift away. Raises `NotFound`."""
    await _drop(runtime, shift_id, "shift removed", away=True, actor=actor)


async def put_back(runtime: Runtime, shift_id: str, *, actor: str) -> None:
    """Put a shift back that was taken away. Raises `NotFound`."""
    await _drop(runtime, shift_id, "shift put back", away=False, actor=actor)


async def hand_over(runtime: Runtime, text: str, *, actor: str) -> None:
    """Leave a note for whoever comes next. Raises `BadInput`."""
    said = text.strip()
    if not said or len(said) > LONGEST_NOTE:
        raise BadInput(f"a note has 1 to {LONGEST_NOTE} characters", "text")
    await runtime.database.write(lambda tx: duty.write(tx, runtime.vault, actor, said, clock.now()))


async def acknowledge(runtime: Runtime, note_id: str, *, actor: str) -> None:
    """Say that a note was read. Raises `Conflict`."""
    await runtime.database.write(lambda tx: duty.acknowledge(tx, note_id, actor, clock.now()))


def _days(at: datetime, zone: ZoneInfo) -> list[date]:
    """Yesterday, whose shifts may go past midnight, and the days ahead."""
    first = at.astimezone(zone).date() - timedelta(days=1)
    return [first + timedelta(days=passed) for passed in range(AHEAD.days + 2)]


async def _add(
    runtime: Runtime, account_id: str, begins: datetime, ends: datetime, origin: str | None, *, actor: str
) -> str:
    shift_id = clock.new_id()
    row = {
        "id": shift_id,
        "account_id": account_id,
        "begins_at": begins,
        "ends_at": ends,
        "origin": origin,
        "actor": actor,
        "created_at": clock.now(),
    }

    async def work(transaction: Transaction) -> None:
        if await duty.add_shift(transaction, row) and actor != CLOCK:
            await audit.note(transaction, actor, "shift added", shift_id)

    await runtime.database.write(work)
    return shift_id


async def _drop(runtime: Runtime, shift_id: str, action: str, *, away: bool, actor: str) -> None:
    async def work(transaction: Transaction) -> None:
        await duty.drop(transaction, shift_id, clock.now() if away else None)
        await audit.note(transaction, actor, action, shift_id)

    await runtime.database.write(work)
