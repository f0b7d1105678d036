"""Months are counted by the city's clock, each report once, frozen when they are over, and corrected in the open."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from gateway import clock
from gateway.casework import assessing, league, months
from gateway.casework import cases as answering
from gateway.casework.months import Month
from gateway.errors import BadInput, Conflict, NotAllowed, NotFound
from gateway.journey import moderation
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.settings import Settings
from store import audit, changes, scores
from store import cases as case_rows
from store.accounts import Account, Role
from store.judging import Which
from store.tables_cases import cases
from store.tables_services import service_uses, services
from tests.casework.assessed import CHIEF, OFFICER, case, given, hash_of, mark
from tests.journey.test_intake import message
from tests.store.test_counting import put

MARCH = Month(2026, 3)
# In Shanghai March begins eight hours before it does in UTC.
BEGIN, END = datetime(2026, 2, 28, 16, tzinfo=UTC), datetime(2026, 3, 31, 16, tzinfo=UTC)
MID = datetime(2026, 3, 15, 4, tzinfo=UTC)
# Five days after the end, by the city's clock.
SETTLED = datetime(2026, 4, 5, 16, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def stand_at(at: datetime) -> None:
    clock.replace(now=lambda: at)


async def count_at(runtime: Runtime, at: datetime) -> None:
    stand_at(at)
    await assessing.keep_up(runtime)


async def look(runtime: Runtime, at: datetime, month: Month = MARCH, department: str = "water") -> dict[str, Any]:
    """What a department's month is judged by, counted at a moment."""
    await count_at(runtime, at)
    found = await league.read(runtime, month)
    assert found
    return {name: value for name, value in found.place(department).score.inputs.items() if value}


async def behind(runtime: Runtime, which: Which, month: Month = MARCH) -> list[str]:
    found = await league.read(runtime, month)
    assert found
    page = await league.behind(runtime, found.counted, "water", which, None, 50)
    return [one.thread_id for one in page.items]


async def test_a_report_counts_in_the_month_in_which_it_was_answered_in_time_or_ran_out(runtime: Runtime) -> None:
    await given(
        runtime,
        case("before", MID, BEGIN - MINUTE),
        case("first", END + DAY, BEGIN),
        case("last", END + DAY, END - MINUTE),
        case("after", END + DAY, END),
        case("ran out before", BEGIN - MINUTE),
        case("ran out", END - MINUTE, END + DAY),
        case("runs out after", END),
    )
    assert await look(runtime, END + DAY) == {"reports": 3, "answered": 2, "in_time": 2}
    assert sorted(await behind(runtime, Which.ALL)) == ["first", "last", "ran out"]
    assert await look(runtime, END + DAY, Month(2026, 2)) == {"reports": 2, "answered": 1, "in_time": 1}
    assert await look(runtime, END + 2 * DAY, Month(2026, 4)) == {"reports": 2, "answered": 1, "in_time": 1}
    assert await look(runtime, END + 2 * DAY) == {"reports": 3, "answered": 3, "in_time": 2}


async def test_what_is_late_and_what_is_unanswered_is_told_apart(runtime: Runtime) -> None:
    await given(
        runtime,
        case("in time", MID, MID),
        case("late", MID, MID + MINUTE),
        case("never", MID),
        case("open", MID + 9 * DAY),
        case("answered early", MID + 9 * DAY, MID),
    )
    assert await look(runtime, MID + DAY) == {"reports": 4, "answered": 3, "in_time": 2}
    assert await behind(runtime, Which.LATE) == ["late"]
    assert await behind(runtime, Which.UNANSWERED) == ["never"]
    assert await behind(runtime, Which.IN_TIME) == ["answered early", "in time"]


