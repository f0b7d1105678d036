"""Archives as publishers make them unpack; those that would harm are refused and write nothing outside."""

import io
import os
import stat
import struct
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from speech import archives
from speech.archives import BadArchive, unpack


def zipped(*files: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
    return data.getvalue()


def special(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    return entry


def try_unpack(tmp_path: Path, data: bytes) -> Path:
    (tmp_path / "model.zip").write_bytes(data)
    folder = tmp_path / "into"
    folder.mkdir()
    unpack(tmp_path / "model.zip", folder)
    return folder


def test_files_and_folders_land_where_they_belong(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    data = zipped(("m/", b""), ("m/am/final.mdl", content), ("m/conf/model.conf", b"--beam=13\n"), ("m/empty", b""))
    folder = try_unpack(tmp_path, data)
    assert (folder / "m/am/final.mdl").read_bytes() == content
    assert (folder / "m/conf/model.conf").read_text() == "--beam=13\n"
    assert (folder / "m/empty").stat().st_size == 0
    assert (folder / "m/am/final.mdl").stat().st_mode & 0o111 == 0


@pytest.mark.parametrize("name", ["../evil", "m/../../evil", "/evil", "m\\..\\evil", "C:evil", "m/e\nvil", "./../evil"])
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadArchive, match="outside"):
        try_unpack(tmp_path, zipped(("m/good", b"good"), (name, b"evil")))
    assert not list(tmp_path.rglob("*evil*"))
    assert list((tmp_path / "into").iterdir()) == []


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR], ids=["link", "pipe", "device"])
def test_what_is_no_file_is_refused(tmp_path: Path, mode: int) -> None:
    data = zipped((special("m/link", mode | 0o777), b"/etc"), ("m/link/passwd", b"x"))
    with pytest.raises(BadArchive, match="no file"):
        try_unpack(tmp_path, data)


def test_an_executable_or_setuid_file_is_only_a_file(tmp_path: Path) -> None:
    folder = try_unpack(tmp_path, zipped((special("run", stat.S_IFREG | 0o4777), b"#!/bin/sh\n")))
    assert (folder / "run").stat().st_mode & 0o7111 == 0


def test_a_bomb_is_refused_by_what_it_claims(tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="more than it can"):
        try_unpack(tmp_path, zipped(("m/zeros", bytes(200_000_000))))
    assert list((tmp_path / "into").iterdir()) == []


def test_a_bomb_that_lies_is_refused_by_what_it_holds(tmp_path: Path) -> None:
    """The directory at the end says 1,000 bytes; the packed data holds ten million."""
    data = bytearray(zipped(("m/zeros", bytes(10_000_000))))
    real = struct.pack("<I", 10_000_000)
    while (at := data.find(real)) >= 0:
        data[at : at + 4] = struct.pack("<I", 1_000)
    with pytest.raises(BadArchive):
        try_unpack(tmp_path, bytes(data))
    assert sum(path.stat().st_size for path in (tmp_path / "into").rglob("*") if path.is_file()) <= 1_000


def test_files_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """Many entries of the directory name one packed file: small to keep, large to unpack."""
    single = zipped(("m/a", os.urandom(50_000)))
    end = single.rindex(b"PK\x05\x06")
    start = single.rindex(b"PK\x01\x02", 0, end)
    entry, many = single[start:end], 200
    entries = b"".join(entry[:-3] + f"{n:03}".encode()[-3:] for n in range(many))
    tail = bytearray(single[end:])
    tail[8:12] = struct.pack("<HH", many, many)
    tail[12:16] = struct.pack("<I", len(entries))
    with pytest.raises(BadArchive):
        try_unpack(tmp_path, single[:start] + entries + bytes(tail))


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="2001 files"):
        try_unpack(tmp_path, zipped(*((f"m/{number}", b"") for number in range(archives.MOST_FILES + 1))))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("first", "second"), [("m/a", "m/a"), ("m/a", "m/a/b"), ("m/a/b", "m/a")])
def test_two_files_at_one_place_are_refused(tmp_path: Path, first: str, second: str) -> None:
    with pytest.raises(BadArchive, match="same place"):
        try_unpack(tmp_path, zipped((first, b"1"), (second, b"2")))


@pytest.mark.parametrize("share", [0, 0.3, 0.99])
def test_a_cut_or_wrong_file_is_told(tmp_path: Path, share: float) -> None:
    data = zipped(("m/a", os.urandom(100_000)))
    with pytest.raises(BadArchive, match="not a whole zip"):
        try_unpack(tmp_path, data[: int(len(data) * share)])


def test_a_spoilt_file_is_told(tmp_path: Path) -> None:
    data = bytearray(zipped(("m/a", os.urandom(100_000))))
    data[50_000] ^= 0xFF
    with pytest.raises(BadArchive, match="not a whole zip"):
        try_unpack(tmp_path, bytes(data))


def test_an_encrypted_archive_is_told(tmp_path: Path) -> None:
    data = bytearray(zipped(("m/a", b"secret")))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BadArchive, match="encrypted"):
        try_unpack(tmp_path, bytes(data))


def test_no_room_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(BadArchive, match="no room"):
        try_unpack(tmp_path, zipped(("m/a", b"more than ten bytes")))
    assert list((tmp_path / "into").iterdir()) == []
