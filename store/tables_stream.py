"""The tables of the public stream: its numbered events, and the other systems that are told of them."""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table, text

from store.columns import Id, Serial, metadata
from store.moments import Moment

# The public stream: one number for each change the world may see, given in the order of the commits.
events = Table(
    "events",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),
    Column("event", String(16), nullable=False),
    Column("about", String(16)),
    Column("post_id", Id, nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_events_at", "at"),  # from where a day is told again
    sqlite_autoincrement=True,
)

# Other systems that are told of the stream's events, each at its own pace: `cursor` is the last number taken from the
# stream for it, `replay_cursor` the same of a stretch (up to `replay_until`) it is told once more. Its URL and secrets
# are its address. `failures` are those since the last success.
subscribers = Table(
    "subscribers",
    metadata,
    Column("address_id", Id, ForeignKey("addresses.id"), primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("name", String(64), nullable=False),
    Column("host", String(255), nullable=False),
    Column("events", JSON, nullable=False),
    Column("category", String(64)),
    Column("department", String(64)),
    Column("place", String(200)),
    Column("state", String(16), nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("replay_cursor", BigInteger, nullable=False, server_default=text("0")),
    Column("replay_until", BigInteger, nullable=False, server_default=text("0")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("failing_since", Moment),
    Column("last_failure", String(300)),
    Column("last_failure_at", Moment),
    Column("last_success_at", Moment),
    Column("rotated_at", Moment),
    Column("created_at", Moment, nullable=False),
)