async def test_whose_clock_stands_still_counts_when_it_is_answered(runtime: Runtime) -> None:
    """Asked before his time was up, and answered after the month was frozen: it counts in that later month, once."""
    waiting: dict[str, Any] = {"progress": "waiting", "stopped_at": MID - DAY}
    await given(runtime, case("asked", MID, **waiting), case("too late to ask", MID - 2 * DAY, **waiting))
    assert await look(runtime, SETTLED) == {"reports": 1}
    at = SETTLED + 3 * DAY

    async def answer(transaction: Any) -> None:
        changed = update(cases).where(cases.c.thread_id == "asked").values(progress="answered", answered_at=at)
        await transaction.connection.execute(changed)

    await runtime.database.write(answer)
    assert await look(runtime, at + DAY, Month(2026, 4)) == {"reports": 1, "answered": 1, "in_time": 1}
    assert await look(runtime, at + 60 * DAY, Month(2026, 5)) == {}
    assert await behind(runtime, Which.IN_TIME, Month(2026, 4)) == ["asked"]
    assert await behind(runtime, Which.ALL) == ["too late to ask"]


async def test_only_published_reports_of_a_department_count(runtime: Runtime) -> None:
    await given(
        runtime,
        case("withdrawn", MID, MID, post={"state": "withdrawn"}),
        case("private", MID, MID, post={"private": True}),
        case("nobody's", MID, department=None),
        case("merged", MID, progress="merged"),
    )
    assert await look(runtime, END) == {"reports": 1, "answered": 1, "in_time": 1}
    found = await league.read(runtime, MARCH)
    assert found
    page = await league.behind(runtime, found.counted, "water", Which.ALL, None, 50)
    assert (page.items, page.hidden) == ([], 1)


async def test_several_authors_of_one_report_are_one_report(runtime: Runtime) -> None:
    """And of a reopened one only what was said of the last answer counts."""
    await given(
        runtime,
        case("both", MID, MID),
        case("again", MID, MID, reopened=1),
        case("silent", MID, MID),
        said=[
            mark("both", MID, True, 5),
            mark("both", MID, False, 2),
            mark("again", MID, False, 1),
            mark("again", MID, True, 4, round=1),
        ],
    )
    found = await look(runtime, END)
    assert {name: found[name] for name in ("reports", "told", "solved", "marked", "stars")} == {
        "reports": 3,
        "told": 2,
        "solved": 1.5,
        "marked": 2,
        "stars": 7.5,
    }
    assert await behind(runtime, Which.MARKED) == ["both", "again"]


async def test_a_month_is_frozen_to_the_minute_however_late_the_job_runs(runtime: Runtime) -> None:
    await given(
        runtime,
        case("just", MID, SETTLED - MINUTE),
        case("too late", MID, SETTLED),
        said=[mark("just", SETTLED - MINUTE, None, 5), mark("just", SETTLED, None, 1)],
    )
    assert await look(runtime, SETTLED - MINUTE) == {"reports": 2}
    assert await look(runtime, SETTLED + 40 * DAY) == {"reports": 2, "answered": 1, "marked": 1, "stars": 5.0}
    found = await league.read(runtime, MARCH)
    assert found
    assert found.counted.frozen_at == SETTLED
    async with runtime.database.reading() as connection:
        known = await scores.months(connection)
        frozen = [trace.target for trace in await audit.traces(connection, audit.Wanted(action="month frozen"))]
    assert {name: bool(month.frozen_at) for name, month in known.items()} == {
        "2026-03": True,
        "2026-04": True,
        "2026-05": False,
    }
    assert frozen == ["2026-04", "2026-03"]


async def test_what_is_frozen_does_not_change_with_its_cases(runtime: Runtime) -> None:
    await given(runtime, case("a", MID, MID), case("b", MID))
    before = await look(runtime, SETTLED)

    async def change(transaction: Any) -> None:
        await transaction.connection.execute(update(cases).values(department="roads", progress="closed"))

    await runtime.database.write(change)
    assert await look(runtime, SETTLED + DAY) == before
    assert await behind(runtime, Which.ALL) == ["b", "a"]


