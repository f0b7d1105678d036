"""Everyline's command line: `python run.py serve`, `check`, `speech`, `user`, `migrate`, `backup`, `restore`."""

import argparse
import asyncio
import os
import sys

from gateway.commands import backup, check, demo, migrate, restore, serve, speech, user
from gateway.errors import EverylineError, SettingsError

COMMANDS = {
    "serve": (serve, "run the gateway"),
    "demo": (demo, "run the gateway of a sample city that has two months behind it"),
    "check": (check, "check settings, store, speech and every channel's credentials"),
    "speech": (speech, "list, install, remove and measure the models that write down recordings"),
    "user": (user, "add staff, change and shut accounts, make tokens"),
    "migrate": (migrate, "bring the database to this version's schema"),
    "backup": (backup, "write the database and the media into one verified file"),
    "restore": (restore, "put a backup back"),
}


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    whole = argparse.ArgumentParser(
        prog="run.py", description="Everyline: the gateway that lets a whole city speak and be answered."
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, purpose) in COMMANDS.items():
        module.configure(commands.add_parser(name, help=purpose, description=module.__doc__))
    return whole


def main(arguments: list[str] | None = None) -> int:
    """Run one command; what the operator must mend is said without a traceback."""
    args = parser().parse_args(arguments)
    try:
        ended: int = asyncio.run(COMMANDS[args.command][0].main(args, os.environ))
        return ended
    except SettingsError as error:
        sys.stderr.write("The settings cannot be used:\n" + "".join(f"  {problem}\n" for problem in error.problems))
    except EverylineError as error:
        sys.stderr.write(f"{error}\n")
    except OSError as error:
        sys.stderr.write(f"{error.strerror or error}: {error.filename or ''}\n")
    except KeyboardInterrupt:
        return 130
    return 2


if __name__ == "__main__":
    sys.exit(main())
