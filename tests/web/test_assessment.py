"""The pages of the departments' assessment: every number is explained and leads to what is behind it."""

import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway import clock
from gateway.casework import assessing, satisfaction
from gateway.casework.assessment import Part
from gateway.casework.satisfaction import Given
from gateway.journey import joining
from store.accounts import Role
from tests.casework.assessed import case, given, hash_of, mark
from tests.web.conftest import World

MID = datetime(2026, 3, 15, 4, tzinfo=UTC)
ENGLISH = {"Accept-Language": "en"}
SETTLED = datetime(2026, 4, 5, 16, tzinfo=UTC)
DAY = timedelta(days=1)
WET_AUTHOR = "wet's author"
MARCH = "/assessment?month=2026-03"


@pytest.fixture
async def city(world: World) -> AsyncIterator[World]:
    """March is frozen and April open: water has four reports of which one is private, roads one, heating none."""
    await given(
        world.runtime,
        case("wet", MID, MID, post={"text": "the =pipe leaks"}),
        case("late", MID, MID + DAY),
        case("open", MID),
        case("hidden", MID, MID, post={"private": True, "text": "a secret matter"}),
        case("hole", MID, MID, department="roads"),
        case("soon", MID + 30 * DAY, SETTLED),
        said=[mark("wet", MID, True, 5, citizen_id=WET_AUTHOR), mark("late", MID + DAY, False, 2)],
    )
    clock.replace(now=lambda: MID + DAY)
    await assessing.keep_up(world.runtime)
    await world.account(Role.MODERATOR)
    await world.account(Role.OFFICER, department="water")
    clock.replace(now=lambda: SETTLED + DAY)
    await assessing.keep_up(world.runtime)
    yield world
    clock.replace()


async def page(city: World, path: str, status: int = 200, language: str = "en") -> str:
    response = await city.client.get(path, headers={"Accept-Language": language})
    text = await response.text()
    assert response.status == status, text
    return " ".join(re.sub(r"<[^>]*>", " ", text).split()) if status == 200 else text


async def table(city: World, path: str) -> list[dict[str, str]]:
    response = await city.client.get(path)
    assert response.status == 200
    assert "attachment" in response.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO((await response.read()).decode("utf-8-sig"))))


async def told(city: World, path: str, status: int = 200) -> Any:
    response = await city.client.get(path)
    assert response.status == status, await response.text()
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    return await response.json()


async def test_the_table_names_each_department_with_its_rank_and_points(city: World) -> None:
    text = await page(city, MARCH)
    assert "Final" in text
    assert re.search(
        r"1 Roads 1 of 1 answered, 1 in time .* 2 Water 3 of 4 answered, 2 in time · 3.5 stars, 2 marks", text
    )
    assert text.count("no report that counts: in no rank") == 4
    assert "(2 + 5 × 80 %) ÷ (2 + 5) = 85.7 %" in text
    assert "A month stays open for 5 days after its last" in text
    running = await page(city, "/assessment?month=2026-04")
    assert "Not final" in running
    assert "It stays open until 6 May 2026, 00:00" in running


async def test_the_newest_month_with_reports_is_shown_first(city: World) -> None:
    assert "April 2026 Not final" in await page(city, "/assessment")


async def test_the_same_in_chinese(city: World) -> None:
    text = await page(city, MARCH, language="zh")
    assert "2026年3月" in text
    assert "计入 4 件，答复 3 件，按时 2 件" in text
    assert "(2 + 5 × 80%) ÷ (2 + 5) = 85.7%" in text


async def test_every_number_of_a_department_is_explained(city: World) -> None:
    text = await page(city, "/assessment/water?month=2026-03")
    for said in (
        "3 of 4 reports that count were answered: 75 %.",
        "In the whole city: 80 %.",
        "Counted with 5 average reports: 77.8 %.",
        "2 of 4 were answered before their time was up: 50 %.",
        "2 reports have authors who said whether it is solved; for 1 it is: 50 %.",
        "2 reports were given stars, 3.5 on average. From one star (nothing) to five (all) that is 62.5 %.",
        "There was nothing to judge by: the other parts count so much the more.",
        "(Worth 25 instead of 20 points, for other parts are left out.)",
        "rank, of 2 departments 2",
    ):
        assert said in text, said
    assert "No citizen said so: what counts is the city’s average." in await page(
        city, "/assessment/roads?month=2026-03"
    )
    assert "there is nothing to judge" in await page(city, "/assessment/heating?month=2026-03")


async def test_a_department_and_its_assessment_lead_to_each_other(city: World) -> None:
    async def links(path: str) -> list[str]:
        response = await city.client.get(path, headers=ENGLISH)
        assert response.status == 200
        return re.findall(r'href="([^"]+)"', await response.text())

    assert "/assessment/water" in await links("/departments/water")
    assert "/departments/water" in await links("/assessment/water?month=2026-03")


