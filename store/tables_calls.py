"""The table of calls, for staff to follow."""

from sqlalchemy import Boolean, Column, Index, LargeBinary, String, Table, UniqueConstraint, text

from store.columns import Id, metadata
from store.moments import Moment

# Calls, going on and of the last days, for staff to follow. `holder` has the caller's line open until `lease_until`,
# and renews it; `caller` is the keyed hash of who calls, by which erasing a person finds his calls: the number itself
# is kept nowhere here. `sealed` are the words so far (see `store.calls`), emptied soon after the end.
calls = Table(
    "calls",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("external_id", String(128), nullable=False),
    Column("line", String(64)),
    Column("caller", String(64)),
    Column("language", String(8), nullable=False),
    Column("live", Boolean, nullable=False),
    Column("step", String(32), nullable=False),
    Column("ticket", String(8)),
    Column("sealed", LargeBinary),
    Column("holder", Id, nullable=False),
    Column("lease_until", Moment, nullable=False),
    Column("begun_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("how", String(32)),
    UniqueConstraint("channel", "external_id"),
    Index(
        "ix_calls_going_on",  # how many there are, and which, oldest first
        "begun_at",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index("ix_calls_changed_at", "changed_at"),  # what is new to who follows them
    Index("ix_calls_ended_at", "ended_at"),  # the last ones, and upkeep
    Index("ix_calls_caller", "caller"),  # erasing a citizen
)
