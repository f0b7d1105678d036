"""The operators' pages: how every channel stands, one channel by the minute and hour, and what a person may switch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from channels.base import DeliveryKind
from gateway import clock
from gateway.errors import BadInput, NotFound
from gateway.journey import switching
from gateway.journey.breaker import BreakerState
from gateway.journey.health import HEALS, Condition, breaker_state, condition
from gateway.runtime import Runtime
from gateway.web import csv_files
from gateway.web.channel_labels import SIMULATED
from gateway.web.charts import Chart, chart
from gateway.web.console import draw
from gateway.web.keys import ACCOUNT, RUNTIME
from store import counts, incidents, standings, subscribers, tallies
from store.accounts import Role
from store.counts import Activity
from store.incidents import Incident
from store.standings import Position, Standing, Switch
from store.subscribers import Roll
from store.tallies import Span, Tallies, Tally, begin

MOST_INCIDENTS = 30
# Rates are of the last whole minutes: one alone jumps too much to be read.
RATE_MINUTES = 5
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
POSITIONS: Mapping[str, Position | None] = {"pause": Position.PAUSED, "isolate": Position.ISOLATED, "resume": None}
# The worst first.
ORDER = (
    Condition.ACT,
    Condition.HEALING,
    Condition.ISOLATED,
    Condition.PAUSED,
    Condition.ON,
    Condition.OFF,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One channel as operators see it; of one that is off only how and why is known."""

    name: str
    mode: str
    why: str
    condition: Condition
    breaker: BreakerState = BreakerState.CLOSED
    activity: Activity | None = None
    standing: Standing = field(default_factory=Standing)
    switch: Switch | None = None
    incidents: Sequence[Incident] = ()
    hour: Tally = field(default_factory=Tally)
    in_a_minute: float = 0
    out_a_minute: float = 0
    heals: bool | None = None
    receives: bool = False
    sends: bool = False
    subscribers: Roll | None = None
    lacks: Sequence[str] = ()

    @property
    def look(self) -> str:
        """How it is shown: what works for a simulated carrier reaches nobody, and does not look as if it did."""
        return SIMULATED if self.mode == SIMULATED and self.condition is Condition.ON else self.condition

    @property
    def error_share(self) -> float | None:
        """The share of the last hour's attempts that ended badly, None when there were none."""
        bad = self.hour.attempts - self.hour.sent
        return round(bad / self.hour.attempts, 4) if self.hour.attempts else None

    def facts(self) -> dict[str, Any]:
        """All of it for programs."""
        figures, stands = self.standing.figures or {}, self.standing
        return {
            **(asdict(self.activity) if self.activity else {}),
            "heals_by_itself": self.heals,
            "breaker": {**(stands.breaker or {}), "state": self.breaker},
            "credentials": stands.credentials,
            "signatures": {"failed_last_hour": self.hour.unsigned, "last": stands.unsigned},
            "in_a_minute": self.in_a_minute,
            "out_a_minute": self.out_a_minute,
            "usual_in_an_hour": figures.get("usual"),
            "seconds_to_sent": figures.get("sent"),
            "seconds_to_delivered": figures.get("delivered"),
            "error_share": self.error_share,
            "switched": asdict(self.switch) if self.switch else None,
            "incidents": [_brief(one) for one in self.incidents],
            **({"subscribers": asdict(self.subscribers)} if self.subscribers else {}),
        }


@dataclass(frozen=True, slots=True)
class Stand:
    """How many channels run, and how many of them stand how."""

    running: int
    sick: int
    healing: int
    held: int
    simulated: int

    @property
    def look(self) -> str:
        """How all of them together are shown: as the worst."""
        worst = {
            Condition.ACT: self.sick,
            Condition.HEALING: self.healing,
            Condition.PAUSED: self.held,
            SIMULATED: self.simulated,
        }
        return next((look for look, number in worst.items() if number), Condition.ON)


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get("/console/channels", _all),
        web.get("/console/channels/{name}", _one),
        web.get("/console/channels/{name}/{chart}.csv", _csv),
        web.post("/console/channels/{name}/switch", _switch),
    ]


async def rows(runtime: Runtime) -> list[Row]:
    """Every channel, in the order of the settings."""
    at = clock.now()
    async with runtime.database.reading() as connection:
        activity = await counts.activity(connection, list(runtime.channels))
        known = await standings.known(connection)
        switched = await standings.switched(connection)
        minutes = await tallies.since(connection, Span.MINUTE, at - HOUR)
        standing = await incidents.open_now(connection)
        roll = await subscribers.roll(connection) if runtime.subscribing() else None
    made = []
    for plan in runtime.plans:
        name = plan.name
        if name not in activity:
            made.append(Row(name, plan.mode, plan.why, Condition.OFF, lacks=plan.lacks))
            continue
        own = [one for one in standing if one.channel == name]
        found, switch = known.get(name, Standing()), switched.get(name)
        breaker = breaker_state(found, at)
        stands = condition(True, switch.position if switch else None, breaker, [one.cause for one in own])
        lately = _whole_minutes(minutes.get(name, {}), at)
        made.append(
            Row(
                name=name,
                mode=plan.mode,
                why=plan.why,
                condition=stands,
                breaker=breaker,
                activity=activity[name],
                standing=found,
                switch=switch,
                incidents=own,
                hour=sum(minutes.get(name, {}).values(), Tally()),
                in_a_minute=lately.received / RATE_MINUTES,
                out_a_minute=lately.sent / RATE_MINUTES,
                receives=runtime.channels[name].capabilities.receives,
                sends=runtime.channels[name].capabilities.delivery is not DeliveryKind.NONE,
                subscribers=roll if runtime.channels[name] is runtime.subscribing() else None,
                heals=all(one.cause in HEALS for one in own) if stands in (Condition.HEALING, Condition.ACT) else None,
            )
        )
    return made


