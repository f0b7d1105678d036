"""The tables of the city's departments and of the categories of what it is told."""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, String, Table, false, text

from store.columns import Serial, metadata
from store.moments import Moment


def _standing() -> list[Column[object]]:
    """Where a department or category stands, and who changed it last; posts go on naming one that is retired."""
    return [
        Column("position", Integer, nullable=False),
        Column("version", Integer, nullable=False, server_default=text("1")),
        Column("retired_at", Moment),
        Column("changed_at", Moment, nullable=False),
        Column("changed_by", String(64), nullable=False),
    ]


departments = Table(
    "departments",
    metadata,
    Column("slug", String(64), primary_key=True),
    Column("name", JSON, nullable=False),
    Column("parent", String(64)),
    Column("contact", JSON, nullable=False),
    Column("hours", JSON, nullable=False),
    Column("places", JSON, nullable=False),
    *_standing(),
)

categories = Table(
    "categories",
    metadata,
    Column("slug", String(64), primary_key=True),
    Column("name", JSON, nullable=False),
    Column("parent", String(64)),
    Column("department", String(64)),
    Column("deadline", String(16), nullable=False),
    Column("sensitive", Boolean, nullable=False, server_default=false()),
    *_standing(),
)

# Each change of a department or category, to be accounted for and undone: how it read before and after.
organisation_changes = Table(
    "organisation_changes",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("slug", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("before", JSON),
    Column("after", JSON, nullable=False),
    Index("ix_organisation_changes_kind_slug_id", "kind", "slug", "id"),  # what became of one, newest first
)
