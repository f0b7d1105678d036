"""The tables of what happened to posts: sealed words, each step with whoever took it, and what staff noted."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String, Table, text

from store.columns import Id, Serial, metadata
from store.moments import Moment

# The first decision of a person about a post.
DECIDED = "from_state = 'pending' AND action IN ('publish', 'hold', 'reject') AND actor <> 'rule'"

# The words as they came, a moderator's note, an edit: sealed with the author's key, beside the history that names them.
words = Table(
    "words",
    metadata,
    Column("id", Id, primary_key=True),
    Column("post_id", Id, nullable=False),
    Column("what", String(16), nullable=False),
    Column("key_id", Id, ForeignKey("keys.id")),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_words_post_id", "post_id"),
)

# What was decided or put off; "undone" says what of it does not count. A row of what just came is told apart first.
SETTLED = (
    "from_state IS NOT NULL AND from_state IN ('pending', 'held') AND to_state IN ('published', 'rejected', 'held')"
)

# What one person decided at once (several chosen together, a post with all that say the same) bears one `decision_id`.
history = Table(
    "history",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("post_id", Id, nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(32), nullable=False),
    Column("from_state", String(16)),
    Column("to_state", String(16)),
    Column("reason", String(64)),
    Column("words_id", Id),
    Column("decision_id", Id),
    Index("ix_history_post_id_id", "post_id", "id"),
    Index(
        "ix_history_decision_id",  # what is undone together
        "decision_id",
        sqlite_where=text("decision_id IS NOT NULL"),
        postgresql_where=text("decision_id IS NOT NULL"),
    ),
    # How fast people decide what came.
    Index("ix_history_decided", "at", sqlite_where=text(DECIDED), postgresql_where=text(DECIDED)),
    # What was decided in a day.
    Index("ix_history_settled", "at", sqlite_where=text(SETTLED), postgresql_where=text(SETTLED)),
)

# What staff tell each other about a thread; the words lie sealed in `words`. Only ever added to.
notes = Table(
    "notes",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("post_id", Id, nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("words_id", Id, nullable=False),
    Index("ix_notes_post_id_id", "post_id", "id"),
)
