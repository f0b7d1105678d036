"""The tables of figures: what each day came to, and how long it waited."""

from sqlalchemy import Column, Integer, String, Table

from store.columns import metadata
from store.moments import Moment

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
