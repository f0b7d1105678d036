"""The reckoning after a fault: what was told, what is kept, what the gateway says it sent, what the carrier holds."""

import asyncio
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg

from tests.fault.carrier import Carrier, twice
from tests.fault.citizens import Citizens

OPEN = "SELECT count(*) FROM deliveries WHERE state NOT IN ('delivered', 'failed', 'dropped')"
STANDING = "SELECT state, reason, count(*), min(due_at), min(lease_until) FROM deliveries GROUP BY state, reason"
SETTLED_WITHIN = 60.0


class Books:
    """The store of a gateway as anybody may read it: a folder with its file, or the URL of its server's database."""

    def __init__(self, where: Path | str) -> None:
        self._where = where

    async def ask(self, question: str) -> list[Any]:
        """The rows a question gives."""
        if isinstance(self._where, Path):
            with sqlite3.connect(self._where / "everyline.db", timeout=10) as database:
                return database.execute(question).fetchall()
        connection = await asyncpg.connect(self._where.replace("+asyncpg", ""))
        try:
            return [tuple(row) for row in await connection.fetch(question)]
        finally:
            await connection.close()

    async def settled(self, within: float = SETTLED_WITHIN) -> None:
        """Wait until every delivery has come to its end."""
        try:
            async with asyncio.timeout(within):
                while (await self.ask(OPEN))[0][0]:  # noqa: ASYNC110  # another process ends them
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise AssertionError(f"not settled: {await self.ask(STANDING)}") from None


async def reckon(books: Books, citizens: Citizens, carrier: Carrier) -> dict[str, int]:
    """Compare all four; gives what was counted."""
    kept = [sid for (sid,) in await books.ask("SELECT external_id FROM incoming WHERE channel = 'sms_twilio'")]
    assert citizens.acknowledged <= set(kept), "an accepted text is gone"
    assert len(kept) == len(set(kept)), "a text is kept twice"
    assert set(kept) <= citizens.told
    posts, tickets = (
        await books.ask("SELECT count(*), count(DISTINCT ticket) FROM posts WHERE channel = 'sms_twilio'")
    )[0]
    assert posts == tickets == len(kept), "each text is one post"
    wanted = "SELECT post_id, state, carrier_id, reason, tries FROM deliveries WHERE channel = 'sms_twilio'"
    deliveries = await books.ask(wanted)
    assert Counter(post for post, *_ in deliveries).most_common(1)[0][1] == 1
    assert len(deliveries) == len(kept), "each text is answered by one delivery"
    states = Counter(state for _, state, *_ in deliveries)
    assert set(states) == {"delivered"}, (states, [one for one in deliveries if one[1] != "delivered"][:5])
    sids = [sid for _, _, sid, *_ in deliveries]
    assert len(set(sids)) == len(sids)
    assert set(sids) == set(carrier.ledger), "what we say we sent is what the carrier has"
    assert not twice(list(carrier.ledger.values()))
    unknown = (await books.ask("SELECT count(*) FROM deliveries WHERE reason IS NOT NULL OR tries > 1"))[0][0]
    return {"texts": len(kept), "repeated": citizens.repeated, "sent": len(sids), "settled or again": unknown}
