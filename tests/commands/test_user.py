import argparse
import io
from pathlib import Path

import pytest

from gateway import clock
from gateway.commands import user
from gateway.errors import BadInput, Conflict, EverylineError, NotFound
from gateway.settings import load
from gateway.web import auth
from store import audit, sessions
from store.database import Database

CONFIG = Path(__file__).parents[2] / "config"
PASSWORD = "correct horse battery"


class Terminal:
    """Runs the command as `run.py user` does, over one data folder."""

    def __init__(self, data: Path, monkeypatch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str]) -> None:
        self.environ = {"EVERYLINE_CONFIG": str(CONFIG), "EVERYLINE_DATA": str(data)}
        self._monkeypatch = monkeypatch
        self._output = output

    async def run(self, *words: str, password: str = PASSWORD) -> str:
        """What it prints."""
        parser = argparse.ArgumentParser()
        user.configure(parser)
        self._monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
        assert await user.main(parser.parse_args(words), self.environ) == 0
        return self._output.readouterr().out


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path / "var", monkeypatch, capsys)


def adding(name: str, role: str = "officer", *more: str) -> tuple[str, ...]:
    return ("add", name, "--role", role, "--password-stdin", *more)


async def test_an_account_is_made_listed_and_removed_on_a_fresh_machine(terminal: Terminal) -> None:
    assert await terminal.run(*adding("李娜", "officer", "--department", "water")) == "李娜 is officer\n"
    await terminal.run(*adding("wang", "viewer"))
    assert [line.split() for line in (await terminal.run("list")).splitlines()] == [
        ["wang", "viewer"],
        ["李娜", "officer", "water"],
    ]
    await terminal.run("remove", "wang")
    assert "wang" not in await terminal.run("list")


async def test_a_head_of_a_department_is_made_invited_and_put_in_the_ranks_again(terminal: Terminal) -> None:
    made = await terminal.run(*adding("li", "officer", "--department", "water", "--head"))
    assert made == "li is officer, head of water\n"
    await terminal.run("invite", "wu", "--role", "officer", "--department", "roads", "--head")
    listed = [line.split() for line in (await terminal.run("list")).splitlines()]
    assert listed == [["li", "officer", "water", "head"], ["wu", "officer", "roads", "head", "invited"]]
    assert await terminal.run("role", "li", "--role", "officer", "--department", "water") == "li is officer\n"
    assert "head" not in (await terminal.run("list")).splitlines()[0]
    made = await terminal.run("role", "li", "--role", "officer", "--department", "roads", "--head")
    assert made == "li is officer, head of roads\n"


FAULTS: list[tuple[type[EverylineError], tuple[str, ...], str]] = [
    (BadInput, adding("new"), "short"),
    (BadInput, adding("new", "officer", "--department", "mars"), PASSWORD),
    (BadInput, adding("new", "officer", "--head"), PASSWORD),
    (BadInput, adding("new", "moderator", "--head"), PASSWORD),
    (BadInput, adding("new", "moderator", "--department", "water", "--head"), PASSWORD),
    (BadInput, adding(" "), PASSWORD),
    (BadInput, adding("two\nlines"), PASSWORD),
    (BadInput, adding("rule"), PASSWORD),
    (BadInput, adding("x" * 65), PASSWORD),
    (Conflict, adding("li"), PASSWORD),
    (NotFound, ("token", "nobody"), PASSWORD),
    (NotFound, ("remove", "nobody"), PASSWORD),
    (NotFound, ("password", "nobody", "--password-stdin"), PASSWORD),
]


@pytest.mark.parametrize(("error", "words", "password"), FAULTS)
async def test_what_cannot_be_done_is_said_and_changes_nothing(
    terminal: Terminal, error: type[EverylineError], words: tuple[str, ...], password: str
) -> None:
    await terminal.run(*adding("li"))
    before = await terminal.run("list")
    with pytest.raises(error):
        await terminal.run(*words, password=password)
    assert await terminal.run("list") == before


async def test_a_token_is_one_line_and_ends_with_the_password(terminal: Terminal) -> None:
    await terminal.run(*adding("li"))
    printed = await terminal.run("token", "li")
    assert printed.count("\n") == 1
    database = Database(load(terminal.environ).database_url)
    await database.open()
    try:
        async with database.reading() as connection:
            found = await sessions.find(connection, auth.digest(printed.strip()), clock.now())
            assert found is not None
            assert found.account.name == "li"
        await terminal.run("password", "li", "--password-stdin", password="another long password")
        async with database.reading() as connection:
            assert await sessions.find(connection, auth.digest(printed.strip()), clock.now()) is None
            actions = [trace.action for trace in reversed(await audit.traces(connection))]
    finally:
        await database.close()
    assert actions == ["user added", "token made", "password set"]
