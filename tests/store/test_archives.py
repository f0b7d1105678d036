"""A backup's file is read back as it was written, or refused whole."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.errors import BadArchive
from store import archives

NAME = "media/ab/" + "ab" * 32
FACTS = {"made_at": "2026-03-02T08:00:00.000Z", "database": "sqlite", "schema": "0001", "proof": "00"}


def made(folder: Path, name: str = "backup.tar") -> Path:
    source = folder / "source"
    source.write_bytes(b"citizen's photo" * 1000)
    target = folder / name
    archives.write(
        target, FACTS, [("database.sqlite", source), (NAME, source), (NAME.replace("ab", "cd"), folder / "x")]
    )
    return target


@pytest.mark.parametrize("name", ["backup.tar", "backup.tar.gz"])
def test_it_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    target = made(tmp_path, name)
    assert target.stat().st_mode & 0o777 == 0o600
    assert (target.read_bytes()[:2] == b"\x1f\x8b") is name.endswith("gz")
    folder = tmp_path / "out"
    manifest = archives.unpack(target, folder)
    assert manifest == archives.verify(target)
    assert manifest.media == [NAME], "what was gone when its turn came is left out"
    assert (folder / NAME).read_bytes() == (tmp_path / "source").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "out", "source"]), "nothing is left over"


def test_nothing_is_written_over(tmp_path: Path) -> None:
    target = made(tmp_path)
    before = target.read_bytes()
    with pytest.raises(FileExistsError):
        made(tmp_path)
    assert target.read_bytes() == before


def rewritten(archive: Path, change: Callable[[str, bytes], tuple[str, bytes] | None], *more: tarfile.TarInfo) -> None:
    """The same archive with other members; the manifest stays as it was."""
    kept: list[tuple[str, bytes]] = []
    with tarfile.open(archive) as tar:
        for member in tar:
            content = tar.extractfile(member)
            assert content
            if changed := change(member.name, content.read()):
                kept.append(changed)
    with tarfile.open(archive, "w") as tar:
        for info in more:
            tar.addfile(info)
        for name, data in kept:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


FAULTS: dict[str, Callable[[str, bytes], tuple[str, bytes] | None]] = {
    "a changed byte": lambda name, data: (name, b"X" + data[1:] if name == NAME else data),
    "a missing file": lambda name, data: None if name == NAME else (name, data),
    "no manifest": lambda name, data: None if name == "manifest.json" else (name, data),
    "a broken manifest": lambda name, data: (name, b"{" if name == "manifest.json" else data),
    "another format": lambda name, data: (name, json.dumps({"format": 9}).encode() if "json" in name else data),
    "a way out": lambda name, data: ("../../etc/passwd" if name == NAME else name, data),
    "a strange name": lambda name, data: ("media/ab/photo.php" if name == NAME else name, data),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_as_it_was_is_refused(tmp_path: Path, fault: str) -> None:
    target = made(tmp_path)
    rewritten(target, FAULTS[fault])
    with pytest.raises(BadArchive):
        archives.unpack(target, tmp_path / "out")
    with pytest.raises(BadArchive):
        archives.verify(target)


def test_a_link_is_refused(tmp_path: Path) -> None:
    target = made(tmp_path)
    link = tarfile.TarInfo("everyline.key")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    rewritten(target, lambda name, data: (name, data), link)
    with pytest.raises(BadArchive):
        archives.unpack(target, tmp_path / "out")


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive at all", gzip.compress(b"x" * 5000, mtime=0)[:40]],
    ids=["empty", "no archive", "cut off"],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    target = tmp_path / "backup.tar"
    target.write_bytes(content)
    with pytest.raises(BadArchive):
        archives.verify(target)


@pytest.mark.parametrize("name", ["backup.tar", "backup.tar.gz"])
def test_a_file_cut_off_is_refused(tmp_path: Path, name: str) -> None:
    target = made(tmp_path, name)
    target.write_bytes(target.read_bytes()[: target.stat().st_size // 2])
    with pytest.raises(BadArchive):
        archives.verify(target)
