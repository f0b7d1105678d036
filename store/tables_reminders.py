"""The table of what was told of the deadlines of cases, so that each is told once."""

from sqlalchemy import Column, Integer, String, Table

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
