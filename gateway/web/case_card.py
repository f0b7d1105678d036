"""What the card of a case shows beside its steps: whose it is, and what was told of its deadlines."""

from collections.abc import Mapping
from typing import Any

from gateway.casework import assigning
from gateway.schema_cases import OPEN_PROGRESS
from store import accounts, reminders
from store.accounts import Account
from store.cases import Case


async def card(connection: Any, case: Case | None, account: Account) -> Mapping[str, Any]:
    """The officers to whom whoever looks may give the case, none when he may not, and the reminders that went out."""
    if case is None:
        return {"officers": [], "reminded": []}
    officers: list[str] = []
    if case.department and case.progress in OPEN_PROGRESS and assigning.may_assign(case, account):
        officers = [known.name for known in await accounts.of_department(connection, case.department)]
    told = await reminders.gone(connection, [case.thread_id])
    return {"officers": officers, "reminded": told.get(case.thread_id, ())}
