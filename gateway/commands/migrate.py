"""`run.py migrate`: bring the database to this version's schema, or say where it stands."""

import argparse
import sys
from collections.abc import Mapping

from gateway.settings import load
from store import migrating


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--status", action="store_true", help="only say which schema the database has")


async def main(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Apply what is missing; with --status 1 when something is."""
    url = load(environ).database_url
    if args.status:
        now, newest = await migrating.current(url), migrating.head()
        sys.stdout.write(f"database: {now or 'empty'}, this version: {newest}\n")
        return 0 if now == newest else 1
    applied = await migrating.upgrade(url)
    sys.stdout.write(f"applied: {', '.join(applied)}\n" if applied else "nothing to do\n")
    return 0
