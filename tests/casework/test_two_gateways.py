"""Two gateways on one PostgreSQL: what the clock does is done once, and what two people do at once counts once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Table, select

from gateway.casework import assessing, campaigns, daybook, draws, duty_alarms, rota, satisfaction
from gateway.casework import cases as answers
from gateway.errors import Conflict
from gateway.jobs.scheduler import JOBS
from gateway.journey import joining, moderation
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_incoming import Taken
from store import (
    audit,
    citizens,
    duty,
    tables_broadcasts,
    tables_cases,
    tables_deliveries,
    tables_figures,
    tables_history,
    tables_marks,
    tables_posts,
    tables_scores,
    tables_staff,
)
from store.accounts import Role
from store.tables_campaigns import participants, participations, prize_codes, winners
from store.tables_reminders import reminders
from tests.casework.campaign_world import DAY, begin, from_noon, typed
from tests.casework.test_reminding import HEAD, OFFICER, SUPERVISOR, employ
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS, CLARA, message
from tests.journey.test_two_processes import other

__all__ = ["other"]
pytestmark = pytest.mark.parametrize("backend", ["postgresql"])
PHRASE = "春江水暖鸭先知"
LAMP, DARK = "人民路12号的路灯坏了", "人民路12号门口路灯不亮，晚上很黑"


@pytest.fixture(autouse=True)
def later() -> Callable[[float], None]:
    """It is noon; moves the clock on by seconds."""
    return from_noon()


async def rows(runtime: Runtime, table: Table) -> Sequence[dict[str, Any]]:
    async with runtime.database.reading() as connection:
        return [dict(row) for row in (await connection.execute(select(table))).mappings()]


async def published(runtime: Runtime, text: str, sender: str) -> str:
    taken = await Intake(runtime).take(message(text, sender, category="roads", commands=False))
    await moderation.decide(runtime, str(taken.post_id), Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    return str(taken.ticket)


async def both(*work: Awaitable[Any]) -> list[Any]:
    """What came of it, where all of it is done at once: a refusal stands in its place."""
    return await asyncio.gather(*work, return_exceptions=True)


async def twice(runtime: Runtime, table: Table, *names: str) -> list[tuple[object, ...]]:
    """What stands in a table more than once, as far as these columns tell."""
    known = Counter(tuple(str(row[name]) for name in names) for row in await rows(runtime, table))
    return [key for key, number in known.items() if number > 1]


async def employ_all(runtime: Runtime) -> None:
    await employ(runtime, "of", OFFICER, department="roads")
    await employ(runtime, "he", HEAD, department="roads", head=True)
    await employ(runtime, "su", SUPERVISOR, Role.MODERATOR)


async def test_every_job_of_two_clocks_does_its_work_once(
    runtime: Runtime, other: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    """The lease keeps jobs apart; here both have it, as when a job takes longer than the lease."""
    await employ_all(runtime)
    campaign_id = await begin(runtime)
    await published(runtime, LAMP, ANNA)
    answered = await published(runtime, "解放路水管破裂，水流了一地", BORIS)
    await answers.answer(runtime, answered, "水管已修好。", "roads", actor="of")
    for sender in (ANNA, BORIS):
        await Intake(runtime).take(message(PHRASE, sender))
    later(45 * DAY)
    await draws.add_codes(runtime, campaign_id, "AAA-1\nBBB-2\n", actor="ada")
    await draws.draw(runtime, campaign_id, actor="ada")
    today = campaigns.today(runtime)
    second = await campaigns.add(runtime, typed(today, slug="second"), actor="ada")
    await campaigns.fill(runtime, second, f"{today} | 一寸光阴一寸金 | Time is gold", actor="ada")
    async with runtime.database.reading() as connection:
        worker, _ = (await duty.workers(connection))[0]
    await rota.add(runtime, worker, today.isoformat(), "00:00", "23:59", actor="su")
    await Intake(runtime).take(message("学校附近的垃圾很臭", CLARA, commands=False))
    later(DAY / 24)
    for job, _ in JOBS:
        failed = [one for one in await both(job(runtime), job(other)) if one]
        assert failed == [], job
    assert "phrase_won" in {row["phrase"] for row in await rows(runtime, tables_deliveries.deliveries)}
    assert {row["action"] for row in await rows(runtime, tables_staff.audit)} >= {"month frozen", "campaign drawn"}
    assert sum(row["told"] for row in await rows(runtime, reminders)) > 0
    assert await rows(runtime, tables_scores.assessments)
    notices = [row["text"] for row in await rows(runtime, tables_posts.posts) if row["kind"] == "notice"]
    assert len(notices) == 1
    assert (
        await twice(runtime, tables_deliveries.deliveries, "address_id", "phrase", "values", "post_id", "broadcast_id")
        == []
    )
    assert await twice(runtime, tables_staff.audit, "actor", "action", "target") == []
    assert await twice(runtime, tables_broadcasts.broadcasts, "post_id", "event", "version") == []
    done = [row for row in await rows(runtime, tables_history.history) if not row["action"].startswith("case_late")]
    known = Counter((row["post_id"], row["action"], row["from_state"], row["to_state"]) for row in done)
    assert set(known.values()) == {1}


async def test_two_may_count_the_same_days(
    runtime: Runtime, other: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    """As when somebody looks at the figures on each, while the clock counts them too."""
    await published(runtime, LAMP, ANNA)
    for _ in range(5):
        later(DAY)
        assert await both(*(daybook.keep_up(one) for one in (runtime, other) * 3)) == [None] * 6
        assert await both(*(assessing.keep_up(one) for one in (runtime, other) * 3)) == [None] * 6
    assert await rows(runtime, tables_figures.figures)


async def test_what_two_do_at_once_counts_once(
    runtime: Runtime, other: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    campaign_id, processes = await begin(runtime, winners=1), (runtime, other)
    taken = await both(*(Intake(one).take(message(PHRASE, ANNA)) for one in processes * 3))
    assert all(isinstance(one, Taken) for one in taken), taken
    assert (len(await rows(runtime, participants)), len(await rows(runtime, participations))) == (1, 1)
    await both(*(draws.add_codes(one, campaign_id, "AAA-1\nBBB-2\n", actor="ada") for one in processes * 2))
    assert len(await rows(runtime, prize_codes)) == 2
    later(4 * DAY)
    drawn = await both(*(draws.draw(one, campaign_id, actor="ada") for one in processes * 2))
    assert [one for one in drawn if not isinstance(one, Conflict)] == [1]
    assert len(await rows(runtime, winners)) == 1


async def test_an_answer_and_its_mark_at_two_processes_are_kept_once(
    runtime: Runtime, other: Runtime, texting: Texting
) -> None:
    """As when a button is pressed twice, and a text comes while its author uses the page."""
    processes, ticket = (runtime, other), await published(runtime, LAMP, ANNA)
    given = await both(*(answers.answer(one, ticket, "路灯已修好。", "roads", actor="of") for one in processes * 2))
    assert len(set(given)) == 1, given
    kinds = Counter(row["kind"] for row in await rows(runtime, tables_posts.posts))
    assert kinds["answer"] == 1
    async with runtime.database.reading() as connection:
        anna = await citizens.known(connection, runtime.vault, f"tel:{ANNA}")
    assert anna
    person = str(anna.person)
    judged = await both(
        *(satisfaction.give(one, ticket, person, mark=5, solved=True, channel="portal") for one in processes * 2)
    )
    assert not [one for one in judged if isinstance(one, Exception) and not isinstance(one, Conflict)]
    assert len(await rows(runtime, tables_marks.marks)) == 1


async def test_two_reports_joined_to_each_other_at_once_are_one(
    runtime: Runtime, other: Runtime, texting: Texting
) -> None:
    one, two = await published(runtime, LAMP, ANNA), await published(runtime, DARK, BORIS)
    done = await both(
        joining.join_posts(runtime, one, two, actor="mo"), joining.join_posts(other, two, one, actor="su")
    )
    assert sum(isinstance(result, Exception) for result in done) == 1, done
    merged = [row for row in await rows(runtime, tables_cases.cases) if row["merged_into"]]
    assert len(merged) == 1


async def test_an_alarm_is_claimed_by_one(
    runtime: Runtime, other: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    await employ_all(runtime)
    await Intake(runtime).take(message("学校附近的垃圾很臭", CLARA))
    later(DAY / 24)
    await duty_alarms.keep_up(runtime)
    async with runtime.database.reading() as connection:
        alarm = await duty.newest_alarm(connection)
    assert alarm
    claimed = await both(
        *(
            duty_alarms.claim(one, alarm.id, actor=name)
            for one, name in zip((runtime, other), ("su", "he"), strict=True)
        )
    )
    assert sum(isinstance(one, Conflict) for one in claimed) == 1, claimed
    async with runtime.database.reading() as connection:
        assert [one.action for one in await audit.traces(connection)].count("alarm claimed") <= 1
