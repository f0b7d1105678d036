"""Brings a database to the schema of this code, and refuses one that is newer."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import DBAPIError

from gateway.errors import SchemaMismatch, StoreUnreachable
from store.dialect import hold_back, writer_engine

FOLDER = Path(__file__).parent / "migrations"


async def upgrade(url: str) -> list[str]:
    """Apply what is missing and give the revisions applied. Raises `SchemaMismatch` for an unknown newer schema."""
    database = make_url(url).database
    if url.startswith("sqlite") and database:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    applied: list[str] = await _with(url, _upgrade, alone="migrations")
    return applied


async def current(url: str) -> str | None:
    """The revision a database is at; None for an empty one."""
    revision: str | None = await _with(url, lambda c: MigrationContext.configure(c).get_current_revision())
    return revision


def head() -> str | None:
    """The revision of this code."""
    return ScriptDirectory.from_config(configuration()).get_current_head()


def check(revision: str | None) -> list[str]:
    """The revisions this code knows, oldest first. Raises `SchemaMismatch` for one that is not among them."""
    scripts = ScriptDirectory.from_config(configuration())
    known = [script.revision for script in scripts.walk_revisions()][::-1]
    if revision is not None and revision not in known:
        raise SchemaMismatch(
            f"the database is at schema {revision}, which this version does not know: update the gateway"
        )
    return known


def configuration() -> Config:
    """Alembic's configuration, without a file."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    return config


def _upgrade(connection: Connection) -> list[str]:
    config = configuration()
    config.attributes["connection"] = connection
    before = MigrationContext.configure(connection).get_current_revision()
    known = check(before)
    command.upgrade(config, "head")
    return known[known.index(before) + 1 :] if before else known


async def _with(url: str, work: Any, alone: str | None = None) -> Any:
    """Do something in a transaction; with `alone`, after other processes that do the same now."""
    engine = writer_engine(url)
    try:
        async with engine.connect() as connection, connection.begin():
            await hold_back(connection, [alone] if alone else [])
            return await connection.run_sync(work)
    except DBAPIError as error:
        raise StoreUnreachable(str(error.orig)) from error
    except OSError as error:
        raise StoreUnreachable(f"the database cannot be reached: {error.strerror or error}") from error
    finally:
        await engine.dispose()
