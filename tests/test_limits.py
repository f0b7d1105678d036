from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway import clock, limits
from gateway.errors import TooMany
from gateway.limits import Limit

START = datetime(2026, 1, 1, tzinfo=UTC)


class Time:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


@pytest.fixture
def time() -> Iterator[Time]:
    made = Time()
    clock.replace(now=made.now)
    yield made
    clock.replace()


def test_a_burst_is_allowed_then_the_bucket_fills_steadily(time: Time) -> None:
    limit = Limit(3, 60)
    for _ in range(3):
        limit.take("a")
    with pytest.raises(TooMany) as refused:
        limit.take("a")
    assert refused.value.retry_after == 21
    limit.take("b")
    time.seconds = 19
    with pytest.raises(TooMany):
        limit.take("a")
    time.seconds = 20.1
    limit.take("a")
    with pytest.raises(TooMany):
        limit.take("a")
    time.seconds = 10_000
    for _ in range(3):
        limit.take("a")
    with pytest.raises(TooMany):
        limit.take("a")


def test_a_clock_set_back_gives_nothing_away(time: Time) -> None:
    limit = Limit(1, 60)
    limit.take("a")
    time.seconds = -3600
    with pytest.raises(TooMany):
        limit.take("a")


def test_only_so_many_addresses_are_remembered(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_ADDRESSES", 2)
    limit = Limit(1, 60)
    for address in "abc":
        limit.take(address)
    limit.take("a")
    with pytest.raises(TooMany):
        limit.take("c")
