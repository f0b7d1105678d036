"""What the long-running steps share: work until there is none, then wait to be rung."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gateway.runtime import Runtime

# Seconds after which it is looked again although nobody rang, and to breathe after a failure.
LOOK_EVERY = 2.0

log = structlog.get_logger()


async def keep_doing(
    runtime: Runtime, topic: str, do_some: Callable[[Runtime], Awaitable[bool]], *, action: str, stumbled: str
) -> None:
    """Do some until there is nothing to do, whenever the topic's bell rings, until cancelled.

    Where a step stands is in the last commit: nothing is lost by trying again after a failure, which is logged as
    `stumbled` under `action`.
    """
    bell = runtime.database.wakeups.bell(topic)
    while True:
        try:
            while await do_some(runtime):
                pass
        except Exception:
            log.exception(stumbled, action=action)
            await asyncio.sleep(LOOK_EVERY)
        await bell.wait(LOOK_EVERY)
