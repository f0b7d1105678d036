"""Finds channels by file name, reads their settings, and builds those that are to run.

Only an enabled channel's file is imported, so a missing library stops only those who asked for that channel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from channels.base import Channel, ChannelSettings, Surroundings
from gateway.errors import Problem

_NOT_CHANNELS = {"base", "desk", "failures", "handed", "registry"}
FILE = "channels.toml"


class Mode(StrEnum):
    """How a channel stands after reading the settings."""

    ON = "on"
    SIMULATED = "simulated"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Plan:
    """One channel as the settings have it: how it stands, why (`lacks` are the variables that are not set), and what
    to build it from."""

    name: str
    mode: Mode
    why: str
    adapter: type[Channel] | None = None
    settings: ChannelSettings | None = None
    lacks: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why, in one line for a terminal."""
        return f"{self.why}: {', '.join(self.lacks)}" if self.lacks else self.why


def names() -> list[str]:
    """Every channel there is, by its file."""
    files = Path(__file__).parent.glob("[a-z]*.py")
    return sorted(file.stem for file in files if file.stem not in _NOT_CHANNELS)


def adapter(name: str) -> type[Channel]:
    """The adapter of one channel. Raises ImportError when its library is not installed."""
    found: type[Channel] = import_module(f"channels.{name}").Adapter
    return found


def lacking(sections: Mapping[str, Mapping[str, Any]], environment: Mapping[str, str | None]) -> set[str]:
    """The carriers of enabled channels for which no credentials are set: those a simulator may stand in for."""
    carriers = set()
    for name in names():
        if sections.get(name, {}).get("enabled"):
            kind = _import(name)
            if isinstance(kind, type) and kind.carrier and not _given(kind.Settings, environment):
                carriers.add(kind.carrier)
    return carriers


def read(
    sections: Mapping[str, Mapping[str, Any]],
    environment: Mapping[str, str | None],
    simulated: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[list[Plan], list[Problem]]:
    """A plan for every channel, and all that is wrong with the settings of the enabled ones.

    `environment` holds the variables with secrets read from their files; `simulated` gives, by carrier, those of a
    running simulator, used for channels that have none of their own.
    """
    problems = [
        Problem(FILE, name, "there is no such channel; remove the section") for name in sections.keys() - names()
    ]
    plans = []
    for name in names():
        section = dict(sections.get(name, {}))
        if section.pop("enabled", False) is not True:
            plans.append(Plan(name, Mode.OFF, "not enabled in channels.toml"))
            continue
        plans.append(_plan(name, section, environment, simulated or {}, problems))
    return plans, problems


def build(plans: list[Plan], around: Surroundings) -> dict[str, Channel]:
    """The channels that are to run."""
    return {plan.name: plan.adapter(plan.settings, around) for plan in plans if plan.adapter and plan.settings}


def _plan(
    name: str,
    section: dict[str, Any],
    environment: Mapping[str, str | None],
    simulated: Mapping[str, Mapping[str, str]],
    problems: list[Problem],
) -> Plan:
    kind = _import(name)
    if isinstance(kind, str):
        problems.append(Problem(FILE, name, kind))
        return Plan(name, Mode.OFF, kind)
    mode, why = Mode.ON, "ready"
    if _required(kind.Settings) and not _given(kind.Settings, environment):
        if kind.carrier is None or kind.carrier not in simulated:
            return Plan(name, Mode.OFF, "no credentials are set", lacks=tuple(_required(kind.Settings)))
        environment = simulated[kind.carrier]
        mode, why = Mode.SIMULATED, f"no credentials for {kind.carrier}: the simulator stands in"
    settings = _settings(name, kind.Settings, section, environment, problems)
    return Plan(name, mode, why, kind, settings) if settings else Plan(name, Mode.OFF, "its settings are wrong")


def _import(name: str) -> type[Channel] | str:
    try:
        return adapter(name)
    except ImportError as error:
        return f"its library is missing ({error.name}); install it or set enabled = false"


def _required(kind: type[ChannelSettings]) -> list[str]:
    return [variable for field, variable in kind.ENVIRONMENT.items() if kind.model_fields[field].is_required()]


def _given(kind: type[ChannelSettings], environment: Mapping[str, str | None]) -> bool:
    return any(environment.get(variable) for variable in _required(kind))


def _settings(
    name: str,
    kind: type[ChannelSettings],
    section: dict[str, Any],
    environment: Mapping[str, str | None],
    problems: list[Problem],
) -> ChannelSettings | None:
    for field, variable in kind.ENVIRONMENT.items():
        if field in section:
            problems.append(Problem(FILE, f"{name}.{field}", f"comes from the environment only: set {variable}"))
        if value := environment.get(variable):
            section[field] = value
    try:
        return kind.model_validate(section)
    except ValidationError as error:
        for detail in error.errors(include_input=False):
            field = ".".join(str(part) for part in detail["loc"])
            origin = kind.ENVIRONMENT.get(field)
            remedy = "no such key; remove it" if detail["type"] == "extra_forbidden" else detail["msg"]
            problems.append(Problem("environment" if origin else FILE, origin or f"{name}.{field}", remedy))
    return None
