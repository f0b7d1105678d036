"""Campaigns of daily phrases: their calendar, who took part, the codes winners get, and who won."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import NotFound
from store.citizens import of_person
from store.database import Transaction
from store.dialect import insert_new, upsert
from store.participating import TOPIC
from store.tables_campaigns import campaigns, participants, participations, phrases, prize_codes, winners
from store.tables_citizens import citizens

MOST_LISTED = 100
PIECE = 5000


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign, without its seed. Days are the city's, `publish_at` its clock."""

    id: str
    slug: str
    name: Mapping[str, str]
    prize: Mapping[str, str]
    begins_on: str
    ends_on: str
    publish_at: str
    winners: int
    line_days: int
    per_network: int
    commitment: str
    list_sha256: str | None
    drawn_at: datetime | None
    drawn_by: str | None
    ended_at: datetime | None
    actor: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Phrase:
    """What is said on one day, and the notice that told it."""

    id: str
    campaign_id: str
    day: str
    text_zh: str
    text_en: str
    post_id: str | None
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """That somebody took part on a day; `person` is one for all lines he linked, None for who is erased."""

    day: str
    number: str
    participant_id: str
    person: str | None


@dataclass(frozen=True, slots=True)
class Barred:
    """A number that staff took out of a campaign."""

    number: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Winner:
    """Who won: with which day's entry, its score, and since when he knows."""

    campaign_id: str
    place: int
    number: str
    day: str
    score: str
    participant_id: str
    code_id: str
    told_at: datetime | None


async def newest(connection: AsyncConnection, limit: int = MOST_LISTED) -> list[Campaign]:
    """The campaigns, the newest first."""
    wanted = select(campaigns).order_by(campaigns.c.begins_on.desc(), campaigns.c.id.desc()).limit(limit)
    return [_campaign(row) for row in await connection.execute(wanted)]


async def find(connection: AsyncConnection, reference: str, *, hold: bool = False) -> Campaign:
    """A campaign by id or slug; with `hold` nobody else changes it until the transaction ends. Raises `NotFound`."""
    wanted = select(campaigns).where((campaigns.c.id == reference) | (campaigns.c.slug == reference))
    row = (await connection.execute(wanted.with_for_update() if hold else wanted)).first()
    if row is None:
        raise NotFound("there is no such campaign")
    return _campaign(row)


async def seed_of(connection: AsyncConnection, campaign_id: str) -> bytes:
    """The sealed seed of a campaign."""
    found: bytes = (
        await connection.execute(select(campaigns.c.seed).where(campaigns.c.id == campaign_id))
    ).scalar_one()
    return found


async def add(transaction: Transaction, row: Mapping[str, Any]) -> bool:
    """Add a campaign; false when its slug is taken."""
    connection = transaction.connection
    await connection.execute(insert_new(connection, campaigns, ["slug"]), dict(row))
    transaction.wake(TOPIC)
    own = select(campaigns.c.id).where(campaigns.c.id == row["id"])
    return (await connection.execute(own)).first() is not None


async def change(transaction: Transaction, campaign_id: str, **values: Any) -> None:
    """Change a campaign."""
    await transaction.connection.execute(update(campaigns).where(campaigns.c.id == campaign_id).values(**values))
    transaction.wake(TOPIC)


async def calendar(connection: AsyncConnection, campaign_ids: Collection[str]) -> list[Phrase]:
    """What campaigns say, day by day."""
    wanted = select(phrases).where(phrases.c.campaign_id.in_(campaign_ids)).order_by(phrases.c.day, phrases.c.id)
    return [_phrase(row) for row in await connection.execute(wanted)]


async def of_day(connection: AsyncConnection, day: str) -> list[tuple[Campaign, Phrase]]:
    """What campaigns that were not called off say on a day."""
    wanted = (
        select(phrases.c.id.label("phrase_id"), phrases.c.day, phrases.c.text_zh, phrases.c.text_en)
        .add_columns(phrases.c.post_id, phrases.c.published_at, campaigns)
        .join(campaigns, campaigns.c.id == phrases.c.campaign_id)
        .where(phrases.c.day == day, campaigns.c.ended_at.is_(None))
        .order_by(campaigns.c.created_at, campaigns.c.id)
    )
    return [
        (
            _campaign(row),
            Phrase(row.phrase_id, row.id, row.day, row.text_zh, row.text_en, row.post_id, row.published_at),
        )
        for row in await connection.execute(wanted)
    ]


