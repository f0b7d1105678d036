"""What a caller says is on disk while the call goes on, and whatever breaks off leaves it to be found."""

import asyncio
import errno
import os
import stat
import subprocess
import sys
import threading
import wave
from pathlib import Path

import pytest

from channels.desk import Desk as DeskProtocol
from gateway.desk import Desk
from gateway.journey import taping
from gateway.runtime import Runtime
from store.tapes import Label, Spool, Tapes
from store.vault import Vault

CALLER = "tel:+8613800138000"
SECOND = b"\x01\x00\xff\xff" * 4000


@pytest.fixture
def backend() -> str:
    """No row is written here: one kind of database tells as much as two."""
    return "sqlite"


@pytest.fixture
def desk(runtime: Runtime) -> DeskProtocol:
    return Desk(runtime)


def files(runtime: Runtime) -> list[Path]:
    return sorted((runtime.settings.storage.data / "calls").rglob("*.*"))


async def test_a_finished_tape_is_a_recording_as_an_upload_is(desk: DeskProtocol, runtime: Runtime) -> None:
    tape = await desk.tape("voice", "c1", 8000, "zh", address=CALLER, line="+10086")
    tape.write(SECOND)
    tape.write(SECOND)
    media = await tape.finish()
    assert media
    assert (media.type, media.language) == ("audio/wav", "zh")
    assert media.external_id == f"tape:{tape.label.id}"
    with wave.open(str(runtime.blobs.path(media.url.removeprefix("blob:")))) as kept:
        assert (kept.getframerate(), kept.getnchannels(), kept.readframes(99_999)) == (8000, 1, SECOND * 2)
    assert files(runtime), "it stays until what was said is taken"
    await tape.discard()
    assert files(runtime) == []


async def test_nothing_said_is_no_recording(desk: DeskProtocol, runtime: Runtime) -> None:
    tape = await desk.tape("voice", "c1", 8000, "zh")
    tape.write(SECOND[:100])
    assert await tape.finish() is None
    await tape.discard()
    assert files(runtime) == []


async def test_only_we_can_read_it_and_nobody_whose_it_is(desk: DeskProtocol, runtime: Runtime) -> None:
    tape = await desk.tape("voice", "a-call", 8000, "zh", address=CALLER, line="+10086")
    tape.write(SECOND)
    await tape.release()
    found = files(runtime)
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in found} == {0o700}
    assert not any(b"138001" in path.read_bytes() or "a-call" in path.name for path in found)


async def test_sound_is_written_while_the_call_goes_on(
    desk: DeskProtocol, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taping, "WRITE_EVERY", 0.01)
    written, loop, append = asyncio.Event(), asyncio.get_running_loop(), Spool.append

    def noted(self: Spool, sound: bytes) -> None:
        append(self, sound)
        loop.call_soon_threadsafe(written.set)

    monkeypatch.setattr(Spool, "append", noted)
    tape = await desk.tape("voice", "c1", 8000, "zh")
    tape.write(SECOND)
    async with asyncio.timeout(10):
        await written.wait()
    assert sum(path.stat().st_size for path in files(runtime) if path.suffix == ".pcm") == len(SECOND)
    await tape.discard()


async def test_it_ends_where_a_recording_must(desk: DeskProtocol, runtime: Runtime) -> None:
    limits = runtime.settings.media.model_copy(update={"most_seconds": 1})
    runtime.settings = runtime.settings.model_copy(update={"media": limits})
    tape = await desk.tape("voice", "c1", 8000, "zh")
    assert tape.seconds == 1
    for _ in range(3):
        tape.write(SECOND)
    assert tape.seconds == 0
    media = await tape.finish()
    assert media
    assert len(runtime.blobs.path(media.url.removeprefix("blob:")).read_bytes()) == len(SECOND) + 44
    await tape.discard()


async def test_a_call_that_comes_back_goes_on_with_its_tape(desk: DeskProtocol, runtime: Runtime) -> None:
    first = await desk.tape("voice", "c1", 8000, "zh", address=CALLER)
    first.write(SECOND)
    await first.release()
    second = await Desk(runtime).tape("voice", "c1", 8000, "zh", address=CALLER)
    assert second.before == SECOND
    second.write(SECOND)
    media = await second.finish()
    assert media
    assert media.external_id == f"tape:{first.label.id}"
    assert len(runtime.blobs.path(media.url.removeprefix("blob:")).read_bytes()) == 2 * len(SECOND) + 44
    await second.discard()


