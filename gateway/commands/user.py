"""`run.py user`: staff accounts and the tokens of their programs."""

import argparse
import getpass
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import ClientSession

from gateway import clock
from gateway.assembly import assemble
from gateway.errors import BadInput, NotFound
from gateway.runtime import Runtime
from gateway.settings import load
from gateway.web import auth
from gateway.workers import Workers
from store import accounts, migrating, proof
from store.accounts import Account, Role
from store.database import Database, Transaction
from store.vault import Vault, open_key_file


def configure(parser: argparse.ArgumentParser) -> None:
    """The actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    adding = actions.add_parser("add", help="make an account")
    adding.add_argument("name")
    adding.add_argument("--role", required=True, choices=list(Role))
    adding.add_argument("--department", help="an officer's department, by its slug")
    password = actions.add_parser("password", help="give a new password and end all sessions")
    password.add_argument("name")
    for one in (adding, password):
        one.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    actions.add_parser("token", help="print a bearer token for programs").add_argument("name")
    actions.add_parser("remove", help="delete an account").add_argument("name")
    actions.add_parser("list", help="show all accounts")


async def main(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out one action."""
    async with _opened(environ) as runtime:
        await ACTIONS[args.action](runtime, args)
    return 0


async def _add(runtime: Runtime, args: argparse.Namespace) -> None:
    slugs = {department.slug for department in runtime.settings.departments}
    if args.department and args.department not in slugs:
        raise BadInput(f"there is no department {args.department!r}; there are {', '.join(sorted(slugs))}")
    try:
        name = auth.clean_name(args.name)
    except BadInput:
        taken = ", ".join(auth.NO_NAMES)
        raise BadInput(f"a name is one line of 1 to {auth.LONGEST_NAME} characters, and none of {taken}") from None
    hashed = await auth.hash_password(runtime, _password(args))

    async def work(transaction: Transaction) -> None:
        await accounts.add(transaction, name, Role(args.role), hashed, args.department)
        await accounts.note(transaction, "command line", "user added", name)

    await runtime.database.write(work)
    sys.stdout.write(f"{name} is {args.role}\n")


async def _set_password(runtime: Runtime, args: argparse.Namespace) -> None:
    hashed = await auth.hash_password(runtime, _password(args))

    async def work(transaction: Transaction) -> None:
        account = await _named(transaction, args.name)
        await accounts.set_password(transaction, account.id, hashed)
        await accounts.note(transaction, "command line", "password set", args.name)

    await runtime.database.write(work)
    sys.stdout.write(f"{args.name} has a new password; all sessions are ended\n")


async def _token(runtime: Runtime, args: argparse.Namespace) -> None:
    sys.stdout.write(await auth.make_token(runtime, args.name) + "\n")


async def _remove(runtime: Runtime, args: argparse.Namespace) -> None:
    async def work(transaction: Transaction) -> None:
        account = await _named(transaction, args.name)
        await accounts.remove(transaction, account.id)
        await accounts.note(transaction, "command line", "user removed", args.name)

    await runtime.database.write(work)
    sys.stdout.write(f"{args.name} is gone\n")


async def _list(runtime: Runtime, args: argparse.Namespace) -> None:
    async with runtime.database.reading() as connection:
        for account in await accounts.everybody(connection):
            sys.stdout.write(f"{account.name:<24} {account.role:<14} {account.department or ''}\n")


ACTIONS: Mapping[str, Callable[[Runtime, argparse.Namespace], Awaitable[None]]] = {
    "add": _add,
    "password": _set_password,
    "token": _token,
    "remove": _remove,
    "list": _list,
}


@asynccontextmanager
async def _opened(environ: Mapping[str, str]) -> AsyncIterator[Runtime]:
    """The store of the settings with what is needed around it; it may be served by a gateway meanwhile."""
    settings = load(environ)
    await migrating.upgrade(settings.database_url)
    database = Database(settings.database_url)
    await database.open()
    try:
        async with ClientSession() as http:
            vault = Vault(open_key_file(settings.key_file))
            await database.write(lambda transaction: proof.prove(transaction, vault, clock.now()))
            yield assemble(settings, [], database, vault, http, Workers(1), Workers(1))
    finally:
        await database.close()


async def _named(transaction: Transaction, name: str) -> Account:
    known = await accounts.named(transaction.connection, name)
    if known is None:
        raise NotFound(f"there is no account {name!r}")
    return known.account


def _password(args: argparse.Namespace) -> str:
    if args.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return getpass.getpass("Password: ")
