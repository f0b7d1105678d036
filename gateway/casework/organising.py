"""Departments and categories kept in the console: added, changed, put in order, retired, and each of these undone.

Whatever is changed is in force in every process a moment later. What posts name is never deleted: it is retired once
nothing depends on it any more, and can be restored.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from gateway import clock
from gateway.errors import BadInput, Conflict
from gateway.journey import finding, in_force, organisation, withholding
from gateway.journey.folding import fold
from gateway.runtime import Runtime
from gateway.schema import LANGUAGES
from gateway.sections_departments import Category, Department
from store import audit, cases, services
from store import organisation as rows
from store.database import Transaction
from store.organisation import Change, Kind, Node

LONGEST_NAME = 64
LONGEST_ADDRESS = 200
MOST_PLACES = 200
MOST_HOURS = 14
# They are addresses beside those of departments and categories.
NO_SLUGS = ("new", "changes")
UNDONE = "undone"
# What was public in a category that became sensitive was withdrawn; the change names the decision by which.
WITHDRAWN = "withdrawn"
# What may become of it: it stays public, or is withdrawn.
KEEP, WITHDRAW = "keep", "withdraw"


@dataclass(frozen=True, slots=True)
class Holds:
    """What keeps one from being retired: how many of "below", "categories", "rules", "cases" or "services", and their
    names."""

    what: str
    number: int
    names: Sequence[str] = ()


class InUse(Conflict):
    """One cannot be retired while these depend on it."""

    def __init__(self, holds: Sequence[Holds]) -> None:
        super().__init__("it is still in use; see what depends on it")
        self.holds = holds


def unit(kind: Kind, values: Mapping[str, Any]) -> Department | Category:
    """A department or category as it can be kept. Raises `BadInput` naming what is wrong."""
    try:
        made = (Department if kind is Kind.DEPARTMENT else Category).model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        raise BadInput(
            _FAULTS.get(place[-1]) or _FAULTS.get(place[0], "this cannot be used"), ".".join(place)
        ) from None
    _check_words(made)
    if isinstance(made, Department):
        _check_department(made)
    return made


async def add(runtime: Runtime, kind: Kind, made: Department | Category, actor: str) -> int:
    """Keep a new one; gives the id of the change. Raises `BadInput` and, for a slug that is taken, `Conflict`."""
    if made.slug in NO_SLUGS:
        raise BadInput("choose another short name", "slug")

    async def work(transaction: Transaction) -> int:
        await _fit(transaction, kind, made)
        return await rows.add(transaction, kind, made.slug, organisation.values_of(made), actor)

    return await _change(runtime, work, f"{kind} added", made.slug, actor)


async def change(
    runtime: Runtime, kind: Kind, made: Department | Category, version: int, actor: str, public: str | None = None
) -> int:
    """Give a known one other values; gives the id of the change.

    Who makes a category sensitive in which posts are public says what becomes of them (`public`: `KEEP` or
    `WITHDRAW`). Raises `BadInput`, `NotFound`, and `Conflict` when it is not of this version any more.
    """
    marks = isinstance(made, Category) and _becomes_sensitive(runtime, made)
    if marks and public not in (KEEP, WITHDRAW) and await standing_public(runtime, made.slug):
        raise BadInput("say what becomes of what is public in it", "public")

    async def work(transaction: Transaction) -> int:
        node = await rows.one(transaction.connection, kind, made.slug)
        if node.version != version:
            raise Conflict("somebody changed this meanwhile; look at it again")
        await _fit(transaction, kind, made)
        return await rows.change(transaction, node, organisation.values_of(made), actor)

    change_id = await _change(runtime, work, f"{kind} changed", made.slug, actor)
    if marks and public == WITHDRAW and await standing_public(runtime, made.slug):
        return await _withdraw(runtime, made.slug, actor)
    return change_id


async def standing_public(runtime: Runtime, slug: str) -> int:
    """How many posts of a category, and of those below it, everybody can read."""
    return await finding.count(runtime, category=slug)


async def withdraw(runtime: Runtime, slug: str, actor: str) -> int:
    """Withdraw what is public in a sensitive category; gives the id of the change. Raises `NotFound`, `Conflict`."""
    if not organisation.is_sensitive(runtime.settings, slug):
        raise Conflict("its posts are not kept private")
    if not await standing_public(runtime, slug):
        raise Conflict("nothing is public in it")
    return await _withdraw(runtime, slug, actor)


async def _withdraw(runtime: Runtime, slug: str, actor: str) -> int:
    decision_id = clock.new_id()

    async def work(transaction: Transaction) -> int:
        node = await rows.one(transaction.connection, Kind.CATEGORY, slug)
        noted = {WITHDRAWN: decision_id}
        return await rows.change(transaction, node, {}, actor, action=WITHDRAWN, noted=noted)

    change_id = await _change(runtime, work, "category withdrawn", slug, actor)
    await withholding.withhold(runtime, slug, decision_id, actor=actor)
    return change_id


async def retire(runtime: Runtime, kind: Kind, slug: str, actor: str) -> int:
    """Have it chosen no more; gives the id of the change. Raises `InUse`, `NotFound`."""

    async def work(transaction: Transaction) -> int:
        node = await rows.one(transaction.connection, kind, slug)
        if node.retired_at:
            raise Conflict("it is retired already")
        await _check_free(runtime, transaction, kind, slug)
        return await rows.change(transaction, node, {}, actor, action="retired", retired=True)

    return await _change(runtime, work, f"{kind} retired", slug, actor)


async def restore(runtime: Runtime, kind: Kind, slug: str, actor: str) -> int:
    """Have a retired one chosen again; gives the id of the change. Raises `BadInput` when what it names is retired."""

    async def work(transaction: Transaction) -> int:
        node = await rows.one(transaction.connection, kind, slug)
        if node.retired_at is None:
            raise Conflict("it is not retired")
        await _fit(transaction, kind, organisation.of_node(node))
        return await rows.change(transaction, node, {}, actor, action="restored", retired=False)

    return await _change(runtime, work, f"{kind} restored", slug, actor)


async def move(runtime: Runtime, kind: Kind, slug: str, by: int, actor: str) -> int:
    """Put it before (-1) or behind (1) its neighbour under the same parent; gives the id of the change.

    Raises `Conflict` when there is none.
    """

    async def work(transaction: Transaction) -> int:
        node = await rows.one(transaction.connection, kind, slug)
        beside = _siblings(await rows.nodes(transaction.connection, kind), node)
        at = [one.slug for one in beside].index(node.slug) + by if node.retired_at is None else -1
        if not 0 <= at < len(beside):
            raise Conflict("it stands at the end already")
        return await rows.swap(transaction, node, beside[at], actor)

    return await _change(runtime, work, f"{kind} moved", slug, actor)


async def undo(runtime: Runtime, change_id: int, actor: str) -> Change:
    """Take back a change, unless something else was changed since; gives that change.

    Raises `NotFound`, `Conflict`, `InUse`, and `BadInput` when what it named then is not there any more.
    """
    async with runtime.database.reading() as connection:
        taken = await rows.one_change(connection, change_id)
        known = await rows.one(connection, taken.kind, taken.slug)
    if taken.action == WITHDRAWN and known.version == taken.version:
        await withholding.show_again(runtime, taken.after[WITHDRAWN], actor=actor)

    async def work(transaction: Transaction) -> int:
        node = await rows.one(transaction.connection, taken.kind, taken.slug)
        if node.version != taken.version:
            raise Conflict("something else was changed since; look at it again")
        if taken.before is None:
            await _check_free(runtime, transaction, taken.kind, taken.slug)
            return await rows.change(transaction, node, {}, actor, action=UNDONE, retired=True)
        if taken.before["position"] != node.position:
            return await _move_back(transaction, node, taken.before["position"], actor)
        values = {name: taken.before[name] for name in rows.VALUES[taken.kind]}
        if taken.before["retired"] and node.retired_at is None:
            await _check_free(runtime, transaction, taken.kind, taken.slug)
        if not taken.before["retired"]:
            await _fit(transaction, taken.kind, unit(taken.kind, {"slug": taken.slug, **values}))
        return await rows.change(transaction, node, values, actor, action=UNDONE, retired=taken.before["retired"])

    await _change(runtime, work, f"{taken.kind} undone", taken.slug, actor)
    return taken


async def holding(runtime: Runtime, connection: Any, kind: Kind, slug: str) -> list[Holds]:
    """What keeps one from being retired."""
    nodes = {one: await rows.nodes(connection, one) for one in Kind}
    below = [node.slug for node in nodes[kind] if node.parent == slug and node.retired_at is None]
    found = [Holds("below", len(below), below)]
    if kind is Kind.DEPARTMENT:
        served = [
            node.slug for node in nodes[Kind.CATEGORY] if node.values["department"] == slug and node.retired_at is None
        ]
        found.append(Holds("categories", len(served), served))
        load = await cases.open_of(connection, slug)
        found.append(Holds("cases", load))
        # Citizens would be told of an office that is no more.
        offered = await services.standing(connection, slug, clock.now())
        language = runtime.settings.city.language
        found.append(Holds("services", len(offered), [one.entry.in_language(language)[1].title for one in offered]))
    rules = [rule.name for rule in runtime.settings.rules if slug == getattr(rule, kind)]
    found.append(Holds("rules", len(rules), rules))
    return [one for one in found if one.number]


def _becomes_sensitive(runtime: Runtime, made: Category) -> bool:
    """Whether the posts of a known category are kept private only once it reads so."""
    settings = runtime.settings
    live, former = (
        tuple(made if one.slug == made.slug else one for one in units)
        for units in (settings.categories, settings.former_categories)
    )
    after = settings.replaced({"categories": live, "former_categories": former})
    return not organisation.is_sensitive(settings, made.slug) and organisation.is_sensitive(after, made.slug)


async def _change(
    runtime: Runtime, work: Callable[[Transaction], Awaitable[int]], action: str, slug: str, actor: str
) -> int:
    """Run a change alone of its kind, note it in the audit, and put it in force here before anybody hears of it."""

    async def whole(transaction: Transaction) -> int:
        await rows.hold(transaction)
        change_id = await work(transaction)
        await audit.note(transaction, actor, action, slug)
        return change_id

    change_id = await runtime.database.write(whole)
    await in_force.renew(runtime)
    return change_id


async def _check_free(runtime: Runtime, transaction: Transaction, kind: Kind, slug: str) -> None:
    if holds := await holding(runtime, transaction.connection, kind, slug):
        raise InUse(holds)


async def _move_back(transaction: Transaction, node: Node, position: int, actor: str) -> int:
    beside = _siblings(await rows.nodes(transaction.connection, node.kind), node)
    other = next((one for one in beside if one.position == position), None)
    if other is None:
        raise Conflict("something else was changed since; look at it again")
    return await rows.swap(transaction, node, other, actor, action=UNDONE)


def _siblings(nodes: Sequence[Node], node: Node) -> list[Node]:
    """Those that are not retired under the same parent, in order; one whose parent is retired stands at the top."""
    live = {one.slug for one in nodes if one.retired_at is None}

    def above(one: Node) -> str | None:
        return one.parent if one.parent in live else None

    return [one for one in nodes if one.slug in live and above(one) == above(node)]


async def _fit(transaction: Transaction, kind: Kind, made: Department | Category) -> None:
    """Whether it may stand where it says, and is called as nobody else. Raises `BadInput`."""
    nodes = [node for node in await rows.nodes(transaction.connection, kind) if node.retired_at is None]
    others = [organisation.of_node(node) for node in nodes if node.slug != made.slug]
    if made.parent is not None:
        if made.parent not in {one.slug for one in others}:
            raise BadInput("choose one of the list", "parent")
        if made.parent in organisation.with_children([*others, made], made.slug):
            raise BadInput("it may not stand under itself", "parent")
    for language, name in made.name.items():
        if fold(name) in {fold(one.name.get(language, "")) for one in others}:
            raise BadInput("there is one of this name already", f"name.{language}")
    if isinstance(made, Category) and made.department is not None:
        departments = await rows.nodes(transaction.connection, Kind.DEPARTMENT)
        if made.department not in {one.slug for one in departments if one.retired_at is None}:
            raise BadInput("choose a department", "department")


# What is said of a value by the last or the first part of its place.
_FAULTS: Mapping[str, str] = {
    "slug": "use small letters, digits and dashes, at most 64",
    "phone": "this is no telephone number",
    "email": "this is no e-mail address",
    "website": "give an address that begins with https://",
    "hours": "give the days, and when duty begins and ends",
    "places": "a place has at most 64 characters",
    "deadline": "choose one of the list",
}


def _check_words(made: Department | Category) -> None:
    for language in LANGUAGES:
        name = made.name.get(language, "")  # type: ignore[call-overload]
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise BadInput("give a name of at most 64 characters", f"name.{language}")


def _check_department(made: Department) -> None:
    for language, address in made.contact.address.items():
        if len(address) > LONGEST_ADDRESS:
            raise BadInput("this is too long", f"contact.address.{language}")
    if len(made.places) > MOST_PLACES:
        raise BadInput("these are too many", "places")
    if len(made.hours) > MOST_HOURS:
        raise BadInput("these are too many", "hours")
    for hours in made.hours:
        begin, end = hours.rpartition(" ")[2].split("-")
        if begin >= end:
            raise BadInput("duty must end after it begins", "hours")
