"""What intake must know of daily phrases, and the rows of who takes part: two questions a batch, and only if asked."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Transaction
from store.tables_campaigns import campaigns, participants, participations, phrases
from store.tables_citizens import addresses, citizens

# The topic that wakes whoever counts who took part.
TOPIC = "phrases"
# What is followed by who wants the phrase each day on a line that costs money.
FOLLOWED = "phrase"


@dataclass(frozen=True, slots=True)
class KnownPhrase:
    """What is said on one day of a campaign, and who may take part with it.

    `line_days` is how old a line must be, `per_network` how many may come from one network; 0 for any.
    """

    id: str
    campaign_id: str
    day: str
    texts: tuple[str, ...]
    publish_at: str
    line_days: int
    per_network: int


@dataclass(slots=True)
class KnownParticipant:
    """Somebody's line in a campaign, and the phrases he has posted."""

    id: str
    number: str
    barred: bool
    posted: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Speaker:
    """The line somebody speaks on, its scheme in the place of a channel, and since when it is known."""

    address_id: str
    channel: str
    since: datetime


@dataclass(slots=True)
class Participating:
    """What a batch knows of phrases: those of these days, who took part (by campaign and person; the oldest line's
    number first), and how many of each phrase and network."""

    phrases: list[KnownPhrase] = field(default_factory=list)
    known: dict[tuple[str, str], list[KnownParticipant]] = field(default_factory=dict)
    networks: dict[tuple[str, str], int] = field(default_factory=dict)


_PHRASES = (
    select(phrases, campaigns.c.publish_at, campaigns.c.line_days, campaigns.c.per_network)
    .join(campaigns, campaigns.c.id == phrases.c.campaign_id)
    .where(phrases.c.day >= bindparam("since"), phrases.c.day <= bindparam("until"))
    .where(campaigns.c.ended_at.is_(None))
    .order_by(phrases.c.day.desc(), campaigns.c.created_at, campaigns.c.id)
)
_PERSON = func.coalesce(citizens.c.merged_into, citizens.c.id).label("person")
_PARTICIPANTS = (
    select(participants, _PERSON, participations.c.phrase_id)
    .join(citizens, citizens.c.id == participants.c.citizen_id)
    .outerjoin(
        participations,
        (participations.c.participant_id == participants.c.id)
        & participations.c.phrase_id.in_(bindparam("phrases", expanding=True)),
    )
    .where(participants.c.campaign_id.in_(bindparam("campaigns", expanding=True)))
    .where(
        citizens.c.id.in_(bindparam("persons", expanding=True))
        | citizens.c.merged_into.in_(bindparam("persons", expanding=True))
    )
    .order_by(participants.c.created_at, participants.c.id)
)
_NETWORKS = (
    select(participations.c.phrase_id, participations.c.network, func.count().label("number"))
    .where(participations.c.phrase_id.in_(bindparam("phrases", expanding=True)))
    .where(participations.c.network.in_(bindparam("networks", expanding=True)))
    .group_by(participations.c.phrase_id, participations.c.network)
)


async def of_days(connection: AsyncConnection, since: str, until: str) -> list[KnownPhrase]:
    """The phrases of some days of the campaigns that were not called off, the newest day first."""
    rows = await connection.execute(_PHRASES, {"since": since, "until": until})
    return [_phrase(row) for row in rows]


async def look_up(
    connection: AsyncConnection, found: Collection[KnownPhrase], persons: Collection[str], networks: Collection[str]
) -> Participating:
    """Who of these persons took part with these phrases, and how many from these networks."""
    known = Participating()
    ids = [phrase.id for phrase in found]
    if not ids:
        return known
    if persons:
        asked = {"phrases": ids, "campaigns": list({p.campaign_id for p in found}), "persons": list(persons)}
        lines: dict[str, KnownParticipant] = {}
        for row in await connection.execute(_PARTICIPANTS, asked):
            line = lines.get(row.id)
            if line is None:
                line = lines[row.id] = KnownParticipant(row.id, row.number, row.barred_at is not None)
                known.known.setdefault((row.campaign_id, row.person), []).append(line)
            if row.phrase_id:
                line.posted.add(row.phrase_id)
    if networks:
        counted = await connection.execute(_NETWORKS, {"phrases": ids, "networks": list(networks)})
        known.networks = {(row.phrase_id, row.network): row.number for row in counted}
    return known


async def forget_networks(transaction: Transaction, before: str, limit: int) -> int:
    """Forget from which networks some took part on days of the city before one; gives how many."""
    over = select(phrases.c.id).where(phrases.c.day < before)
    known = select(participations.c.phrase_id, participations.c.participant_id)
    known = known.where(participations.c.phrase_id.in_(over), participations.c.network.is_not(None)).limit(limit)
    some = tuple_(participations.c.phrase_id, participations.c.participant_id).in_(known)
    return (await transaction.connection.execute(update(participations).where(some).values(network=None))).rowcount


async def speaker(connection: AsyncConnection, citizen_id: str) -> Speaker | None:
    """The line a citizen speaks on; None for one that is withheld."""
    wanted = select(addresses.c.id, addresses.c.scheme, addresses.c.created_at)
    wanted = wanted.where(addresses.c.citizen_id == citizen_id).order_by(addresses.c.created_at).limit(1)
    row = (await connection.execute(wanted)).first()
    return Speaker(row.id, row.scheme, row.created_at) if row else None


async def add(transaction: Transaction, participant: dict[str, Any] | None, participation: dict[str, Any]) -> None:
    """Count somebody in, outside of a batch of intake; with a new participant, if he is one."""
    if participant:
        await transaction.connection.execute(participants.insert(), participant)
    await transaction.connection.execute(participations.insert(), participation)
    transaction.wake(TOPIC)


def participant_row(
    participant_id: str, campaign_id: str, citizen_id: str, address_id: str, channel: str, number: str, at: datetime
) -> dict[str, Any]:
    """Somebody's line that takes part in a campaign for the first time."""
    return {
        "id": participant_id,
        "campaign_id": campaign_id,
        "citizen_id": citizen_id,
        "address_id": address_id,
        "channel": channel,
        "number": number,
        "created_at": at,
    }


def _phrase(row: Any) -> KnownPhrase:
    texts = tuple(text for text in (row.text_zh, row.text_en) if text)
    return KnownPhrase(row.id, row.campaign_id, row.day, texts, row.publish_at, row.line_days, row.per_network)
