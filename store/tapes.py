"""What callers are saying, on disk as they say it, so that a crash loses at most a second of it.

A tape is raw sound beside a sealed note of whose it is: `<folder>/<channel>/<name>.pcm` and `.note`, readable by the
gateway's user alone. Whoever writes one holds its lock, which the system lets go of however the holder ends: a tape
that can be locked is nobody's. All here may wait for the disk: it is for threads.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway import clock
from gateway.errors import VaultError
from store.vault import Vault

_SOUND, _NOTE = ".pcm", ".note"


@dataclass(frozen=True, slots=True)
class Label:
    """Whose tape it is: which call's, how fast its samples follow each other, and what is known of the caller.

    `id` is the tape's own and never that of another.
    """

    id: str
    channel: str
    call: str
    rate: int
    language: str
    address: str | None = None
    line: str | None = None


class Spool:
    """One tape, held: nobody else can open it until `release` or `remove`."""

    def __init__(self, label: Label, path: Path, handle: int) -> None:
        self.label = label
        self._path = path
        self._handle = handle

    def size(self) -> int:
        """How many bytes of sound are on it."""
        return os.fstat(self._handle).st_size

    def append(self, sound: bytes) -> None:
        """Put sound behind what is there. Raises OSError, and is then as it was before."""
        before = self.size()
        try:
            view = memoryview(sound)
            while view:
                view = view[os.write(self._handle, view) :]
        except OSError:
            os.ftruncate(self._handle, before)
            raise

    def read(self) -> bytes:
        """All that is on it, in whole samples."""
        data = self._path.read_bytes()
        return data[: len(data) // 2 * 2]

    def release(self) -> None:
        """Let go of it; it stays."""
        handle, self._handle = self._handle, -1  # the number may be another file's from now on
        with contextlib.suppress(OSError):
            os.close(handle)

    def remove(self) -> None:
        """Delete it."""
        self._path.unlink(missing_ok=True)
        self._path.with_suffix(_NOTE).unlink(missing_ok=True)
        self.release()


class Tapes:
    """The folder of tapes."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder = folder
        self._vault = vault

    def open(self, label: Label) -> Spool:
        """The tape of a call: the one that broke off, to go on with, or a new one with this label."""
        folder = self._folder / label.channel
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = self._vault.lookup(f"{label.channel} {label.call}")[:32]
        broken_off = self._held(folder / f"{name}{_SOUND}")
        if broken_off and broken_off.label.rate == label.rate:
            return broken_off
        if broken_off:
            broken_off.release()
        if (folder / f"{name}{_NOTE}").exists():
            name = f"{name}-{clock.new_id()}"  # another one of the same call, which is still somebody's
        note = folder / f"{name}{_NOTE}"
        _write(note, self._vault.seal(json.dumps(asdict(label)).encode(), _place(note)))
        path = note.with_suffix(_SOUND)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        return Spool(label, path, handle)

    def left(self, channel: str, seconds: float) -> Iterator[Spool]:
        """The tapes of a channel that nobody holds and nobody wrote to within the last seconds, each held now."""
        for path in sorted((self._folder / channel).glob(f"*{_NOTE}")):
            sound = path.with_suffix(_SOUND)
            if _age(sound if sound.exists() else path) < seconds:
                continue
            if not sound.exists():
                path.unlink(missing_ok=True)  # a crash came before the first sound
            elif spool := self._held(sound):
                yield spool

    def _held(self, path: Path) -> Spool | None:
        """A tape that is there and nobody's, held now. One whose note cannot be read stays for a person to look at."""
        try:
            handle = os.open(path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            note = path.with_suffix(_NOTE)
            label = Label(**json.loads(self._vault.open(note.read_bytes(), _place(note))))
        except (
            OSError,
            VaultError,
            ValueError,
            TypeError,
        ):  # somebody holds or removed it; damaged
            os.close(handle)
            return None
        return Spool(label, path, handle)


def _place(note: Path) -> str:
    return f"tapes.note:{note.parent.name}/{note.stem}"


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
