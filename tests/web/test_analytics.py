"""The pages of figures show what a small hand-made day holds: in numbers, drawings, tables, CSV and JSON."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from gateway import clock
from gateway.casework import daybook
from gateway.casework.periods import By
from store.accounts import Role
from store.tables_cases import cases
from store.tables_history import history
from store.tables_posts import posts
from tests.store.test_counting import NOON, change, post, put, seconds
from tests.web.conftest import World

TODAY = "period=today"


@pytest.fixture
async def city(world: World) -> AsyncIterator[World]:
    """Two posts by the form and one by text, of which one waits; one yesterday; a place that is a formula."""
    yesterday = NOON - timedelta(days=1)
    answer = {"thread_id": "a", "parent_id": "a", "kind": "answer", "channel": "console", "state": "published"}
    said = [
        post("a", NOON, category="heating", channel="web_form", state="published", place="=1+1"),
        post("b", NOON, channel="web_form", state="rejected"),
        post("c", NOON + seconds(10), channel="sms_twilio", urgent=True),
        post("y", yesterday, channel="web_form", state="published"),
        post("r", NOON, **answer, department="heating", published_at=NOON + timedelta(hours=2)),
    ]
    decided = [
        change("a", NOON + seconds(4), "pending", "published"),
        change("b", NOON + seconds(9), "pending", "rejected"),
        change("y", yesterday + seconds(12), "pending", "published"),
    ]
    assigned = {
        "thread_id": "y",
        "department": "heating",
        "progress": "assigned",
        "opened_at": yesterday,
        "begun_at": yesterday,
        "span": "normal",
        "due_at": yesterday,
    }
    await put(world.runtime.database, (posts, said), (history, decided), (cases, [assigned]))
    clock.replace(now=lambda: NOON + timedelta(hours=3))
    await daybook.keep_up(world.runtime)
    await world.account(Role.VIEWER)
    await world.log_in("viewer")
    yield world
    clock.replace()


async def page(city: World, path: str, status: int = 200) -> str:
    response = await city.client.get(path)
    text = await response.text()
    assert response.status == status, text
    return text


async def test_the_overview_says_what_waits_and_what_was_done(city: World) -> None:
    text = " ".join((await page(city, "/console/overview?lang=en")).split())
    for what, value in (
        ("Emergency words, waiting", "1"),
        ("Waiting for a decision", "1"),
        ("Decided today", "2"),
        ("Time to decision: median / 95th percentile", "4 sec / 9 sec"),
        ("Answered today", "1"),
        ("Waiting for an answer", "1"),
        ("Said today", "3"),
        ("Open incidents", "0"),
        ("Dead letters", "0"),
    ):
        assert f'<span class="what">{what}</span> <strong>{value}</strong>' in text
    assert "the oldest for 3 hr" in text
    assert "yesterday: 12 sec / 12 sec" in text
    assert "1 channel is simulated: it reaches nobody outside this machine" in text
    assert 'href="/console/channels"' in text
    # Twelve o'clock has three posts; the marks of yesterday stand beside them.
    assert "<title>12:00: 3 · 0</title>" in text


async def test_the_overview_is_there_for_programs(city: World) -> None:
    found = await (await city.client.get("/api/v1/console/overview")).json()
    assert found["waiting"] | {"oldest": None} == {"number": 1, "urgent": 1, "held": 0, "oldest": None}
    assert found["unanswered"] == 1
    assert found["today"]["posts"] == 3
    assert found["today"]["decision_p95"] == 9
    assert found["yesterday"]["decision_median"] == 12
    assert found["open_incidents"] == 0


async def test_an_empty_city_has_an_overview_and_says_that_nothing_came(world: World) -> None:
    await world.account(Role.VIEWER)
    await world.log_in("viewer")
    assert "Nothing waits" in await page(world, "/console/overview?lang=en")
    assert "Nothing came in this period" in await page(world, "/console/analytics?lang=en")


async def test_a_period_is_shown_in_numbers_drawings_and_tables(city: World) -> None:
    text = " ".join((await page(city, f"/console/analytics?{TODAY}&by=channel&lang=en")).split())
    assert "2 Mar 2026" in text
    assert "beside 1 Mar 2026" in text
    assert "Today is not over yet." in text
    assert "<dt>Posts</dt><dd>3 <small>before: 1 (+200%)</small></dd>" in text
    assert "<dt>Published, of those decided</dt><dd>50 % <small>before: 100 %</small></dd>" in text
    assert "<dt>Time to first answer, median</dt><dd>2 hr <small>before: –</small></dd>" in text
    assert "<title>Web form: 2 · 0</title>" in text
    assert '<th scope="row">Text message</th><td class="figure">1</td>' in text
    assert 'role="img" aria-label="What was said. 2 Mar 2026"' in text
    assert "style=" not in text


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_way_to_look_at_it_has_its_page(city: World, language: str) -> None:
    for by in By:
        text = await page(city, f"/console/analytics?period=30&by={by}&against=year&lang={language}")
        assert f'<option value="{by}" selected>' in text
        assert ("deliveries.csv" in text) is (by in (By.TIME, By.CHANNEL, By.HOUR))


async def test_days_that_are_none_are_said_and_what_was_typed_stays(city: World) -> None:
    wrong = "period=own&first=2026-03-02&last=2026-03-01&by=place&lang=en"
    text = await page(city, f"/console/analytics?{wrong}", 422)
    assert "the last day is before the first" in text
    assert 'value="2026-03-01"' in text
    assert '<option value="place" selected>' in text
    assert (await city.client.get(f"/console/analytics/posts.csv?{wrong}")).status == 422


async def test_every_chart_has_its_csv(city: World) -> None:
    for key in ("posts", "outcomes", "decision", "answer", "messages", "deliveries"):
        response = await city.client.get(f"/console/analytics/{key}.csv?{TODAY}&by=channel&lang=en")
        assert response.status == 200
        assert response.content_type == "text/csv"
        assert f"everyline-{key}-by-channel-2026-03-02-2026-03-02.csv" in response.headers["Content-Disposition"]
    rows = await csv_of(city, f"decision.csv?{TODAY}&by=channel&lang=en")
    assert rows[0] == {
        "channel": "web_form",
        "name": "Web form",
        "decided_by_people": "2",
        "decision_median": "4",
        "decision_p95": "9",
        "before": "",
        "decided_by_people_before": "1",
        "decision_median_before": "12",
        "decision_p95_before": "12",
    }


async def test_what_citizens_typed_is_no_formula_in_a_csv(city: World) -> None:
    rows = await csv_of(city, f"posts.csv?{TODAY}&by=place&against=nothing")
    assert [(row["place"], row["posts"]) for row in rows] == [("", "2"), ("'=1+1", "1")]


async def test_there_is_no_other_chart(city: World) -> None:
    await page(city, "/console/analytics/secrets.csv", 404)
    await page(city, "/console/analytics/messages.csv?by=place", 404)


async def test_programs_get_the_same_as_json(city: World) -> None:
    found = await (await city.client.get("/api/v1/console/analytics?period=7&by=category")).json()
    assert found["now"] == {"first": "2026-02-24", "last": "2026-03-02"}
    assert found["before"] == {"first": "2026-02-17", "last": "2026-02-23"}
    assert found["total"]["now"]["posts"] == 4
    items: dict[str, Any] = {one["value"]: one["now"] for one in found["items"]}
    assert items["heating"]["posts"] == 1
    assert items["heating"]["answer_median"] == 7296
    assert items[""]["published_share"] == 0.5
    assert "received" not in items[""]
    wrong = await city.client.get("/api/v1/console/analytics?by=author")
    assert wrong.status == 422


async def test_only_staff_may_look(world: World) -> None:
    for path in ("/console/overview", "/console/analytics", "/console/analytics/posts.csv"):
        response = await world.client.get(path, allow_redirects=False)
        assert response.status == 303
        assert response.headers["Location"].startswith("/login")
    for path in ("/api/v1/console/overview", "/api/v1/console/analytics"):
        assert (await world.client.get(path)).status == 401


async def csv_of(city: World, path: str) -> list[dict[str, str]]:
    body = await (await city.client.get(f"/console/analytics/{path}")).read()
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
