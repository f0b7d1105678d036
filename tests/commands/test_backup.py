"""A backup is taken from a database in use and put back elsewhere: all that was there, and nothing leaves by itself."""

import argparse
import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from gateway import clock
from gateway.commands import backup, restore
from gateway.desk import Desk
from gateway.errors import BadArchive, Conflict, SchemaMismatch, StoreInUse, StoreUnreachable, WrongKey
from gateway.journey import media, moderation
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_incoming import Incoming
from gateway.schema_outgoing import DeliveryState
from gateway.settings import Settings
from store import accounts, archives, audit, dead_letters, leases, posts, proof, sessions
from store import media as media_rows
from store.accounts import Role
from store.database import Database
from tests import postgres
from tests.conftest import ROOT
from tests.journey.test_media import photo_taken

ANNA = "tel:+8613800138001"


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """These pass on both kinds of database."""
    kind: str = request.param
    return kind


@pytest.fixture
async def lived(runtime: Runtime) -> Runtime:
    """A gateway with its key, a published report with a photo, a reply on its way, and somebody logged in."""
    runtime.settings.storage.data.mkdir(exist_ok=True)
    runtime.settings.key_file.write_text(bytes(32).hex())
    await runtime.database.write(lambda tx: proof.prove(tx, runtime.vault, clock.now()))
    file = await media.accept(runtime, photo_taken())
    incoming = Incoming(
        "form", clock.new_id(), "the lamp is out", clock.now(), address=ANNA, media=(file,), commands=False
    )
    taken = await Desk(runtime).take(incoming)
    while await media.work_on_due(runtime):
        pass
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    account = await runtime.database.write(lambda tx: accounts.add(tx, "li", Role.ADMINISTRATOR, "hash"))
    until = clock.now().replace(year=2100)
    await runtime.database.write(lambda tx: sessions.open_cookie(tx, account.id, "cookie", until))
    await runtime.database.write(lambda tx: sessions.open_token(tx, account.id, "token", until, scopes=[]))
    return runtime


@pytest.fixture
async def elsewhere(
    lived: Runtime, backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Settings]:
    """The settings of another machine, with the key already there."""
    data = tmp_path / "elsewhere"
    data.mkdir()
    storage = lived.settings.storage.model_copy(update={"data": data, "database": None})
    settings = lived.settings.model_copy(update={"storage": storage})
    settings.key_file.write_text(bytes(32).hex())
    if backend == "sqlite":
        yield settings
        return
    server: str = request.getfixturevalue("postgresql")
    async with postgres.empty(server, f"restored_{clock.new_id()}") as url:
        yield settings.model_copy(update={"storage": storage.model_copy(update={"database": url})})


async def reads(settings: Settings) -> Database:
    database = Database(settings.database_url)
    await database.open()
    return database


async def test_everything_comes_back_and_nothing_leaves_by_itself(
    lived: Runtime, elsewhere: Settings, tmp_path: Path
) -> None:
    archive = tmp_path / "backup.tar"
    made, missing = await backup.back_up(lived, archive)
    assert missing == []
    assert len(made.media) == 2, "the clean photo and its preview; not the one the camera made"
    assert archives.KEY not in made.files
    assert bytes(32).hex().encode() not in archive.read_bytes()
    _, held = await restore.restore(elsewhere, archive)
    assert held.deliveries == 2
    database = await reads(elsewhere)
    try:
        async with database.reading() as connection:
            [post], _ = await posts.published(connection, cursor=None)
            assert post.text == "the lamp is out"
            [file] = post.media
            piles = await dead_letters.piles(connection)
            assert [(pile.state, pile.reason) for pile in piles] == [(DeliveryState.FAILED, "restored")]
            assert await sessions.find(connection, "cookie", clock.now()) is None
            assert await sessions.find(connection, "token", clock.now()) is not None
            assert (await audit.traces(connection))[0].action == "restored"
            letter, _ = await dead_letters.found(connection, clock.now())
        assert await database.write(lambda tx: dead_letters.send_again(tx, [letter.id], clock.now())) == [letter.id]
    finally:
        await database.close()
    assert file.url
    for name in made.media:
        assert (elsewhere.storage.data / name).read_bytes() == (lived.settings.storage.data / name).read_bytes()


async def test_a_database_that_is_there_is_replaced_by_force_only(
    lived: Runtime, elsewhere: Settings, tmp_path: Path
) -> None:
    archive = tmp_path / "backup.tar.gz"
    await backup.back_up(lived, archive)
    await restore.restore(elsewhere, archive)
    database = await reads(elsewhere)
    await database.write(lambda tx: accounts.add(tx, "later", Role.VIEWER, "hash"))
    await database.close()
    with pytest.raises(Conflict):
        await restore.restore(elsewhere, archive)
    await restore.restore(elsewhere, archive, force=True)
    database = await reads(elsewhere)
    try:
        async with database.reading() as connection:
            assert [member.account.name for member in await accounts.everybody(connection)] == ["li"]
    finally:
        await database.close()
    if database.file:
        assert database.file.with_name("everyline.db.replaced").exists(), "what was there is kept"


