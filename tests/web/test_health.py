import asyncio
from typing import Any

import pytest

from gateway.settings import Settings
from gateway.web import health
from gateway.web.keys import HUB
from store import events
from store.accounts import Role
from store.database import Database
from tests.web.conftest import World


async def ready(world: World) -> tuple[int, list[str]]:
    response = await world.client.get("/readyz")
    found = await response.json()
    assert found["ready"] is (response.status == 200)
    return response.status, found["problems"]


async def test_a_gateway_that_runs_is_alive_and_ready(world: World) -> None:
    alive = await world.client.get("/healthz")
    assert (alive.status, await alive.text()) == (200, "ok\n")
    assert await ready(world) == (200, [])


async def test_a_store_that_fails_is_not_ready_but_the_process_lives(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_connection: object) -> int:
        raise RuntimeError("disk I/O error")

    monkeypatch.setattr(events, "last_number", fail)
    assert await ready(world) == (503, ["the store does not answer"])
    assert (await world.client.get("/healthz")).status == 200


async def test_a_store_that_is_slow_is_not_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stall(_connection: object) -> int:
        await asyncio.sleep(30)
        return 0

    monkeypatch.setattr(events, "last_number", stall)
    monkeypatch.setattr(health, "READY_WITHIN", 0.1)
    assert await ready(world) == (503, ["the store does not answer"])


async def test_a_writer_that_is_gone_is_not_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = world.runtime.database._writer
    monkeypatch.setattr(world.runtime.database, "_writer", None)
    assert await ready(world) == (503, ["the store does not answer"])
    monkeypatch.setattr(world.runtime.database, "_writer", writer)
    assert await ready(world) == (200, [])


async def test_too_much_waiting_is_not_ready(world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Database, "waiting", property(lambda _self: settings.intake.queue_limit))
    assert await ready(world) == (503, ["too much waits for the store"])


async def test_metrics_count_requests_by_route_and_never_by_what_was_asked(world: World) -> None:
    await world.published("路灯坏了")
    await world.client.get("/api/v1/posts/12345678?name=zhang")
    await world.client.get("/nothing/here")
    text = await (await world.client.get("/metrics")).text()
    assert 'everyline_http_seconds_count{method="GET",route="/api/v1/posts/{ticket}",status="404"} 1.0' in text
    assert 'everyline_http_seconds_count{method="GET",route="unknown",status="404"} 1.0' in text
    assert 'everyline_posts{state="published"} 1.0' in text
    assert 'everyline_last_in_timestamp_seconds{channel="form"}' in text
    assert 'everyline_deliveries_waiting{channel="texting"}' in text
    assert "everyline_listeners 0.0" in text
    assert "12345678" not in text
    assert "zhang" not in text


async def test_metrics_know_who_listens(world: World) -> None:
    async with world.app[HUB].listeners.listen("json"):
        assert "everyline_listeners 1.0" in await (await world.client.get("/metrics")).text()


CALLERS: list[tuple[dict[str, str], Any, int]] = [
    ({}, None, 200),
    ({"X-Forwarded-For": "203.0.113.9"}, None, 403),
    ({"X-Forwarded-For": "203.0.113.9"}, Role.VIEWER, 200),
]


@pytest.mark.parametrize(
    ("headers", "role", "status"), CALLERS, ids=["this machine", "through a proxy", "with a token"]
)
async def test_metrics_are_for_this_machine_and_for_staff(
    world: World, headers: dict[str, str], role: Role | None, status: int
) -> None:
    proof = await world.token(role) if role else {}
    assert (await world.client.get("/metrics", headers={**headers, **proof})).status == status
