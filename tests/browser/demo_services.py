"""Services of the demo city's departments, written and published by the API, and words that nobody answers."""

import tomllib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.process.gateway import ROOT

ENTRIES = ROOT / "gateway/demo/services.toml"
IN_VAIN = ("宠物登记", "宠物登记", "宠物登记", "kayak rental", "游泳馆", "游泳馆")

Post = Callable[[str, dict[str, Any]], Awaitable[Any]]
Get = Callable[[str], Awaitable[Any]]


async def write(post: Post, get: Get) -> dict[str, str]:
    """Write them all; gives what addresses of pages stand for. `post` and `get` ask the gateway as staff do."""
    places: dict[str, str] = {}
    begin = "/api/v1/console/services"
    for entry in tomllib.loads(ENTRIES.read_text(encoding="utf-8"))["entry"]:
        hours, step = entry.pop("hours", 0), entry.pop("step")
        entry.pop("read", None)  # how often it is asked for, in the sample city
        if hours:
            entry["valid_until"] = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
        made = (await post(begin, entry))["id"]
        places["service"] = made
        if step == "publish":
            shown = await post(f"{begin}/{made}/publish", {})
            places[f"service_{shown['state']}"] = made
            if entry["kind"] == "outage":
                places |= {"outage": shown["slug"], "service_outage": made}
                await post(f"{begin}/{made}/tell", {})
    for word in IN_VAIN:
        await get(f"/services?q={word}")
    return places
