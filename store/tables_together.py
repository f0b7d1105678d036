"""The tables of reports about the same thing: who reported it too, and by what such reports are found."""

from sqlalchemy import BigInteger, Column, Float, Index, Table

from store.columns import Id, metadata
from store.moments import Moment

# Who reported what another thread tells: `post_id` is his own report, which was joined to that one, or the thread
# itself when he only said "me too". The thread's author is not among them.
reporters = Table(
    "reporters",
    metadata,
    Column("thread_id", Id, primary_key=True),
    Column("citizen_id", Id, primary_key=True),
    Column("post_id", Id, primary_key=True),
    Column("created_at", Moment, nullable=False),
    Index("ix_reporters_post_id", "post_id"),  # a report stands by itself again
    Index("ix_reporters_citizen_id", "citizen_id"),  # erasing a citizen; what he also reported
)

# By what reports about the same thing are found (see `journey.sketch`): a few marks of each first post's words and
# place. Made by whoever indexes posts for staff, forgotten when nobody would report the same again.
sketches = Table(
    "sketches",
    metadata,
    Column("mark", BigInteger, primary_key=True, autoincrement=False),
    Column("created_at", Moment, primary_key=True),  # of one mark the newest posts are read
    Column("post_id", Id, primary_key=True),
    Index("ix_sketches_post_id", "post_id"),  # other words, other marks
    Index("ix_sketches_created_at", "created_at"),  # upkeep
)

# Which other report a new one is most like, and how much (of 1): what the queue offers to join it to.
likenesses = Table(
    "likenesses",
    metadata,
    Column("post_id", Id, primary_key=True),
    Column("other_id", Id, nullable=False),
    Column("share", Float, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_likenesses_created_at", "created_at"),  # upkeep
)
