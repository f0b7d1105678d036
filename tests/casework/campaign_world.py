"""A campaign that goes on, with a phrase for each day, and people who post it back."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gateway import clock
from gateway.casework import campaigns
from gateway.runtime import Runtime

DAY = 86_400.0
DAYS = 3
NOON = datetime(2027, 3, 1, 4, tzinfo=UTC)  # in Shanghai
PHRASES = (("春江水暖鸭先知", "The ducks know first"), ("一寸光阴一寸金", "Time is gold"), ("有志者事竟成", ""))


def from_noon() -> Callable[[float], None]:
    """Set the clock to noon, far from the end of any day; gives what moves it on by seconds."""
    began, passed = time.monotonic(), 0.0

    def move(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    clock.replace(now=lambda: NOON + timedelta(seconds=time.monotonic() - began + passed))
    return move


def typed(first: date, **more: Any) -> dict[str, Any]:
    """What staff type to make one that begins on a day."""
    return {
        "slug": "spring",
        "name": {"zh": "春天每日一句", "en": "A phrase for spring"},
        "prize": {"zh": "公交月票", "en": "a bus pass"},
        "begins_on": first,
        "ends_on": first + timedelta(days=DAYS - 1),
        "publish_at": "00:00",
        "winners": 2,
        **more,
    }


async def begin(runtime: Runtime, **more: Any) -> str:
    """Make one that begins today; gives its id."""
    first = campaigns.today(runtime)
    campaign_id = await campaigns.add(runtime, typed(first, **more), actor="ada")
    lines = [f"{first + timedelta(days=day)} | {zh} | {en}" for day, (zh, en) in enumerate(PHRASES)]
    await campaigns.fill(runtime, campaign_id, "\n".join(lines), actor="ada")
    return campaign_id