async def put_phrases(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put phrases into a campaign's calendar, in the place of those of the same days."""
    if rows:
        connection = transaction.connection
        statement = upsert(connection, phrases, ["campaign_id", "day"], ["text_zh", "text_en"])
        await connection.execute(statement, [dict(row) for row in rows])
        transaction.wake(TOPIC)


async def drop_phrase(transaction: Transaction, campaign_id: str, day: str) -> bool:
    """Take a day out of a calendar, while it was not published; whether it was there."""
    own = delete(phrases).where(phrases.c.campaign_id == campaign_id, phrases.c.day == day)
    return bool((await transaction.connection.execute(own.where(phrases.c.post_id.is_(None)))).rowcount)


async def publish(transaction: Transaction, phrase_id: str, post_id: str, at: datetime) -> bool:
    """Note the notice that tells a phrase; false when another has told it."""
    own = update(phrases).where(phrases.c.id == phrase_id, phrases.c.post_id.is_(None))
    done = (await transaction.connection.execute(own.values(post_id=post_id, published_at=at))).rowcount
    transaction.wake(TOPIC)
    return bool(done)


async def counts(connection: AsyncConnection, phrase_ids: Collection[str]) -> dict[str, int]:
    """How many people posted each phrase back; linked lines are one, who was taken out is none."""
    person = func.coalesce(citizens.c.merged_into, participants.c.citizen_id, participants.c.id)
    wanted = (
        select(participations.c.phrase_id, func.count(person.distinct()))
        .join(participants, participants.c.id == participations.c.participant_id)
        .outerjoin(citizens, citizens.c.id == participants.c.citizen_id)
        .where(participations.c.phrase_id.in_(phrase_ids), participants.c.barred_at.is_(None))
        .group_by(participations.c.phrase_id)
    )
    return dict((row[0], row[1]) for row in await connection.execute(wanted))


async def entries(connection: AsyncConnection, campaign_id: str) -> list[Entry]:
    """All that count in a draw, by day and number: linked lines with the number of the oldest, each day once."""
    first: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    found = []
    for row in await connection.execute(_entries(campaign_id)):
        number = first.setdefault(row.person, row.number) if row.person else row.number
        if (row.day, number) not in seen:
            seen.add((row.day, number))
            found.append(Entry(row.day, number, row.participant_id, row.person))
    return sorted(found, key=lambda entry: (entry.day, entry.number))


async def number_of(connection: AsyncConnection, campaign_id: str, person: str) -> str | None:
    """The number of a person in a campaign; that of his oldest line."""
    wanted = select(participants.c.number).where(
        participants.c.campaign_id == campaign_id, participants.c.citizen_id.in_(of_person(person))
    )
    found: str | None = (await connection.execute(wanted.order_by(participants.c.created_at).limit(1))).scalar()
    return found


async def bar(transaction: Transaction, campaign_id: str, number: str, by: str | None, at: datetime | None) -> None:
    """Take a number out of a campaign, or (with None) let it in again. Raises `NotFound`."""
    own = update(participants).where(participants.c.campaign_id == campaign_id, participants.c.number == number)
    done = await transaction.connection.execute(own.values(barred_by=by, barred_at=at))
    if not done.rowcount:
        raise NotFound("nobody takes part with this number")
    transaction.wake(TOPIC)


async def barred(connection: AsyncConnection, campaign_id: str) -> list[Barred]:
    """The numbers that were taken out, the newest first."""
    wanted = select(participants).where(
        participants.c.campaign_id == campaign_id, participants.c.barred_at.is_not(None)
    )
    rows = await connection.execute(wanted.order_by(participants.c.barred_at.desc()).limit(MOST_LISTED))
    return [Barred(row.number, row.barred_by, row.barred_at) for row in rows]


async def add_codes(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> int:
    """Add codes that are not there yet; gives how many were new."""
    if not rows:
        return 0
    connection, campaign_id = transaction.connection, str(rows[0]["campaign_id"])
    before, _ = (await codes(connection, [campaign_id]))[campaign_id]
    for start in range(0, len(rows), PIECE):
        piece = [dict(row) for row in rows[start : start + PIECE]]
        await connection.execute(insert_new(connection, prize_codes, ["campaign_id", "lookup"]), piece)
    after, _ = (await codes(connection, [campaign_id]))[campaign_id]
    return after - before


async def codes(connection: AsyncConnection, campaign_ids: Sequence[str]) -> Mapping[str, tuple[int, int]]:
    """How many codes each of some campaigns has, and how many of them were given away."""
    table = prize_codes
    wanted = select(table.c.campaign_id, table.c.given, func.count()).where(table.c.campaign_id.in_(campaign_ids))
    found = dict.fromkeys(campaign_ids, (0, 0))
    for campaign_id, given, number in await connection.execute(wanted.group_by(table.c.campaign_id, table.c.given)):
        known, gone = found[campaign_id]
        found[campaign_id] = known + number, gone + (number if given else 0)
    return found


async def drop_codes(transaction: Transaction, campaign_id: str) -> int:
    """Delete the codes nobody was given; gives how many."""
    free = delete(prize_codes).where(prize_codes.c.campaign_id == campaign_id, prize_codes.c.given.is_(False))
    return (await transaction.connection.execute(free)).rowcount


async def take_codes(transaction: Transaction, campaign_id: str, number: int) -> list[str]:
    """Give so many codes away, in the order of their upload; fewer when there are no more."""
    connection = transaction.connection
    free = select(prize_codes.c.id).where(prize_codes.c.campaign_id == campaign_id, prize_codes.c.given.is_(False))
    taken = list((await connection.execute(free.order_by(prize_codes.c.id).limit(number))).scalars())
    await connection.execute(update(prize_codes).where(prize_codes.c.id.in_(taken)).values(given=True))
    return taken


async def sealed_code(connection: AsyncConnection, code_id: str) -> bytes:
    """A code as it is kept."""
    found: bytes = (
        await connection.execute(select(prize_codes.c.sealed).where(prize_codes.c.id == code_id))
    ).scalar_one()
    return found


async def add_winners(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note who won."""
    if rows:
        await transaction.connection.execute(winners.insert(), [dict(row) for row in rows])
        transaction.wake(TOPIC)


async def winners_of(connection: AsyncConnection, campaign_id: str) -> list[Winner]:
    """Who won, in the order of the draw."""
    wanted = select(winners).where(winners.c.campaign_id == campaign_id).order_by(winners.c.place)
    return [Winner(**row._mapping) for row in await connection.execute(wanted)]


async def untold(connection: AsyncConnection, before: datetime) -> list[tuple[Campaign, Winner]]:
    """Winners of draws before a moment who do not know it yet."""
    undone = select(winners.c.campaign_id).where(winners.c.told_at.is_(None))
    wanted = select(campaigns).where(campaigns.c.id.in_(undone), campaigns.c.drawn_at <= before)
    found = []
    for row in (await connection.execute(wanted)).all():
        campaign = _campaign(row)
        found += [(campaign, won) for won in await winners_of(connection, campaign.id) if won.told_at is None]
    return found


async def tell(transaction: Transaction, won: Winner, at: datetime) -> bool:
    """Note that a winner is told now; false when another did."""
    own = update(winners).where(winners.c.campaign_id == won.campaign_id, winners.c.place == won.place)
    return bool(
        (await transaction.connection.execute(own.where(winners.c.told_at.is_(None)).values(told_at=at))).rowcount
    )


async def undo_winners(transaction: Transaction, campaign_id: str) -> bool:
    """Forget who won and take the codes back, while nobody was told; false when somebody was."""
    connection = transaction.connection
    won = await winners_of(connection, campaign_id)
    if any(one.told_at for one in won):
        return False
    await connection.execute(delete(winners).where(winners.c.campaign_id == campaign_id))
    own = update(prize_codes).where(prize_codes.c.id.in_([one.code_id for one in won]))
    await connection.execute(own.values(given=False))
    return True


async def line_of(connection: AsyncConnection, participant_id: str) -> tuple[str | None, str]:
    """The address a participant is told at, and the channel he used; no address once he had himself erased."""
    wanted = select(participants.c.address_id, participants.c.channel).where(participants.c.id == participant_id)
    row = (await connection.execute(wanted)).one()
    return row.address_id, row.channel


async def named(connection: AsyncConnection, hashes: Collection[str]) -> set[str]:
    """Which of some files are lists of draws."""
    wanted = select(campaigns.c.list_sha256).where(campaigns.c.list_sha256.in_(hashes))
    return set((await connection.execute(wanted)).scalars())


async def all_named(connection: AsyncConnection) -> set[str]:
    """All lists of draws."""
    return set(
        (
            await connection.execute(select(campaigns.c.list_sha256).where(campaigns.c.list_sha256.is_not(None)))
        ).scalars()
    )


async def forget_person(transaction: Transaction, citizen_ids: Sequence[str]) -> None:
    """Take somebody out of the campaigns that were not drawn; of the others his number alone stays."""
    connection = transaction.connection
    open_ones = select(campaigns.c.id).where(campaigns.c.drawn_at.is_(None))
    mine = participants.c.citizen_id.in_(citizen_ids)
    leaving = select(participants.c.id).where(mine, participants.c.campaign_id.in_(open_ones))
    await connection.execute(delete(participations).where(participations.c.participant_id.in_(leaving)))
    await connection.execute(delete(participants).where(mine, participants.c.campaign_id.in_(open_ones)))
    await connection.execute(update(participants).where(mine).values(citizen_id=None, address_id=None))
    transaction.wake(TOPIC)


async def taken_part(connection: AsyncConnection, person: str) -> list[dict[str, Any]]:
    """What somebody took part in, for himself."""
    wanted = (
        select(campaigns.c.slug, participants.c.number, phrases.c.day, participations.c.at)
        .join(participants, participants.c.id == participations.c.participant_id)
        .join(phrases, phrases.c.id == participations.c.phrase_id)
        .join(campaigns, campaigns.c.id == phrases.c.campaign_id)
        .where(participants.c.citizen_id.in_(of_person(person)))
        .order_by(participations.c.at)
    )
    return [dict(row._mapping) for row in await connection.execute(wanted)]


def _entries(campaign_id: str) -> Select[Any]:
    person = func.coalesce(citizens.c.merged_into, citizens.c.id).label("person")
    return (
        select(phrases.c.day, participants.c.number, participants.c.id.label("participant_id"), person)
        .join(participations, participations.c.phrase_id == phrases.c.id)
        .join(participants, participants.c.id == participations.c.participant_id)
        .outerjoin(citizens, citizens.c.id == participants.c.citizen_id)
        .where(phrases.c.campaign_id == campaign_id, participants.c.barred_at.is_(None))
        .order_by(participants.c.created_at, participants.c.id)
    )


def _campaign(row: Row[Any]) -> Campaign:
    return Campaign(
        id=row.id,
        slug=row.slug,
        name={"zh": row.name_zh, "en": row.name_en},
        prize={"zh": row.prize_zh, "en": row.prize_en},
        begins_on=row.begins_on,
        ends_on=row.ends_on,
        publish_at=row.publish_at,
        winners=row.winners,
        line_days=row.line_days,
        per_network=row.per_network,
        commitment=row.commitment,
        list_sha256=row.list_sha256,
        drawn_at=row.drawn_at,
        drawn_by=row.drawn_by,
        ended_at=row.ended_at,
        actor=row.actor,
        created_at=row.created_at,
    )


def _phrase(row: Row[Any]) -> Phrase:
    return Phrase(row.id, row.campaign_id, row.day, row.text_zh, row.text_en, row.post_id, row.published_at)
