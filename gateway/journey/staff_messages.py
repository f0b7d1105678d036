"""What is said of cases to one of the staff, in the way he chose: a text by a channel that is well, or a call."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.journey import ringing
from gateway.journey.alarming import outlet_for
from gateway.runtime import Runtime
from gateway.schema_outgoing import AlarmSubject, Audience, Priority, ToldBy
from store import alarms, deliveries, incidents, staff_calls
from store.alarms import AlarmLine
from store.database import Transaction


@dataclass(frozen=True, slots=True)
class Message:
    """A phrase for a line that `lines` gave; what is `urgent` goes before the rest. There is a `voice_` phrase of the
    same name for who is called."""

    line: AlarmLine
    phrase: str
    values: Mapping[str, Any]
    urgent: bool = False


async def lines(runtime: Runtime, transaction: Transaction, *subjects: AlarmSubject) -> dict[str, AlarmLine]:
    """The lines of accounts that want to hear of one of some subjects elsewhere than in the console, by account; of
    those that something reaches."""
    known = await alarms.lines(transaction.connection, *subjects)
    return {line.account.id: line for line in known if line.account and _reached(runtime, line)}


async def tell(runtime: Runtime, transaction: Transaction, messages: Iterable[Message], at: datetime) -> None:
    """Have messages go out once the transaction is done: texts by the outbox, and calls one after the other."""
    texts = []
    for message in messages:
        if _is_called(runtime, message.line) and message.line.account:
            account_id, values = message.line.account.id, message.values
            await staff_calls.add(transaction, account_id, message.phrase, values, urgent=message.urgent, at=at)
        else:
            texts.append(message)
    await text(runtime, transaction, texts, at)


async def text(runtime: Runtime, transaction: Transaction, messages: Iterable[Message], at: datetime) -> None:
    """Have messages texted, also to who wants to be called; channels with an open incident are taken last."""
    sick = {incident.channel for incident in await incidents.open_now(transaction.connection)}
    rows = (_row(runtime, message, at, avoiding=sick) for message in messages)
    await deliveries.add(transaction, [row for row in rows if row])


def _row(runtime: Runtime, message: Message, at: datetime, *, avoiding: set[str]) -> dict[str, Any] | None:
    """The delivery of a text; None when no channel carries it just now."""
    line = message.line
    outlet = outlet_for(runtime, line.scheme, "", avoiding)
    if outlet is None:
        return None
    return deliveries.row(
        channel=outlet.name,
        kind=outlet.capabilities.delivery,
        audience=Audience.OPERATOR,
        priority=Priority.EMERGENCY if message.urgent else Priority.ANSWER,
        phrase=message.phrase,
        values=dict(message.values),
        language=line.language or runtime.settings.city.language,
        at=at,
        address_id=line.address_id,
    )


def _reached(runtime: Runtime, line: AlarmLine) -> bool:
    if line.told_by is ToldBy.CONSOLE:
        return False
    return _is_called(runtime, line) or outlet_for(runtime, line.scheme, "", set()) is not None


def _is_called(runtime: Runtime, line: AlarmLine) -> bool:
    """Whether somebody wants to be called and can be: while nothing calls, he is texted."""
    return line.told_by is ToldBy.CALL and ringing.outlet(runtime) is not None
