"""The tables of convenience services: what departments tell citizens who ask for it by a word."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, text

from store.columns import Id, Serial, metadata
from store.moments import Moment

# `content` is title, text and words in each language, `rules` is why the filter held it, `notice_id` the post by which
# followers were told. Who may read it is told by `state`; `published_at` is when it first was, `retired_at` since when
# it is not any more. A notice ends with `valid_until`.
services = Table(
    "services",
    metadata,
    Column("id", Id, primary_key=True),
    Column("slug", String(64), nullable=False, unique=True),
    Column("department", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("content", JSON, nullable=False),
    Column("rules", JSON, nullable=False),
    Column("valid_from", Moment),
    Column("valid_until", Moment),
    Column("published_at", Moment),
    Column("retired_at", Moment),
    Column("notice_id", Id),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_services_department_changed_at", "department", "changed_at"),  # a department's, in the console
    Index("ix_services_state_department", "state", "department"),  # what everybody reads; what waits for a review
)

# Every state an entry ever had, the newest last: what was there before can be put back.
service_changes = Table(
    "service_changes",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("service_id", Id, ForeignKey("services.id"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(16), nullable=False),
    Column("kept", JSON, nullable=False),
    Index("ix_service_changes_service_id_id", "service_id", "id"),
)

# The folded words by which an entry is found, each with how much it says (see `casework.service_words`).
service_words = Table(
    "service_words",
    metadata,
    Column("word", String(64), primary_key=True),
    Column("service_id", Id, ForeignKey("services.id"), primary_key=True),
    Column("weight", Integer, nullable=False),
    Index("ix_service_words_service_id", "service_id"),  # an entry gets other words
)

# How often an entry was given on a day of the city, by channel.
service_uses = Table(
    "service_uses",
    metadata,
    Column("service_id", Id, ForeignKey("services.id"), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("uses", Integer, nullable=False),
    Index("ix_service_uses_day", "day"),  # a month's, for all departments
)

# What was asked for and not found: masked, and only so many of them (`store.unanswered`). What somebody dismissed is
# counted on, and not shown.
unanswered_words = Table(
    "unanswered_words",
    metadata,
    Column("word", String(64), primary_key=True),
    Column("language", String(8), nullable=False),
    Column("asked", Integer, nullable=False),
    Column("first_asked_at", Moment, nullable=False),
    Column("last_asked_at", Moment, nullable=False),
    Column("dismissed_at", Moment),
    Index("ix_unanswered_words_asked", "asked", "last_asked_at"),  # the most wanted first, the least forgotten first
)
