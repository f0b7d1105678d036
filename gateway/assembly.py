"""Puts the parts of a process together, for the service, for single commands and for tests."""

from collections.abc import Mapping
from pathlib import Path

from aiohttp import ClientSession

from channels import registry
from channels.base import City, Surroundings, Uploads
from channels.registry import Plan
from gateway.casework import marking, service_command
from gateway.errors import Problem
from gateway.journey import commands, topics
from gateway.journey.places import Gazetteer
from gateway.journey.words import Words
from gateway.runtime import Runtime
from gateway.settings import Settings, secret
from gateway.workers import Workers
from speech.live import Ears
from speech.models import Models
from speech.synthesiser import Synthesiser
from store.blobs import Blobs
from store.database import Database
from store.vault import Vault

# The models of the simulator: for simulated callers only.
DEMO_SPEECH = Path(__file__).parent / "simulator" / "demo_speech"


def assemble(
    settings: Settings,
    plans: list[Plan],
    database: Database,
    vault: Vault,
    http: ClientSession,
    workers: Workers,
    openers: Workers,
) -> Runtime:
    """Put the parts of a process together, and fill the command table and the filter."""
    words = Words(settings.folder / "words", settings.filters)
    runtime = Runtime(
        settings=settings,
        database=database,
        vault=vault,
        blobs=Blobs(settings.storage.data / "media"),
        http=http,
        workers=workers,
        openers=openers,
        models=Models(settings.storage.data / "models", DEMO_SPEECH),
        ears=Ears(settings.speech.live.most, settings.speech.live.threads),
        synthesiser=Synthesiser(
            settings.storage.data / "spoken",
            most_bytes=settings.speech.voice.cache_bytes,
            pace=settings.speech.voice.pace,
        ),
        channels=registry.build(plans, Surroundings(city_of(settings), http, uploads_of(settings))),
        plans=plans,
        judge=words.judge,
        words=words,
        gazetteer=Gazetteer(settings.places),
        derived=[_name_topics],
    )
    runtime.commands.update(marking.table(runtime))
    runtime.commands["info"] = service_command.command(runtime)
    _name_topics(runtime)
    return runtime


def city_of(settings: Settings) -> City:
    """What channels may know of the installation."""
    return City(
        name=settings.city.name[settings.city.language],
        public_url=settings.public_url,
        language=settings.city.language,
        country=settings.city.country,
    )


def uploads_of(settings: Settings) -> Uploads:
    """What channels that take files themselves must keep to."""
    media = settings.media
    return Uploads(media.most_files, media.most_bytes, media.most_together, media.most_seconds)


def environment_of(environ: Mapping[str, str]) -> dict[str, str | None]:
    """Our variables, each with its secret file read. A file that cannot be read is an OSError."""
    names = {name.removesuffix("_FILE") for name in environ if name.startswith("EVERYLINE_")}
    return {name: secret(environ, name) for name in names}


def placed(settings: Settings, problems: list[Problem]) -> list[Problem]:
    """Problems of channels with the folder their file lies in."""
    folder = settings.folder
    return [
        Problem(
            str(folder / problem.where) if problem.where.endswith(".toml") else problem.where,
            problem.key,
            problem.remedy,
        )
        for problem in problems
    ]


def _name_topics(runtime: Runtime) -> None:
    """Let commands know the categories and departments there are."""
    runtime.commands.update(commands.table(topics.Names(runtime.settings)))
