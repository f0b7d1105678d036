"""What administrators do about accounts, on the page, by the API and on the command line alike. All of it audited."""

from collections.abc import Awaitable, Callable

from gateway import clock
from gateway.errors import BadInput, Conflict
from gateway.runtime import Runtime
from gateway.web import entering, passwords
from store import accounts, audit, second_factors
from store.accounts import Account, Credentials, Role
from store.database import Transaction


async def invite(
    runtime: Runtime, name: str, role: str, department: str | None, *, actor: str, head: bool = False
) -> tuple[Account, str]:
    """Make an account without a password; gives it with its one-time link.

    Raises `BadInput`, and `Conflict` when the name is taken.
    """
    account = await add(runtime, name, role, department, "", actor=actor, head=head)
    return account, await entering.invite(runtime, account.id, actor=actor, action="invited")


async def add(
    runtime: Runtime,
    name: str,
    role: str,
    department: str | None,
    password_hash: str,
    *,
    actor: str,
    head: bool = False,
) -> Account:
    """Make an account. Raises `BadInput`, and `Conflict` when the name is taken."""
    name = passwords.clean_name(name)
    chosen, department = as_role(runtime, role, department)
    _check_head(department, head)

    async def work(transaction: Transaction) -> Account:
        account = await accounts.add(transaction, name, chosen, password_hash, department, head=head)
        await audit.note(transaction, actor, "user added", name)
        return account

    return await runtime.database.write(work)


async def set_role(
    runtime: Runtime, account_id: str, role: str, department: str | None, *, actor: str, head: bool = False
) -> None:
    """Change what an account may. Raises `BadInput`, `NotFound`, and `Conflict` for the last administrator."""
    chosen, department = as_role(runtime, role, department)
    _check_head(department, head)

    async def work(transaction: Transaction, known: Credentials) -> None:
        await accounts.set_role(transaction, account_id, chosen, department, head=head)

    await _change(runtime, account_id, work, f"role {chosen}", actor=actor)


async def disable(runtime: Runtime, account_id: str, *, actor: str) -> None:
    """Shut an account; its sessions and tokens end. Raises `NotFound`, and `Conflict` for the last administrator."""

    async def work(transaction: Transaction, known: Credentials) -> None:
        await accounts.disable(transaction, account_id, clock.now())

    await _change(runtime, account_id, work, "user disabled", actor=actor)


async def enable(runtime: Runtime, account_id: str, *, actor: str) -> None:
    """Open a shut account again, and unlock a locked one. Raises `NotFound`."""

    async def work(transaction: Transaction, known: Credentials) -> None:
        await accounts.enable(transaction, account_id)

    await _change(runtime, account_id, work, "user enabled", actor=actor)


async def reset_password(runtime: Runtime, account_id: str, *, actor: str) -> str:
    """Void a password, its sessions and tokens; gives the one-time link to choose another.

    Raises `NotFound`, and `Conflict` for an account that is disabled.
    """

    async def work(transaction: Transaction, known: Credentials) -> None:
        if known.disabled_at:
            raise Conflict("this account is disabled; enable it first")
        await accounts.set_password(transaction, account_id, "")

    await _change(runtime, account_id, work, "password reset", actor=actor)
    return await entering.invite(runtime, account_id, actor=actor, action="invited")


async def remove_second_factor(runtime: Runtime, account_id: str, *, actor: str) -> None:
    """Take the second factor from somebody who lost it. Raises `NotFound`, and `Conflict` when there is none."""

    async def work(transaction: Transaction, known: Credentials) -> None:
        if not await second_factors.remove(transaction, account_id):
            raise Conflict("this account has no second factor")

    await _change(runtime, account_id, work, "second factor removed", actor=actor)


def as_role(runtime: Runtime, role: str, department: str | None) -> tuple[Role, str | None]:
    """A role and its department as they are kept. Raises `BadInput`; only an officer belongs to a department."""
    if role not in list(Role):
        raise BadInput("choose a role", "role")
    slugs = {one.slug for one in runtime.settings.departments}
    if department and department not in slugs:
        raise BadInput(f"there is no department {department!r}; there are {', '.join(sorted(slugs))}", "department")
    if department and role != Role.OFFICER:
        raise BadInput("only an officer belongs to a department", "department")
    return Role(role), department or None


def _check_head(department: str | None, head: bool) -> None:
    if head and not department:
        raise BadInput("only an officer of one department can be its head", "head")


async def _change(
    runtime: Runtime,
    account_id: str,
    work: Callable[[Transaction, Credentials], Awaitable[None]],
    action: str,
    *,
    actor: str,
) -> None:
    async def whole(transaction: Transaction) -> None:
        known = await accounts.by_id(transaction.connection, account_id)
        if known.account.name == actor:
            raise Conflict("somebody else must do this to your account")
        await work(transaction, known)
        await audit.note(transaction, actor, action, known.account.name)

    await runtime.database.write(whole)