async def test_a_department_that_was_never_judged_has_no_such_link(world: World) -> None:
    assert "/assessment/water" not in await (await world.client.get("/departments/water")).text()


async def test_a_number_leads_to_the_posts_behind_it(city: World) -> None:
    text = await page(city, "/assessment/water/posts?month=2026-03")
    assert "the =pipe leaks" in text
    assert "a secret matter" not in text
    assert "1 report is not shown, for it is private or no longer public. It counts like the others." in text
    late = await page(city, "/assessment/water/posts?month=2026-03&which=late")
    assert f"{hash_of('late'):08}"[:4] in late
    assert "the =pipe leaks" not in late
    assert "There is no report in this list." in await page(
        city, "/assessment/water/posts?month=2026-03&which=left_out"
    )


async def test_each_table_is_there_as_csv(city: World) -> None:
    roads, water = (await table(city, "/assessment.csv?month=2026-03"))[:2]
    assert (roads["department"], roads["rank"], water["rank"], water["reports"], water["stars"]) == (
        "roads",
        "1",
        "2",
        "4",
        "7.0",
    )
    assert round(sum(float(water[f"points_{part}"]) for part in Part), 1) == float(water["total"])
    trend = await table(city, "/assessment/trend.csv?month=2026-04")
    assert {row["department"]: bool(row["2026-04"]) for row in trend}["water"]
    behind = await table(city, "/assessment/water/posts.csv?month=2026-03&which=unanswered")
    assert [(row["ticket"], row["answered_at"], row["in_time"]) for row in behind] == [
        (f"{hash_of('open'):08}", "", "False")
    ]


async def test_what_the_clock_corrected_is_explained(city: World) -> None:
    """On both pages, in the file and by program."""
    late, main, wet = (f"{hash_of(name):08}" for name in ("open", "main", "wet"))
    await given(city.runtime, case("main", SETTLED + 30 * DAY))
    await joining.join_posts(city.runtime, late, main, actor="mo")
    await city.runtime.database.write(
        lambda tx: satisfaction.keep(city.runtime, tx, Given("wet", WET_AUTHOR, 4, True, "texting"))
    )
    clock.replace(now=lambda: SETTLED + DAY + timedelta(minutes=1))
    await assessing.keep_up(city.runtime)
    text = await page(city, "/assessment/water?month=2026-03")
    assert "A report is judged with another one" in text
    assert f"{late[:4]} {late[4:]} was joined on 7 Apr 2026 to {main[:4]} {main[4:]} ." in text
    assert f"{wet[:4]} {wet[4:]} : 5 of 5 stars before, 4 now." in text
    text = await page(city, "/assessment/water?month=2026-03", language="zh")
    assert f"{late[:4]} {late[4:]} 于" in text
    assert "原评 5 星（满分 5 星），现评 4 星。" in text
    _, water = (await table(city, "/assessment.csv?month=2026-03"))[:2]
    joined, marked = water["corrections"].split("; ")
    assert joined.endswith(f" joined: ticket={late} other={main} day=2026-04-07")
    assert marked.endswith(f"{water['total']} marked: ticket={wet} before=5 after=4")
    assert water["frozen_total"] != water["total"]
    known = await told(city, "/api/v1/assessment?month=2026-03")
    [place] = [one for one in known["items"] if one["department"] == "water"]
    assert [one["cause"] for one in place["corrections"]] == ["joined", "marked"]
    await city.log_in("moderator")
    assert "was joined on" in await page(city, "/console/assessment?month=2026-03")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/assessment?month=2030-01", 404),
        ("/assessment?month=march", 422),
        ("/assessment/fire", 404),
        ("/assessment/water?month=2025-01", 404),
        ("/assessment/water/posts?which=some", 422),
        ("/assessment/water/posts?cursor=x", 422),
        ("/assessment.csv?month=x", 422),
    ],
)
async def test_what_is_not_there_is_said(city: World, path: str, status: int) -> None:
    await page(city, path, status)


async def test_before_the_first_report_there_is_an_empty_page(world: World) -> None:
    assert "Nothing is judged yet" in await page(world, "/assessment")
    assert (await world.client.get("/api/v1/assessment")).status == 404


async def test_programs_read_the_same(city: World) -> None:
    found = await told(city, "/api/v1/assessment?month=2026-03")
    assert (found["month"], found["begin"], found["frozen_at"]) == (
        "2026-03",
        "2026-02-28T16:00:00.000Z",
        "2026-04-05T16:00:00.000Z",
    )
    roads, water = found["items"][:2]
    assert (roads["rank"], water["rank"], water["inputs"]["reports"], found["city"]["reports"]) == (1, 2, 4, 5)
    assert round(sum(part["points"] for part in water["parts"]), 1) == water["total"]
    one = await told(city, "/api/v1/assessment/water?month=2026-04")
    assert [month["month"] for month in one["trend"]] == ["2026-03", "2026-04"]
    first = await told(city, "/api/v1/assessment/water/posts?month=2026-03&limit=2")
    rest = await told(city, f"/api/v1/assessment/water/posts?month=2026-03&limit=2&cursor={first['next']}")
    tickets = [post["ticket"] for post in (*first["items"], *rest["items"])]
    assert sorted(tickets) == sorted(f"{hash_of(name):08}" for name in ("wet", "late", "open"))
    assert (first["hidden"], rest["next"]) == (1, None)


