"""What Prometheus reads at /metrics: requests, channels' activity, listeners, signatures that did not fit."""

from collections.abc import Iterator
from datetime import timedelta

from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from gateway import clock
from gateway.errors import NotAllowed
from gateway.journey.breaker import BreakerState
from gateway.journey.health import breaker_state
from gateway.pulse import Pulse
from gateway.web import addresses
from gateway.web.keys import ACCOUNT, HUB, METRICS, RUNTIME
from store import calls, counts, incidents, posts_for_staff, standings, transcribing
from store.standings import Standing

BREAKERS = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 0.5, BreakerState.OPEN: 1}
LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The figures of one application, in a registry of its own."""

    def __init__(self, pulse: Pulse) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(Counted(pulse))
        route = ["method", "route", "status"]
        self._requests = Histogram(
            "everyline_http_seconds", "Requests by route and status", route, registry=self.registry, buckets=LATENCIES
        )
        self.unsigned = Counter(
            "everyline_unsigned_total", "Requests refused for their signature", ["channel"], registry=self.registry
        )
        self.listeners = Gauge("everyline_listeners", "Open live streams", registry=self.registry)
        self.waiting = Gauge("everyline_store_waiting", "Changes that wait for the store", registry=self.registry)
        self.posts = Gauge("everyline_posts", "Posts by state", ["state"], registry=self.registry)
        self.depth = Gauge("everyline_deliveries_waiting", "Deliveries waiting", ["channel"], registry=self.registry)
        self.failed = Gauge("everyline_deliveries_failed", "Dead letters", ["channel"], registry=self.registry)
        self.unknown = Gauge("everyline_deliveries_unknown", "Unknown outcomes", ["channel"], registry=self.registry)
        self.last_in = Gauge(
            "everyline_last_in_timestamp_seconds", "When a channel last received", ["channel"], registry=self.registry
        )

        self.calls = Gauge("everyline_calls_going_on", "Calls going on, in all processes", registry=self.registry)
        self.unwritten = Gauge(
            "everyline_transcription_waiting", "Recordings that wait for being written down", registry=self.registry
        )
        self.oldest = Gauge(
            "everyline_transcription_oldest_seconds", "How long the oldest of them waits", registry=self.registry
        )
        self.factor = Gauge(
            "everyline_transcription_real_time_factor",
            "Seconds of work for a second of sound, in the last hour",
            ["model"],
            registry=self.registry,
        )
        self.lost = Gauge("everyline_workers_lost", "Worker processes lost", ["pool"], registry=self.registry)
        self.lag = Gauge("everyline_loop_lag_seconds", "Lateness of the event loop", registry=self.registry)
        self.breaker = Gauge(
            "everyline_breaker_open", "1 while nothing is sent, 0.5 while probing", ["channel"], registry=self.registry
        )
        self.incidents = Gauge("everyline_incidents_open", "Open incidents", ["channel"], registry=self.registry)
        self.switched = Gauge(
            "everyline_channel_switched", "1 while paused or isolated", ["channel", "position"], registry=self.registry
        )

    def requested(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; a method nobody knows gets no line of its own."""
        self._requests.labels(method if method in hdrs.METH_ALL else "other", route, str(status)).observe(seconds)


class Counted:
    """What this process counted of its channels since it started, as counters."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The counts as they stand."""
        received = CounterMetricFamily("everyline_messages_in", "Messages taken in", labels=["channel"])
        ends = CounterMetricFamily("everyline_attempts", "Attempts by their end", labels=["channel", "end"])
        delivered = CounterMetricFamily("everyline_deliveries_confirmed", "Confirmed deliveries", labels=["channel"])
        for channel, tally in sorted(self._pulse.total.items()):
            received.add_metric([channel], tally.received)
            delivered.add_metric([channel], tally.delivered)
            for end in ("sent", "later", "unknown", "failed"):
                ends.add_metric([channel, end], getattr(tally, end))
        yield from (received, ends, delivered)


def routes() -> list[web.RouteDef]:
    """The one route."""
    return [web.get("/metrics", _metrics)]


async def _metrics(request: web.Request) -> web.Response:
    """For this machine and for staff with a token: the figures tell how busy each line is."""
    if not addresses.is_loopback(request.remote or "") and ACCOUNT not in request:
        raise NotAllowed("ask from this machine, or with a bearer token")
    if request.headers.get("X-Forwarded-For") and ACCOUNT not in request:
        raise NotAllowed("a proxy's question counts as from outside: use a bearer token")
    metrics, runtime = request.app[METRICS], request.app[RUNTIME]
    metrics.listeners.set(len(request.app[HUB].listeners))
    metrics.waiting.set(runtime.database.waiting)
    async with runtime.database.reading() as connection:
        activity = await counts.activity(connection, list(runtime.channels))
        for state, number in (await posts_for_staff.counts(connection)).items():
            metrics.posts.labels(state).set(number)
        standing = await standings.known(connection)
        open_numbers = await incidents.open_numbers(connection)
        metrics.calls.set(await calls.going_on(connection, clock.now()))
        backlog = await transcribing.backlog(connection, clock.now())
        rates = await transcribing.rates(connection, clock.now() - timedelta(hours=1))
    at = clock.now()
    metrics.unwritten.set(backlog.waiting)
    metrics.oldest.set(max(0, (at - backlog.oldest).total_seconds()) if backlog.oldest else 0)
    # A model that was not at work has no factor, not the one it had.
    metrics.factor.clear()
    for model, rate in rates.items():
        if rate.factor is not None:
            metrics.factor.labels(model).set(rate.factor)
    metrics.lost.labels("speech").set(runtime.workers.lost)
    metrics.lost.labels("files").set(runtime.openers.lost)
    metrics.lag.set(runtime.pulse.take_lag())
    for name, found in activity.items():
        metrics.breaker.labels(name).set(BREAKERS[breaker_state(standing.get(name, Standing()), at)])
        metrics.incidents.labels(name).set(open_numbers.get(name, 0))
        metrics.switched.labels(name, "paused").set(runtime.switches.paused(name))
        metrics.switched.labels(name, "isolated").set(runtime.switches.isolated(name))
        metrics.depth.labels(name).set(found.depth)
        metrics.failed.labels(name).set(found.failed)
        metrics.unknown.labels(name).set(found.unknown)
        if found.last_in:
            metrics.last_in.labels(name).set(found.last_in.timestamp())
    return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
