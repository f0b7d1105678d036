"""All tables of the store: who needs the whole catalogue imports it from here, so that no table's file is left out.

One schema, the same on SQLite and PostgreSQL. What citizens said and how to reach them is sealed (`LargeBinary`
columns, see `vault`); plain text columns hold masked words, codes and ids only. Each index names the query it serves.
"""

from store import (
    tables_broadcasts,
    tables_calls,
    tables_campaigns,
    tables_cases,
    tables_channels,
    tables_citizens,
    tables_deliveries,
    tables_duty,
    tables_figures,
    tables_history,
    tables_inbox,
    tables_leases,
    tables_marks,
    tables_media,
    tables_moderation,
    tables_organisation,
    tables_posts,
    tables_radio,
    tables_reminders,
    tables_routing,
    tables_scores,
    tables_search,
    tables_services,
    tables_staff,
    tables_stream,
    tables_together,
)
from store.columns import metadata

# Each file that holds tables; a new one is named here.
FILES = (
    tables_broadcasts,
    tables_calls,
    tables_campaigns,
    tables_cases,
    tables_channels,
    tables_citizens,
    tables_deliveries,
    tables_duty,
    tables_figures,
    tables_history,
    tables_inbox,
    tables_leases,
    tables_marks,
    tables_media,
    tables_moderation,
    tables_organisation,
    tables_posts,
    tables_radio,
    tables_reminders,
    tables_routing,
    tables_scores,
    tables_search,
    tables_services,
    tables_staff,
    tables_stream,
    tables_together,
)

__all__ = ["is_ours", "metadata"]


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether a name in the database is one of this schema, and not of a full-text index's own tables."""
    return kind != "table" or not (name or "").startswith(("search_", "staff_search_"))
