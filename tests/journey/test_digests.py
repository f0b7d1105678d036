"""Digests: one message a day on lines that cost money, counted per follower, caught up after a downtime, once."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

import pytest

from gateway import clock
from gateway.casework import cases
from gateway.journey import digests, moderation
from gateway.journey.commands import follow
from gateway.journey.intake import Intake
from gateway.journey.topics import Names, without_now
from gateway.runtime import Asked, Runtime
from gateway.schema import Action
from gateway.settings import Settings
from store import tables_citizens, tables_deliveries, tables_posts
from tests.conftest import Texting, broadcasting_as, settle_down
from tests.journey.test_intake import ANNA, BORIS, CLARA, DAVID, message, number_of

DAY = 86_400.0
writers = count(9000)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With digests."""
    return broadcasting_as(settings, digests=True)


async def say(runtime: Runtime, words: str, sender: str = ANNA) -> str:
    taken = await Intake(runtime).take(message(words, sender))
    await settle_down(runtime)
    return taken.post_id or ""


async def publish(runtime: Runtime, words: str, **more: str) -> str:
    # Somebody new each time: what one says soon after belongs to what he said before.
    post_id = await say(runtime, words, f"+861380013{next(writers)}")
    await moderation.decide(runtime, post_id, Action.PUBLISH, actor="mo", **more)  # type: ignore[arg-type]
    await settle_down(runtime)
    return post_id


async def evening(runtime: Runtime, later: Callable[[float], None], days: int = 1) -> None:
    """Go on to a minute after the hour of a digest, and let the clock's job run."""
    at = clock.now()
    due = digests.last_hour(runtime, at) + timedelta(days=days)
    later((due - at).total_seconds() + 60)
    await digests.send_due(runtime)
    await settle_down(runtime)


@pytest.fixture
async def begun(runtime: Runtime, later: Callable[[float], None]) -> Runtime:
    """Just after a digest, with nothing to tell."""
    await evening(runtime, later)
    return runtime


