"""Files by the hash of their content: on disk, whole and flushed, before any row names them."""

import asyncio
import hashlib
import os
import tempfile
from pathlib import Path


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

    async def remove(self, sha256: str) -> None:
        """Delete a file that no row names any more; one that is gone already is as good."""
        await asyncio.to_thread(self.path(sha256).unlink, missing_ok=True)

    def _keep(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        target = self.path(sha256)
        if target.exists():
            return sha256
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
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


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
