"""A million posts of six months: how fast their days are counted, and how fast a page of figures is read from them."""

import statistics
import tempfile
import time
from datetime import date, timedelta

from aiohttp import ClientSession
from sqlalchemy import text

from gateway import assembly, clock
from gateway.casework import analytics, daybook
from gateway.casework.periods import By, ask
from gateway.runtime import Runtime
from gateway.settings import load
from gateway.workers import Workers
from store import migrating
from store.database import Database, Transaction
from store.vault import Vault
from tests.bench.intake import Figure
from tests.process.gateway import ROOT

POSTS = 1_000_000
DAYS = 180
ROUNDS = 5
MOMENT = "strftime('%Y-%m-%dT%H:%M:%f000+00:00', {})"
# Spread evenly over the days, with five channels, four categories and three hundred places; decided within an hour.
SAID = f"""
INSERT INTO posts (id, thread_id, ticket, kind, state, text, channel, category, place, language, private, urgent,
                   ruling, rules, version, created_at, published_at)
WITH RECURSIVE numbers (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i < :most - 1),
said AS (
  SELECT i, julianday('now') - :days + i * (:days * 1.0 / :most) AS at, i * 7919 % 3000 + 2 AS waited FROM numbers
)
SELECT printf('%032x', i), printf('%032x', i), printf('%08d', i), 'report',
       CASE WHEN i % 5 THEN 'published' ELSE 'rejected' END, 'leaking', 'channel' || i % 5, 'category' || i % 4,
       'place ' || i % 300, 'en', 0, 0, 'pass', '[]', 1, {MOMENT.format("at")},
       CASE WHEN i % 5 THEN {MOMENT.format("at + waited / 86400.0")} END
FROM said"""
DECIDED = f"""
INSERT INTO history (post_id, at, actor, action, from_state, to_state)
SELECT id, coalesce(published_at, {MOMENT.format("julianday(created_at) + 0.001")}), 'mo', 'x', 'pending', state
FROM posts"""


async def measure(number: int = POSTS) -> list[Figure]:
    """Posts counted a second, and the seconds until the slowest page of 90 days beside 90 others is read."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load({"EVERYLINE_CONFIG": str(ROOT / "config"), "EVERYLINE_DATA": folder})
        await migrating.upgrade(settings.database_url)
        database = Database(settings.database_url)
        await database.open(serving=True)
        workers = Workers(1)
        async with ClientSession() as http:
            runtime = assembly.assemble(settings, [], database, Vault(bytes(32)), http, workers, workers)
            try:
                await database.write(lambda transaction: _fill(transaction, number))
                return await _figures(runtime, number)
            finally:
                await database.close()
                await workers.stop()


async def _fill(transaction: Transaction, number: int) -> None:
    await transaction.connection.execute(text(SAID), {"most": number, "days": DAYS})
    await transaction.connection.execute(text(DECIDED))


async def _figures(runtime: Runtime, number: int) -> list[Figure]:
    begun = time.perf_counter()
    await daybook.keep_up(runtime)
    rate = number / (time.perf_counter() - begun)
    today = clock.now().astimezone(runtime.settings.city.zone).date()
    slowest = max([await _read(runtime, by, today - timedelta(days=1)) for by in By])
    return [
        Figure("figures_counted", rate, "posts/s", 5_000),
        Figure("figures_read", slowest, "s for 90 days beside 90", 0.5, more_is_better=False),
    ]


async def _read(runtime: Runtime, by: By, last: date) -> float:
    """The median time of reading the figures along something."""
    first = last - timedelta(days=89)
    question = ask({"period": "own", "first": first.isoformat(), "last": last.isoformat(), "by": by}, last)
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        report = await analytics.report(runtime, question)
        taken.append(time.perf_counter() - begun)
        if not report.total.now.figures.posts:
            raise AssertionError("nothing was counted")
    return statistics.median(taken)
