"""The tables of daily phrases: campaigns, what is said on which day, who took part, codes and winners."""

from sqlalchemy import (
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

# One campaign. `seed` is sealed until the draw is settled; `commitment`, its SHA-256, is public from the beginning.
# Days are the city's (YYYY-MM-DD), `publish_at` is its clock (HH:MM).
campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Id, primary_key=True),
    Column("slug", String(64), nullable=False, unique=True),
    Column("name_zh", String(80), nullable=False),
    Column("name_en", String(80), nullable=False),
    Column("prize_zh", String(200), nullable=False),
    Column("prize_en", String(200), nullable=False),
    Column("begins_on", String(10), nullable=False),
    Column("ends_on", String(10), nullable=False),
    Column("publish_at", String(5), nullable=False),
    Column("winners", Integer, nullable=False),
    # Abuse limits: how old a line must be (days; 0 for any), and how many from one network on one day (0 for any).
    Column("line_days", Integer, nullable=False),
    Column("per_network", Integer, nullable=False),
    Column("seed", LargeBinary, nullable=False),
    Column("commitment", String(64), nullable=False),
    Column("list_sha256", String(64)),
    Column("drawn_at", Moment),
    Column("drawn_by", String(64)),
    Column("ended_at", Moment),
    Column("actor", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
)

# What is said on one day, in one language or both. `post_id` is the notice that told it.
phrases = Table(
    "phrases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("campaign_id", Id, ForeignKey("campaigns.id"), nullable=False),
    Column("day", String(10), nullable=False),
    Column("text_zh", String(100), nullable=False),
    Column("text_en", String(100), nullable=False),
    Column("post_id", Id),
    Column("published_at", Moment),
    UniqueConstraint("campaign_id", "day"),  # a campaign's calendar
    Index("ix_phrases_day", "day"),  # intake: what is said in these days; publishing
)

# Somebody's line in one campaign, by its citizen: linked lines are one person's when they are counted. `number` is
# what the public knows of him. Of who had himself erased after the draw the number alone stays.
participants = Table(
    "participants",
    metadata,
    Column("id", Id, primary_key=True),
    Column("campaign_id", Id, ForeignKey("campaigns.id"), nullable=False),
    Column("citizen_id", Id, ForeignKey("citizens.id")),
    Column("address_id", Id),
    Column("channel", String(32), nullable=False),
    Column("number", String(12), nullable=False),
    Column("barred_by", String(64)),
    Column("barred_at", Moment),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("campaign_id", "citizen_id"),
    UniqueConstraint("campaign_id", "number"),
    Index("ix_participants_citizen_id", "citizen_id"),  # what somebody took part in: export, erasing
)

participations = Table(
    "participations",
    metadata,
    Column("phrase_id", Id, ForeignKey("phrases.id"), primary_key=True),
    Column("participant_id", Id, ForeignKey("participants.id"), primary_key=True),
    # The keyed hash of the network a web page was used from; none for a telephone.
    Column("network", String(64)),
    Column("at", Moment, nullable=False),
    Index("ix_participations_participant_id", "participant_id"),  # somebody's days
    Index(
        "ix_participations_network",  # how many from one network
        "phrase_id",
        "network",
        sqlite_where=text("network IS NOT NULL"),
        postgresql_where=text("network IS NOT NULL"),
    ),
)

# Codes that winners get, sealed from the moment they were uploaded; `lookup` finds one that is there already.
prize_codes = Table(
    "prize_codes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("campaign_id", Id, ForeignKey("campaigns.id"), nullable=False),
    Column("lookup", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("given", Boolean, nullable=False, server_default=false()),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("campaign_id", "lookup"),
    Index("ix_prize_codes_campaign_id_given_id", "campaign_id", "given", "id"),  # the next to give
)

winners = Table(
    "winners",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("number", String(12), nullable=False),
    Column("day", String(10), nullable=False),
    Column("score", String(64), nullable=False),
    Column("participant_id", Id, ForeignKey("participants.id"), nullable=False),
    Column("code_id", Id, ForeignKey("prize_codes.id"), nullable=False),
    Column("told_at", Moment),
    Index(
        "ix_winners_untold",  # who is still to be told
        "campaign_id",
        sqlite_where=text("told_at IS NULL"),
        postgresql_where=text("told_at IS NULL"),
    ),
)
