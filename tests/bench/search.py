"""Search over a million published posts, newest first, on both kinds of database.

Posts are made of a city's streets and faults and of characters as frequent as words are (Zipf), every tenth in English.
Measured is the whole question as a page asks it: the words parsed, twenty posts found, read and marked. What is asked
is of every kind: words that every tenth post has and words that few have, several together, phrases, one character,
filters, words that never meet, and pages further on.
"""

import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import asyncpg
from aiohttp import ClientSession
from sqlalchemy import insert

from gateway import assembly
from gateway.journey import finding, folding, tokens
from gateway.runtime import Runtime
from gateway.settings import load
from gateway.workers import Workers
from store import migrating, search
from store.database import Database
from store.dialect import file_engine
from store.tables_posts import posts
from store.tables_search import search as index
from store.vault import Vault
from tests import postgres
from tests.bench.intake import Figure
from tests.process.gateway import ROOT

NUMBER, AT_ONCE = 1_000_000, 10_000
ROUNDS, PAGE = 400, 20
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
STREETS = [f"{a}{b}{c}" for a in "人中建和解东西南北新" for b in "民山设平放风湖门京华" for c in ("路", "街", "巷")]
FAULTS = (
    "路灯坏了",
    "水管漏水",
    "井盖丢失",
    "道路破损",
    "垃圾没有清理",
    "噪音扰民",
    "暖气不热",
    "积水很深",
    "停电",
    "大树倒了",
)
ENGLISH = ("street lamp broken", "water pipe leaking", "manhole cover missing", "loud noise at night")
CATEGORIES = ("lighting", "water", "roads", "rubbish", "heating")
COLUMNS = ("id", "thread_id", "ticket", "kind", "state", "text", "channel", "category", "place", "language", "private",
           "urgent", "ruling", "rules", "version", "created_at", "published_at")  # fmt: skip

# What SQLite keeps in another form than a server takes.
READ: dict[str, Callable[[Any], Any]] = {
    "private": bool,
    "urgent": bool,
    "created_at": datetime.fromisoformat,
    "published_at": datetime.fromisoformat,
}


async def measure(number: int = NUMBER) -> list[Figure]:
    """The 95th percentile on each database that is there."""
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/bench.db"
        await migrating.upgrade(url)
        fill_file(url, number)
        figures.append(_figure("search_p95_sqlite", await _times(url, folder), number))
        if postgres.programs() is None:
            sys.stdout.write("bench search_p95_postgresql: skipped, PostgreSQL is not installed\n")
            return figures
        with postgres.server() as server:
            async with postgres.database(server, "bench_search") as url:
                await _copy_to_server(Path(folder) / "bench.db", url)
                figures.append(_figure("search_p95_postgresql", await _times(url, folder), number))
    return figures


def made(number: int) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """So many posts, the oldest first, each with the tokens it is found by."""
    chance = random.Random(3)
    characters = [chr(0x4E00 + n) for n in chance.sample(range(0x5000), 3000)]
    rank = [1 / (n + 2) for n in range(len(characters))]
    # Drawn at once: to draw each time from so many weights would take longer than all that is measured.
    drawn = "".join(chance.choices(characters, rank, k=1_000_000))
    for n in range(number):
        street, fault = chance.choice(STREETS), chance.choice(FAULTS)
        at = FIRST + timedelta(minutes=n)
        words = drawn[(start := chance.randrange(999_980)) : start + 16]
        said = f"{street}{n % 300}号{fault}，{words}"
        if n % 10 == 0:
            said = f"{chance.choice(ENGLISH)}, {n % 300} {street}"
        post_id, category = f"{n:032x}", chance.choice(CATEGORIES)
        row = dict(zip(COLUMNS, (
            post_id, post_id, f"{10_000_000 + n}", "report", "published", said, "web_form", category, street, "zh",
            False, False, "pass", [], 1, at, at,
        ), strict=True))  # fmt: skip
        labels = [tokens.label("category", category), tokens.label("place", street)]
        yield row, [*labels, "§", *(token.text for token in tokens.of(folding.fold(said)))]


