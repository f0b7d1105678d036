"""The tables of staff: accounts, how they log in and stay so, on which lines they are alarmed, and what they did."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    false,
    text,
)

from store.columns import Id, Serial, metadata
from store.moments import Moment

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
    # How he wants to be told of cases.
    Column("told_by", String(8), nullable=False, server_default="text"),
)
