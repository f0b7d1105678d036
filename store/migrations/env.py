"""Runs migrations over the connection that `store.migrating` hands in."""

from alembic import context

from store.every_table import is_ours, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter most of a table: batch mode copies it instead.
    render_as_batch=True,
    compare_type=True,
    include_name=is_ours,
)

with context.begin_transaction():
    context.run_migrations()
