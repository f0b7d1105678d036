"""Files by the hash of their content: on disk, whole and flushed, before any row names them."""

import asyncio
import fcntl
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{64}")
_HALF = ".new-"
_FOLDERS = [f"{number:02x}" for number in range(256)]


class Blobs:
    """One folder of files named by SHA-256, spread over 256 subfolders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Where a file is or would be."""
        return self.folder / sha256[:2] / sha256

    async def keep(self, data: bytes) -> str:
        """Store bytes and give their hash; returns only when they would survive a power cut."""
        return await asyncio.to_thread(self._keep, data)

    async def old(self, seconds: float) -> list[str]:
        """The hashes of all files that nobody stored within the last seconds."""
        return await asyncio.to_thread(self._old, time.time() - seconds)

    async def remove(self, hashes: Sequence[str], seconds: float) -> int:
        """Delete files, but for those stored again within the last seconds; gives how many."""
        return await asyncio.to_thread(self._remove, hashes, time.time() - seconds)

    def _keep(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        target = self.path(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        if _renewed(target):
            return sha256
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=_HALF)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).rename(target)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        _flush_folder(target.parent)
        return sha256

    def _old(self, before: float) -> list[str]:
        found = []
        for entry in (entry for name in _FOLDERS for entry in _entries(self.folder / name)):
            if not _is_older(entry.path, before):
                continue
            if entry.name.startswith(_HALF):
                Path(entry.path).unlink(missing_ok=True)  # a crash left it half-written
            elif _NAME.fullmatch(entry.name):
                found.append(entry.name)
        return found

    def _remove(self, hashes: Sequence[str], before: float) -> int:
        removed = 0
        for sha256 in hashes:
            target = self.path(sha256)
            if not target.exists():
                continue
            with _alone(target.parent):
                if _is_older(target, before):
                    target.unlink()
                    removed += 1
        return removed


def _renewed(target: Path) -> bool:
    """Whether a file is there already; then it counts as stored just now, and no sweep takes it meanwhile."""
    with _alone(target.parent):
        try:
            os.utime(target)
        except FileNotFoundError:
            return False
        return True


def _is_older(path: Path | str, before: float) -> bool:
    try:
        return os.stat(path).st_mtime < before
    except FileNotFoundError:
        return False


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder against other threads and processes; the system lets go of it however its holder ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
