"""The statements that find whom a source of addresses names, and add them as deliveries.

An expansion runs them thousands of times, and putting one together takes longer than running it on a piece: each is
made once for its form and kept, with all that differs in its parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Insert, Select, String, bindparam, func, literal, or_, select, union

from store.citizens import of_person
from store.deliveries import HEARD
from store.dialect import insert_new_on
from store.tables_citizens import addresses, citizens, subscriptions
from store.tables_deliveries import deliveries
from store.tables_together import reporters

ONCE = ("broadcast_id", "address_id", "channel")
# What is the same in all deliveries of a piece.
FIXED = (
    "broadcast_id",
    "post_id",
    "audience",
    "channel",
    "kind",
    "priority",
    "phrase",
    "state",
    "despite_stop",
    "due_at",
    "created_at",
    "values",
)
# What the conditions compare with.
COMPARED = ("source", "scheme", "fallback", "author")


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of audience: those who `heard` an earlier broadcast, or who `reported` what a thread tells (else: who
    follow a topic), without the `author`, and of the followers only those who `asked` for each post at once."""

    heard: bool
    author: bool
    asked: bool
    reported: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
    """Through an audience in the order of addresses, behind one and up to another.

    `end` gives the address a piece ends with; `piece` and `rest` select whom it tells, `add_piece` and `add_rest` add
    them. Parameters: `COMPARED`, `behind`, `until` (not for the rest), `skip` (for the end), `FIXED` (for adding).
    """

    end: Select[Any]
    piece: Select[Any]
    rest: Select[Any]
    add_piece: Insert
    add_rest: Insert


def reachable(form: Form, compared: Mapping[str, ColumnElement[Any]]) -> Select[Any]:
    """The addresses of a source that can be told, with their languages; `fallback` is that of who said none."""
    listed, place = _listed(form, compared["source"])
    language = func.coalesce(addresses.c.language, compared["fallback"]).label("language")
    named = select(place.label("address_id"), language)
    wanted = (
        (named if form.reported else named.join(addresses, addresses.c.id == place))
        .where(listed, addresses.c.scheme == compared["scheme"])
        .where(addresses.c.stopped_at.is_(None), addresses.c.citizen_id.is_not(None))
    )
    if form.heard:
        # What was seen in a mailbox was heard, also when it is taken back since.
        return wanted.where(or_(deliveries.c.state.in_(HEARD), deliveries.c.seen_at.is_not(None)))
    if form.author:
        wanted = wanted.where(addresses.c.citizen_id.not_in(of_person(compared["author"])))
    return wanted.where(subscriptions.c.at_once) if form.asked else wanted


@lru_cache(maxsize=32)
def walk(dialect: str, form: Form) -> Walk:
    """The statements for an audience of a form."""
    compared = {name: bindparam(name, type_=String) for name in COMPARED}
    listed, place = _listed(form, compared["source"])
    behind = place > bindparam("behind", type_=String)
    rest = reachable(form, compared).where(behind).order_by(place)
    piece = rest.where(place <= bindparam("until", type_=String))
    end = select(place).where(listed, behind).order_by(place).offset(bindparam("skip")).limit(1)
    return Walk(end, piece, rest, _adding(dialect, piece), _adding(dialect, rest))


def _listed(form: Form, source: ColumnElement[Any]) -> tuple[ColumnElement[bool], ColumnElement[Any]]:
    """Which rows name the addresses of a source, and the column they are walked through by."""
    if form.heard:
        return deliveries.c.broadcast_id == source, deliveries.c.address_id
    if form.reported:
        return _reported(source), addresses.c.id
    return subscriptions.c.topic == source, subscriptions.c.address_id


def _reported(thread: ColumnElement[Any]) -> ColumnElement[bool]:
    """The lines of those who reported what a thread tells, but those they muted; where they spoke in any case."""
    spoke = select(reporters.c.citizen_id).where(reporters.c.thread_id == thread)
    person = func.coalesce(citizens.c.merged_into, citizens.c.id)
    persons = select(person).join(reporters, reporters.c.citizen_id == citizens.c.id)
    persons = persons.where(reporters.c.thread_id == thread)
    linked = citizens.alias("linked")
    lines = union(persons, select(linked.c.id).where(linked.c.merged_into.in_(persons)), spoke)
    return addresses.c.citizen_id.in_(lines) & (addresses.c.muted_at.is_(None) | addresses.c.citizen_id.in_(spoke))


def _adding(dialect: str, wanted: Select[Any]) -> Insert:
    """Adds what is selected, as far as it is not there yet."""
    rows = wanted.subquery()
    columns = [bindparam(name, type_=deliveries.c[name].type).label(name) for name in FIXED]
    chosen = select(rows.c.address_id, rows.c.language, *columns).where(literal(True))
    return insert_new_on(dialect, deliveries, ONCE).from_select(["address_id", "language", *FIXED], chosen)
