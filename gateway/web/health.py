"""Whether the process lives, and whether it can take messages now."""

import asyncio

from aiohttp import web

from gateway import clock
from gateway.runtime import Runtime
from gateway.web.keys import RUNTIME
from store import events, leases
from store.database import Transaction, Work

READY_WITHIN = 1.0


def routes() -> list[web.RouteDef]:
    """The two questions of whoever runs the gateway."""
    return [web.get("/healthz", _alive), web.get("/readyz", _ready)]


async def _alive(request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _ready(request: web.Request) -> web.Response:
    """503 with what is wrong while the store does not answer or too much waits for it."""
    runtime = request.app[RUNTIME]
    problems = []
    try:
        async with asyncio.timeout(READY_WITHIN):
            async with runtime.database.reading() as connection:
                await events.last_number(connection)
            await runtime.database.write(_something(runtime) if runtime.database.failing else _nothing)
    except Exception:  # noqa: BLE001  (whatever the driver raises means the same)
        problems.append("the store does not answer")
    if runtime.database.waiting > runtime.settings.intake.queue_limit // 2:
        problems.append("too much waits for the store")
    return web.json_response({"ready": not problems, "problems": problems}, status=503 if problems else 200)


async def _nothing(transaction: Transaction) -> None:
    """A change that changes nothing: it shows that the writer lives."""


def _something(runtime: Runtime) -> Work[bool]:
    """A change that must be written: a full disk shows with nothing less."""
    at, holder = clock.now(), runtime.database.holder
    return lambda transaction: leases.hold(transaction, "readiness", holder, at, at)
