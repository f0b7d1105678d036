"""The tables of duty: who is on when, what they hand over, and whom a queue that waits too long has called."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, text

from store.columns import Id, metadata
from store.moments import Moment

# Somebody's time on duty. `origin` is the rule of the rota and the day that made it, so that each makes it once, also
# when it was given to another or taken away since.
shifts = Table(
    "shifts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, nullable=False),
    Column("begins_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("origin", String(96), unique=True),
    Column("actor", String(64), nullable=False),
    Column("dropped_at", Moment),
    Column("created_at", Moment, nullable=False),
    Index("ix_shifts_ends_at", "ends_at"),  # who is on now and next; a week
)

# What one hands over to the next, sealed; acknowledged by whoever read it.
handovers = Table(
    "handovers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("author", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("read_by", String(64)),
    Column("read_at", Moment),
    Index("ix_handovers_created_at", "created_at"),  # the newest
)

# That the queue waits too long: open until somebody claims it or nothing waits so long any more.
duty_alarms = Table(
    "duty_alarms",
    metadata,
    Column("id", Id, primary_key=True),
    Column("state", String(8), nullable=False),
    Column("waiting_since", Moment, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("claimed_by", String(64)),
    Column("claimed_at", Moment),
    Column("closed_at", Moment),
    Index(
        "uq_duty_alarms_open",  # one at a time
        "state",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
    Index("ix_duty_alarms_opened_at", "opened_at"),  # the newest
)

# Whom an alarm told, one after the other: by text, then by a call. A row is there before anything leaves.
duty_steps = Table(
    "duty_steps",
    metadata,
    Column("alarm_id", Id, ForeignKey("duty_alarms.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("account_id", Id, nullable=False),
    Column("way", String(8), nullable=False),
    Column("at", Moment, nullable=False),
    Column("fault", String(64)),
)