def together(found: Sequence[Row]) -> Stand:
    """How those stand that run."""
    looks = Counter(row.look for row in found if row.activity)
    return Stand(
        looks.total(),
        sick=looks[Condition.ACT],
        healing=looks[Condition.HEALING],
        held=looks[Condition.PAUSED] + looks[Condition.ISOLATED],
        simulated=looks[SIMULATED],
    )


def lasting(seconds: float) -> str:
    """A time as it is read at a glance: 0.4 s, 12 s, 3 min, 5 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"


def rate(number: float) -> str:
    """A rate as it is read at a glance: 0, 0.4, 12."""
    return f"{number:.1f}" if 0 < number < 10 else f"{number:.0f}"


async def _all(request: web.Request) -> web.Response:
    runtime = request.app[RUNTIME]
    found = sorted(await rows(runtime), key=lambda row: ORDER.index(row.condition))
    async with runtime.database.reading() as connection:
        listed = await incidents.lately(connection, MOST_INCIDENTS)
    demo = any(runtime.simulated(name) for name in runtime.channels)
    return await draw(
        request,
        "console/channels.html",
        running=[row for row in found if row.activity],
        off=[row for row in found if not row.activity],
        stand=together(found),
        incidents=listed,
        heals=HEALS,
        lasting=lasting,
        rate=rate,
        moment_of=datetime.fromisoformat,
        at=clock.now(),
        models=runtime.models.languages(demo=demo),
    )


async def _one(request: web.Request) -> web.Response:
    return await _draw_one(request, request.match_info["name"])


async def _draw_one(request: web.Request, name: str) -> web.Response:
    runtime, at = request.app[RUNTIME], clock.now()
    row = next((row for row in await rows(runtime) if row.name == name and row.activity), None)
    if row is None:
        raise NotFound("there is no such channel here")
    charts = await _charts(runtime, name, at)
    async with runtime.database.reading() as connection:
        listed = await incidents.lately(connection, MOST_INCIDENTS, name)
    return await draw(
        request,
        "console/channel.html",
        row=row,
        charts=charts,
        incidents=listed,
        heals=HEALS,
        lasting=lasting,
        rate=rate,
        moment_of=datetime.fromisoformat,
        at=at,
        may_switch=request[ACCOUNT].role is Role.ADMINISTRATOR,
    )


async def _csv(request: web.Request) -> web.Response:
    """The numbers of one chart."""
    name, key = request.match_info["name"], request.match_info["chart"]
    if name not in request.app[RUNTIME].channels:
        raise NotFound("there is no such channel here")
    charts = await _charts(request.app[RUNTIME], name, clock.now())
    if key not in charts:
        raise NotFound("there is no such chart")
    header = ["at", "received" if key.endswith("_in") else "sent", "errors"]
    rows = [[bar.at, bar.number, bar.errors] for bar in charts[key].bars]
    return csv_files.answer(f"everyline-{name}-{key}", header, rows)


async def _switch(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    name, form = request.match_info["name"], await request.post()
    if form.get("to") not in POSITIONS:
        raise BadInput("choose what to do with the channel", "to")
    await switching.switch(request.app[RUNTIME], name, POSITIONS[str(form["to"])], actor=account.name)
    raise web.HTTPSeeOther(f"/console/channels/{name}")


def _brief(incident: Incident) -> dict[str, Any]:
    """An open incident for programs."""
    return {
        "cause": incident.cause,
        "opened_at": incident.opened_at,
        "detail": dict(incident.detail),
        "seen": incident.seen,
        "told": incident.told,
    }


def _whole_minutes(minutes: Tallies, at: datetime) -> Tally:
    """The last whole minutes together; the one that runs is not over."""
    end = begin(Span.MINUTE, at)
    since = end - timedelta(minutes=RATE_MINUTES)
    return sum((tally for moment, tally in minutes.items() if since <= moment < end), Tally())


async def _charts(runtime: Runtime, name: str, at: datetime) -> Mapping[str, Chart]:
    """What a channel took and sent in the last hour and day."""
    async with runtime.database.reading() as connection:
        minutes = (await tallies.since(connection, Span.MINUTE, at - HOUR)).get(name, {})
        hours = (await tallies.since(connection, Span.HOUR, at - DAY)).get(name, {})
    minute, hour = timedelta(minutes=1), HOUR
    first_minute, first_hour = begin(Span.MINUTE, at) - 59 * minute, begin(Span.HOUR, at) - 23 * hour
    return {
        "hour_in": chart(minutes, first_minute, minute, 60, incoming=True),
        "hour_out": chart(minutes, first_minute, minute, 60, incoming=False),
        "day_in": chart(hours, first_hour, hour, 24, incoming=True),
        "day_out": chart(hours, first_hour, hour, 24, incoming=False),
    }