async def test_it_is_refused_while_a_gateway_runs(lived: Runtime, elsewhere: Settings, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    await backup.back_up(lived, archive)
    await restore.restore(elsewhere, archive)
    database = Database(elsewhere.database_url)
    await database.open(serving=True)
    until = clock.now().replace(year=2100)
    await database.write(lambda tx: leases.hold(tx, "scheduler", database.holder, clock.now(), until))
    try:
        with pytest.raises(StoreInUse):
            await restore.restore(elsewhere, archive, force=True)
    finally:
        await database.close()


async def test_the_key_must_be_the_right_one(lived: Runtime, elsewhere: Settings, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    await backup.back_up(lived, archive)
    elsewhere.key_file.unlink()
    with pytest.raises(WrongKey, match="put its copy"):
        await restore.restore(elsewhere, archive)
    assert not elsewhere.key_file.exists(), "none is made: it would be another"
    elsewhere.key_file.write_text(bytes(range(32)).hex())
    with pytest.raises(WrongKey):
        await restore.restore(elsewhere, archive)


async def test_with_the_key_in_it_nothing_else_is_needed(lived: Runtime, elsewhere: Settings, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    await backup.back_up(lived, archive, with_key=True)
    elsewhere.key_file.unlink()
    await restore.restore(elsewhere, archive)
    assert elsewhere.key_file.read_text().strip() == bytes(32).hex()
    assert elsewhere.key_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_damaged_backup_changes_nothing(lived: Runtime, elsewhere: Settings, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    await backup.back_up(lived, archive)
    whole = bytearray(archive.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    archive.write_bytes(whole)
    with pytest.raises(BadArchive):
        await restore.restore(elsewhere, archive)
    assert sorted(path.name for path in elsewhere.storage.data.iterdir()) == ["everyline.db.lock", "everyline.key"]


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(
    ("facts", "error"), [({"database": "postgresql"}, BadArchive), ({"schema": "9999"}, SchemaMismatch)]
)
async def test_a_backup_of_another_kind_is_refused(
    lived: Runtime, elsewhere: Settings, tmp_path: Path, facts: dict[str, str], error: type[Exception]
) -> None:
    archive, source = tmp_path / "backup.tar", tmp_path / "source"
    source.write_bytes(b"x")
    known = {"made_at": "", "database": "sqlite", "schema": "0001", "proof": "00", **facts}
    archives.write(archive, known, [("database.sqlite", source)])
    with pytest.raises(error):
        await restore.restore(elsewhere, archive)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_file_that_is_gone_is_named(lived: Runtime, tmp_path: Path) -> None:
    async with lived.database.reading() as connection:
        gone = min(await media_rows.all_named(connection))
    lived.blobs.path(gone).unlink()
    _, missing = await backup.back_up(lived, tmp_path / "backup.tar")
    assert missing == [gone]


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_writers_go_on_beside_it(lived: Runtime, tmp_path: Path) -> None:
    """What is committed before it begins is in it, and nothing half."""

    async def add(number: int) -> None:
        await lived.database.write(lambda tx: accounts.add(tx, f"n{number}", Role.VIEWER, "hash"))

    await add(0)
    adding = asyncio.gather(*(add(number) for number in range(1, 200)))
    made, _ = await backup.back_up(lived, tmp_path / "backup.tar")
    await adding
    assert archives.unpack(tmp_path / "backup.tar", tmp_path / "out") == made
    with closing(sqlite3.connect(tmp_path / "out" / "database.sqlite")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM accounts WHERE name = 'n0'").fetchone() == (1,)


class Terminal:
    """Runs both commands as `run.py` does."""

    def __init__(self, data: Path) -> None:
        self.environ = {"EVERYLINE_CONFIG": str(ROOT / "config"), "EVERYLINE_DATA": str(data)}

    async def run(self, command: ModuleType, *words: str) -> int:
        parser = argparse.ArgumentParser()
        command.configure(parser)
        ended: int = await command.main(parser.parse_args(words), self.environ)
        return ended


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_both_commands_say_what_they_did(
    lived: Runtime, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "backup.tar"
    here, there = Terminal(lived.settings.storage.data), Terminal(tmp_path / "there")
    assert await here.run(backup, str(archive)) == 0
    said = capsys.readouterr().out
    assert "verified" in said
    assert "the key is not in it" in said
    assert await here.run(restore, str(archive), "--check") == 0
    assert "as they were written" in capsys.readouterr().out
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "everyline.key").write_text(bytes(32).hex())
    assert await there.run(restore, str(archive)) == 0
    assert "2 deliveries that were open" in capsys.readouterr().out
    async with lived.database.reading() as connection:
        assert (await audit.traces(connection))[0].action == "backup"


async def test_there_is_no_backup_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreUnreachable):
        await Terminal(tmp_path / "nothing").run(backup, str(tmp_path / "backup.tar"))
    assert list(tmp_path.iterdir()) == []
