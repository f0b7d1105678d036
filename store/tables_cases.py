"""The table of cases: which department deals with a thread, how far it is, and by when it owes what."""

from sqlalchemy import Column, Index, Integer, String, Table, text

from store.columns import Id, metadata
from store.moments import Moment

cases = Table(
    "cases",
    metadata,
    Column("thread_id", Id, primary_key=True),
    Column("department", String(64)),
    Column("progress", String(16), nullable=False),
    Column("rule", String(64)),
    Column("opened_at", Moment, nullable=False),
    # How long the department has, by the span's name; by when it must say that it has it, and by when answer.
    Column("span", String(16), nullable=False),
    Column("acknowledge_by", Moment),
    Column("acknowledged_at", Moment),
    Column("due_at", Moment, nullable=False),
    # Since when the clock stands still: while the citizen is waited for, and from the answer on.
    Column("stopped_at", Moment),
    # To whom it is being passed on; until that department accepts it, `department` stays responsible.
    Column("handed_to", String(64)),
    Column("handed_at", Moment),
    Column("answered_at", Moment),
    Column("reopened", Integer, nullable=False, server_default=text("0")),
    # The thread this one was joined to, being about the same (one step, never a chain), and how its post stood before.
    Column("merged_into", Id),
    Column("merged_at", Moment),
    Column("merged_state", String(16)),
    Index(
        "ix_cases_merged_into",  # what was joined to a thread
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
    # Since when the time of the answer is counted, and who of the department deals with it.
    Column("begun_at", Moment, nullable=False),
    Column("officer", Id),
    # When it is to be looked at for what somebody must be told of its deadlines.
    Column("remind_at", Moment),
    Index("ix_cases_department_progress", "department", "progress"),  # a department's inbox
    Index("ix_cases_handed_to", "handed_to"),  # what others would pass on to it
    Index("ix_cases_department_due_at", "department", "due_at"),  # whose time was up in a month
    Index("ix_cases_department_answered_at", "department", "answered_at"),  # what was answered in it
    Index(
        "ix_cases_running",  # what is overdue, and what will be next
        "due_at",
        sqlite_where=text("stopped_at IS NULL"),
        postgresql_where=text("stopped_at IS NULL"),
    ),
    Index(
        "ix_cases_answered",  # what is closed when nobody says anything
        "answered_at",
        sqlite_where=text("progress = 'answered'"),
        postgresql_where=text("progress = 'answered'"),
    ),
    Index(
        "ix_cases_waiting",  # whose clock starts again when the citizen writes
        "stopped_at",
        sqlite_where=text("progress = 'waiting'"),
        postgresql_where=text("progress = 'waiting'"),
    ),
    Index(
        "ix_cases_remind_at",
        "remind_at",
        sqlite_where=text("remind_at IS NOT NULL"),
        postgresql_where=text("remind_at IS NOT NULL"),
    ),
    Index(
        "ix_cases_unacknowledged",
        "acknowledge_by",
        sqlite_where=text("acknowledged_at IS NULL"),
        postgresql_where=text("acknowledged_at IS NULL"),
    ),
    Index(
        "ix_cases_passed_on",
        "handed_at",
        sqlite_where=text("handed_at IS NOT NULL"),
        postgresql_where=text("handed_at IS NOT NULL"),
    ),
    Index("ix_cases_officer", "officer"),
)
