"""The tables by which posts are found: the words that search looks up, and what texts that are alike have in common."""

from sqlalchemy import BigInteger, Column, Index, Table, Text
from sqlalchemy.dialects.postgresql import TSVECTOR

from store.columns import Id, Serial, metadata
from store.moments import Moment

# What search finds: the tokens (see `journey.tokens`) of each thread that is public, and of nothing else. `number` is
# the moment of publication in microseconds, or the next that is free, so that the newest are found first by their key.
# The first migration puts a full-text index over the tokens: FTS5 (`search_words`, kept by triggers) or GIN.
search = Table(
    "search",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=False),
    Column("post_id", Id, nullable=False, unique=True),
    Column("tokens", Text().with_variant(TSVECTOR(), "postgresql"), nullable=False),
)

# The same of each post in whatever state, for staff: its masked words alone.
staff_search = Table(
    "staff_search",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=False),
    Column("post_id", Id, nullable=False, unique=True),
    Column("tokens", Text().with_variant(TSVECTOR(), "postgresql"), nullable=False),
)

# Posts that are new or have other words since: staff's search takes them in a moment later, and nobody waits for it.
unindexed = Table("unindexed", metadata, Column("post_id", Id, primary_key=True))

# By what texts are alike, the first post that had it; forgotten after a day (see `journey.sameness`).
gists = Table(
    "gists",
    metadata,
    Column("gist", BigInteger, primary_key=True, autoincrement=False),
    Column("post_id", Id, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_gists_post_id", "post_id"),  # a decided group takes no more in
    Index("ix_gists_created_at", "created_at"),  # upkeep
)
