"""Departments and categories as the store keeps them, and what follows from their trees."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from gateway.sections_departments import Category, Department
from gateway.settings import Settings
from store import organisation
from store.database import Database, Transaction
from store.organisation import FIRST, Kind, Node

Unit = TypeVar("Unit", bound=Department | Category)


async def seed(transaction: Transaction, settings: Settings) -> None:
    """Keep the departments and categories of the files, unless some are kept already."""
    await organisation.hold(transaction)
    if await organisation.is_kept(transaction.connection):
        return
    for department in settings.departments:
        await organisation.add(transaction, Kind.DEPARTMENT, department.slug, values_of(department), FIRST)
    for category in settings.categories:
        await organisation.add(transaction, Kind.CATEGORY, category.slug, values_of(category), FIRST)


async def read(database: Database) -> Mapping[str, Any]:
    """The departments and categories that are kept, by the names of the settings' fields."""
    async with database.reading() as connection:
        kept = {kind: await organisation.nodes(connection, kind) for kind in Kind}
    if not any(kept.values()):
        return {}
    departments, categories = kept[Kind.DEPARTMENT], kept[Kind.CATEGORY]
    return {
        "departments": tuple(department(one) for one in departments if one.retired_at is None),
        "categories": tuple(category(one) for one in categories if one.retired_at is None),
        "former_departments": tuple(department(one) for one in departments if one.retired_at),
        "former_categories": tuple(category(one) for one in categories if one.retired_at),
    }


def department(node: Node) -> Department:
    """A department as the settings have it."""
    return Department.model_validate({"slug": node.slug, **node.values})


def category(node: Node) -> Category:
    """A category as the settings have it."""
    return Category.model_validate({"slug": node.slug, **node.values})


def of_node(node: Node) -> Department | Category:
    """One as the settings have it."""
    return department(node) if node.kind is Kind.DEPARTMENT else category(node)


def values_of(unit: Department | Category) -> dict[str, Any]:
    """What the store keeps of one, beside its slug."""
    return unit.model_dump(mode="json", exclude={"slug"})


def name(unit: Department | Category, language: str) -> str:
    """What one is called in a language, or in another where it has no name in it."""
    return str(unit.name.get(language) or next(iter(unit.name.values()), unit.slug))  # type: ignore[call-overload]


def in_tree(units: Sequence[Unit]) -> Iterator[tuple[Unit, int]]:
    """Each with its depth, parents before their children; under a parent that is not among them one stands alone."""
    known = {unit.slug for unit in units}

    def below(parent: str | None, depth: int) -> Iterator[tuple[Unit, int]]:
        for unit in units:
            if (unit.parent if unit.parent in known else None) == parent:
                yield unit, depth
                yield from below(unit.slug, depth + 1)

    return below(None, 0)


def with_children(units: Sequence[Department | Category], slug: str) -> frozenset[str]:
    """A slug and those of all that stand below it."""
    found, more = {slug}, {slug}
    while more:
        more = {unit.slug for unit in units if unit.parent in more} - found
        found |= more
    return frozenset(found)


def own_first(departments: Sequence[Department], own: str) -> list[str]:
    """A department and those below it, as they can be chosen, in their order."""
    below = with_children(departments, own)
    return [own, *(one.slug for one in departments if one.slug in below and one.slug != own)]


def above(units: Sequence[Department | Category], slug: str | None) -> tuple[str, ...]:
    """A slug and those it stands under, from itself to the top; nothing for none."""
    parents = {unit.slug: unit.parent for unit in units}
    found: list[str] = []
    while slug is not None and slug not in found:
        found.append(slug)
        slug = parents.get(slug)
    return tuple(found)


def nearest(units: Sequence[Department | Category], slug: str, among: Collection[str]) -> str | None:
    """A slug if it is one of some, else the first of them that stands above it."""
    return next((one for one in above(units, slug) if one in among), None)


def sensitive(settings: Settings) -> frozenset[str]:
    """The categories that can be chosen whose posts are kept from the public."""
    return frozenset(one.slug for one in settings.categories if is_sensitive(settings, one.slug))


def is_sensitive(settings: Settings, category: str | None) -> bool:
    """Whether posts of a category are kept from the public: it, or one it stands under, is marked so."""
    marked = {one.slug for one in settings.known_categories if one.sensitive}
    return not marked.isdisjoint(above(settings.known_categories, category))
