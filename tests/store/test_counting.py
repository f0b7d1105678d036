"""A hand-made day is counted right along every dimension, on both databases, and percentiles come close."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, literal, select

from gateway import clock
from gateway.casework.daybook import day_of
from store import counting, figures
from store.database import Database, Transaction
from store.dialect import seconds_between
from store.figures import Counted, Dimension, Figures, Known, Parts
from store.moments import Moment
from store.paces import Pace, rounded, speed
from store.tables_cases import cases
from store.tables_channels import tallies
from store.tables_citizens import keys
from store.tables_history import history
from store.tables_posts import incoming, posts

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 3, 2)
# Noon of that day in Shanghai.
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)


def post(name: str, at: datetime, **values: Any) -> dict[str, Any]:
    """A row of `posts`; its id is its name, its thread itself unless it is said otherwise."""
    usual: dict[str, Any] = {
        "id": name,
        "thread_id": name,
        "parent_id": None,
        "kind": "report",
        "state": "pending",
        "text": name,
        "channel": "form",
        "department": None,
        "category": None,
        "place": None,
        "language": "en",
        "private": False,
        "urgent": False,
        "ruling": "pass",
        "rules": [],
        "version": 1,
        "created_at": at,
        "published_at": None,
    }
    return usual | values


def change(name: str, at: datetime, before: str, after: str, actor: str = "mo", action: str = "x") -> dict[str, Any]:
    """A row of `history`."""
    return {"post_id": name, "at": at, "actor": actor, "action": action, "from_state": before, "to_state": after}


async def put(database: Database, *rows: tuple[Any, list[dict[str, Any]]]) -> None:
    async def work(transaction: Transaction) -> None:
        for table, some in rows:
            if some:
                await transaction.connection.execute(insert(table), some)

    await database.write(work)


async def counted(database: Database, day: date = DAY, zone: ZoneInfo = SHANGHAI) -> Counted:
    async with database.reading() as connection:
        return await counting.count(connection, day_of(day, zone), ["form", "texting"])


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


async def test_what_was_said_is_counted_by_what_its_thread_is_about(database: Database) -> None:
    before = NOON - timedelta(days=1)
    case = {"thread_id": "old", "department": "heat", "progress": "assigned", "opened_at": before, "begun_at": before}
    await put(
        database,
        (
            posts,
            [
                post("a", NOON, category="water", place="Elm Street", state="published", urgent=True),
                post("b", NOON + timedelta(hours=1), channel="texting", kind="praise", state="published"),
                post("old", before, category="heating"),
                post("c", NOON, thread_id="old", parent_id="old", kind="comment", channel="texting"),
                # The city's own words are not what citizens say.
                post("d", NOON, thread_id="old", parent_id="old", kind="answer", channel="console"),
            ],
        ),
        (cases, [case | {"span": "normal", "due_at": NOON}]),
    )
    found = (await counted(database)).figures
    assert found[Dimension.ALL, ""] == Figures(posts=2, followups=1)
    assert found[Dimension.CHANNEL, "form"] == Figures(posts=1)
    assert found[Dimension.CHANNEL, "texting"] == Figures(posts=1, followups=1)
    assert found[Dimension.CATEGORY, "heating"] == Figures(followups=1)
    assert found[Dimension.CATEGORY, ""] == Figures(posts=1)
    assert found[Dimension.DEPARTMENT, "heat"] == Figures(followups=1)
    assert found[Dimension.PLACE, "Elm Street"] == Figures(posts=1)
    assert found[Dimension.HOUR, "12"] == Figures(posts=1, followups=1)
    assert found[Dimension.HOUR, "13"] == Figures(posts=1)


async def test_decisions_count_on_their_day_and_only_peoples_time(database: Database) -> None:
    yesterday = NOON - timedelta(days=1)
    await put(
        database,
        (posts, [post(name, NOON) for name in "abcde"] + [post("late", yesterday)]),
        (
            history,
            [
                change("a", NOON + seconds(10), "pending", "published"),
                change("b", NOON + seconds(5), "pending", "held"),
                change("b", NOON + seconds(30), "held", "rejected"),
                change("c", NOON, "pending", "rejected", actor="rule"),
                # Published, taken back, and then rejected: one decision.
                change("d", NOON + seconds(2), "pending", "published"),
                change("d", NOON + seconds(4), "published", "pending", action="undone"),
                change("d", NOON + seconds(20), "pending", "rejected"),
                change("late", NOON, "pending", "published"),
                # The day after.
                change("e", NOON + timedelta(days=1), "pending", "published"),
            ],
        ),
    )
    found = await counted(database)
    assert found.figures[Dimension.ALL, ""] == Figures(posts=5, published=2, rejected=3, held=1)
    assert found.paces[(Dimension.ALL, ""), Pace.DECISION] == {10: 1, 20: 1, 30: 1, 86_016: 1}
    assert found.paces[(Dimension.HOUR, "12"), Pace.DECISION] == found.paces[(Dimension.ALL, ""), Pace.DECISION]


async def test_what_was_joined_to_another_report_was_decided_and_not_rejected(database: Database) -> None:
    joined = change("b", NOON + seconds(20), "pending", "rejected") | {"reason": "duplicate"}
    await put(database, (posts, [post(name, NOON) for name in "ab"]), (history, [joined]))
    await put(database, (history, [change("a", NOON + seconds(10), "pending", "rejected")]))
    found = await counted(database)
    assert found.figures[Dimension.ALL, ""] == Figures(posts=2, rejected=1)
    assert found.paces[(Dimension.ALL, ""), Pace.DECISION] == {10: 1, 20: 1}


async def test_the_first_answer_of_a_thread_counts_for_who_gave_it(database: Database) -> None:
    answer: dict[str, Any] = {
        "thread_id": "a",
        "parent_id": "a",
        "kind": "answer",
        "channel": "console",
        "state": "published",
    }
    await put(
        database,
        (
            posts,
            [
                post("a", NOON, channel="texting", category="water"),
                post("b", NOON, **answer, department="works", published_at=NOON + seconds(16)),
                post("c", NOON, **answer, department="roads", published_at=NOON + seconds(90)),
                post("d", NOON, **answer | {"state": "held"}, department="roads"),
            ],
        ),
    )
    found = await counted(database)
    assert found.figures[Dimension.ALL, ""] == Figures(posts=1, answered=1)
    assert found.figures[Dimension.CHANNEL, "texting"].answered == 1
    assert found.figures[Dimension.DEPARTMENT, "works"] == Figures(answered=1)
    assert (Dimension.DEPARTMENT, "roads") not in found.figures
    assert found.paces == {
        ((dimension, value), Pace.ANSWER): {16: 1}
        for dimension, value in (
            (Dimension.ALL, ""),
            (Dimension.CHANNEL, "texting"),
            (Dimension.CATEGORY, "water"),
            (Dimension.DEPARTMENT, "works"),
            (Dimension.PLACE, ""),
            (Dimension.HOUR, "12"),
        )
    }


async def test_messages_and_deliveries_are_counted_by_channel_and_hour(database: Database) -> None:
    def message(number: int, at: datetime) -> dict[str, Any]:
        names = {"id": f"i{number}", "channel": "texting", "external_id": str(number), "key_id": "k"}
        return names | {"sealed": b"", "answer": {}, "received_at": at, "taken_at": at}

    nothing = dict.fromkeys(("received", "delivered", "later", "unknown", "unsigned", "broken"), 0)
    tally = nothing | {"span": "hour", "channel": "texting"}
    await put(
        database,
        (keys, [{"id": "k", "wrapped": b"", "created_at": NOON}]),
        (incoming, [message(1, NOON), message(2, NOON), message(3, NOON + timedelta(days=1))]),
        (
            tallies,
            [
                tally | {"at": NOON, "sent": 7, "failed": 1},
                tally | {"at": NOON - timedelta(days=1), "sent": 5, "failed": 0},
            ],
        ),
    )
    found = (await counted(database)).figures
    expected = Figures(received=2, sent=7, failed=1)
    assert found == dict.fromkeys(
        ((Dimension.ALL, ""), (Dimension.CHANNEL, "texting"), (Dimension.HOUR, "12")), expected
    )


async def test_a_day_begins_at_the_citys_midnight_also_when_clocks_change(database: Database) -> None:
    berlin, changing = ZoneInfo("Europe/Berlin"), date(2026, 3, 29)
    midnight = datetime(2026, 3, 28, 23, tzinfo=UTC)
    moments = [midnight - seconds(1), midnight, midnight + timedelta(hours=2), midnight + timedelta(hours=23)]
    await put(database, (posts, [post(f"p{number}", at) for number, at in enumerate(moments)]))
    found = (await counted(database, changing, berlin)).figures
    assert found[Dimension.ALL, ""].posts == 2
    assert {key[1] for key in found if key[0] is Dimension.HOUR} == {"00", "03"}
    assert len(day_of(changing, berlin).hours) == 23
    assert day_of(date(2026, 10, 25), berlin).hours.count("02") == 2


async def test_only_places_that_everybody_may_read_are_named(database: Database) -> None:
    said = [
        post("a", NOON, place="Elm Street", state="published"),
        post("b", NOON, place="my flat", state="rejected"),
        post("c", NOON, place="my house", state="published", private=True),
    ]
    await put(database, (posts, said))
    found = {key[1]: one.posts for key, one in (await counted(database)).figures.items() if key[0] is Dimension.PLACE}
    assert found == {"Elm Street": 1, "": 2}


async def test_beyond_the_busiest_places_the_others_are_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST_PLACES", 1)
    places = ["Elm Street", "Elm Street", "Oak Street", "Ash Street", None]
    said = [post(f"p{number}", NOON, place=place, state="published") for number, place in enumerate(places)]
    await put(database, (posts, said))
    found = {key[1]: one.posts for key, one in (await counted(database)).figures.items() if key[0] is Dimension.PLACE}
    assert found == {"Elm Street": 2, "*": 2, "": 1}


async def test_what_is_counted_is_kept_and_added_up(database: Database) -> None:
    key, other = (Dimension.CHANNEL, "form"), (Dimension.ALL, "")
    days = [
        Counted({key: Figures(posts=1), other: Figures(posts=1)}, {(key, Pace.DECISION): {3: 2}}),
        Counted({key: Figures(posts=4), other: Figures(posts=4)}, {(key, Pace.DECISION): {3: 1, 64: 1}}),
    ]
    for number, found in enumerate(days):
        day = DAY + timedelta(days=number)
        await database.write(lambda tx, day=day, found=found: figures.keep(tx, day, found, clock.now()))  # type: ignore[misc]
    # Counted again, it stands in the place of what was there.
    await database.write(lambda tx: figures.keep(tx, DAY, days[1], NOON))
    last = DAY + timedelta(days=1)
    async with database.reading() as connection:
        channels = await figures.read(connection, DAY, last, Dimension.CHANNEL)
        assert channels == {"form": Parts(Figures(posts=8), {3: 2, 64: 2})}
        assert await figures.read(connection, DAY, DAY) == {"2026-03-02": Parts(Figures(posts=4))}
        assert (await figures.counted(connection, DAY))["2026-03-02"] == Known(NOON, 4)


async def test_times_are_rounded_by_at_most_three_in_a_hundred(database: Database) -> None:
    chance = random.Random(7)
    taken = sorted(int(2 ** chance.uniform(0, 24)) for _ in range(300))
    times: dict[int, int] = {}
    async with database.reading() as connection:
        for one in taken:
            span = seconds_between(literal(NOON, Moment), literal(NOON + seconds(one), Moment))
            lowest = (await connection.execute(select(rounded(span)))).scalar_one()
            times[lowest] = times.get(lowest, 0) + 1
    found = speed(times)
    assert found.number == 300
    assert found.median == pytest.approx(taken[149], rel=0.032)
    assert found.p95 == pytest.approx(taken[284], rel=0.032)


def test_nothing_has_no_speed_and_one_is_its_own() -> None:
    assert speed({}).median is None
    assert speed({7: 1}).median == speed({7: 1}).p95 == 7
