"""The settings in force, for administrators: every value with where it comes from, and no secret among them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel, SecretStr

from channels.base import ChannelSettings
from gateway.journey import identity
from gateway.runtime import Runtime
from gateway.settings import Settings
from gateway.web.console import draw
from gateway.web.keys import RUNTIME

SECTIONS = (
    "city",
    "server",
    "storage",
    "intake",
    "moderation",
    "media",
    "calls",
    "delivery",
    "broadcast",
    "health",
    "radio",
    "subscribers",
    "accounts",
    "simulator",
    "keeping",
    "speech",
    "filters",
    "deadlines",
    "assessment",
    "duty",
)
LISTS = ("departments", "categories", "rules", "campaigns")
# Sections that are a file of their own; all others stand in gateway.toml.
FILES = {
    **{name: f"{name}.toml" for name in ("speech", "filters", "deadlines", "assessment", "campaigns", "duty")},
    "rules": "routing.toml",
}
HIDDEN = "••••••"
# Somebody's own number among the settings is shown as it is elsewhere in the console.
ADDRESSES = ("health.operators",)
_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@/\s]+(?=@)")


@dataclass(frozen=True, slots=True)
class Value:
    """One key as it is in force. `origin` is default, file or environment; `source` the file's or variable's name."""

    key: str
    value: str
    origin: str
    source: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One section and its values, in the order of the settings."""

    name: str
    values: list[Value]


def routes() -> list[web.RouteDef]:
    """Page and API."""
    return [web.get("/console/settings", _show), web.get("/api/v1/console/settings", _json)]


def in_force(runtime: Runtime) -> list[Shown]:
    """Every section of the settings, with the channels as they were read."""
    settings = runtime.settings
    shown = [Shown(name, list(_section(settings, name, getattr(settings, name)))) for name in SECTIONS]
    shown += [Shown(name, list(_listed(settings, name))) for name in LISTS]
    shown.append(Shown("places", list(_counted(settings))))
    return shown + [
        Shown(f"channels.{plan.name}", list(_channel(settings, plan.name, plan.settings))) for plan in runtime.plans
    ]


async def _show(request: web.Request) -> web.Response:
    runtime = request.app[RUNTIME]
    return await draw(request, "console/settings.html", sections=in_force(runtime), folder=str(runtime.settings.folder))


async def _json(request: web.Request) -> web.Response:
    return web.json_response({"items": [asdict(section) for section in in_force(request.app[RUNTIME])]})


def _section(settings: Settings, path: str, section: BaseModel) -> Iterator[Value]:
    for key in type(section).model_fields:
        value, here = getattr(section, key), f"{path}.{key}"
        if isinstance(value, BaseModel):
            yield from _section(settings, here, value)
        else:
            written = key in section.model_fields_set
            yield _value(settings, here, here.partition(".")[2], value, written, FILES.get(path.partition(".")[0]))
    if path == "storage":
        # What follows from them when they are not given.
        yield Value("database (used)", _plain(settings.database_url), "default", None)
        yield Value("key_file (used)", str(settings.key_file), "default", None)


def _listed(settings: Settings, name: str) -> Iterator[Value]:
    for one in getattr(settings, name):
        label = "name" if name == "rules" else "slug"
        given = {key: value for key, value in one.model_dump().items() if key != label}
        yield Value(getattr(one, label), _plain(given), "file", FILES.get(name, "departments.toml"))


def _counted(settings: Settings) -> Iterator[Value]:
    """How many places of each kind there are: a city has tens of thousands."""
    for kind, number in sorted(Counter(place.kind for place in settings.places).items()):
        yield Value(kind, str(number), "file", "places.toml")


def _channel(settings: Settings, name: str, read: ChannelSettings | None) -> Iterator[Value]:
    """A channel that runs shows what it uses; of one that is off only what stands in its section is known."""
    section: Mapping[str, Any] = settings.channels.get(name, {})
    path = f"channels.{name}"
    if read is None:
        for key, value in section.items():
            yield _value(settings, f"{path}.{key}", key, value, True, "channels.toml")
        return
    yield _value(settings, f"{path}.enabled", "enabled", True, "enabled" in section, "channels.toml")
    for key in type(read).model_fields:
        variable, value = read.ENVIRONMENT.get(key), getattr(read, key)
        if variable and key in read.model_fields_set:
            yield Value(key, _plain(value), "environment", variable)
        else:
            yield _value(settings, f"{path}.{key}", key, value, key in section, "channels.toml")


def _value(settings: Settings, path: str, key: str, value: Any, written: bool, file: str | None) -> Value:
    if path in ADDRESSES:
        value = [identity.masked(address, settings.city.country) for address in value]
    if variable := settings.given.get(path):
        return Value(key, _plain(value), "environment", variable)
    return Value(key, _plain(value), *(("file", file or "gateway.toml") if written else ("default", None)))


def _plain(value: Any) -> str:
    """A value as people read it in the files; secrets only say that they are set."""
    match value:
        case None | "":
            return "–"
        case bool():
            return "true" if value else "false"
        case SecretStr():
            return HIDDEN
        case Mapping():
            return ", ".join(f"{key} = {_plain(item)}" for key, item in value.items()) or "–"
        case str():
            return _PASSWORD.sub(rf"\g<1>{HIDDEN}", value)
        case Iterable():
            return ", ".join(map(_plain, value)) or "–"
    return str(value)
