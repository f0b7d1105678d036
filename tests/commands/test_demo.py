"""The sample city: made up through the real functions, so that what a visitor sees is what a real one would show."""

import sqlite3
from pathlib import Path

import pytest

from gateway.commands import demo, serve
from gateway.errors import SettingsError
from tests.conftest import ROOT

CONFIG = {"EVERYLINE_CONFIG": str(ROOT / "config")}


async def test_a_few_days_of_a_city_are_made_up(tmp_path: Path) -> None:
    await demo.make_up(tmp_path / "demo", CONFIG, days=6)
    with sqlite3.connect(tmp_path / "demo/everyline.db") as database:

        def number(question: str) -> int:
            return int(database.execute(question).fetchone()[0])

        reports = number("SELECT count(*) FROM posts WHERE kind = 'report' AND state = 'published'")
        assert reports > 10
        assert number("SELECT count(*) FROM posts WHERE kind = 'answer' AND state = 'published'") > reports / 3
        assert number("SELECT count(*) FROM marks") > 0
        assert number("SELECT count(DISTINCT channel) FROM posts WHERE kind = 'report'") == 4
        assert number("SELECT count(*) FROM accounts WHERE role = 'officer'") == 6
        assert number("SELECT count(*) FROM broadcasts WHERE state = 'open'") == 0
        assert number("SELECT count(*) FROM deliveries WHERE state = 'due' AND kind = 'send'") == 0
    assert not (tmp_path / "demo.making").exists()


async def test_it_is_for_this_machine_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> int:
        pytest.fail("it is served")

    monkeypatch.setattr(serve, "main", never)
    environ = {**CONFIG, "EVERYLINE_DATA": str(tmp_path / "demo"), "EVERYLINE_PUBLIC_URL": "https://city.example"}
    with pytest.raises(SettingsError, match="this machine alone"):
        await demo.main(None, environ)  # type: ignore[arg-type]  # none of its options is asked for
