"""The table of leases: what only one of several processes does at a time."""

from sqlalchemy import Column, String, Table

from store.columns import Id, metadata
from store.moments import Moment

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", Id, nullable=False),
    Column("until", Moment, nullable=False),
)
