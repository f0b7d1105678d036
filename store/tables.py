"""The one schema, the same on SQLite and PostgreSQL.

What citizens said and how to reach them is sealed (`LargeBinary` columns, see `vault`); plain text columns hold
masked words, codes and ids only. Each index names the query it serves.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
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
from sqlalchemy.dialects.postgresql import TSVECTOR

from store.columns import Id, Serial, metadata
from store.moments import Moment

# The first decision of a person about a post.
DECIDED = "from_state = 'pending' AND action IN ('publish', 'hold', 'reject') AND actor <> 'rule'"

# --- citizens ------------------------------------------------------------------------------------------------------

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

# --- posts ---------------------------------------------------------------------------------------------------------

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

cases = Table(
    "cases",
    metadata,
    Column("thread_id", Id, primary_key=True),
    Column("department", String(64)),
    Column("progress", String(16), nullable=False),
    Column("rule", String(64)),
    Column("opened_at", Moment, nullable=False),
    # How long the department has, by the span's name; by when it must say that it has it, and by when answer.
    Column("span", String(16), nullable=False),
    Column("acknowledge_by", Moment),
    Column("acknowledged_at", Moment),
    Column("due_at", Moment, nullable=False),
    # Since when the clock stands still: while the citizen is waited for, and from the answer on.
    Column("stopped_at", Moment),
    # To whom it is being passed on; until that department accepts it, `department` stays responsible.
    Column("handed_to", String(64)),
    Column("handed_at", Moment),
    Column("answered_at", Moment),
    Column("reopened", Integer, nullable=False, server_default=text("0")),
    # The thread this one was joined to, being about the same (one step, never a chain), and how its post stood before.
    Column("merged_into", Id),
    Column("merged_at", Moment),
    Column("merged_state", String(16)),
    Index(
        "ix_cases_merged_into",  # what was joined to a thread
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
    # Since when the time of the answer is counted, and who of the department deals with it.
    Column("begun_at", Moment, nullable=False),
    Column("officer", Id),
    # When it is to be looked at for what somebody must be told of its deadlines.
    Column("remind_at", Moment),
    Index("ix_cases_department_progress", "department", "progress"),  # a department's inbox
    Index("ix_cases_department_answered_at", "department", "answered_at"),  # what it answered lately
    Index("ix_cases_handed_to", "handed_to"),  # what others would pass on to it
    Index("ix_cases_department_due_at", "department", "due_at"),  # whose time was up in a month
    Index("ix_cases_department_answered_at", "department", "answered_at"),  # what was answered in it
    Index(
        "ix_cases_running",  # what is overdue, and what will be next
        "due_at",
        sqlite_where=text("stopped_at IS NULL"),
        postgresql_where=text("stopped_at IS NULL"),
    ),
    Index(
        "ix_cases_answered",  # what is closed when nobody says anything
        "answered_at",
        sqlite_where=text("progress = 'answered'"),
        postgresql_where=text("progress = 'answered'"),
    ),
    Index(
        "ix_cases_waiting",  # whose clock starts again when the citizen writes
        "stopped_at",
        sqlite_where=text("progress = 'waiting'"),
        postgresql_where=text("progress = 'waiting'"),
    ),
    Index(
        "ix_cases_remind_at",
        "remind_at",
        sqlite_where=text("remind_at IS NOT NULL"),
        postgresql_where=text("remind_at IS NOT NULL"),
    ),
    Index(
        "ix_cases_unacknowledged",
        "acknowledge_by",
        sqlite_where=text("acknowledged_at IS NULL"),
        postgresql_where=text("acknowledged_at IS NULL"),
    ),
    Index(
        "ix_cases_passed_on",
        "handed_at",
        sqlite_where=text("handed_at IS NOT NULL"),
        postgresql_where=text("handed_at IS NOT NULL"),
    ),
    Index("ix_cases_officer", "officer"),
)

# --- broadcasts and deliveries -------------------------------------------------------------------------------------

# `topics` are whose followers hear it, one after the other; none when it goes to those who were told before. `due_at`
# is when the undo time is over: before, nothing leaves that cannot be recalled. `expected`, `added`, `cost` (segments)
# are what was counted before, and how far it came; `reason` says why it was stopped.
broadcasts = Table(
    "broadcasts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("post_id", Id, nullable=False),
    Column("event", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("topics", JSON, nullable=False),
    Column("stage", Integer, nullable=False, server_default=text("0")),
    Column("cursor", String(64)),
    Column("reason", String(32)),
    Column("expected", Integer),
    Column("added", Integer, nullable=False, server_default=text("0")),
    Column("cost", Integer),
    Column("agreed_by", String(64)),
    Column("due_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("expanded_at", Moment),
    Index("ix_broadcasts_open", "state", "created_at"),  # what is still to expand
    Index("ix_broadcasts_created_at", "created_at"),  # the newest; what a digest counts
    Index(
        "ix_broadcasts_expires_at",
        "expires_at",
        sqlite_where=text("expires_at IS NOT NULL"),
        postgresql_where=text("expires_at IS NOT NULL"),
    ),
    Index("ix_broadcasts_post_id", "post_id"),
)

# One message for each follower on a line that costs money, about what was published between two moments. Its deliveries
# bear its id as that of their broadcast, so that a repeated chunk adds nothing.
digests = Table(
    "digests",
    metadata,
    Column("id", Id, primary_key=True),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("cursor", String(64)),
    Column("added", Integer, nullable=False, server_default=text("0")),
    Column("created_at", Moment, nullable=False),
    Index("ix_digests_state", "state"),
)
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

# --- staff ---------------------------------------------------------------------------------------------------------

accounts = Table(
    "accounts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("department", String(64)),
    # Empty while nobody may log in by it: invited, or reset and not chosen anew.
    Column("password_hash", String(200), nullable=False),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("locked_until", Moment),
    Column("disabled_at", Moment),
    Column("language", String(8)),
    # Whether what is late in the department is a matter of this account.
    Column("head", Boolean, nullable=False, server_default=false()),
    Column("created_at", Moment, nullable=False),
)

# A one-time link by which somebody of the staff chooses a password: the newest one of each account.
invitations = Table(
    "invitations",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("expires_at", Moment, nullable=False),
)

# The secret an account's one-time codes come from (RFC 6238), sealed. It counts once a first code has proved it;
# `step` is the time step of the last code taken, so that none is taken twice.
second_factors = Table(
    "second_factors",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("step", BigInteger),
    Column("confirmed_at", Moment),
    Column("created_at", Moment, nullable=False),
)

# Keyed hashes of the codes that stand in for a lost second factor, each good once.
recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True),
    Column("code_hash", String(64), primary_key=True),
)

# Sessions of browsers and tokens of programs: only the hash of the secret is kept. A token has a label and scopes, a
# browser's session says roughly what device it is on and where.
sessions = Table(
    "sessions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("label", String(64)),
    Column("scopes", JSON),
    Column("device", String(64)),
    Column("network", String(64)),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment),
    Column("expires_at", Moment, nullable=False),
    Index("ix_sessions_account_id", "account_id"),
    Index("ix_sessions_expires_at", "expires_at"),  # upkeep
)

audit = Table(
    "audit",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(32), nullable=False),
    Column("target", String(64)),
    Index("ix_audit_at", "at"),  # from a day to a day
    Index("ix_audit_actor_id", "actor", "id"),  # what somebody did
    Index("ix_audit_action_id", "action", "id"),  # who did this
    Index("ix_audit_target_id", "target", "id"),  # what was done to it
)

# What somebody looks for in the inbox again and again, under a name; `query` is that of its address.
inbox_filters = Table(
    "inbox_filters",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("shared", Boolean, nullable=False, server_default=false()),
    Column("query", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("account_id", "name"),  # one's own
    Index("ix_inbox_filters_shared", "shared"),  # everybody's
)

# Answers that are given again and again, with fields to be filled in; a department of "" is every department. What was
# removed stays, to be put back.
answer_templates = Table(
    "answer_templates",
    metadata,
    Column("id", Id, primary_key=True),
    Column("department", String(64), nullable=False),
    Column("language", String(8), nullable=False),
    Column("name", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String(64), nullable=False),
    Column("removed_at", Moment),
    Index("ix_answer_templates_department_name", "department", "name"),
)

# Each wording a template ever had: what was said in a department's name can be accounted for.
template_changes = Table(
    "template_changes",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("template_id", Id, nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(16), nullable=False),
    Column("department", String(64), nullable=False),
    Column("language", String(8), nullable=False),
    Column("name", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Index("ix_template_changes_department_id", "department", "id"),  # the export of a department
)

# --- what the process itself remembers -----------------------------------------------------------------------------

# What channels ask the desk to keep; sealed with the master key, as call state names a caller.
kept = Table(
    "kept",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Index("ix_kept_expires_at", "expires_at"),
)

# Calls, going on and of the last days, for staff to follow. `holder` has the caller's line open until `lease_until`,
# and renews it; `caller` is the keyed hash of who calls, by which erasing a person finds his calls: the number itself
# is kept nowhere here. `sealed` are the words so far (see `store.calls`), emptied soon after the end.
calls = Table(
    "calls",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("external_id", String(128), nullable=False),
    Column("line", String(64)),
    Column("caller", String(64)),
    Column("language", String(8), nullable=False),
    Column("live", Boolean, nullable=False),
    Column("step", String(32), nullable=False),
    Column("ticket", String(8)),
    Column("sealed", LargeBinary),
    Column("holder", Id, nullable=False),
    Column("lease_until", Moment, nullable=False),
    Column("begun_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("how", String(32)),
    UniqueConstraint("channel", "external_id"),
    Index(
        "ix_calls_going_on",  # how many there are, and which, oldest first
        "begun_at",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index("ix_calls_changed_at", "changed_at"),  # what is new to who follows them
    Index("ix_calls_ended_at", "ended_at"),  # the last ones, and upkeep
    Index("ix_calls_caller", "caller"),  # erasing a citizen
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

# What came and what became of it on a day of the city, along one dimension (channel, category, department, place, hour;
# `all` together): counted from the rows by the clock, so that a year is read as fast as a day. Each number is of what
# happened on that day. The row of `all` is there for each day that was counted, and says when.
figures = Table(
    "figures",
    metadata,
    Column("dimension", String(16), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("value", String(200), primary_key=True),
    Column("received", Integer, nullable=False),
    Column("posts", Integer, nullable=False),
    Column("followups", Integer, nullable=False),
    Column("published", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("answered", Integer, nullable=False),
    Column("sent", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("counted_at", Moment, nullable=False),
)

# How long what was decided or answered on a day had waited: how many of them how many seconds (see `store.paces`).
paces = Table(
    "paces",
    metadata,
    Column("dimension", String(16), primary_key=True),
    Column("pace", String(8), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("value", String(200), primary_key=True),
    Column("seconds", Integer, primary_key=True),
    Column("number", Integer, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", Id, nullable=False),
    Column("until", Moment, nullable=False),
)

# --- the channels' health ------------------------------------------------------------------------------------------

# What a channel did in a minute and in an hour (`span`): added up in memory and written every few seconds, so that
# nobody counts rows to know a rate. What a process counted in its last seconds is lost with it.
tallies = Table(
    "tallies",
    metadata,
    Column("span", String(8), primary_key=True),
    Column("at", Moment, primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("received", Integer, nullable=False),
    Column("sent", Integer, nullable=False),
    Column("delivered", Integer, nullable=False),
    Column("later", Integer, nullable=False),
    Column("unknown", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("unsigned", Integer, nullable=False),
    Column("broken", Integer, nullable=False),
)

# What is known of a channel beside its counts, each part by whoever found it out last: the credentials, the breaker,
# the last request whose signature did not fit, how long deliveries took.
standings = Table(
    "standings",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("credentials", JSON),
    Column("breaker", JSON),
    Column("unsigned", JSON),
    Column("figures", JSON),
)

# Channels that a person has paused or isolated; no row means it runs.
switches = Table(
    "switches",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("position", String(16), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", Moment, nullable=False),
)

# Faults of channels: one open at a time for each cause. `told` are the channels by which operators heard of it.
incidents = Table(
    "incidents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("cause", String(16), nullable=False),
    Column("detail", JSON, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("told", JSON, nullable=False),
    Column("told_at", Moment),
    Column("opened_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Index(
        "uq_incidents_open",
        "channel",
        "cause",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
    Index("ix_incidents_opened_at", "opened_at"),  # the newest, and upkeep
)

# The lines that staff of the gateway are alarmed on; proved by a code typed in the console.
alarms = Table(
    "alarms",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True),
    Column("address_id", Id, ForeignKey("addresses.id"), nullable=False),
    Column("code_hash", String(64), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("sent", Integer, nullable=False),
    Column("sent_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("proved_at", Moment),
    # Of what its owner wants to be told; what is usual for the role when he never said.
    Column("hears", JSON(none_as_null=True)),
)
