"""Incidents: opened once for each cause, told to the operators by another channel than the sick one, told when over.

All of one look is one transaction: an incident is there exactly when its messages are in the outbox.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from channels.base import Channel, DeliveryKind
from gateway.journey.health import HEALS, Finding
from gateway.runtime import Runtime
from gateway.schema_outgoing import AlarmSubject, Audience, Priority
from store import alarms, citizens, deliveries, incidents
from store.alarms import AlarmLine
from store.database import Transaction
from store.incidents import Incident

# Longest part of an address that goes into a message.
LONGEST_URL = 120

log = structlog.get_logger()


async def settle(runtime: Runtime, found: Mapping[str, Sequence[Finding]], at: datetime) -> None:
    """Open, update and close incidents by what was found on each channel, and tell the operators."""

    async def work(transaction: Transaction) -> list[tuple[str, Incident, list[str]]]:
        open_now = {(one.channel, one.cause): one for one in await incidents.open_now(transaction.connection)}
        if not open_now and not any(found.values()):
            return []
        return await _settle(runtime, transaction, open_now, found, at)

    for what, incident, told in await runtime.database.write(work):
        (log.warning if what != "over" else log.info)(
            "an incident of a channel",
            action=f"incident.{what}",
            channel=incident.channel,
            cause=incident.cause,
            told_by=told,
        )


async def _settle(
    runtime: Runtime,
    transaction: Transaction,
    open_now: Mapping[tuple[str, str], Incident],
    found: Mapping[str, Sequence[Finding]],
    at: datetime,
) -> list[tuple[str, Incident, list[str]]]:
    limits, done = runtime.settings.health, []
    sick = {channel for channel, _ in open_now} | {channel for channel, findings in found.items() if findings}
    lines = await _lines(runtime, transaction, at)
    for channel, findings in found.items():
        for finding in findings:
            known = open_now.get((channel, finding.cause))
            if known:
                await incidents.see(transaction, known.id, finding.detail, at)
                what = _overdue(known, at, limits.remind_hours)
            else:
                known = await incidents.open_new(transaction, channel, finding.cause, finding.detail, at)
                what = "opened" if known else None
            if known and what:
                told = await _tell(runtime, transaction, lines, sick, known, finding.detail, what, at)
                if told or what != "untold":
                    done.append((what, known, told))
    still = {(channel, finding.cause) for channel, findings in found.items() for finding in findings}
    for key, incident in open_now.items():
        # Not at the first good moment: what comes and goes is one incident.
        if key not in still and incident.updated_at <= at - timedelta(minutes=limits.calm_minutes):
            await incidents.close(transaction, incident.id, at)
            told = []
            if incident.told:
                told = await _tell(runtime, transaction, lines, sick, incident, incident.detail, "over", at)
            done.append(("over", incident, told))
    return done


def _overdue(incident: Incident, at: datetime, remind_hours: float) -> str | None:
    """What is still to be said of an open incident: all of it when nobody could be told, a reminder after long."""
    if not incident.told:
        return "untold"
    due = incident.told_at is not None and incident.told_at <= at - timedelta(hours=remind_hours)
    return "still" if due else None


async def _tell(
    runtime: Runtime,
    transaction: Transaction,
    lines: Sequence[AlarmLine],
    sick: set[str],
    incident: Incident,
    detail: Mapping[str, Any],
    what: str,
    at: datetime,
) -> list[str]:
    """Put one message a line into the outbox; gives the channels that carry them."""
    rows = []
    for line in lines:
        outlet = outlet_for(runtime, line.scheme, incident.channel, sick)
        if outlet:
            rows.append(
                deliveries.row(
                    channel=outlet.name,
                    kind=outlet.capabilities.delivery,
                    audience=Audience.OPERATOR,
                    priority=Priority.EMERGENCY,
                    phrase=f"incident_{'opened' if what == 'untold' else what}",
                    values=_values(runtime, incident, detail, at),
                    language=line.language or runtime.settings.city.language,
                    at=at,
                    address_id=line.address_id,
                )
            )
    await deliveries.add(transaction, rows)
    told = sorted({row["channel"] for row in rows})
    if told and what != "over":
        await incidents.tell(transaction, incident.id, told, at)
    return told


def outlet_for(runtime: Runtime, scheme: str, sick_one: str, sick: set[str]) -> Channel | None:
    """The channel that carries an alarm to an address: never the sick one, and a healthy one before others."""
    able = [
        channel
        for channel in runtime.channels.values()
        if scheme in channel.capabilities.schemes
        and channel.capabilities.delivery is not DeliveryKind.NONE
        and channel.name != sick_one
        and not runtime.switches.paused(channel.name)
    ]
    return min(able, key=lambda channel: channel.name in sick, default=None)


async def _lines(runtime: Runtime, transaction: Transaction, at: datetime) -> list[AlarmLine]:
    """Where operators are told: the addresses of the settings, and the proved lines of staff."""
    found = {line.address_id: line for line in await alarms.lines(transaction.connection, AlarmSubject.INCIDENTS)}
    for urn in runtime.settings.health.operators:
        known = await citizens.known(transaction.connection, runtime.vault, urn) or await citizens.enter(
            transaction, runtime.vault, urn, language=runtime.settings.city.language, at=at, owned=False
        )
        found.setdefault(known.id, AlarmLine(known.id, urn.partition(":")[0], known.language))
    return list(found.values())


def _values(runtime: Runtime, incident: Incident, detail: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    said = {name: str(value)[:LONGEST_URL] for name, value in detail.items()}
    return {
        **said,
        "channel": incident.channel,
        "fault": incident.cause,
        "heals": incident.cause in HEALS,
        "minutes_open": max(1, round((at - incident.opened_at).total_seconds() / 60)),
        "url": f"{runtime.settings.public_url}/console/channels/{incident.channel}",
    }
