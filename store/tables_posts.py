"""The tables of posts, and of the messages they came by."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from store.columns import Id, metadata
from store.moments import Moment

# What arrived, once per carrier's message id, with the answer given to it.
incoming = Table(
    "incoming",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("external_id", String(128), nullable=False),
    Column("address_id", Id),
    Column("post_id", Id),
    Column("key_id", Id, ForeignKey("keys.id"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("answer", JSON, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("taken_at", Moment, nullable=False),
    UniqueConstraint("channel", "external_id"),
    Index("ix_incoming_channel_taken_at", "channel", "taken_at"),  # last in, rates
    Index("ix_incoming_address_id_taken_at", "address_id", "taken_at"),  # how much one line says
)

# `text` is masked and public once published; the words as they came are in `words`. `group_id` names the first of
# several posts that say the same. `place_slug` names the place of the gazetteer, `place_from` says who knew it (see
# `schema.PlaceFrom`), `category_from` whether its author chose the category, or its words suggested it, or staff did.
# `private` is kept from the public, `asked_private` by its author's wish, whatever it is about.
posts = Table(
    "posts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("thread_id", Id, nullable=False),
    Column("parent_id", Id),
    Column("ticket", String(8), unique=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("channel", String(32), nullable=False),
    Column("citizen_id", Id),
    Column("account_id", Id),
    Column("department", String(64)),
    Column("category", String(64)),
    Column("place", String(200)),
    Column("lat", Float),
    Column("lon", Float),
    Column("place_from", String(8)),
    Column("place_slug", String(64)),
    Column("category_from", String(8)),
    Column("language", String(8), nullable=False),
    Column("private", Boolean, nullable=False),
    Column("asked_private", Boolean, nullable=False, server_default=false()),
    # Its author agreed that the recording itself may be heard on the radio.
    Column("own_voice", Boolean, nullable=False, server_default=false()),
    Column("urgent", Boolean, nullable=False, server_default=false()),
    Column("group_id", Id),
    Column("ruling", String(8), nullable=False),
    Column("rules", JSON, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", Moment, nullable=False),
    Column("published_at", Moment),
    Index("ix_posts_state_urgent_created_at", "state", "urgent", "created_at"),  # the queue, oldest first
    Index("ix_posts_timeline", "state", "private", "published_at", "id"),  # the portal, newest first
    Index("ix_posts_thread", "thread_id", "state", "private", "created_at"),  # a thread, or what is public of it
    Index("ix_posts_citizen_id_created_at", "citizen_id", "created_at"),  # what somebody said lately
    Index("ix_posts_created_at_id", "created_at", "id"),  # all that was said, newest first: the inbox, trying a word
    Index(
        "ix_posts_group_id",  # what says the same as the first of a group
        "group_id",
        sqlite_where=text("group_id IS NOT NULL"),
        postgresql_where=text("group_id IS NOT NULL"),
    ),
)
