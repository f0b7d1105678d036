"""The tables of the radio: bulletins, what they say part by part, and from which posts."""

from sqlalchemy import JSON, Column, Float, Index, Integer, String, Table, UniqueConstraint, text

from store.columns import Id, metadata
from store.moments import Moment

# Bulletins: what was published and answered after `since` up to `until`, as it is spoken in one language. There is one
# for each `slot` (a time of the clock, or what somebody asked for by hand). Made anew, its `version` counts up and its
# sound is made again; `sha256` is there while the sound says what the parts say.
bulletins = Table(
    "bulletins",
    metadata,
    Column("id", Id, primary_key=True),
    Column("slot", String(48), nullable=False),
    Column("language", String(8), nullable=False),
    Column("edition", String(16), nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("title", String(200), nullable=False),
    Column("sha256", String(64)),
    Column("bytes", Integer),
    Column("seconds", Float),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("error", String(200)),
    Column("actor", String(64), nullable=False),
    Column("composed_at", Moment, nullable=False),
    UniqueConstraint("slot", "language"),
    Index("ix_bulletins_language_at", "language", "at"),  # the newest; the old ones
    Index("ix_bulletins_state", "state"),  # what is to be spoken
    Index("ix_bulletins_sha256", "sha256"),  # whether a file on disk is still named
)

# What a bulletin says, part by part: masked words with the language each piece is spoken in. `media_id` is the
# recording that is heard in place of the reading.
bulletin_parts = Table(
    "bulletin_parts",
    metadata,
    Column("bulletin_id", Id, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("title", String(200), nullable=False),
    Column("said", JSON, nullable=False),
    Column("ticket", String(8)),
    Column("start", Float),
    Column("media_id", Id),
)

# The posts that a part says, as they read then: a part is true while each still is public in this version.
bulletin_sources = Table(
    "bulletin_sources",
    metadata,
    Column("bulletin_id", Id, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("post_id", Id, primary_key=True),
    Column("version", Integer, nullable=False),
)