async def test_who_reopens_after_the_freeze_moves_the_report_to_its_last_month(runtime: Runtime) -> None:
    """Once in all: there it counts, here it is corrected away, and both say so."""
    await given(runtime, case("a", MID, MID), case("b", MID, MID))
    await look(runtime, SETTLED)
    due = SETTLED + 9 * DAY

    async def reopen(transaction: Any) -> None:
        again = {"progress": "answered", "due_at": due, "stopped_at": due, "answered_at": due, "reopened": 1}
        await transaction.connection.execute(update(cases).where(cases.c.thread_id == "a").values(**again))

    await runtime.database.write(reopen)
    assert await look(runtime, SETTLED + 40 * DAY, Month(2026, 4)) == {"reports": 1, "answered": 1, "in_time": 1}
    found = await league.read(runtime, MARCH)
    assert found
    assert [(one.number, one.cause, one.inputs["reports"]) for one in found.place("water").history] == [
        (0, None, 2),
        (1, "reopened", 1),
    ]
    assert await behind(runtime, Which.ALL) == ["b"]
    assert await behind(runtime, Which.LEFT_OUT) == ["a"]


async def test_no_report_counts_in_two_months(runtime: Runtime) -> None:
    """Whatever becomes of a case over half a year, its last round counts once."""
    await given(runtime, *(case(name, MID, MID if name < "d" else None) for name in "abcdef"))
    for step in range(6):
        at = MID + 30 * step * DAY

        async def act(transaction: Any, step: int = step, at: datetime = at) -> None:
            some = update(cases).where(cases.c.thread_id.in_(["abcdef"[step], "fedcba"[step]]))
            again = {"progress": "reopened", "stopped_at": None, "due_at": at + 9 * DAY, "reopened": step + 1}
            await transaction.connection.execute(some.values(**again))

        await runtime.database.write(act)
        await count_at(runtime, at + 20 * DAY)
    await count_at(runtime, MID + 300 * DAY)
    counted: list[str] = []
    async with runtime.database.reading() as connection:
        known = await scores.months(connection)
    for name in known:
        counted += await behind(runtime, Which.ALL, months.read(name))
    assert sorted(counted) == list("abcdef")


async def test_a_supervisor_gives_points_with_a_reason(runtime: Runtime) -> None:
    await given(runtime, case("a", MID, MID), case("b", MID))
    await look(runtime, MID + DAY)
    for account, points, reason, wrong in (
        (OFFICER, 5, "I like us", NotAllowed),
        (Account("v" * 32, "v", Role.VIEWER), 5, "I like them", NotAllowed),
        (CHIEF, 11, "much too good", BadInput),
        (CHIEF, 5, " ", BadInput),
        (CHIEF, 5, "x" * 1001, BadInput),
    ):
        with pytest.raises(wrong):
            await assessing.give(runtime, MARCH, "water", points, reason, account)
    with pytest.raises(NotFound):
        await assessing.give(runtime, MARCH + 1, "water", 5, "not yet", CHIEF)
    with pytest.raises(BadInput):
        await assessing.give(runtime, MARCH, "fire", 5, "not there", CHIEF)
    await assessing.give(runtime, MARCH, "water", 4, "slow on the main street", CHIEF)
    assert (await look(runtime, MID + DAY))["supervisor"] == 4
    await look(runtime, SETTLED)
    await assessing.give(runtime, MARCH, "water", 6.04, "they were short of people", CHIEF)
    found = await league.read(runtime, MARCH)
    assert found
    one = found.place("water")
    assert [(score.number, score.cause, score.reason) for score in one.history] == [
        (0, None, None),
        (1, "points", "they were short of people"),
    ]
    assert one.score.inputs["supervisor"] == 6.0
    assert one.score.total > one.history[0].total
    await assessing.give(runtime, MARCH, "water", None, "that was another month", CHIEF)
    found = await league.read(runtime, MARCH)
    assert found
    assert found.place("water").score.inputs["supervisor"] is None


def service(name: str, **values: Any) -> dict[str, Any]:
    """A row of `services` of water that stands there since before March."""
    content = {"en": {"title": name, "text": name, "words": []}}
    usual: dict[str, Any] = {
        "id": name,
        "slug": name,
        "department": "water",
        "kind": "guide",
        "state": "published",
        "content": content,
    }
    usual |= {"rules": [], "published_at": BEGIN - DAY, "changed_at": BEGIN, "changed_by": "of", "created_at": BEGIN}
    return usual | {"valid_until": None, "retired_at": None} | values


