"""`run.py backup`: the database and the media in one verified file, while the gateway runs."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gateway import clock
from gateway.commands.user import ACTOR, opened
from gateway.runtime import Runtime
from gateway.schema_public import moment
from gateway.settings import load
from store import archives, audit, migrating, snapshots
from store.archives import DATABASES, KEY, MEDIA, Manifest


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("file", type=Path, help="what to write: a name that ends in .tar, or .tar.gz to compress it")
    parser.add_argument(
        "--with-key", action="store_true", help="put the master key in too: then whoever has the file can read it all"
    )


async def main(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Write and verify the file; 1 when files were missing that the database names."""
    snapshots.require(load(environ).database_url)
    async with opened(environ) as runtime:
        made, missing = await back_up(runtime, args.file, with_key=args.with_key)
        await runtime.database.write(lambda transaction: audit.note(transaction, ACTOR, "backup"))
    size = sum(one.bytes for one in made.files.values())
    sys.stdout.write(f"{args.file}: {len(made.files)} files, {size / 1_048_576:.1f} MB, verified\n")
    if not args.with_key:
        sys.stdout.write("the key is not in it: keep a copy of it apart, without it nothing sealed can be read again\n")
    if missing:
        sys.stdout.write(f"{len(missing)} files that the database names are not on disk, such as {missing[0]}\n")
    return 1 if missing else 0


async def back_up(runtime: Runtime, target: Path, *, with_key: bool = False) -> tuple[Manifest, list[str]]:
    """Write and verify an archive; gives its manifest and the files that were missing.

    The database comes first: a file is on disk before a row names it, so that all it names are there to be copied,
    but for what was erased in between. Files that no row names stay out: such as photos with all that a camera wrote
    into them, which wait for their sweep.
    """
    settings = runtime.settings
    with await asyncio.to_thread(tempfile.TemporaryDirectory, dir=target.parent, prefix=".backup-") as folder:
        kind = snapshots.kind(settings.database_url)
        copy = Path(folder) / DATABASES[kind]
        proof, before = await snapshots.facts(runtime.database)
        await snapshots.take(settings.database_url, copy)
        _, after = await snapshots.facts(runtime.database)
        facts = {
            "made_at": moment(clock.now()),
            "database": kind,
            "schema": await migrating.current(settings.database_url),
            "proof": proof,
        }
        key = [(KEY, settings.key_file)] if with_key else []
        media = [(f"{MEDIA}{sha256[:2]}/{sha256}", runtime.blobs.path(sha256)) for sha256 in sorted(before | after)]
        made = await asyncio.to_thread(archives.write, target, facts, [(copy.name, copy), *key, *media])
    held = {Path(name).name for name in made.media}
    return made, sorted((before & after) - held)