def questions(turn: int) -> tuple[str, dict[str, str]]:
    """One question of each kind in turn."""
    chance = random.Random(turn)
    street, fault = chance.choice(STREETS), chance.choice(FAULTS)
    kinds: tuple[tuple[str, dict[str, str]], ...] = (
        (fault[:2], {}),
        (f"{street} {fault[:2]}", {}),
        (f"{street}{chance.randrange(300)}号", {}),
        (f"“{street}{chance.randrange(300)}号{fault}”", {}),
        (street[0], {}),
        ("lamp broken", {}),
        ('"water pipe"', {}),
        ("lamp pipe", {}),  # each in every thirtieth post, and never both
        (fault[:2], {"category": chance.choice(CATEGORIES)}),
        (fault[:2], {"place": street}),
        (fault[-2:], {"since": "2024-06-01", "until": "2024-06-30"}),
        (fault[:2], {"cursor": str(search.number_at(FIRST + timedelta(minutes=chance.randrange(NUMBER))))}),
        ("龘龘", {}),
    )
    return kinds[turn % len(kinds)]


def _figure(name: str, times: list[float], number: int) -> Figure:
    times.sort()
    middle, p95, p99 = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.95, 0.99))
    sys.stdout.write(f"  {name}: median {middle:.1f} ms, p99 {p99:.1f} ms, longest {times[-1] * 1000:.1f} ms\n")
    return Figure(name, p95, f"ms, {number:,} posts", 50, more_is_better=False)


async def _times(url: str, folder: str) -> list[float]:
    where = {"EVERYLINE_CONFIG": str(ROOT / "config"), "EVERYLINE_DATA": folder, "EVERYLINE_DATABASE": url}
    database = Database(url)
    async with ClientSession() as http:
        runtime = assembly.assemble(load(where), [], database, Vault(bytes(32)), http, Workers(1), Workers(1))
        await database.open()
        try:
            for turn in range(ROUNDS // 4):  # until what is asked often lies in memory
                await _ask(runtime, turn)
            return [await _ask(runtime, turn) for turn in range(ROUNDS)]
        finally:
            await database.close()


async def _ask(runtime: Runtime, turn: int) -> float:
    query, options = questions(turn)
    begun = time.perf_counter()
    found = await finding.find(runtime, query, limit=PAGE, **options)
    took = time.perf_counter() - begun
    if query in ("lamp pipe", "龘龘") and found.hits:
        raise AssertionError(f"{query} found what does not have it")
    return took


def fill_file(url: str, number: int) -> None:
    """Put posts and their tokens into a new SQLite file, as many as a multiple of `AT_ONCE`."""
    engine = file_engine(url)
    with engine.begin() as connection:
        rows: list[tuple[dict[str, Any], list[str]]] = []
        for one in made(number):
            rows.append(one)
            if len(rows) == AT_ONCE:
                connection.execute(insert(posts), [row for row, _ in rows])
                connection.execute(insert(index), [_indexed(row, words) for row, words in rows])
                rows.clear()
    engine.dispose()


async def _copy_to_server(file: Path, url: str) -> None:
    """Put the same posts and tokens into an empty database: to make them takes longer than to copy them."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute("DROP INDEX ix_search_tokens")
        with sqlite3.connect(file) as made_before:
            rows = made_before.execute(f"SELECT {', '.join(COLUMNS)} FROM posts")
            while some := rows.fetchmany(AT_ONCE):
                read = [tuple(READ.get(name, _as_is)(v) for name, v in zip(COLUMNS, row, strict=True)) for row in some]
                await connection.copy_records_to_table("posts", records=read, columns=COLUMNS)
            rows = made_before.execute("SELECT number, post_id, tokens FROM search")
            while some := rows.fetchmany(AT_ONCE):
                lines = "".join(map(_line, some)).encode()
                await connection.copy_to_table("search", source=BytesIO(lines))
        await connection.execute("CREATE INDEX ix_search_tokens ON search USING gin (tokens)")
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def _as_is(value: Any) -> Any:
    return value


def _line(row: tuple[int, str, str]) -> str:
    """A row as COPY reads it; no token has a sign in it that would need to be escaped."""
    number, post_id, written = row
    lexemes = " ".join(f"'{word}':{n}" for n, word in enumerate(written.split(" "), 1))
    return f"{number}\t{post_id}\t{lexemes}\n"


def _indexed(row: dict[str, Any], words: list[str]) -> dict[str, Any]:
    return {"number": search.number_at(row["published_at"]), "post_id": row["id"], "tokens": " ".join(words)}
