"""The draw of a campaign, which anybody can repeat.

Published before: the SHA-256 of the seed. Published after: the seed, and the list of entries, a line each
(`2027-03-01 481270593346`: a day and the number of who took part, sorted). An entry's score is the SHA-256 of
`seed:list:day:number` in hexadecimal, where `list` is the SHA-256 of that list: as long as anybody may still take part,
not even who knows the seed can tell who wins. Entries stand in the order of their scores, the lowest first; the first
numbers that are different win.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import structlog

from gateway import clock
from gateway.casework.campaigns import seed_place, today
from gateway.errors import BadInput, Conflict
from gateway.runtime import Runtime
from gateway.schema_outgoing import Audience, Priority, Say
from store import audit, citizens, deliveries
from store import campaigns as rows
from store.campaigns import Campaign, Entry, Winner
from store.database import Transaction

MOST_CODES = 10_000
LONGEST_CODE = 64

log = structlog.get_logger()


def score(seed: str, list_sha256: str, day: str, number: str) -> str:
    """The place of an entry in the draw, as 64 hexadecimal digits."""
    return hashlib.sha256(f"{seed}:{list_sha256}:{day}:{number}".encode()).hexdigest()


def drawn(seed: str, list_sha256: str, entries: Iterable[Entry], number: int) -> list[tuple[str, Entry]]:
    """The entries of a list that win, with their scores, the first prize first; nobody wins twice."""
    won: dict[str, tuple[str, Entry]] = {}
    for value, entry in sorted((score(seed, list_sha256, e.day, e.number), e) for e in entries):
        won.setdefault(entry.number, (value, entry))
        if len(won) == number:
            break
    return list(won.values())


def listed(entries: Sequence[Entry]) -> bytes:
    """The list of entries as it is published."""
    return "".join(f"{entry.day} {entry.number}\n" for entry in entries).encode()


def settled(runtime: Runtime, campaign: Campaign) -> bool:
    """Whether a draw can be taken back no more, so that its seed and its winners are public."""
    wait = timedelta(seconds=runtime.settings.broadcast.undo_seconds)
    return campaign.drawn_at is not None and campaign.drawn_at + wait <= clock.now()


async def add_codes(runtime: Runtime, campaign_id: str, uploaded: str, *, actor: str) -> int:
    """Seal codes, one a line, for the winners of a campaign; gives how many were new. Raises `BadInput`, `Conflict`."""
    codes = list(dict.fromkeys(line.strip() for line in uploaded.splitlines() if line.strip()))
    if not codes or len(codes) > MOST_CODES:
        raise BadInput(f"give one code a line, at most {MOST_CODES}", "codes")
    long = next((n for n, code in enumerate(codes, 1) if len(code) > LONGEST_CODE or not code.isprintable()), None)
    if long:
        raise BadInput(f"a code has at most {LONGEST_CODE} characters, all to be seen", f"codes:{long}")
    vault, at = runtime.vault, clock.now()

    async def work(transaction: Transaction) -> int:
        known = await rows.find(transaction.connection, campaign_id, hold=True)
        if known.drawn_at:
            raise Conflict("this campaign was drawn already")
        new = [
            {
                "id": (code_id := clock.new_id()),
                "campaign_id": known.id,
                "lookup": vault.lookup(f"code:{known.id}:{code}"),
                "sealed": vault.seal(code.encode(), code_place(code_id)),
                "created_at": at,
            }
            for code in codes
        ]
        added = await rows.add_codes(transaction, new)
        await audit.note(transaction, actor, "codes uploaded", f"{known.slug} {added}"[-64:])
        return added

    return await runtime.database.write(work)


async def drop_codes(runtime: Runtime, campaign_id: str, *, actor: str) -> int:
    """Delete the codes nobody was given; gives how many. Raises `NotFound`."""

    async def work(transaction: Transaction) -> int:
        known = await rows.find(transaction.connection, campaign_id)
        dropped = await rows.drop_codes(transaction, known.id)
        await audit.note(transaction, actor, "codes removed", f"{known.slug} {dropped}"[-64:])
        return dropped

    return await runtime.database.write(work)


def code_place(code_id: str) -> str:
    """Where a sealed code belongs, for the vault."""
    return f"prize_codes.sealed:{code_id}"


async def draw(runtime: Runtime, campaign_id: str, *, actor: str) -> int:
    """Draw the winners of a campaign that is over; gives how many. Raises `NotFound`, and `Conflict` when it is not
    over, was called off or drawn already, or has fewer codes than winners."""
    async with runtime.database.reading() as connection:
        campaign = await rows.find(connection, campaign_id)
        _check_over(runtime, campaign)
        entries = await rows.entries(connection, campaign.id)
        sealed = await rows.seed_of(connection, campaign.id)
    seed = runtime.vault.open(sealed, seed_place(campaign.id)).decode()
    published = await asyncio.to_thread(listed, entries)
    sha256 = await runtime.blobs.keep(published)
    won = await asyncio.to_thread(drawn, seed, sha256, entries, campaign.winners)

    async def work(transaction: Transaction) -> None:
        known = await rows.find(transaction.connection, campaign.id, hold=True)
        _check_over(runtime, known)
        codes = await rows.take_codes(transaction, known.id, len(won))
        if len(codes) < len(won):
            raise Conflict("upload more codes first: each winner gets one")
        places = zip(range(1, len(won) + 1), won, codes, strict=True)
        await rows.change(transaction, known.id, drawn_at=clock.now(), drawn_by=actor, list_sha256=sha256)
        await rows.add_winners(transaction, [_row(known, *one) for one in places])
        await audit.note(transaction, actor, "campaign drawn", known.slug)

    await runtime.database.write(work)
    log.info("campaign drawn", action="campaign.drawn", campaign=campaign.slug, entries=len(entries), winners=len(won))
    return len(won)


async def undo(runtime: Runtime, campaign_id: str, *, actor: str) -> None:
    """Take back a draw nobody was told of yet. Raises `NotFound`, `Conflict` when it is too late."""

    async def work(transaction: Transaction) -> None:
        known = await rows.find(transaction.connection, campaign_id, hold=True)
        if known.drawn_at is None or settled(runtime, known):
            raise Conflict("this change is not possible any more")
        if not await rows.undo_winners(transaction, known.id):
            raise Conflict("this change is not possible any more")
        await rows.change(transaction, known.id, drawn_at=None, drawn_by=None, list_sha256=None)
        await audit.note(transaction, actor, "draw undone", known.slug)

    await runtime.database.write(work)


async def tell_winners(runtime: Runtime) -> None:
    """Tell those who won, once their draw can be taken back no more."""
    before = clock.now() - timedelta(seconds=runtime.settings.broadcast.undo_seconds)
    async with runtime.database.reading() as connection:
        waiting = await rows.untold(connection, before)
    for campaign, won in waiting:
        await runtime.database.write(lambda tx, c=campaign, w=won: _tell(runtime, tx, c, w))  # type: ignore[misc]


async def public_seed(runtime: Runtime, campaign: Campaign) -> str | None:
    """The seed of a campaign, once its draw is settled."""
    if not settled(runtime, campaign):
        return None
    async with runtime.database.reading() as connection:
        sealed = await rows.seed_of(connection, campaign.id)
    return runtime.vault.open(sealed, seed_place(campaign.id)).decode()


def _check_over(runtime: Runtime, campaign: Campaign) -> None:
    if campaign.ended_at:
        raise Conflict("this campaign was called off")
    if campaign.drawn_at:
        raise Conflict("this campaign was drawn already")
    if today(runtime).isoformat() <= campaign.ends_on:
        raise Conflict("this campaign is not over yet")


def _row(campaign: Campaign, place: int, won: tuple[str, Entry], code_id: str) -> dict[str, Any]:
    value, entry = won
    return {
        "campaign_id": campaign.id,
        "place": place,
        "number": entry.number,
        "day": entry.day,
        "score": value,
        "participant_id": entry.participant_id,
        "code_id": code_id,
    }


async def _tell(runtime: Runtime, transaction: Transaction, campaign: Campaign, won: Winner) -> None:
    """Put a winner's message into the outbox of the line he took part on; of who is erased only the number stays."""
    connection, vault = transaction.connection, runtime.vault
    if not await rows.tell(transaction, won, clock.now()):
        return
    address_id, channel = await rows.line_of(connection, won.participant_id)
    line = await citizens.line_by_id(connection, vault, address_id) if address_id else None
    outlet = runtime.outlet(line.scheme, channel) if line else None
    if line is None or outlet is None:
        log.warning("a winner cannot be told", action="campaign.untold", campaign=campaign.slug, place=won.place)
        return
    language = line.language or runtime.settings.city.language
    code = vault.open(await rows.sealed_code(connection, won.code_id), code_place(won.code_id)).decode()
    values = {"campaign": campaign.name[language], "prize": campaign.prize[language], "number": won.number}
    say = Say("phrase_won", values, {"code": code})
    row = deliveries.row(
        channel=outlet.name,
        kind=outlet.capabilities.delivery,
        audience=Audience.AUTHOR,
        priority=Priority.ANSWER,
        phrase=say.phrase,
        values=say.values,
        language=language,
        at=clock.now(),
        address_id=line.id,
        key=line.key,
        sealed=vault.seal(json.dumps(say.secrets).encode(), deliveries.secrets_place(None, say.phrase), line.key),
    )
    await deliveries.add(transaction, [row])
