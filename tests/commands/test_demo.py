"""The sample city: made up through the real functions, so that what a visitor sees is what a real one would show."""

import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from gateway.commands import demo, serve
from gateway.demo import stage
from gateway.errors import SettingsError
from tests.conftest import ROOT
from tests.process.gateway import running

CONFIG = {"EVERYLINE_CONFIG": str(ROOT / "config")}
# Behind a month's end without holidays: there were working hours, and a month was judged and settled.
UNTIL = datetime(2026, 7, 7, 7, tzinfo=UTC)
DAYS = 13


async def test_a_few_days_of_a_city_are_made_up_and_shown(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    await demo.make_up(data, CONFIG, DAYS, UNTIL)
    assert not (tmp_path / "demo.making").exists()
    with sqlite3.connect(data / "everyline.db") as database:
        _check_kept(database)
    async with running(data) as gateway, ClientSession(gateway.url, cookie_jar=CookieJar(unsafe=True)) as client:
        await _check_public(client)
        await _check_console(client)


def _check_kept(database: sqlite3.Connection) -> None:
    """What cannot be seen on a page as well: that everything happened, and that nothing is left to be sent."""

    def number(question: str) -> int:
        return int(database.execute(question).fetchone()[0])

    reports = number("SELECT count(*) FROM posts WHERE kind = 'report' AND state = 'published'")
    assert reports > 30
    assert number("SELECT count(*) FROM posts WHERE kind = 'answer' AND state = 'published'") > reports / 3
    assert number("SELECT count(DISTINCT channel) FROM posts WHERE kind = 'report'") == 4
    steps = {action for (action,) in database.execute("SELECT DISTINCT action FROM history")}
    wanted = ("accept", "begin", "pass_on", "merge", "close", "reminded", "late_head")
    assert {f"case_{step}" for step in wanted} | {"officer_given", "marked"} <= steps
    assert number("SELECT count(*) FROM posts WHERE category = 'officials' AND private") > 0
    assert (
        number("SELECT count(*) FROM posts WHERE state = 'published' AND category = 'officials' AND NOT private") == 0
    )
    # Nobody turns away what is clear, and whoever is asked and keeps silent is answered all the same.
    assert number("SELECT count(*) FROM history WHERE action = 'reject' AND reason = 'unclear'") > 0
    unclear = "SELECT text FROM posts JOIN history ON posts.id = post_id WHERE action = 'reject' AND reason = 'unclear'"
    assert {text for (text,) in database.execute(unclear)} <= set(stage.read()["unclear"]["texts"])
    assert number("SELECT count(*) FROM media WHERE state = 'stored'") > 0
    assert number("SELECT count(DISTINCT changed_by) FROM services") > 3  # each is written by its department
    assert number("SELECT count(*) FROM posts WHERE created_at > '2026-07-07T07:00:01'") == 0
    assert number("SELECT count(*) FROM winners") == 3
    assert number("SELECT count(*) FROM broadcasts WHERE state = 'open'") == 0
    assert number("SELECT count(*) FROM deliveries WHERE state NOT IN ('delivered', 'dropped')") == 0


async def _check_public(client: ClientSession) -> None:
    home = await _page(client, "/")
    assert "站前路30号井盖丢了，晚上很危险。" in home
    assert 'class="answer"' in home
    assert "<img" in home
    for said in stage.read()["lately"]:
        assert said["answer"] in home
    assert "三号窗口" not in home  # of a sensitive category
    assert "<span>None</span>" not in home
    departments = await _page(client, "/departments")
    assert "Drains office" in departments
    assert "+86 571 8700 1201" in await _page(client, "/departments/water")
    assert "Passport" in await _page(client, "/services")
    assert "A phrase for each day of winter" in await _page(client, "/phrase")
    assert "a monthly bus pass" in await _page(client, "/phrase/autumn")
    assert stage.read()["points"][0]["reason"] in await _page(client, "/assessment/water?month=2026-06")


async def _check_console(client: ClientSession) -> None:
    names = [one.name for one in stage.crew(stage.read())]
    token = re.search(r'name="csrf" value="([^"]+)"', await _page(client, "/login"))
    assert token
    typed = {"csrf": token[1], "name": names[0], "password": demo.PASSWORD}
    async with client.post("/login", data=typed) as answer:
        queue = await answer.text()
    assert "站前路30号的井盖不见了" in queue
    for said in stage.read()["waiting"][:-1]:  # the last is an advertisement, which the filter turned away
        assert said["text"] in queue
    assert "暖气片漏水" in await _page(client, "/console/overdue")
    assert names[1] in await _page(client, "/console/duty")


async def _page(client: ClientSession, path: str) -> str:
    async with client.get(path, headers={"Accept-Language": "en"}) as answer:
        assert answer.status == 200, path
        return await answer.text()


async def test_it_is_for_this_machine_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> int:
        pytest.fail("it is served")

    monkeypatch.setattr(serve, "main", never)
    environ = {**CONFIG, "EVERYLINE_DATA": str(tmp_path / "demo"), "EVERYLINE_PUBLIC_URL": "https://city.example"}
    with pytest.raises(SettingsError, match="this machine alone"):
        await demo.main(None, environ)  # type: ignore[arg-type]  # none of its options is asked for
