"""The tables of the channels: their health, what a person switched off, and what they ask the desk to keep."""

from sqlalchemy import JSON, Column, Index, Integer, LargeBinary, String, Table, text

from store.columns import Id, metadata
from store.moments import Moment

# What channels ask the desk to keep; sealed with the master key, as call state names a caller.
kept = Table(
    "kept",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Index("ix_kept_expires_at", "expires_at"),
)

# What a channel did in a minute and in an hour (`span`): added up in memory and written every few seconds, so that
# nobody counts rows to know a rate. What a process counted in its last seconds is lost with it.
tallies = Table(
    "tallies",
    metadata,
    Column("span", String(8), primary_key=True),
    Column("at", Moment, primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("received", Integer, nullable=False),
    Column("sent", Integer, nullable=False),
    Column("delivered", Integer, nullable=False),
    Column("later", Integer, nullable=False),
    Column("unknown", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("unsigned", Integer, nullable=False),
    Column("broken", Integer, nullable=False),
)

# What is known of a channel beside its counts, each part by whoever found it out last: the credentials, the breaker,
# the last request whose signature did not fit, how long deliveries took.
standings = Table(
    "standings",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("credentials", JSON),
    Column("breaker", JSON),
    Column("unsigned", JSON),
    Column("figures", JSON),
)

# Channels that a person has paused or isolated; no row means it runs.
switches = Table(
    "switches",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("position", String(16), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", Moment, nullable=False),
)

# Faults of channels: one open at a time for each cause. `told` are the channels by which operators heard of it.
incidents = Table(
    "incidents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("cause", String(16), nullable=False),
    Column("detail", JSON, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("told", JSON, nullable=False),
    Column("told_at", Moment),
    Column("opened_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Index(
        "uq_incidents_open",
        "channel",
        "cause",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
    Index("ix_incidents_opened_at", "opened_at"),  # the newest, and upkeep
)