async def test_services_count_by_how_many_stood_there_at_the_end_and_how_often_they_were_used(runtime: Runtime) -> None:
    used = [("bill", "2026-02-28", 7), ("bill", "2026-03-01", 2), ("bill", "2026-03-31", 3), ("pipe", "2026-04-01", 9)]
    uses = [{"service_id": name, "day": day, "channel": "form", "uses": number} for name, day, number in used]
    rows = [
        service("bill"),
        service("pipe", state="retired", retired_at=END + DAY),
        service("outage", valid_until=MID),
        service("gone", state="retired", retired_at=MID),
        service("new", published_at=END + DAY),
        service("draft", state="draft", published_at=None),
    ]
    await put(runtime.database, (services, rows), (service_uses, uses))
    await given(runtime, case("a", MID, MID), case("b", MID, MID, department="roads"))
    found = await look(runtime, SETTLED)
    assert (found["published"], found["used"]) == (2, 5)
    table = await league.read(runtime, MARCH)
    assert table
    assert [one.slug for one in await league.services(runtime, table, "water")] == ["bill", "pipe"]
    lines = {line["part"]: line["points"] for line in table.place("roads").score.lines}
    assert (lines["published"], lines["used"]) == (0, 0)


async def test_a_report_is_left_out_of_a_frozen_month_and_taken_in_again(runtime: Runtime) -> None:
    await given(runtime, case("a", MID, MID), case("b", MID), case("c", MID + 30 * DAY, MID + 29 * DAY))
    await look(runtime, MID + DAY)
    ticket, other = f"{hash_of('b'):08}", f"{hash_of('c'):08}"
    with pytest.raises(Conflict, match="still open"):
        await assessing.set_out(runtime, MARCH, ticket, True, "was ours to route", CHIEF)
    before = await look(runtime, SETTLED)
    for account, one, reason, wrong in (
        (OFFICER, ticket, "not our fault", NotAllowed),
        (CHIEF, other, "of another month", NotFound),
        (CHIEF, "99999999", "there is none", NotFound),
        (CHIEF, ticket, "", BadInput),
    ):
        with pytest.raises(wrong):
            await assessing.set_out(runtime, MARCH, one, True, reason, account)
    await assessing.set_out(runtime, MARCH, ticket, True, "was ours to route", CHIEF)
    assert await look(runtime, SETTLED) == {"reports": 1, "answered": 1, "in_time": 1}
    with pytest.raises(Conflict):
        await assessing.set_out(runtime, MARCH, ticket, True, "was ours to route", CHIEF)
    await assessing.set_out(runtime, MARCH, ticket, False, "it was theirs after all", CHIEF)
    assert await look(runtime, SETTLED) == before
    found = await league.read(runtime, MARCH)
    assert found
    assert [one.cause for one in found.place("water").history] == [None, "left_out", "taken_in"]
    assert found.place("water").history[0].total == found.place("water").score.total


async def test_the_table_is_in_order_with_ranks_and_what_was_before(runtime: Runtime) -> None:
    await given(
        runtime,
        case("a", MID - 28 * DAY),
        case("b", MID, MID),
        case("c", MID, department="roads"),
        case("d", MID, MID + DAY, department="heating"),
    )
    await look(runtime, SETTLED + DAY)
    found = await league.read(runtime, MARCH)
    assert found
    order = [(place.department, place.rank) for place in found.places]
    assert order[:3] == [("water", 1), ("heating", 2), ("roads", 3)]
    assert {rank for _, rank in order[3:]} == {None}
    water = found.place("water")
    assert water.before is not None
    assert list(water.trend) == ["2026-02", "2026-03"]
    assert found.shown == ["2026-02", "2026-03"]
    with pytest.raises(NotFound):
        await league.read(runtime, Month(2027, 1))


