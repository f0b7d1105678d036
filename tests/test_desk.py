"""What channels ask of the desk, against a real store."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from gateway import clock
from gateway.desk import Desk
from gateway.runtime import Runtime


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    clock.replace()


@pytest.mark.parametrize(
    ("days", "hours", "there"), [(1, 23, True), (1, 25, False), (60, 1439, True), (60, 1441, False)]
)
async def test_what_is_kept_is_there_for_so_many_days(runtime: Runtime, days: int, hours: int, there: bool) -> None:
    desk, begun = Desk(runtime), clock.now()
    await desk.keep("texting", "position", {"at": "noon"}, days=days)
    clock.replace(now=lambda: begun + timedelta(hours=hours))
    assert await desk.recall("texting", "position") == ({"at": "noon"} if there else None)
    assert await desk.recall("form", "position") is None