async def test_followers_hear_once_a_day_what_there_is(
    begun: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    await say(begun, "FOLLOW ALL", BORIS)
    await say(begun, "关注 全部", CLARA)
    before = len(texting.sent)
    await publish(begun, "water pipe leaking on north street")
    await publish(begun, "the lamp at the church is dark since friday")
    assert texting.to(BORIS)[1:] == []
    await evening(begun, later)
    assert "2 new posts and 0 answers" in texting.to(BORIS)[-1]
    assert "2 条新发布" in texting.to(CLARA)[-1]
    assert len(texting.to(BORIS)) == 2
    await digests.send_due(begun)
    later(DAY / 2)
    await digests.send_due(begun)
    await settle_down(begun)
    assert len(texting.to(BORIS)) == 2, "once a period"
    await evening(begun, later)
    assert len(texting.to(BORIS)) == 2, "nothing new, no message"
    assert len(texting.sent) > before


async def test_a_post_under_several_topics_counts_once_and_only_what_is_followed(
    begun: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    await say(begun, "FOLLOW water", BORIS)
    await say(begun, "FOLLOW north street", BORIS)
    await say(begun, "FOLLOW heating", CLARA)
    await publish(begun, "water pipe leaking on north street")
    await evening(begun, later)
    assert not any("new posts" in text for text in texting.to(CLARA))
    assert len([text for text in texting.to(BORIS) if "1 new posts" in text]) == 1


async def test_who_asked_for_it_gets_each_at_once_and_no_digest(
    begun: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    await say(begun, "FOLLOW ALL", BORIS)
    await say(begun, "FOLLOW ALL NOW", BORIS)
    await say(begun, "关注 全部 即时", CLARA)
    assert "at once" in texting.to(BORIS)[-1]
    await publish(begun, "water pipe leaking on north street")
    assert "leaking" in texting.to(BORIS)[-1]
    assert "leaking" in texting.to(CLARA)[-1]
    await evening(begun, later)
    assert not any("new posts" in text for text in texting.to(BORIS))
    await say(begun, "FOLLOW ALL", BORIS)
    await publish(begun, "the lamp at the church is dark since friday")
    assert not any("lamp" in text for text in texting.to(BORIS)), "by digest again"


async def test_tickets_answers_to_authors_and_emergencies_wait_for_no_digest(
    begun: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    await say(begun, "FOLLOW ALL", DAVID)
    taken = await Intake(begun).take(message("water pipe leaking on north street"))
    assert taken.post_id
    assert taken.ticket
    await moderation.decide(begun, taken.post_id, Action.PUBLISH, actor="mo")
    await settle_down(begun)
    await say(begun, f"FOLLOW {taken.ticket}", BORIS)
    await cases.answer(begun, taken.ticket, "a crew is coming", "water", actor="of")
    await settle_down(begun)
    assert "a crew is coming" in texting.to(ANNA)[-1]
    assert "a crew is coming" in texting.to(BORIS)[-1]
    assert not any("crew" in text for text in texting.to(DAVID))
    urgent = await say(begun, "gas smells strongly at the station road", CLARA)
    marked = tables_posts.posts.update().where(tables_posts.posts.c.id == urgent).values(urgent=True)
    await begun.database.write(lambda tx: tx.connection.execute(marked))
    await moderation.decide(begun, urgent, Action.PUBLISH, actor="mo")
    await settle_down(begun)
    assert "gas smells" in texting.to(DAVID)[-1]
    await evening(begun, later)
    assert "2 new posts and 1 answers" in texting.to(DAVID)[-1]


async def test_what_was_missed_while_we_were_away_comes_in_one(
    begun: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    await say(begun, "FOLLOW ALL", BORIS)
    await publish(begun, "water pipe leaking on north street")
    later(DAY)
    await publish(begun, "the lamp at the church is dark since friday")
    later(DAY)
    await evening(begun, later, days=1)
    assert [text for text in texting.to(BORIS) if "new posts" in text] == texting.to(BORIS)[-1:]
    assert "2 new posts" in texting.to(BORIS)[-1]


async def test_a_digest_cut_off_goes_on_where_it_stopped(
    begun: Runtime, texting: Texting, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "CHUNK", 1)
    for follower in (BORIS, CLARA, DAVID):
        await say(begun, "FOLLOW ALL", follower)
    await publish(begun, "water pipe leaking on north street")
    write, calls = begun.database.write, 0

    async def dies(work: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise ConnectionError("the process died")
        return await write(work)  # type: ignore[arg-type]

    monkeypatch.setattr(begun.database, "write", dies)
    with pytest.raises(ConnectionError):
        await evening(begun, later)
    monkeypatch.setattr(begun.database, "write", write)
    await digests.send_due(begun)
    await settle_down(begun)
    for follower in (BORIS, CLARA, DAVID):
        assert sum("new posts" in text for text in texting.to(follower)) == 1


async def test_what_was_taken_back_is_not_counted_and_who_stopped_gets_none(
    begun: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    await say(begun, "FOLLOW ALL", BORIS)
    await say(begun, "FOLLOW ALL", CLARA)
    post_id = await publish(begun, "water pipe leaking on north street")
    await publish(begun, "the lamp at the church is dark since friday")
    await moderation.decide(begun, post_id, Action.WITHDRAW, actor="mo", reason="personal")
    await say(begun, "STOP", CLARA)
    await evening(begun, later)
    assert "1 new posts" in texting.to(BORIS)[-1]
    assert not any("new posts" in text for text in texting.to(CLARA))


async def test_many_followers_are_written_to_in_few_questions(begun: Runtime, later: Callable[[float], None]) -> None:
    number = 10_000
    await say(begun, "FOLLOW ALL", BORIS)
    await publish(begun, "water pipe leaking on north street")
    await begun.database.write(lambda tx: followers(tx.connection, number))
    began = time.perf_counter()
    await evening_alone(begun, later)
    assert time.perf_counter() - began < 10
    assert await number_of(begun, tables_deliveries.deliveries) >= number


async def evening_alone(runtime: Runtime, later: Callable[[float], None]) -> None:
    at = clock.now()
    later((digests.last_hour(runtime, at) + timedelta(days=1) - at).total_seconds() + 60)
    await digests.send_due(runtime)


async def followers(connection: object, number: int) -> None:
    """So many more followers of everything."""
    at = clock.now()
    key, citizen = clock.new_id(), clock.new_id()
    one = {"id": citizen, "created_at": at}
    await connection.execute(tables_citizens.citizens.insert(), one)  # type: ignore[attr-defined]
    sealing = {"id": key, "citizen_id": citizen, "wrapped": b"", "created_at": at}
    await connection.execute(tables_citizens.keys.insert(), sealing)  # type: ignore[attr-defined]
    ids = [clock.new_id() for _ in range(number)]
    fixed = {"citizen_id": citizen, "scheme": "tel", "key_id": key, "sealed": b"", "created_at": at}
    lines = [{"id": one, "lookup": one, **fixed} for one in ids]
    await connection.execute(tables_citizens.addresses.insert(), lines)  # type: ignore[attr-defined]
    follows = [{"id": clock.new_id(), "address_id": one, "topic": "all", "created_at": at} for one in ids]
    await connection.execute(tables_citizens.subscriptions.insert(), follows)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "named", "at_once"),
    [
        ("all now", "all", True),
        ("now", "", True),
        ("water at once", "water", True),
        ("全部 即时", "全部", True),
        ("全部即时", "全部", True),
        ("knowledge", "knowledge", False),
        ("snow", "snow", False),
        ("", "", False),
    ],
)
def test_the_word_for_at_once_stands_behind(words: str, named: str, at_once: bool) -> None:
    assert without_now(words) == (named, at_once)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_digest_is_due_at_its_hour_of_the_city(runtime: Runtime) -> None:
    zone = runtime.settings.city.zone
    for at, due in (
        (datetime(2026, 11, 25, 17, 59, tzinfo=zone), datetime(2026, 11, 24, 18, tzinfo=zone)),
        (datetime(2026, 11, 25, 18, 0, tzinfo=zone), datetime(2026, 11, 25, 18, tzinfo=zone)),
    ):
        assert digests.last_hour(runtime, at) == due
    assert follow(Names(runtime.settings), Asked("all now", None, None, None)).at_once
