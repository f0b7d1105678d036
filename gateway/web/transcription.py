"""The writing down of recordings for staff: what waits, how fast the models are, what is missing, what failed."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.journey import transcription
from gateway.runtime import Runtime
from gateway.schema import LANGUAGES
from gateway.schema_public import moment
from gateway.web import bodies, bodies_moderation
from gateway.web.console import draw
from gateway.web.keys import ACCOUNT, RUNTIME
from store import transcribing
from store.transcribing import Backlog, Failure, Rate

MOST_FAILURES = 50
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# What an operator types to get a model.
INSTALL = "python run.py speech install {language}"
NO_RATE = Rate(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Model:
    """A model and how fast it was; one of the demo is for simulated callers only. What is not `installed` any more
    was at work in the last day."""

    name: str
    demo: bool
    installed: bool
    hour: Rate
    day: Rate


@dataclass(frozen=True, slots=True)
class Spoken:
    """One language: its models (first the one that is taken by itself), what was installed and cannot be used, and
    how many recordings wait for a model."""

    language: str
    models: Sequence[Model]
    faults: Sequence[tuple[str, str]]
    lacking: int

    @property
    def command(self) -> str | None:
        """What installs a model, where none serves citizens."""
        served = any(model.installed and not model.demo for model in self.models)
        return None if served else INSTALL.format(language=self.language)


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the page shows: what waits, for a worker or for a model. `lost` are the workers of this process that
    had to be started anew."""

    at: datetime
    backlog: Backlog
    languages: Sequence[Spoken]
    gone: Sequence[Model]
    failed: int
    failures: Sequence[Failure]
    workers: int
    lost: int


def routes() -> list[web.RouteDef]:
    """The page, and the same for programs."""
    return [
        web.get("/console/transcription", _page),
        web.post("/console/transcription/again", _again_all),
        web.get("/api/v1/console/transcription", _json),
        web.post("/api/v1/console/transcription/{id:[0-9a-f]{32}}/again", _again),
    ]


async def look(runtime: Runtime) -> Overview:
    """Everything at this moment."""
    at = clock.now()
    async with runtime.database.reading() as connection:
        backlog = await transcribing.backlog(connection, at)
        hour = await transcribing.rates(connection, at - HOUR)
        day = await transcribing.rates(connection, at - DAY)
        lacking = await transcribing.lacking(connection)
        failed = await transcribing.failed(connection)
        failures = await transcribing.failures(connection, MOST_FAILURES)
    demo = any(runtime.simulated(name) for name in runtime.channels)
    found, faults = await asyncio.to_thread(lambda: _installed(runtime, set(lacking), demo=demo))

    def model(name: str, *, demo: bool = False, installed: bool = True) -> Model:
        return Model(name, demo, installed, hour.get(name, NO_RATE), day.get(name, NO_RATE))

    languages = [
        Spoken(
            language,
            [model(name, demo=of_demo) for name, of_demo in names],
            faults.get(language, ()),
            lacking[language].number if language in lacking else 0,
        )
        for language, names in found.items()
    ]
    known = {one.name for spoken in languages for one in spoken.models}
    gone = [model(name, installed=False) for name in day if name not in known]
    settings = runtime.settings.speech
    waiting = Backlog(
        backlog.waiting + sum(one.number for one in lacking.values()),
        backlog.at_work,
        min((at for at in (backlog.oldest, *(one.since for one in lacking.values())) if at), default=None),
    )
    return Overview(at, waiting, languages, gone, failed, failures, settings.processes, runtime.workers.lost)


def _installed(
    runtime: Runtime, wanted: set[str], *, demo: bool
) -> tuple[Mapping[str, list[tuple[str, bool]]], Mapping[str, list[tuple[str, str]]]]:
    """What is on disk, by language: the models by name and whether of the demo, and the faults."""
    models = runtime.models
    languages = {*LANGUAGES, *models.languages(demo=demo), *(fault.language for fault in models.faults()), *wanted}
    faults: dict[str, list[tuple[str, str]]] = {}
    for fault in models.faults():
        faults.setdefault(fault.language, []).append((fault.path.name, fault.reason))
    return {
        language: [(one.name, one.demo) for one in models.installed(language, demo=demo)]
        for language in [*LANGUAGES, *sorted(languages - set(LANGUAGES))]
    }, faults


async def _page(request: web.Request) -> web.Response:
    runtime = request.app[RUNTIME]
    found = await look(runtime)
    kinds = {(one.language, one.channel) for one in found.failures}
    offered = {kind: await transcription.models_of(runtime, *kind) for kind in kinds}
    return await draw(
        request,
        "console/transcription.html",
        found=found,
        models={one.media_id: offered[one.language, one.channel] for one in found.failures},
        again=_number(request.query.get("again", "")),
    )


def _number(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 7 else None


async def _again_all(request: web.Request) -> web.Response:
    done = await transcription.again_all(request.app[RUNTIME], actor=request[ACCOUNT].name)
    raise web.HTTPSeeOther(f"/console/transcription?again={done}")


async def _again(request: web.Request) -> web.Response:
    body = await bodies.read(request, bodies_moderation.WriteAgain)
    account = request[ACCOUNT]
    await transcription.again(request.app[RUNTIME], request.match_info["id"], body.model, actor=account.name)
    return web.json_response({"state": "due"}, status=202)


async def _json(request: web.Request) -> web.Response:
    found = await look(request.app[RUNTIME])
    backlog = found.backlog

    def rated(model: Model) -> dict[str, Any]:
        return {
            "name": model.name,
            "demo": model.demo,
            "installed": model.installed,
            "last_hour": _rate(model.hour),
            "last_day": _rate(model.day),
        }

    return web.json_response(
        {
            "at": moment(found.at),
            "waiting": backlog.waiting,
            "at_work": backlog.at_work,
            "oldest": moment(backlog.oldest) if backlog.oldest else None,
            "workers": found.workers,
            "workers_lost": found.lost,
            "languages": [
                {
                    "language": one.language,
                    "models": [rated(model) for model in one.models],
                    "faults": [{"folder": folder, "reason": reason} for folder, reason in one.faults],
                    "waiting_for_a_model": one.lacking,
                    "install": one.command,
                }
                for one in found.languages
            ],
            "models_gone": [rated(model) for model in found.gone],
            "failed": found.failed,
            "failures": [
                {
                    "recording": one.media_id,
                    "ticket": one.ticket,
                    "channel": one.channel,
                    "language": one.language,
                    "received_at": moment(one.created_at),
                    "reason": one.error,
                }
                for one in found.failures
            ],
        }
    )


def _rate(rate: Rate) -> dict[str, Any]:
    return {"recordings": rate.recordings, "seconds": round(rate.seconds, 1), "real_time_factor": rate.factor}
