"""The inbox as the staff asks for it: a query that can be kept as a bookmark, and filters saved under names."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from gateway.errors import BadInput, NotAllowed, NotFound
from gateway.journey import folding, organisation, tickets, tokens
from gateway.runtime import Runtime
from gateway.schema import Kind, State
from gateway.schema_cases import OPEN_PROGRESS, Progress
from gateway.settings import Settings
from store import audit, inbox_filters
from store.accounts import Account, Role
from store.database import Transaction
from store.inbox import NOBODY, Filter
from store.inbox_filters import SavedFilter
from store.search import Wanted

_NUMBER = re.compile(r"[\d\s\-\u2010-\u2015\u2212]+")
LONGEST_NAME = 64
LONGEST_VALUE = 200
# "open" is whatever is not answered.
PROGRESSES: Mapping[str, tuple[Progress, ...]] = {
    "open": OPEN_PROGRESS,
    **{progress: (progress,) for progress in Progress},
}
YES_OR_NO = {"yes": True, "no": False}
# The last so many days of the city, today among them: what a saved filter means tomorrow too.
DAYS = ("1", "7", "30", "90")
MARKS = {"bad": True, "good": False}
# Whose cases: one's own, and those that nobody of the department has.
OFFICERS = ("me", "nobody")
SORTS = {"newest": False, "oldest": True}
NAMES = (
    "q",
    "kind",
    "state",
    "progress",
    "department",
    "officer",
    "category",
    "channel",
    "place",
    "urgent",
    "late",
    "mark",
    "days",
    "since",
    "until",
    "sort",
)


def tidy(query: Mapping[str, str]) -> dict[str, str]:
    """What of a query belongs to the inbox, in its order, without what is empty."""
    given = {name: query.get(name, "").strip()[:LONGEST_VALUE] for name in NAMES}
    return {name: value for name, value in given.items() if value}


def read(query: Mapping[str, str], settings: Settings, at: datetime, own: str | None, me: str = "") -> Filter:
    """What a query looks for; of one department and those below it alone when who asks is limited to it (`own`). `me`
    is his account.

    Raises `BadInput` naming the part that cannot be used.
    """
    given, today = tidy(query), at.astimezone(settings.city.zone).date()
    ticket, words = _said(given.get("q", ""))
    categories = [one.slug for one in settings.known_categories]
    days = _one_of(given, "days", dict.fromkeys(DAYS, True)) and timedelta(days=int(given["days"]) - 1)
    since = _begin_of(today - days, settings) if days is not None else _moment(given, "since", settings)
    return Filter(
        kind=_one_of(given, "kind", {kind: kind for kind in Kind}),
        state=_one_of(given, "state", {state: state for state in State}),
        progress=_one_of(given, "progress", PROGRESSES) or (),
        departments=_departments(given, settings, own),
        officer=_one_of(given, "officer", {"me": me, "nobody": NOBODY}),
        category=_one_of(given, "category", {slug: slug for slug in categories}),
        channel=given.get("channel"),
        place=given.get("place"),
        urgent=_one_of(given, "urgent", YES_OR_NO),
        late_at=at if _one_of(given, "late", {"yes": True}) else None,
        bad_mark=_one_of(given, "mark", MARKS),
        since=since,
        until=_moment(given, "until", settings, last=True),
        # What has words comes as the index of words has it, the newest first.
        oldest_first=(_one_of(given, "sort", SORTS) or False) and not words,
        words=words,
        ticket=ticket,
    )


def _departments(given: Mapping[str, str], settings: Settings, own: str | None) -> tuple[str, ...]:
    """The department that is asked for, or one's own, and all below it; none is any.

    A shared filter may name one that is not for who asks: his own stand in for it.
    """
    known = settings.known_departments
    asked = _one_of(given, "department", {one.slug: one.slug for one in known})
    if own and asked not in organisation.with_children(known, own):
        asked = own
    return tuple(sorted(organisation.with_children(known, asked))) if asked else ()


def _said(typed: str) -> tuple[str | None, tuple[Wanted, ...]]:
    """What is searched for: a ticket when that is all that was typed, else words."""
    named = tickets.find(typed) if _NUMBER.fullmatch(folding.fold(typed)) else []
    if len(named) == 1:
        return named[0], ()
    phrases = tokens.phrases(typed)
    if typed and not phrases:
        raise BadInput("type words or a ticket", "q")
    return None, tuple(Wanted(phrase.tokens, phrase.begins) for phrase in phrases)


def may_change(account: Account, known: SavedFilter) -> bool:
    """Whether a saved filter is the account's to change: its own, or a shared one for who administers."""
    return known.account_id == account.id or (known.shared and account.role is Role.ADMINISTRATOR)