async def test_a_supervisor_gives_points_in_the_console(city: World) -> None:
    await city.log_in("moderator")
    path = "/console/assessment?month=2026-04"
    assert "No points of a supervisor yet." in await page(city, path)
    form = {"csrf": await city.form_token(path), "month": "2026-04", "department": "water", "points": "7,5"}
    answer = await city.client.post("/console/assessment/points", data=form, headers=ENGLISH)
    assert answer.status == 422
    assert "write the reason" in await answer.text()
    assert 'value="7,5"' in await answer.text()
    answer = await city.client.post(
        "/console/assessment/points", data=form | {"points": "nan", "reason": "quick <b>"}, headers=ENGLISH
    )
    assert answer.status == 422
    assert "quick &lt;b&gt;" in await answer.text()
    answer = await city.client.post(
        "/console/assessment/points", data=form | {"reason": "quick in the flood <b>"}, headers=ENGLISH
    )
    assert answer.status == 200
    assert "Done: it counts at once." in await answer.text()
    public = await (await city.client.get("/assessment/water?month=2026-04", headers=ENGLISH)).text()
    assert "quick in the flood &lt;b&gt;" in public
    assert "7.5 of 10 points were given." in public
    assert "moderator" not in public.split("<main")[1]


async def test_a_supervisor_corrects_what_is_frozen(city: World) -> None:
    await city.log_in("moderator")
    form = {"csrf": await city.form_token("/console/assessment"), "month": "2026-03", "reason": "it was never theirs"}
    wrong = await city.client.post("/console/assessment/corrections", data=form | {"ticket": "12345678"})
    assert wrong.status == 404
    assert "it was never theirs" in await wrong.text()
    ticket = f"{hash_of('open'):08}"
    spoken = f"{ticket[:4]} {ticket[4:]}"
    answer = await city.client.post(
        "/console/assessment/corrections", data=form | {"ticket": spoken, "act": "leave_out"}
    )
    assert answer.status == 200
    text = await page(city, "/assessment/water?month=2026-03")
    assert "3 of 3 reports that count were answered: 100 %." in text
    assert "A report was left out" in text
    assert "it was never theirs" in text
    form |= {
        "csrf": await city.form_token("/console/assessment"),
        "reason": "it was",
        "ticket": ticket,
        "act": "take_in",
    }
    assert (await city.client.post("/console/assessment/corrections", data=form, headers=ENGLISH)).status == 200
    assert "3 of 4 reports that count were answered" in await page(city, "/assessment/water?month=2026-03")


async def test_officers_look_and_do_not_judge(city: World) -> None:
    await city.log_in("officer")
    text = await (await city.client.get("/console/assessment?month=2026-03")).text()
    assert "textarea" not in text
    form = {"csrf": await city.form_token("/console/account"), "month": "2026-03", "department": "water"}
    answer = await city.client.post(
        "/console/assessment/points", data=form | {"points": "10", "reason": "we are good"}, headers=ENGLISH
    )
    assert answer.status == 403


async def test_programs_of_supervisors_judge_too(city: World) -> None:
    chief, officer = await city.token(Role.MODERATOR), await city.token(Role.OFFICER, "water")
    api = "/api/v1/console/assessment"
    body = {"month": "2026-03", "department": "roads", "points": 3, "reason": "slow in the snow"}
    for headers, sent, status in (
        (officer, body, 403),
        (chief, body | {"points": 30}, 422),
        (chief, body | {"month": "2026-13"}, 422),
        (chief, body | {"department": "fire"}, 422),
        (chief, body, 200),
    ):
        answer = await city.client.post(f"{api}/points", json=sent, headers=headers)
        assert answer.status == status, await answer.text()
    found = await (await city.client.get(f"{api}?month=2026-03", headers=officer)).json()
    assert [(one["department"], one["points"], one["reason"]) for one in found["points"]] == [
        ("roads", 3, "slow in the snow")
    ]
    roads = next(one for one in found["items"] if one["department"] == "roads")
    assert [one["cause"] for one in roads["corrections"]] == ["points"]
    out = {"month": "2026-03", "ticket": f"{hash_of('hole'):08}", "reason": "it was a tree"}
    assert (await city.client.post(f"{api}/corrections", json=out, headers=chief)).status == 200
    assert (await city.client.post(f"{api}/corrections", json=out, headers=chief)).status == 409
