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
from gateway.journey import in_force
from gateway.runtime import Runtime
from gateway.settings import load
from gateway.web import auth, passwords, staffing
from gateway.workers import Workers
from store import accounts, audit, migrating, proof
from store.accounts import Account, Member, Role
from store.database import Database, Transaction
from store.sessions import Scope
from store.vault import Vault, open_key_file

# Who the audit says did it.
ACTOR = "command line"


def configure(parser: argparse.ArgumentParser) -> None:
    """The actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, purpose: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=purpose)
        added.add_argument("name")
        return added

    adding = action("add", "make an account with a password")
    inviting = action("invite", "make an account and print the one-time link by which its password is chosen")
    changing = action("role", "change what an account may")
    for one in (adding, inviting, changing):
        one.add_argument("--role", required=True, choices=list(Role))
        one.add_argument("--department", help="an officer's department, by its slug")
        one.add_argument("--head", action="store_true", help="of that department: told when an officer is late")
    for one in (adding, action("password", "give a new password and end all sessions and tokens")):
        one.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    action("reset", "void a password and print a one-time link to choose another")
    action("second-factor-off", "take the second factor from somebody who lost it")
    action("disable", "shut an account and end its sessions and tokens")
    action("enable", "open a shut account again, or unlock it")
    token = action("token", "print a bearer token for programs")
    token.add_argument("--scope", action="append", choices=list(Scope), help="what it may; default: all its owner may")
    token.add_argument("--days", type=float, help="for how long; default: the settings' token_days")
    token.add_argument("--label", help="what it is for")
    action("remove", "delete an account")
    actions.add_parser("list", help="show all accounts")


async def main(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out one action."""
    async with opened(environ) as runtime:
        await ACTIONS[args.action](runtime, args)
    return 0


async def _add(runtime: Runtime, args: argparse.Namespace) -> None:
    name = _clean(args.name)
    hashed = await passwords.hashed(runtime, _password(args))
    await staffing.add(runtime, name, args.role, args.department, hashed, actor=ACTOR, head=args.head)
    sys.stdout.write(f"{name} is {_standing_as(args)}\n")


async def _invite(runtime: Runtime, args: argparse.Namespace) -> None:
    name = _clean(args.name)
    _, link = await staffing.invite(runtime, name, args.role, args.department, actor=ACTOR, head=args.head)
    sys.stdout.write(f"{link}\n")


async def _role(runtime: Runtime, args: argparse.Namespace) -> None:
    known = await _named(runtime, args.name)
    await staffing.set_role(runtime, known.id, args.role, args.department, actor=ACTOR, head=args.head)
    sys.stdout.write(f"{args.name} is {_standing_as(args)}\n")


async def _set_password(runtime: Runtime, args: argparse.Namespace) -> None:
    known = await _named(runtime, args.name)
    hashed = await passwords.hashed(runtime, _password(args))

    async def work(transaction: Transaction) -> None:
        await accounts.set_password(transaction, known.id, hashed)
        await audit.note(transaction, ACTOR, "password set", args.name)

    await runtime.database.write(work)
    sys.stdout.write(f"{args.name} has a new password; all sessions and tokens are ended\n")


async def _reset(runtime: Runtime, args: argparse.Namespace) -> None:
    known = await _named(runtime, args.name)
    sys.stdout.write(f"{await staffing.reset_password(runtime, known.id, actor=ACTOR)}\n")


async def _second_factor_off(runtime: Runtime, args: argparse.Namespace) -> None:
    known = await _named(runtime, args.name)
    await staffing.remove_second_factor(runtime, known.id, actor=ACTOR)
    sys.stdout.write(f"{args.name} logs in with the password alone\n")


async def _disable(runtime: Runtime, args: argparse.Namespace) -> None:
    known = await _named(runtime, args.name)
    await staffing.disable(runtime, known.id, actor=ACTOR)
    sys.stdout.write(f"{args.name} is disabled\n")


async def _enable(runtime: Runtime, args: argparse.Namespace) -> None:
    known = await _named(runtime, args.name)
    await staffing.enable(runtime, known.id, actor=ACTOR)
    sys.stdout.write(f"{args.name} may log in\n")


async def _token(runtime: Runtime, args: argparse.Namespace) -> None:
    if args.days is not None and args.days <= 0:
        raise BadInput("give a number of days above 0")
    scopes = [Scope(one) for one in args.scope] if args.scope else None
    made = await auth.make_token(runtime, args.name, actor=ACTOR, scopes=scopes, days=args.days, label=args.label)
    sys.stdout.write(made + "\n")


async def _remove(runtime: Runtime, args: argparse.Namespace) -> None:
    known = await _named(runtime, args.name)

    async def work(transaction: Transaction) -> None:
        await accounts.remove(transaction, known.id)
        await audit.note(transaction, ACTOR, "user removed", args.name)

    await runtime.database.write(work)
    sys.stdout.write(f"{args.name} is gone\n")


async def _list(runtime: Runtime, args: argparse.Namespace) -> None:
    async with runtime.database.reading() as connection:
        for member in await accounts.everybody(connection):
            marks = [
                member.account.department or "",
                "head" if member.account.head else "",
                "2FA" if member.second_factor else "",
                _standing(member),
            ]
            told = " ".join(mark for mark in marks if mark)
            sys.stdout.write(f"{member.account.name:<24} {member.account.role:<14} {told}\n")


def _standing_as(args: argparse.Namespace) -> str:
    """What somebody is from now on."""
    return f"{args.role}, head of {args.department}" if args.head else str(args.role)


def _standing(member: Member) -> str:
    """What keeps an account from being used, if anything does."""
    if member.disabled_at:
        return "disabled"
    if member.locked_until and member.locked_until > clock.now():
        return "locked"
    return "" if member.has_password else "invited"


ACTIONS: Mapping[str, Callable[[Runtime, argparse.Namespace], Awaitable[None]]] = {
    "add": _add,
    "invite": _invite,
    "role": _role,
    "password": _set_password,
    "reset": _reset,
    "second-factor-off": _second_factor_off,
    "disable": _disable,
    "enable": _enable,
    "token": _token,
    "remove": _remove,
    "list": _list,
}


@asynccontextmanager
async def opened(environ: Mapping[str, str]) -> AsyncIterator[Runtime]:
    """The store of the settings with what is needed around it; it may be served by a gateway meanwhile."""
    settings = load(environ)
    await migrating.upgrade(settings.database_url)
    database = Database(settings.database_url)
    await database.open()
    try:
        async with ClientSession() as http:
            vault = Vault(open_key_file(settings.key_file))
            await database.write(lambda transaction: proof.prove(transaction, vault, clock.now()))
            runtime = assemble(settings, [], database, vault, http, Workers(1), Workers(1))
            await in_force.renew(runtime)
            yield runtime
    finally:
        await database.close()


async def _named(runtime: Runtime, name: str) -> Account:
    async with runtime.database.reading() as connection:
        known = await accounts.named(connection, name)
    if known is None:
        raise NotFound(f"there is no account {name!r}")
    return known.account


def _clean(name: str) -> str:
    try:
        return passwords.clean_name(name)
    except BadInput:
        taken = ", ".join(passwords.NO_NAMES)
        raise BadInput(f"a name is one line of 1 to {passwords.LONGEST_NAME} characters, and none of {taken}") from None


def _password(args: argparse.Namespace) -> str:
    if args.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return getpass.getpass("Password: ")
