"""What a SQLite file's log holds is put into the file beside the commits, on a connection and in a thread of its own.

Done by a commit, as SQLite does it by itself, everybody waits some 50 ms for it whenever the log is full. Done here,
the writer only has to put away the rest (see `dialect.WRITER_PRAGMAS`), after which the log begins anew.
"""

import contextlib
import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor

# Rows changed before the log is looked at: some megabytes of an expansion.
EVERY = 8000


class Checkpoints:
    """Follows the commits of one writer, and never makes one wait."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(1, "store checkpoints")
        self._running: Future[None] | None = None
        self._done_at = 0

    def committed(self, changed: int) -> None:
        """Note a commit, with the number of rows that the writer's connection has changed so far."""
        busy = self._running is not None and not self._running.done()
        if not busy and changed - self._done_at >= EVERY:
            self._done_at = changed
            self._running = self._thread.submit(self._checkpoint)

    def close(self) -> None:
        """Wait for the one that runs."""
        self._thread.shutdown()

    def _checkpoint(self) -> None:
        """One that waits for nobody. What it could not do, as when the disk is full, the next or the writer does."""
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(self._file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
