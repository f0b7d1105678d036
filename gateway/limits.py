"""How often one network address may ask: a bucket that fills steadily, in memory, for as many addresses as fit."""

from collections import OrderedDict

from gateway import clock
from gateway.errors import TooMany

MOST_ADDRESSES = 100_000


class Limit:
    """At most `number` in `seconds`, with bursts up to that; the longest unseen addresses are forgotten first."""

    def __init__(self, number: int, seconds: float) -> None:
        self._number = number
        self._rate = number / seconds
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> None:
        """Count one request. Raises `TooMany`, saying when the next is allowed."""
        at = clock.now().timestamp()
        left, seen = self._buckets.pop(address, (float(self._number), at))
        left = min(self._number, left + max(0.0, at - seen) * self._rate)
        allowed = left >= 1
        self._buckets[address] = (left - 1 if allowed else left, at)
        if len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        if not allowed:
            raise TooMany("too many from your network just now", retry_after=int((1 - left) / self._rate) + 1)
