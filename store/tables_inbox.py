"""The tables of what staff keep for working through the inbox: saved filters, and templates of answers."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from store.columns import Id, Serial, metadata
from store.moments import Moment

# What somebody looks for in the inbox again and again, under a name; `query` is that of its address.
inbox_filters = Table(
    "inbox_filters",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("shared", Boolean, nullable=False, server_default=false()),
    Column("query", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("account_id", "name"),  # one's own
    Index("ix_inbox_filters_shared", "shared"),  # everybody's
)

# Answers that are given again and again, with fields to be filled in; a department of "" is every department. What was
# removed stays, to be put back.
answer_templates = Table(
    "answer_templates",
    metadata,
    Column("id", Id, primary_key=True),
    Column("department", String(64), nullable=False),
    Column("language", String(8), nullable=False),
    Column("name", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String(64), nullable=False),
    Column("removed_at", Moment),
    Index("ix_answer_templates_department_name", "department", "name"),
)

# Each wording a template ever had: what was said in a department's name can be accounted for.
template_changes = Table(
    "template_changes",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("template_id", Id, nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(16), nullable=False),
    Column("department", String(64), nullable=False),
    Column("language", String(8), nullable=False),
    Column("name", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Index("ix_template_changes_department_id", "department", "id"),  # the export of a department
)
