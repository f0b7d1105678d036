"""The tables of deliveries: each message to one line, the attempts to send it, what carriers said, and what it cost."""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, LargeBinary, String, Table, UniqueConstraint, false, text

from store.columns import Id, Serial, metadata
from store.moments import Moment

# What is on its way already, or goes before all bulk. Bulk that nobody tried yet is claimed in its order anyhow, and is
# left out of the index that a million new rows would have to be put into. Of a new row SQLite builds a list for each
# IN it comes to, so that what says no to most comes first.
UNDERWAY = "(tries > 0 OR priority < 3) AND state IN ('due', 'sending', 'unknown')"

DEAD = "state <> 'due' AND state IN ('failed', 'unknown', 'dropped')"

# What is to be said lies in `phrase` and `values`, what must not be plain in `sealed`; a broadcast says its post.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("broadcast_id", Id),
    Column("post_id", Id),
    Column("audience", String(16), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("address_id", Id),
    Column("kind", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("phrase", String(64), nullable=False),
    Column("values", JSON, nullable=False),
    Column("key_id", Id),
    Column("sealed", LargeBinary),
    Column("language", String(8), nullable=False),
    Column("despite_stop", Boolean, nullable=False, server_default=false()),
    Column("state", String(16), nullable=False),
    Column("reason", String(64)),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    # Tries that do not count towards giving up: the line was at fault, or a person had it sent again.
    Column("forgiven", Integer, nullable=False, server_default=text("0")),
    Column("due_at", Moment, nullable=False),
    Column("lease_until", Moment),
    Column("carrier_id", String(64)),
    Column("created_at", Moment, nullable=False),
    Column("done_at", Moment),
    Column("seen_at", Moment),
    UniqueConstraint("broadcast_id", "address_id", "channel"),  # once each; who was told, in order of address
    Index("ix_deliveries_due", "channel", "state", "priority", "due_at", "id"),  # claiming, class by class
    Index(
        "ix_deliveries_lease",  # leases that ended in sending
        "state",
        "lease_until",
        sqlite_where=text("lease_until IS NOT NULL"),
        postgresql_where=text("lease_until IS NOT NULL"),
    ),
    Index("ix_deliveries_post_id", "post_id"),
    Index(
        "ix_deliveries_carrier_id",  # receipts
        "channel",
        "carrier_id",
        sqlite_where=text("carrier_id IS NOT NULL"),
        postgresql_where=text("carrier_id IS NOT NULL"),
    ),
    Index(
        "ix_deliveries_broadcast",  # how a broadcast stands; what of it is held, released, dropped
        "broadcast_id",
        "state",
        "channel",
        sqlite_where=text("broadcast_id IS NOT NULL"),
        postgresql_where=text("broadcast_id IS NOT NULL"),
    ),
    Index("ix_deliveries_address_id_id", "address_id", "id"),  # all that one line was told
    Index("ix_deliveries_channel_id", "channel", "id"),  # all that went by one channel, newest first
    Index(
        "ix_deliveries_mailbox",  # what lies in one mailbox, in order
        "address_id",
        "created_at",
        "id",
        sqlite_where=text("kind = 'mailbox'"),
        postgresql_where=text("kind = 'mailbox'"),
    ),
    Index(
        "ix_deliveries_underway",  # what an address must have before the next of the same thread
        "address_id",
        "id",
        sqlite_where=text(UNDERWAY),
        postgresql_where=text(UNDERWAY),
    ),
    Index("ix_deliveries_dead", "state", "id", sqlite_where=text(DEAD), postgresql_where=text(DEAD)),  # dead letters
    Index(
        "ix_deliveries_dead_reasons",  # how many there are for which reason
        "state",
        "channel",
        "reason",
        sqlite_where=text(DEAD),
        postgresql_where=text(DEAD),
    ),
    Index(
        "ix_deliveries_subscribers",  # of which posts a subscriber was told
        "address_id",
        "post_id",
        sqlite_where=text("kind = 'subscribers'"),
        postgresql_where=text("kind = 'subscribers'"),
    ),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("delivery_id", Serial, nullable=False),
    Column("channel", String(32), nullable=False),
    Column("number", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("outcome", String(16), nullable=False),
    Column("code", String(32)),
    Column("detail", String(300)),
    UniqueConstraint("delivery_id", "number"),
    Index("ix_attempts_channel_ended_at", "channel", "ended_at"),  # last out, errors
)

# Also those that come before the response that names the message: matched when it does.
receipts = Table(
    "receipts",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("channel", String(32), nullable=False),
    Column("carrier_id", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("code", String(32)),
    Column("at", Moment, nullable=False),
    UniqueConstraint("channel", "carrier_id", "status"),
    Index("ix_receipts_channel_at", "channel", "at"),  # how long deliveries took lately
)

# What a channel's sendings cost on a day of the city, in the carrier's units.
spendings = Table(
    "spendings",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("units", Integer, nullable=False),
)
