"""The watch over the channels: what each process notes, and the look that decides how every channel stands.

Each process (`run`) writes what it counted and how its breakers stand, and learns what people switched. The process
that holds the scheduler's lease proves the credentials (`check`) and looks at all channels (`look`), every few seconds:
a few questions with an index each, whatever the load. Pages and `/metrics` only read what stands there then.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any

import structlog

from channels.base import Channel, DeliveryKind, Health, Standing
from gateway import clock
from gateway.journey import alarming, health, silence
from gateway.journey.health import Facts, Finding
from gateway.journey.silence import Usual
from gateway.runtime import Runtime
from store import counts, standings, tallies
from store.standings import SWITCHED
from store.tallies import Span

BEAT = 2.0
BEATS_A_WRITING = 3
CHECK_LIMIT = 20.0
# What could not be proved is tried again soon.
CHECK_AGAIN = timedelta(minutes=1)
HOUR = timedelta(hours=1)
# Of how many deliveries of the last hour, the latest, the times are taken.
SAMPLE = 500

log = structlog.get_logger()


async def run(runtime: Runtime) -> None:
    """Keep to what people switched, and write what this process counted, until cancelled; then write what is left."""
    bell = runtime.database.wakeups.bell(SWITCHED)
    proving = asyncio.create_task(_check_at_start(runtime), name="credentials at start")
    try:
        while True:
            for _ in range(BEATS_A_WRITING):
                await _attempt(learn(runtime))
                await _beat(runtime, bell)
            await _attempt(write(runtime))
    finally:
        proving.cancel()
        await _attempt(write(runtime))


async def learn(runtime: Runtime) -> None:
    """Learn which channels are paused or isolated."""
    async with runtime.database.reading() as connection:
        runtime.switches.known = await standings.switched(connection)


async def write(runtime: Runtime) -> None:
    """Put what was counted, and how the breakers stand, into the store; what cannot be written waits."""
    counted, unsigned = runtime.pulse.take()
    forged = {
        channel: {"expected": one.expected, "seen": one.seen, "at": one.at.isoformat()}
        for channel, one in unsigned.items()
    }
    breakers = {name: noted for name, noted in _breakers(runtime).items() if runtime.pulse.noted.get(name) != noted}

    async def work(transaction: Any) -> None:
        await tallies.add(transaction, counted)
        await standings.note(transaction, "unsigned", forged)
        await standings.note(transaction, "breaker", breakers)

    if not (counted or forged or breakers):
        return
    try:
        await runtime.database.write(work)
    except BaseException:
        runtime.pulse.give_back(counted, unsigned)
        raise
    runtime.pulse.noted.update(breakers)


async def check(runtime: Runtime, *, all_of_them: bool = False) -> None:
    """Prove the credentials of the channels whose last proof is old, all at once, and keep what they say."""
    at, often = clock.now(), timedelta(minutes=runtime.settings.health.check_minutes)
    async with runtime.database.reading() as connection:
        known = await standings.known(connection)
    due = []
    for channel in runtime.channels.values():
        noted = (known[channel.name].credentials if channel.name in known else None) or {}
        wait = often if noted.get("standing") == Standing.READY else min(often, CHECK_AGAIN)
        if all_of_them or not noted or datetime.fromisoformat(noted["at"]) <= at - wait:
            due.append(channel)
    if due:
        found = dict(zip([one.name for one in due], await asyncio.gather(*map(_prove, due)), strict=True))
        await runtime.database.write(lambda tx: standings.note(tx, "credentials", found))


async def look(runtime: Runtime) -> None:
    """See how every channel stands, open and close incidents by it, and note how long deliveries take."""
    at = clock.now()
    await write(runtime)
    facts, figures = await gather(runtime, at)
    limits = runtime.settings.health
    found: Mapping[str, Sequence[Finding]] = {name: health.examine(one, limits) for name, one in facts.items()}
    await runtime.database.write(lambda tx: standings.note(tx, "figures", figures))
    await alarming.settle(runtime, found, at)


async def gather(runtime: Runtime, at: datetime) -> tuple[Mapping[str, Facts], Mapping[str, Mapping[str, Any]]]:
    """What is known of every channel that runs, and the figures to be noted."""
    names = list(runtime.channels)
    moments = silence.weeks_ago(at, runtime.settings.city.zone)
    async with runtime.database.reading() as connection:
        known = await standings.known(connection)
        switched = await standings.switched(connection)
        activity = await counts.activity(connection, names)
        minutes = await tallies.since(connection, Span.MINUTE, at - HOUR)
        past = await tallies.received(connection, silence.hours_of(moments))
        times = {name: await counts.waits(connection, name, at - HOUR, SAMPLE) for name in names}
    facts, figures = {}, {}
    for name in names:
        usual = silence.usual(moments, {hour: number for (channel, hour), number in past.items() if channel == name})
        facts[name] = Facts(
            at=at,
            minutes=minutes.get(name, {}),
            activity=activity[name],
            standing=known.get(name, standings.Standing()),
            switch=switched.get(name),
            usual=usual if _seen_long_enough(runtime, usual, at) else None,
            subscribers=runtime.channels[name].capabilities.delivery is DeliveryKind.SUBSCRIBERS,
        )
        sent, delivered = times[name]
        figures[name] = {
            "at": at.isoformat(),
            "sent": percentiles(sent),
            "delivered": percentiles(delivered),
            "usual": round(usual.expected * 60 / usual.minutes) if usual else None,
        }
    return facts, figures


def percentiles(waits: Sequence[timedelta]) -> dict[str, float] | None:
    """The median and the 95th percentile of some times, in seconds."""
    seconds = [max(0.0, wait.total_seconds()) for wait in waits]
    if not seconds:
        return None
    parts = quantiles(seconds, n=20, method="inclusive") if len(seconds) > 1 else seconds * 19
    return {"p50": round(parts[9], 3), "p95": round(parts[18], 3), "number": len(seconds)}


def _seen_long_enough(runtime: Runtime, usual: Usual | None, at: datetime) -> bool:
    """A process that has just started does not know what came before."""
    return usual is not None and at - runtime.pulse.since >= timedelta(minutes=usual.minutes)


def _breakers(runtime: Runtime) -> dict[str, dict[str, Any]]:
    """How this process's breakers stand, as it is noted: an open one once a minute, so that a dead process is told."""
    at = clock.now()
    return {
        name: {
            "at": at.isoformat(timespec="minutes") if breaker.until else None,
            "until": breaker.until.isoformat() if breaker.until else None,
            "opened_at": breaker.opened_at.isoformat() if breaker.opened_at else None,
            "why": breaker.why,
        }
        for name, breaker in runtime.breakers.items()
        if breaker.until or name in runtime.pulse.noted
    }


async def _prove(channel: Channel) -> dict[str, Any]:
    try:
        async with asyncio.timeout(CHECK_LIMIT):
            found = await channel.check()
    except TimeoutError:
        found = Health(Standing.LATER, "no answer in time")
    except Exception as error:
        log.exception("a channel's check failed", action="health.check", channel=channel.name)
        found = Health(Standing.LATER, f"the check failed: {type(error).__name__}")
    return {"standing": found.standing, "sentence": found.sentence[:1000], "at": clock.now().isoformat()}


async def _check_at_start(runtime: Runtime) -> None:
    await _attempt(check(runtime, all_of_them=True))


async def _beat(runtime: Runtime, bell: Any) -> None:
    """Wait a little, and measure by how much the event loop was late."""
    begun = asyncio.get_running_loop().time()
    if not await bell.wait(BEAT):
        runtime.pulse.late(asyncio.get_running_loop().time() - begun - BEAT)


async def _attempt(work: Any) -> None:
    """What fails here is tried again with the next beat."""
    try:
        await work
    except Exception as error:  # noqa: BLE001  (the store is away, and says so itself)
        log.warning("the health of the channels could not be noted", action="health.beat", error=type(error).__name__)
