"""The audit is found by who, what, to what and when; read a page at a time, as CSV, and by programs."""

import csv
import io
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from gateway import clock
from gateway.web import audit_page
from gateway.web.staff_labels import AUDIT
from store import audit
from store.accounts import Role
from tests.web.conftest import World
from tests.web.people_world import press, read


@pytest.fixture
async def chief(world: World) -> World:
    """The application with an administrator logged in."""
    await world.account(Role.ADMINISTRATOR, "chief")
    await world.log_in("chief")
    return world


async def note(world: World, actor: str, action: str, target: str | None = None) -> None:
    await world.runtime.database.write(lambda tx: audit.note(tx, actor, action, target))


async def rows(world: World, query: str = "") -> list[list[str]]:
    response = await world.client.get(f"/console/audit.csv{query}")
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    text = (await response.read()).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))[1:]


async def test_what_staff_do_to_a_post_is_found_by_its_ticket(chief: World) -> None:
    taken, other = await chief.say("the lamp is out"), await chief.say("another matter")
    for one, reason in ((taken, "personal"), (other, "duplicate")):
        form = {"action": "reject", "reason": reason, "back": "/console"}
        response = await press(chief, f"/console/posts/{one.post_id}/decision", "/console", **form)
        assert response.status == 303
    page = await read(chief, f"/console/audit?post={taken.ticket}")
    assert page.count("post rejected</td>") == 1
    assert f'href="/console/posts/{taken.post_id}"' in page
    assert (await chief.client.get(f"/console/posts/{taken.post_id}")).status == 200, "the link leads there"
    assert "there is no such post" in await read(chief, "/console/audit?post=00000000", 422)


async def test_it_is_found_by_who_and_what_and_to_what(chief: World) -> None:
    await note(chief, "li", "token made", "li")
    await note(chief, "wang", "role viewer", "li")
    await note(chief, "wang", "role viewer", "zhao")
    assert [row[1:] for row in await rows(chief, "?actor=wang")] == [
        ["wang", "role viewer", "zhao"],
        ["wang", "role viewer", "li"],
    ]
    assert len(await rows(chief, "?target=li")) == 2
    assert [row[1] for row in await rows(chief, "?target=li&action=token+made")] == ["li"]
    assert await rows(chief, "?actor=nobody+at+all") == []
    assert "Nothing fits" in await read(chief, "/console/audit?actor=nobody+at+all")
    page = await read(chief, "/console/audit?actor=wang&action=role+viewer")
    assert page.count("role changed to viewer</td>") == 2
    assert "li</td>" in page
    assert "actor=wang" in page.split(">CSV<")[0].rpartition("href=")[2], "the CSV is of what is shown"


async def test_days_are_the_city_s(chief: World) -> None:
    # Midnight in Shanghai is 16:00 of the day before in UTC.
    for at in (datetime(2026, 3, day, hour, 59, tzinfo=UTC) for day in (1, 2) for hour in (15, 16)):
        clock.replace(now=partial(datetime.astimezone, at, UTC))
        try:
            await note(chief, "li", "login", f"{at.day}-{at.hour}")
        finally:
            clock.replace()
    assert [row[3] for row in await rows(chief, "?since=2026-03-02&until=2026-03-02")] == ["2-15", "1-16"]
    assert [row[3] for row in await rows(chief, "?until=2026-03-01")] == ["1-15"]
    for wrong in ("since=yesterday", "until=9999-12-31", "since=2026-02-30"):
        assert "give a day, like 2026-03-02" in await read(chief, f"/console/audit?{wrong}", 422)


async def test_it_is_read_a_page_at_a_time(chief: World) -> None:
    total = audit_page.SHOWN + 5
    for number in range(total):
        await note(chief, "li", "login", f"n{number}")
    first = await read(chief, "/console/audit?actor=li")
    assert f"n{total - 1}</td>" in first
    earlier = first.split('" rel="next">')[0].rpartition('href="')[2].replace("&amp;", "&")
    second = await read(chief, earlier)
    assert second.count("<td>li</td>") == 5
    assert "n0</td>" in second
    assert 'rel="next"' not in second
    assert ">Newest<" in second


async def test_a_csv_holds_all_that_fits_and_no_formula(chief: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_page, "ROWS_AT_ONCE", 3)
    for number in range(7):
        await note(chief, "=cmd()", "login", f"n{number}")
    found = await rows(chief, "?actor=%3Dcmd()")
    assert [row[3] for row in found] == [f"n{number}" for number in reversed(range(7))]
    assert {row[1] for row in found} == {"'=cmd()"}
    monkeypatch.setattr(audit_page, "MOST_ROWS", 6)
    assert len(await rows(chief, "?actor=%3Dcmd()")) == 6
    assert "audit exported</td>" in await read(chief, "/console/audit")


async def test_programs_read_it_too(chief: World) -> None:
    for number in range(5):
        await note(chief, "li", "login", f"n{number}")
    headers = await chief.token(Role.ADMINISTRATOR)
    path = "/api/v1/console/audit?actor=li&limit=3"
    first = await (await chief.client.get(path, headers=headers)).json()
    assert [one["target"] for one in first["items"]] == ["n4", "n3", "n2"]
    second = await (await chief.client.get(f"{path}&before={first['next']}", headers=headers)).json()
    assert ([one["target"] for one in second["items"]], second["next"]) == (["n1", "n0"], None)
    assert (await chief.client.get("/api/v1/console/audit?since=x", headers=headers)).status == 422


def test_every_act_fits_its_column() -> None:
    assert [action for action in AUDIT if len(action) > 32] == []


async def test_only_what_staff_did_is_there(chief: World) -> None:
    """What authors and rules do to posts stands in their history."""
    await chief.published("the lamp is out")
    later = clock.now() - timedelta(days=1)
    async with chief.runtime.database.reading() as connection:
        traces = await audit.traces(connection, audit.Wanted(since=later))
    assert {(one.actor, one.action) for one in traces} == {("chief", "login"), ("test", "post publish")}
