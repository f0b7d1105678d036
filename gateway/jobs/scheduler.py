"""The clock: which job runs when, on the one process that holds the scheduler's lease.

APScheduler only ticks. What is due is always a question with `clock.now()`, so that catching up after downtime and
tests take the same path.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from gateway import clock
from gateway.casework import (
    airing,
    assessing,
    bulletins,
    daybook,
    draws,
    duty_alarms,
    handling,
    phrase_of_the_day,
    reminding,
    rota,
    satisfaction,
)
from gateway.jobs import upkeep
from gateway.journey import digests, staff_calls, watching
from gateway.runtime import Runtime
from store import leases

LEASE = timedelta(seconds=30)
# Job, and every how many seconds it runs.
JOBS: tuple[tuple[Callable[[Runtime], Awaitable[None]], int], ...] = (
    (upkeep.abandon_leases, 10),
    (upkeep.end_lost_calls, 10),
    (upkeep.forget_call_words, 300),
    (watching.look, 15),
    (watching.check, 60),
    (upkeep.forget, 3600),
    (upkeep.forget_recordings, 3600),
    (upkeep.forget_networks, 3600),
    (upkeep.sweep_files, 1800),
    (digests.send_due, 60),
    (daybook.keep_up, 300),
    (bulletins.keep_up, 10),
    (airing.speak_due, 10),
    (handling.resume_answered, 30),
    (assessing.keep_up, 20),
    (satisfaction.close_silent, 60),
    (reminding.send_due, 15),
    (staff_calls.place_due, 10),
    (phrase_of_the_day.keep_up, 15),
    (draws.tell_winners, 30),
    (rota.keep_up, 300),
    (duty_alarms.keep_up, 15),
)

log = structlog.get_logger()


def start(runtime: Runtime) -> AsyncIOScheduler:
    """Start ticking; the caller shuts the scheduler down."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    holder = runtime.database.holder
    for job, seconds in JOBS:
        scheduler.add_job(
            _if_holder,
            "interval",
            args=(runtime, holder, job),
            seconds=seconds,
            id=f"{job.__module__}.{job.__name__}",
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    scheduler.start()
    return scheduler


async def _if_holder(runtime: Runtime, holder: str, job: Callable[[Runtime], Awaitable[None]]) -> None:
    at = clock.now()
    try:
        if await runtime.database.write(lambda tx: leases.hold(tx, "scheduler", holder, at, at + LEASE)):
            await job(runtime)
    except Exception:
        log.exception("a job failed and will run again", action="job.failed", job=job.__name__)
