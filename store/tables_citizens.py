"""The tables of citizens: their lines, the keys that seal what they said, what they follow, what they must prove."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

from store.columns import Id, metadata
from store.moments import Moment

# Every line has a citizen of its own; several lines of one person point at one of theirs (`merged_into`, one step,
# never a chain). Nothing else is rewritten when lines are linked, so that unlinking gives each its own back.
citizens = Table(
    "citizens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("merged_into", Id),
    Column("display_name", String(64)),
    Column("created_at", Moment, nullable=False),
    Index(
        "ix_citizens_merged_into",  # all lines of one person
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
)

# A sealing key, wrapped by the master key. Emptying `wrapped` destroys what it sealed.
keys = Table(
    "keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("citizen_id", Id, ForeignKey("citizens.id")),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_keys_citizen_id", "citizen_id"),  # erasing a citizen
)

# `citizen_id` is empty while a typed contact is not proved: nobody's, and used for nothing but its code. `language` is
# what the line last wrote in, or what it chose (`chosen`) and then keeps. A muted line hears nothing of other lines.
addresses = Table(
    "addresses",
    metadata,
    Column("id", Id, primary_key=True),
    Column("citizen_id", Id, ForeignKey("citizens.id")),
    Column("scheme", String(16), nullable=False),
    Column("lookup", String(64), nullable=False, unique=True),
    Column("key_id", Id, ForeignKey("keys.id"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("language", String(8)),
    Column("chosen", Boolean, nullable=False, server_default=false()),
    Column("proved_at", Moment),
    Column("stopped_at", Moment),
    Column("muted_at", Moment),
    Column("created_at", Moment, nullable=False),
    Index("ix_addresses_citizen_id", "citizen_id"),  # whom to tell of an author's post
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("address_id", Id, ForeignKey("addresses.id"), nullable=False),
    Column("topic", String(96), nullable=False),
    # On a line that costs money, each post at once instead of the digest.
    Column("at_once", Boolean, nullable=False, server_default=false()),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("topic", "address_id"),  # expansion: the followers of a topic in order of address; places followed
    Index("ix_subscriptions_address_id", "address_id"),  # STOP
)

# The one question an address was asked and may answer with a bare number, until it expires.
questions = Table(
    "questions",
    metadata,
    Column("address_id", Id, ForeignKey("addresses.id"), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("post_id", Id),
    Column("options", JSON, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Index("ix_questions_expires_at", "expires_at"),  # upkeep
)

# A code on its way to prove a line: a contact typed with a post, or (without one) a line to be linked on the web. The
# code itself lies sealed in its delivery only.
challenges = Table(
    "challenges",
    metadata,
    Column("id", Id, primary_key=True),
    Column("citizen_id", Id, ForeignKey("citizens.id"), nullable=False),
    Column("address_id", Id, ForeignKey("addresses.id"), nullable=False),
    Column("post_id", Id),
    Column("code_hash", String(64), nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("expires_at", Moment, nullable=False),
    Column("proved_at", Moment),
    Column("created_at", Moment, nullable=False),
    Index("ix_challenges_post_id", "post_id"),  # the code typed for a post
    Index("ix_challenges_address_id_created_at", "address_id", "created_at"),  # how many codes one contact got
    Index("ix_challenges_citizen_id_created_at", "citizen_id", "created_at"),  # the code a browser asked for
)