def may_share(account: Account) -> bool:
    """Whether what this account saves may stand in everybody's list."""
    return account.role is not Role.VIEWER


async def save(runtime: Runtime, account: Account, name: str, shared: bool, query: Mapping[str, str]) -> SavedFilter:
    """Keep a query under a name. Raises `BadInput`, `NotAllowed`, and `Conflict` when the name is taken."""
    name = _clean(name)
    _check_sharing(account, shared)

    async def work(transaction: Transaction) -> str:
        made = await inbox_filters.add(transaction, account.id, name, shared, tidy(query))
        await audit.note(transaction, account.name, "filter saved", made)
        return made

    made = await runtime.database.write(work)
    return SavedFilter(made, account.id, account.name, name, shared, tidy(query))


async def change(
    runtime: Runtime,
    account: Account,
    filter_id: str,
    *,
    name: str | None = None,
    shared: bool | None = None,
    query: Mapping[str, str] | None = None,
) -> None:
    """Rename, share or replace a saved filter; what is None stays. Raises as `save`, and `NotFound`."""
    values: dict[str, Any] = {} if name is None else {"name": _clean(name)}
    if shared is not None:
        _check_sharing(account, shared)
        values["shared"] = shared
    if query is not None:
        values["query"] = tidy(query)
    if not values:
        raise BadInput("choose what to do")
    await _with(
        runtime, account, filter_id, "filter changed", lambda tx, known: inbox_filters.change(tx, known, **values)
    )


async def remove(runtime: Runtime, account: Account, filter_id: str) -> SavedFilter:
    """Delete a saved filter; gives what it was. Raises `NotFound`, `NotAllowed`."""
    return await _with(
        runtime, account, filter_id, "filter deleted", lambda tx, known: inbox_filters.remove(tx, known.id)
    )


async def _with(
    runtime: Runtime, account: Account, filter_id: str, action: str, what: Callable[[Transaction, SavedFilter], Any]
) -> SavedFilter:
    async def work(transaction: Transaction) -> SavedFilter:
        known = await inbox_filters.one(transaction.connection, filter_id)
        if known.account_id != account.id and not known.shared:
            # Others' own filters are nobody's business, not even that they are there.
            raise NotFound("there is no such saved filter")
        if not may_change(account, known):
            raise NotAllowed("this filter is somebody else’s")
        await what(transaction, known)
        await audit.note(transaction, account.name, action, known.id)
        return known

    return await runtime.database.write(work)


def _check_sharing(account: Account, shared: bool) -> None:
    if shared and not may_share(account):
        raise NotAllowed("your role does not allow this")


def _clean(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise BadInput("give a name of at most 64 characters", "name")
    return name


def _one_of(given: Mapping[str, str], name: str, known: Mapping[str, Any]) -> Any:
    value = given.get(name)
    if value is not None and value not in known:
        raise BadInput("choose one of the list", name)
    return known[value] if value is not None else None


def _moment(given: Mapping[str, str], name: str, settings: Settings, *, last: bool = False) -> datetime | None:
    """A moment, or a day of the city: its begin, and for the last one that of the next."""
    value = given.get(name)
    if value is None:
        return None
    try:
        if len(value) == len("2026-01-31"):
            return _begin_of(date.fromisoformat(value) + timedelta(days=last), settings)
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise BadInput("a moment needs a time zone", name)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput("this is no day", name) from None


def _begin_of(day: date, settings: Settings) -> datetime:
    """The first moment of a day of the city. Raises OverflowError at the ends of the calendar."""
    return datetime.combine(day, time(), settings.city.zone).astimezone(UTC)