async def test_a_department_that_ends_is_still_judged_in_the_month_that_runs(runtime: Runtime) -> None:
    await given(runtime, case("a", MID, MID))
    await look(runtime, MID + DAY)
    others = tuple(one for one in runtime.settings.departments if one.slug != "water")
    runtime.settings = runtime.settings.model_copy(update={"departments": others})
    assert await look(runtime, SETTLED) == {"reports": 1, "answered": 1, "in_time": 1}
    with pytest.raises(NotFound):
        await look(runtime, SETTLED + 60 * DAY, Month(2026, 5))


async def test_there_is_no_table_before_the_first_report(runtime: Runtime) -> None:
    await assessing.keep_up(runtime)
    assert await league.read(runtime, None) is None


async def test_pages_go_on_where_the_last_ended(runtime: Runtime) -> None:
    await given(runtime, *(case(name, MID, MID) for name in "abc"), case("d", MID - DAY, MID))
    await look(runtime, END)
    found = await league.read(runtime, None)
    assert found
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await league.behind(runtime, found.counted, "water", Which.ALL, cursor, 2)
        seen += [one.thread_id for one in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert seen == ["c", "b", "a", "d"]
    with pytest.raises(BadInput):
        await league.behind(runtime, found.counted, "water", Which.ALL, "not ours", 2)


async def test_whole_cases_are_judged_to_the_minute_over_a_holiday_and_a_change_of_the_clock(runtime: Runtime) -> None:
    """In New York, where clocks go forward on 8 March 2026: answered with the last minute, and a minute later."""
    city = runtime.settings.city.model_copy(update={"timezone": "America/New_York", "country": "US"})
    closed = runtime.settings.deadlines.calendar.model_copy(update={"closed": (date(2026, 3, 9),)})
    deadlines = runtime.settings.deadlines.model_copy(update={"calendar": closed})
    runtime.settings = Settings.model_validate(
        runtime.settings.model_copy(update={"city": city, "deadlines": deadlines}).model_dump()
    )
    began = datetime(2026, 3, 5, 15, tzinfo=UTC)
    due = datetime(2026, 3, 17, 14, tzinfo=UTC)
    tickets = []
    for number, (at, answered) in enumerate(((began, due), (began, due + MINUTE))):
        stand_at(at)
        taken = await Intake(runtime).take(message("water pipe leaking", f"+861380013700{number}", commands=False))
        await moderation.decide(runtime, str(taken.post_id), Action.PUBLISH, actor="mo")
        tickets.append((str(taken.ticket), answered))
    for ticket, answered in tickets:
        stand_at(answered)
        await answering.answer(runtime, ticket, "mended", "water", actor="of")
    async with runtime.database.reading() as connection:
        post = await changes.load(connection, tickets[0][0])
        assert (await case_rows.load(connection, post.id)).due_at == due
    assert await look(runtime, due + DAY) == {"reports": 2, "answered": 2, "in_time": 1}
    # Five days after the end, by a clock that is four hours behind UTC by then.
    frozen = datetime(2026, 4, 6, 4, tzinfo=UTC)
    await look(runtime, frozen - MINUTE)
    found = await league.read(runtime, MARCH)
    assert found
    assert found.counted.frozen_at is None
    await look(runtime, frozen)
    found = await league.read(runtime, MARCH)
    assert found
    assert found.counted.frozen_at == frozen


@pytest.mark.parametrize("name", ["2026-13", "26-03", "2026-3", "", "2026-03-01", "२०२६-०३"])
def test_what_is_no_month_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        months.read(name)


def test_months_follow_each_other_over_a_change_of_the_clock() -> None:
    """In New York March 2026 has an hour less, for clocks go forward in it."""
    zone = ZoneInfo("America/New_York")
    assert MARCH.end(zone) - MARCH.begin(zone) == 31 * DAY - timedelta(hours=1)
    assert [str(Month(2025, 11) + step) for step in range(3)] == ["2025-11", "2025-12", "2026-01"]
    assert months.of(MARCH.begin(zone), zone) == MARCH
    assert months.of(MARCH.begin(zone) - timedelta(microseconds=1), zone) == Month(2026, 2)
    assert MARCH.settled(zone, 5) == datetime(2026, 4, 6, 4, tzinfo=UTC)
