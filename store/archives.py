"""The file a backup is: a tar of the database and the media, and last a manifest with the checksum of each.

It is written beside its place, read back whole against its manifest, and only then given its name. It is unpacked into
a folder of its own and checked whole before anybody touches what is there.
"""

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from gateway.errors import BadArchive

MANIFEST = "manifest.json"
KEY = "everyline.key"
MEDIA = "media/"
FORMAT = 1
# What stands for the database, by its kind: a whole SQLite file, or what pg_dump wrote in its custom format.
DATABASES = {"sqlite": "database.sqlite", "postgresql": "database.pgdump"}
_NAMES = re.compile(rf"{re.escape(KEY)}|database\.(sqlite|pgdump)|media/[0-9a-f]{{2}}/[0-9a-f]{{64}}")
_CHUNK = 1_048_576
_LONGEST_MANIFEST = 512 * _CHUNK


@dataclass(frozen=True, slots=True)
class Sum:
    """What a file must be."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `proof` is what only the right master key opens, in hexadecimal."""

    format: int
    made_at: str
    database: str
    schema: str | None
    proof: str
    files: Mapping[str, Sum]

    @property
    def media(self) -> list[str]:
        """The names of the citizens' files."""
        return [name for name in self.files if name.startswith(MEDIA)]


class _Summing:
    """A file that is summed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sum = hashlib.sha256()
        self._bytes = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._sum.update(data)
        self._bytes += len(data)
        return data

    def sum(self) -> Sum:
        return Sum(self._sum.hexdigest(), self._bytes)


def write(target: Path, facts: Mapping[str, Any], sources: Iterable[tuple[str, Path]]) -> Manifest:
    """Write an archive of files by their names in it, verified and on disk; gives its manifest.

    `facts` are the manifest's other fields. A file that is gone when its turn comes is left out. Raises
    FileExistsError when there is something at the target, `BadArchive` when it reads back differently.
    """
    if target.exists():
        raise FileExistsError(0, "there is a file already", str(target))
    beside = target.with_name(f"{target.name}.part")
    beside.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            made = _write(file, target.name, facts, sources)
            file.flush()
            os.fsync(file.fileno())
        if verify(beside) != made:
            raise BadArchive("the archive reads back differently from what was written: is the disk sound?")
        os.link(beside, target)  # unlike a renaming, this never replaces what somebody put there meanwhile
    finally:
        beside.unlink(missing_ok=True)
    return made


def verify(archive: Path) -> Manifest:
    """Read an archive whole against its manifest. Raises `BadArchive`."""
    return _read(archive, None)


def unpack(archive: Path, folder: Path) -> Manifest:
    """Unpack an archive into an empty folder; gives its manifest. Raises `BadArchive` for a damaged one."""
    return _read(archive, folder)


def _write(file: IO[bytes], name: str, facts: Mapping[str, Any], sources: Iterable[tuple[str, Path]]) -> Manifest:
    files: dict[str, Sum] = {}
    zipped = name.endswith((".gz", ".tgz"))
    with tarfile.open(fileobj=file, mode="w:gz" if zipped else "w") as tar:
        for inside, path in sources:
            try:
                with path.open("rb") as source:
                    info = tarfile.TarInfo(inside)
                    info.size, info.mode = os.fstat(source.fileno()).st_size, 0o600
                    summing = _Summing(source)
                    tar.addfile(info, summing)
                    files[inside] = summing.sum()
            except FileNotFoundError:
                continue
        made = Manifest(format=FORMAT, files=files, **facts)
        _add_manifest(tar, made)
    return made


def _add_manifest(tar: tarfile.TarFile, made: Manifest) -> None:
    data = json.dumps(asdict(made), indent=1, sort_keys=True).encode()
    info = tarfile.TarInfo(MANIFEST)
    info.size, info.mode = len(data), 0o600
    tar.addfile(info, io.BytesIO(data))


def _read(archive: Path, folder: Path | None) -> Manifest:
    found: dict[str, Sum] = {}
    manifest: Manifest | None = None
    try:
        for name, source, size in _members(archive):
            if name == MANIFEST:
                manifest = _parsed(source.read(size))
                continue
            found[name] = _copied(source, folder / name if folder else None)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise BadArchive(f"{archive} is no archive, or damaged: {error}") from error
    if manifest is None:
        raise BadArchive(f"{archive} has no manifest: it is not a whole backup")
    wrong = sorted(name for name in {*found, *manifest.files} if found.get(name) != manifest.files.get(name))
    if wrong:
        raise BadArchive(f"{archive} is damaged: {', '.join(wrong[:5])}")
    return manifest


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes], int]]:
    """Every file, its content and its size. Only names that we write are taken: no path leads out of the folder."""
    with tarfile.open(archive) as tar:
        for member in tar:
            known = member.name == MANIFEST or _NAMES.fullmatch(member.name)
            source = tar.extractfile(member) if known and member.isreg() else None
            if source is None or (member.name == MANIFEST and member.size > _LONGEST_MANIFEST):
                raise BadArchive(f"{archive} holds what no backup does: {member.name[:80]!r}")
            yield member.name, source, member.size


def _copied(source: IO[bytes], target: Path | None) -> Sum:
    summing = _Summing(source)
    if target is None:
        while summing.read(_CHUNK):
            pass
        return summing.sum()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with target.open("xb") as file:
        while data := summing.read(_CHUNK):
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return summing.sum()


def _parsed(data: bytes) -> Manifest:
    try:
        fields = json.loads(data)
        if fields["format"] != FORMAT:
            raise BadArchive(f"this backup has format {fields['format']}; this version reads {FORMAT}")
        files = {str(name): Sum(str(one["sha256"]), int(one["bytes"])) for name, one in fields.pop("files").items()}
        return Manifest(files=files, **fields)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadArchive("the manifest of this backup cannot be read") from error
