"""The tables of the departments' assessment: months, what they were judged by, and the scores that were kept."""

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, String, Table, Text

from store.columns import Id, Serial, metadata
from store.moments import Moment

# One month as it was counted last: `formula` as in force then, `city` what all departments together were judged by.
# From `frozen_at` on nothing of it changes but by a correction.
assessments = Table(
    "assessments",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("formula", JSON, nullable=False),
    Column("city", JSON, nullable=False),
    Column("counted_at", Moment, nullable=False),
    Column("frozen_at", Moment),
)

# A department's score: `inputs` are what it was judged by, `lines` its parts. Number 0 is as it was counted, and once
# frozen stands for ever; each correction is a row of its own after it, with its `cause`, who made it and why.
scores = Table(
    "scores",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("department", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("inputs", JSON, nullable=False),
    Column("lines", JSON, nullable=False),
    Column("total", Float, nullable=False),
    Column("at", Moment, nullable=False),
    Column("cause", String(16)),
    Column("thread_id", Id),
    Column("reason", Text),
    Column("actor", String(64)),
)

# The reports a frozen month was judged by, as they stood. `round` is how often a case had been reopened; `solved` and
# `mark` are what its authors said. `out` says why one counts no more: `reopened` (it counts in a later month),
# `joined` (it is judged with another report) or `left_out` (a correction).
scored = Table(
    "scored",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("thread_id", Id, primary_key=True),
    Column("department", String(64), nullable=False),
    Column("round", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("answered_at", Moment),
    Column("in_time", Boolean, nullable=False),
    Column("solved", Float),
    Column("mark", Float),
    Column("out", String(16)),
    Index("ix_scored_thread_id_round", "thread_id", "round"),  # whether a report was counted in another month
    Index("ix_scored_department", "month", "department", "due_at", "thread_id"),  # the reports behind a number
)

# What happened to a report that may have been judged, until the clock has looked whether it corrects a frozen month.
# `other` is the ticket of the report that it was joined to or separated from.
rejudgings = Table(
    "rejudgings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("thread_id", Id, nullable=False),
    Column("event", String(16), nullable=False),
    Column("other", String(8)),
    Column("at", Moment, nullable=False),
    Index("ix_rejudgings_at", "at"),  # in order
)

# What supervisors gave a department for a month, with the reason all may read; the last row is in force. No points
# take back what was given before.
supervisor_points = Table(
    "supervisor_points",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("month", String(7), nullable=False),
    Column("department", String(64), nullable=False),
    Column("points", Float),
    Column("reason", Text, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_supervisor_points_month", "month", "id"),  # what was given in a month, in order
)
