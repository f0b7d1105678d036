"""All tables of the store: who needs the whole catalogue imports it from here, so that no table's file is left out."""

from store import (
    tables,
    tables_campaigns,
    tables_duty,
    tables_marks,
    tables_organisation,
    tables_reminders,
    tables_routing,
    tables_scores,
    tables_services,
    tables_together,
)
from store.columns import metadata

# Each file that holds tables; a new one is named here.
FILES = (
    tables,
    tables_campaigns,
    tables_duty,
    tables_marks,
    tables_organisation,
    tables_reminders,
    tables_routing,
    tables_scores,
    tables_services,
    tables_together,
)

__all__ = ["is_ours", "metadata"]


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether a name in the database is one of this schema, and not of a full-text index's own tables."""
    return kind != "table" or not (name or "").startswith(("search_", "staff_search_"))
