"""`make bench`: prints one line for each figure, `bench NAME: VALUE UNIT (goal GOAL) ok|short`."""

import asyncio
import sys

from tests.bench import (
    analytics,
    broadcast,
    calls,
    delivery,
    following,
    hearing,
    intake,
    live,
    pages,
    places,
    recordings,
    search,
    several,
)
from tests.bench import filter as word_filter


async def main() -> None:
    """Run every measurement and print its figures."""
    for figure in (
        *word_filter.measure(),
        *places.measure(),
        *await intake.measure(),
        *await delivery.measure(),
        *await broadcast.measure(),
        *await live.measure(),
        *await calls.measure(),
        *await following.measure(),
        *await recordings.measure(),
        *await several.measure(),
        *await search.measure(),
        *await pages.measure(),
        *await analytics.measure(),
        *await hearing.measure(),
    ):
        good = figure.value >= figure.goal if figure.more_is_better else figure.value <= figure.goal
        mark = "ok" if good else "short"
        sys.stdout.write(f"bench {figure.name}: {figure.value:.3g} {figure.unit} (goal {figure.goal:g}) {mark}\n")
        sys.stdout.flush()


asyncio.run(main())