async def test_what_was_cut_is_found_and_what_goes_on_is_not(desk: DeskProtocol, runtime: Runtime) -> None:
    cut = await desk.tape("voice", "cut", 8000, "en", address=CALLER, line="+10086")
    cut.write(SECOND)
    await cut.release()
    going_on = await desk.tape("voice", "going-on", 8000, "en")
    await (await desk.tape("other", "elsewhere", 8000, "en")).release()
    assert await desk.tapes_left("voice", 60) == [], "its caller may come back"
    [left] = await desk.tapes_left("voice", 0)
    label = left.label
    assert (label.call, label.address, label.line, label.language) == ("cut", CALLER, "+10086", "en")
    assert await Desk(runtime).tapes_left("voice", 0) == [], "who found it has it"
    media = await left.finish()
    assert media
    await left.discard()
    await going_on.discard()
    assert await desk.tapes_left("voice", 0) == []


async def test_a_second_conversation_of_a_call_has_a_tape_of_its_own(desk: DeskProtocol) -> None:
    first = await desk.tape("voice", "c1", 8000, "zh")
    second = await desk.tape("voice", "c1", 8000, "zh")
    first.write(SECOND)
    second.write(SECOND[:8000])
    assert (await first.finish()) != (await second.finish())
    await first.discard()
    await second.discard()


async def test_a_full_disk_loses_nothing_that_was_said(
    desk: DeskProtocol, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = await desk.tape("voice", "c1", 8000, "zh")
    tape.write(SECOND)

    def full(self: Spool, sound: bytes) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Spool, "append", full)
        assert await tape.finish() is None
    tape.write(SECOND)
    media = await tape.finish()
    assert media
    assert len(runtime.blobs.path(media.url.removeprefix("blob:")).read_bytes()) == 2 * len(SECOND) + 44
    await tape.discard()


def test_a_killed_process_leaves_its_tape_to_the_next(tmp_path: Path) -> None:
    tapes = Tapes(tmp_path, Vault(bytes(32)))
    program = (
        "import sys; from pathlib import Path; from store.tapes import *; from store.vault import Vault\n"
        "tapes = Tapes(Path(sys.argv[1]), Vault(bytes(32)))\n"
        "spool = tapes.open(Label('1', 'voice', 'c1', 8000, 'zh', 'tel:+1', None))\n"
        "spool.append(bytes(1000)); print('on', flush=True); sys.stdin.read()"
    )
    speaking = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert speaking.stdout
        assert speaking.stdout.readline() == b"on\n"
        assert list(tapes.left("voice", 0)) == [], "another process holds it"
    finally:
        speaking.kill()
        speaking.communicate()
    [found] = tapes.left("voice", 0)
    assert (found.label.call, found.label.address, found.size()) == ("c1", "tel:+1", 1000)
    found.remove()
    assert list(tmp_path.rglob("*.*")) == []


def test_a_note_of_another_key_stays_for_a_person(tmp_path: Path) -> None:
    spool = Tapes(tmp_path, Vault(bytes(32))).open(Label("1", "voice", "c1", 8000, "zh"))
    spool.append(b"12")
    spool.release()
    assert list(Tapes(tmp_path, Vault(b"x" * 32)).left("voice", 0)) == []
    assert len(list(tmp_path.rglob("*.*"))) == 2


def test_half_a_sample_and_half_a_write_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Tapes(tmp_path, Vault(bytes(32))).open(Label("1", "voice", "c1", 8000, "zh"))
    spool.append(b"123")
    assert spool.read() == b"12"
    real = os.write

    def short(handle: int, data: memoryview) -> int:
        if len(data) < 4:
            raise OSError(errno.ENOSPC, "no space left on device")
        return real(handle, data[:4])

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OSError, match="no space"):
        spool.append(b"abcdef")
    assert spool.size() == 3
    spool.remove()


async def test_a_tape_that_is_let_go_of_is_not_written_to_while_another_takes_its_place(
    desk: DeskProtocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = await desk.tape("texting", "c1", 8_000, "en")
    tape.write(SECOND)
    writing, go_on, append = threading.Event(), threading.Event(), Spool.append
    order: list[str] = []

    def slow(self: Spool, sound: bytes) -> None:
        writing.set()
        go_on.wait(10)
        append(self, sound)
        order.append("written")

    remove = Spool.remove

    def removed(self: Spool) -> None:
        order.append("removed")
        remove(self)

    monkeypatch.setattr(Spool, "append", slow)
    monkeypatch.setattr(Spool, "remove", removed)
    assert isinstance(desk, Desk)
    task = asyncio.create_task(desk._taping.write([tape]))  # type: ignore[list-item]
    await asyncio.to_thread(writing.wait, 10)
    ending = asyncio.create_task(tape.discard())
    await asyncio.sleep(0.05)
    go_on.set()
    await asyncio.gather(task, ending)
    assert order == ["written", "removed"]
