"""The form of a department or category: what was typed, as it stands in the fields and as it is kept."""

from collections.abc import Mapping
from typing import Any

from gateway.schema import LANGUAGES
from gateway.sections_departments import Category, Department
from store.organisation import Kind

# As many rows of duty hours as the form shows.
ROWS = 6
MIDNIGHT = {"00:00": "24:00"}
Typed = dict[str, str]


def filled(unit: Department | Category) -> Typed:
    """A known one as the fields of its form hold it."""
    typed = {"slug": unit.slug, "parent": unit.parent or ""}
    typed |= {f"name_{language}": unit.name.get(language, "") for language in LANGUAGES}  # type: ignore[call-overload]
    if isinstance(unit, Category):
        return {
            **typed,
            "department": unit.department or "",
            "deadline": unit.deadline,
            "sensitive": "1" if unit.sensitive else "",
        }
    contact = unit.contact
    typed |= {"phone": contact.phone, "email": contact.email, "website": contact.website}
    typed |= {f"address_{language}": contact.address.get(language, "") for language in LANGUAGES}  # type: ignore[call-overload]
    typed["places"] = "\n".join(unit.places)
    for number, hours in enumerate(unit.hours[:ROWS]):
        days, times = hours.split(" ")
        (first, _, last), (begin, end) = days.partition("-"), times.split("-")
        shown = {"first": first, "last": last or first, "begin": begin, "end": "00:00" if end == "24:00" else end}
        typed |= {f"{name}_{number}": value for name, value in shown.items()}
    return typed


def read(kind: Kind, typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed as the values of a department or category, not checked yet."""
    values: dict[str, Any] = {
        "slug": typed.get("slug", "").strip(),
        "name": {language: " ".join(typed.get(f"name_{language}", "").split()) for language in LANGUAGES},
        "parent": typed.get("parent") or None,
    }
    if kind is Kind.CATEGORY:
        return values | {
            "department": typed.get("department") or None,
            "deadline": typed.get("deadline", ""),
            "sensitive": typed.get("sensitive") == "1",
        }
    addresses = {language: typed.get(f"address_{language}", "").strip() for language in LANGUAGES}
    contact: dict[str, Any] = {name: typed.get(name, "").strip() for name in ("phone", "email", "website")}
    contact["address"] = {language: address for language, address in addresses.items() if address}
    places = [" ".join(line.split()) for line in typed.get("places", "").splitlines()]
    return values | {"contact": contact, "hours": _hours(typed), "places": list(dict.fromkeys(filter(None, places)))}


def field_of(fault: str | None) -> str:
    """Which field of the form a fault is about: "name.zh" is called `name_zh` there."""
    parts = [part for part in (fault or "").split(".") if part != "contact"]
    if parts and parts[0] in ("hours", "places"):
        return parts[0]
    return "_".join(parts)


def _hours(typed: Mapping[str, str]) -> list[str]:
    """The rows that are filled in; one that is only half so is kept as it is, to be refused."""
    rows = []
    for number in range(ROWS):
        first, last, begin, end = (typed.get(f"{name}_{number}", "") for name in ("first", "last", "begin", "end"))
        if first or begin or end:
            days = first if last in ("", first) else f"{first}-{last}"
            rows.append(f"{days} {begin}-{MIDNIGHT.get(end, end)}")
    return rows
