"""A model's archive is unpacked as if a stranger had made it: nothing outside its folder, and nothing without end."""

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

from gateway.errors import EverylineError

MOST_FILES = 2_000
# The largest models have 16 GB; they are numbers, which hardly pack to less than a third.
MOST_BYTES = 24 * 1024**3
MOST_RATIO = 100
_CHUNK = 1024 * 1024
_ENCRYPTED = 0x1


class BadArchive(EverylineError):
    """The archive cannot be used; the message says why."""

    status = 422
    title = "Unusable archive"


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip archive into an empty `folder`.

    Raises `BadArchive` for what is no zip, is damaged, would land elsewhere, or is out of all proportion; then some of
    its files may lie in `folder`, and are to be thrown away with it.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            places = _checked(zipped, archive.stat().st_size)
            room = shutil.disk_usage(folder).free
            needed = sum(entry.file_size for entry in zipped.infolist())
            if needed > room:
                raise BadArchive(f"there is no room: unpacked it has {needed} bytes, and {room} are free")
            for entry, place in places:
                _put(zipped, entry, folder / place)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, RuntimeError) as error:
        raise BadArchive(f"this is not a whole zip archive: {error}") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise BadArchive("two files of the archive have the same place") from error


def _checked(zipped: zipfile.ZipFile, size: int) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    entries = zipped.infolist()
    if len(entries) > MOST_FILES:
        raise BadArchive(f"the archive has {len(entries)} files; no model has more than {MOST_FILES}")
    total = sum(entry.file_size for entry in entries)
    if total > min(MOST_BYTES, size * MOST_RATIO) or sum(entry.compress_size for entry in entries) > size:
        raise BadArchive("the archive claims to hold more than it can")
    return [(entry, _place(entry)) for entry in entries]


def _place(entry: zipfile.ZipInfo) -> PurePosixPath:
    """Where an entry goes, within the folder."""
    place = PurePosixPath(entry.filename)
    odd = place.is_absolute() or ".." in place.parts or any(mark in entry.filename for mark in "\\:\0")
    if odd or not place.parts or not entry.filename.isprintable():
        raise BadArchive(f"the archive would write outside its folder: {entry.filename!r}")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadArchive(f"the archive holds something that is no file: {entry.filename!r}")
    if entry.flag_bits & _ENCRYPTED:
        raise BadArchive("the archive is encrypted")
    return place


def _put(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    left = entry.file_size
    with zipped.open(entry) as packed, path.open("xb") as file:
        while piece := packed.read(_CHUNK):
            left -= len(piece)
            if left < 0:
                raise BadArchive("the archive holds more than it claims")
            file.write(piece)
    if left:
        raise BadArchive("the archive holds less than it claims")
