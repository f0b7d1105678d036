"""The tables of the routing rules."""

from sqlalchemy import JSON, Column, Index, Integer, String, Table, text

from store.columns import Id, Serial, metadata
from store.moments import Moment

# A rule as `sections.Rule` has it; the one that is tried first has the lowest position.
routing_rules = Table(
    "routing_rules",
    metadata,
    Column("id", Id, primary_key=True),
    Column("rule", JSON, nullable=False),
    Column("position", Integer, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("retired_at", Moment),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String(64), nullable=False),
)

# Each change of a rule, to be accounted for and undone: how it stood before (None: it was new) and after.
routing_changes = Table(
    "routing_changes",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("rule_id", Id, nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(16), nullable=False),
    Column("before", JSON),
    Column("after", JSON, nullable=False),
    Index("ix_routing_changes_rule_id_id", "rule_id", "id"),  # what became of one last
)
