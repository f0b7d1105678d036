"""A case is given to one person of its department, or to nobody: to all of them.

The department stays responsible and the clock runs on. Whoever is given a case by somebody else is told on his line.
"""

from gateway import clock
from gateway.casework.handling import supervises, thread_of
from gateway.errors import BadInput, Conflict, NotAllowed
from gateway.journey import moderation, staff_messages
from gateway.journey.staff_messages import Message
from gateway.runtime import Runtime
from gateway.schema_cases import OPEN_PROGRESS
from gateway.schema_outgoing import AlarmSubject
from store import accounts, cases, events, history
from store.accounts import Account, Role
from store.cases import Case
from store.changes import Changing
from store.database import Transaction


async def assign(runtime: Runtime, reference: str, officer: str | None, account: Account) -> None:
    """Give the case of a thread (by ticket or id) to an officer by his name, or to nobody (None).

    Raises `NotFound`, `BadInput` for who is no officer of the department that is responsible, `NotAllowed` when it is
    another department's than that of who asks, and `Conflict` for a case that is over.
    """

    async def work(transaction: Transaction) -> None:
        thread = await thread_of(transaction, reference)
        case = await cases.load(transaction.connection, thread.id, hold=True)
        if not may_assign(case, account):
            raise NotAllowed("this step is for another department")
        if case.progress not in OPEN_PROGRESS or case.department is None:
            raise Conflict("this step is not possible any more")
        chosen = await _officer(transaction, case.department, officer) if officer else None
        if case.officer == (chosen.id if chosen else None):
            return
        await cases.change(transaction, thread.id, officer=chosen.id if chosen else None)
        action, named = ("officer_given", chosen.name) if chosen else ("officer_freed", None)
        await history.add(transaction, history.entry(thread.id, account.name, action, reason=named))
        await moderation.announce(runtime, transaction, thread, events.Happening.UPDATE)
        if chosen and chosen.id != account.id:
            await _tell(runtime, transaction, thread, case, chosen)

    await runtime.database.write(work)


def may_assign(case: Case, account: Account) -> bool:
    """Whether an account may say who deals with a case: anybody of its department, and who supervises."""
    if account.role is Role.VIEWER or case.department is None:
        return False
    return supervises(account) or account.department == case.department


async def _officer(transaction: Transaction, department: str, name: str) -> Account:
    for known in await accounts.of_department(transaction.connection, department):
        if known.name == name:
            return known
    raise BadInput("choose an officer of the department", "officer")


async def _tell(runtime: Runtime, transaction: Transaction, thread: Changing, case: Case, officer: Account) -> None:
    line = (await staff_messages.lines(runtime, transaction, AlarmSubject.REMINDERS)).get(officer.id)
    if line is None:
        return
    values = {
        "ticket": thread.ticket,
        "deadline": f"{case.due_at.astimezone(runtime.settings.city.zone):%Y-%m-%d %H:%M}",
        "url": f"{runtime.settings.public_url}/console/posts/{thread.ticket}",
    }
    await staff_messages.tell(runtime, transaction, [Message(line, "case_given", values)], clock.now())
