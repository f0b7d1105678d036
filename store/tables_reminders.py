"""The tables of what was told of the deadlines of cases, so that each is told once, and of the calls that tell it."""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, String, Table

from store.columns import Id, metadata
from store.moments import Moment

# One step of the plan of a case that was due at `due_at` and went out at `at` to so many lines. `round` is when the
# clock began that the step belongs to: a case that is opened again has a new one.
reminders = Table(
    "reminders",
    metadata,
    Column("thread_id", Id, primary_key=True),
    Column("due", String(16), primary_key=True),
    Column("round", Moment, primary_key=True),
    Column("step", String(64), primary_key=True),
    Column("level", String(16), nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("at", Moment, nullable=False),
    Column("told", Integer, nullable=False),
)

# Somebody of the staff is to be called and told a phrase; `rung_at` is when he was. A row is gone once the call is
# placed, or a text was put into the outbox in its place.
staff_calls = Table(
    "staff_calls",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, nullable=False),
    Column("phrase", String(64), nullable=False),
    Column("values", JSON, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("rung_at", Moment),
    Index("ix_staff_calls_created_at", "created_at"),  # which are to be placed, the oldest first
)
