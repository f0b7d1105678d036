"""Time, identity and chance: what every row needs; the first two every test must be able to fix.

All code asks `now()` and `new_id()` here, never the operating system, so that a test can hold both still.
"""

import os
import threading
import time
from collections.abc import Callable
from datetime import MAXYEAR, MINYEAR, UTC, datetime

_lock = threading.Lock()
_last = 0
# Drawn from the system by the page, each byte used once: asking it for every id costs more than all else about an id.
_RANDOM_AT_ONCE = 4096
_drawing = threading.Lock()
_random = memoryview(b"")


def _system_now() -> datetime:
    return datetime.now(UTC)


def _system_id() -> str:
    """A UUID version 7 (RFC 9562) that never runs backwards within one process.

    The 12 bits after the version count ids of the same millisecond, so ids sort in the order they were made
    and a b-tree grows at its end only.
    """
    global _last
    with _lock:
        _last = max(_last + 1, time.time_ns() // 1_000_000 << 12)
        stamp, counter = _last >> 12, _last & 0xFFF
    value = stamp << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | int.from_bytes(random_bytes(8)) >> 2
    return f"{value:032x}"


_now: Callable[[], datetime] = _system_now
_new_id: Callable[[], str] = _system_id


def now() -> datetime:
    """The present moment, always in UTC and aware of it."""
    return _now()


def in_every_zone(at: datetime) -> bool:
    """Whether a moment that somebody typed can be told in every zone: at the ends of all time there is none before or
    after it."""
    return MINYEAR < at.year < MAXYEAR


def new_id() -> str:
    """A fresh identifier: 32 hexadecimal digits, in order of making."""
    return _new_id()


def random_bytes(count: int) -> bytes:
    """So many bytes (at most 4,096) of the system's randomness, fit for keys: nobody else was or will be given them."""
    global _random
    with _drawing:
        if len(_random) < count:
            _random = memoryview(os.urandom(_RANDOM_AT_ONCE))
        chance, _random = bytes(_random[:count]), _random[count:]
    return chance


def _forget_randomness() -> None:
    """A forked process would be given the same bytes as its parent."""
    global _random
    _random = memoryview(b"")


os.register_at_fork(after_in_child=_forget_randomness)


def replace(*, now: Callable[[], datetime] | None = None, new_id: Callable[[], str] | None = None) -> None:
    """Put other sources in place, for tests and the simulator; without arguments the system's come back."""
    global _now, _new_id
    _now, _new_id = now or _system_now, new_id or _system_id
