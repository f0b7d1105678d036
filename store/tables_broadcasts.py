"""The tables of broadcasts and digests: which followers are addressed, and how far that came."""

from sqlalchemy import JSON, Column, Index, Integer, String, Table, text

from store.columns import Id, metadata
from store.moments import Moment

# `topics` are whose followers hear it, one after the other; none when it goes to those who were told before. `due_at`
# is when the undo time is over: before, nothing leaves that cannot be recalled. `expected`, `added`, `cost` (segments)
# are what was counted before, and how far it came; `reason` says why it was stopped.
broadcasts = Table(
    "broadcasts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("post_id", Id, nullable=False),
    Column("event", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("topics", JSON, nullable=False),
    Column("stage", Integer, nullable=False, server_default=text("0")),
    Column("cursor", String(64)),
    Column("reason", String(32)),
    Column("expected", Integer),
    Column("added", Integer, nullable=False, server_default=text("0")),
    Column("cost", Integer),
    Column("agreed_by", String(64)),
    Column("due_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("expanded_at", Moment),
    Index("ix_broadcasts_open", "state", "created_at"),  # what is still to expand
    Index("ix_broadcasts_created_at", "created_at"),  # the newest; what a digest counts
    Index(
        "ix_broadcasts_expires_at",
        "expires_at",
        sqlite_where=text("expires_at IS NOT NULL"),
        postgresql_where=text("expires_at IS NOT NULL"),
    ),
    Index("ix_broadcasts_post_id", "post_id"),
)

# One message for each follower on a line that costs money, about what was published between two moments. Its deliveries
# bear its id as that of their broadcast, so that a repeated chunk adds nothing.
digests = Table(
    "digests",
    metadata,
    Column("id", Id, primary_key=True),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("cursor", String(64)),
    Column("added", Integer, nullable=False, server_default=text("0")),
    Column("created_at", Moment, nullable=False),
    Index("ix_digests_state", "state"),
)
