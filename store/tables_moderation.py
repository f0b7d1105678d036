"""The tables of moderation: who has which post open, how posts are decided, and which words the filter found."""

from sqlalchemy import Column, Index, Integer, String, Table

from store.columns import Id, metadata
from store.moments import Moment

# Which post somebody has open, until he is not heard of any more. Who opened it first holds it.
claims = Table(
    "claims",
    metadata,
    Column("post_id", Id, primary_key=True),
    Column("account", String(64), primary_key=True),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Index("ix_claims_until", "until"),  # upkeep
)

# How posts are decided, when somebody switched it in the console: no row means as it is set.
modes = Table(
    "modes",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("mode", String(16), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", Moment, nullable=False),
)

# How often the filter found a word on a day of the city; `alike` of the `hits` only sounded or looked like it.
word_hits = Table(
    "word_hits",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("list", String(16), primary_key=True),
    Column("word", String(200), primary_key=True),
    Column("hits", Integer, nullable=False),
    Column("alike", Integer, nullable=False),
)
