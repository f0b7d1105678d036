"""The tables of photos and recordings, and of each time a recording was written down."""

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, String, Table, UniqueConstraint, false, text

from store.columns import Id, Serial, metadata
from store.moments import Moment

# What is left to a person of what should have been written down, and the recordings that are on disk.
UNWRITTEN = "transcript_state IN ('failed', 'no_model')"

RECORDED = "sha256 IS NOT NULL AND substr(type, 1, 6) = 'audio/'"

# `transcript_id`, `corrected_id` and `timing_id` name sealed words: as the model wrote them down, as a person did, and
# each with its seconds; `peaks` is how loud it is, from one end to the other.
# `sha256` and `preview` are what is shown; `url` is where the file came from: a carrier, or `blob:` and its hash for
# what was handed to us. `wanted_model` is by which it is to be written down next, if a person chose. A recording that
# was deleted by the city's rule (`forgotten_at`) names no file any more. A photo's own file, with its metadata, is
# named by `url` only until the clean one is there.
media = Table(
    "media",
    metadata,
    Column("id", Id, primary_key=True),
    Column("post_id", Id, nullable=False),
    Column("channel", String(32), nullable=False),
    Column("external_id", String(128), nullable=False),
    Column("url", String(1024), nullable=False),
    Column("type", String(64), nullable=False),
    Column("language", String(8)),
    Column("state", String(16), nullable=False),
    Column("sha256", String(64)),
    Column("preview", String(64)),
    Column("bytes", Integer),
    Column("width", Integer),
    Column("height", Integer),
    Column("seconds", Float),
    Column("public", Boolean, nullable=False),
    # Staff allow that this recording is heard on the radio, if its author agreed.
    Column("on_air", Boolean, nullable=False, server_default=false()),
    Column("transcript_state", String(16), nullable=False),
    Column("transcript_id", Id),
    Column("corrected_id", Id),
    Column("timing_id", Id),
    Column("peaks", JSON),
    Column("model", String(64)),
    Column("wanted_model", String(64)),
    Column("confidence", Float),
    Column("forgotten_at", Moment),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("due_at", Moment),
    Column("holder", Id),
    Column("lease_until", Moment),
    Column("error", String(200)),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("channel", "external_id"),
    Index("ix_media_post_id", "post_id"),
    Index("ix_media_sha256", "sha256"),  # whether a file on disk is still named: these three
    Index("ix_media_preview", "preview"),
    Index("ix_media_url", "url"),
    Index(
        "ix_media_due", "due_at", sqlite_where=text("due_at IS NOT NULL"), postgresql_where=text("due_at IS NOT NULL")
    ),
    Index(
        "ix_media_holder",  # what a process holds, when it starts and when it stops
        "holder",
        sqlite_where=text("holder IS NOT NULL"),
        postgresql_where=text("holder IS NOT NULL"),
    ),
    Index(
        "ix_media_unwritten",  # what failed, and what waits for a model
        "transcript_state",
        "created_at",
        sqlite_where=text(UNWRITTEN),
        postgresql_where=text(UNWRITTEN),
    ),
    # Which recordings their time is over for.
    Index("ix_media_recorded", "created_at", sqlite_where=text(RECORDED), postgresql_where=text(RECORDED)),
)

# Each time a recording was written down: by which model, how sure, how long the recording is and how long the work
# `took` (none where it was heard live, as it was spoken). Both ids name sealed words. Only ever added to.
transcripts = Table(
    "transcripts",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("media_id", Id, nullable=False),
    Column("words_id", Id, nullable=False),
    Column("timing_id", Id, nullable=False),
    Column("model", String(64), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("took", Float),
    Column("at", Moment, nullable=False),
    Index("ix_transcripts_media_id_id", "media_id", "id"),
    Index("ix_transcripts_at", "at"),  # how fast the models are
)
