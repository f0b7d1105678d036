"""What is said to one of the staff on the line he chose, by a channel that is well."""

from datetime import datetime
from typing import Any

from gateway.journey.alarming import outlet_for
from gateway.runtime import Runtime
from gateway.schema_outgoing import AlarmSubject, Audience, Priority
from store import alarms, deliveries, incidents
from store.alarms import AlarmLine
from store.database import Transaction


async def lines(runtime: Runtime, transaction: Transaction, *subjects: AlarmSubject) -> dict[str, AlarmLine]:
    """The lines of accounts that want to hear of one of some subjects, by account; of those that something reaches."""
    known = await alarms.lines(transaction.connection, *subjects)
    return {line.account.id: line for line in known if line.account and outlet_for(runtime, line.scheme, "", set())}


async def sick(transaction: Transaction) -> set[str]:
    """The channels with an open incident: others are taken before them."""
    return {incident.channel for incident in await incidents.open_now(transaction.connection)}


def row(
    runtime: Runtime,
    line: AlarmLine,
    phrase: str,
    values: dict[str, Any],
    at: datetime,
    *,
    avoiding: set[str],
    urgent: bool = False,
) -> dict[str, Any]:
    """A delivery to a line that `lines` gave; what is `urgent` goes before the rest."""
    outlet = outlet_for(runtime, line.scheme, "", avoiding)
    if outlet is None:
        raise ValueError(f"nothing reaches a line of the scheme {line.scheme}")
    return deliveries.row(
        channel=outlet.name,
        kind=outlet.capabilities.delivery,
        audience=Audience.OPERATOR,
        priority=Priority.EMERGENCY if urgent else Priority.ANSWER,
        phrase=phrase,
        values=values,
        language=line.language or runtime.settings.city.language,
        at=at,
        address_id=line.address_id,
    )
