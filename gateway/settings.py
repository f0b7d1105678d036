"""The settings: `config/*.toml` under the environment, read once, checked whole, frozen.

Every key of a file may be overridden by `EVERYLINE_<FILE>__<SECTION>__<KEY>`; the names in `FIXED` are shorter and
never change. Secrets come from the environment only, or from a file named by the same variable with `_FILE`. All
faults are told together, each with its file, its key and a remedy. Channels' sections are handed on as they are: each
channel knows its own keys (`channels.registry`).
"""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError

from gateway.casework.deadlines import Calendar, Span, offset, span, stretch
from gateway.errors import Problem, SettingsError
from gateway.schema import LANGUAGES
from gateway.schema_cases import Due, Level
from gateway.sections import (
    Accounts,
    Broadcast,
    Calls,
    City,
    Delivery,
    Filters,
    Health,
    Intake,
    Keeping,
    Media,
    Moderation,
    Radio,
    Rule,
    Section,
    Server,
    Simulator,
    Speech,
    Storage,
    Subscribers,
)
from gateway.sections_assessment import Assessment
from gateway.sections_campaigns import CampaignSeed
from gateway.sections_deadlines import Deadlines, Reminder
from gateway.sections_departments import Category, Department
from gateway.sections_duty import Duty
from gateway.sections_places import KnownPlace

SpanName = Literal["acknowledge", "accept", "urgent", "normal", "hard"]

# Environment variable -> file, section, key.
FIXED = {
    "EVERYLINE_HOST": ("gateway", "server", "host"),
    "EVERYLINE_PORT": ("gateway", "server", "port"),
    "EVERYLINE_PUBLIC_URL": ("gateway", "server", "public_url"),
    "EVERYLINE_TRUSTED_PROXIES": ("gateway", "server", "trusted_proxies"),
    "EVERYLINE_DATA": ("gateway", "storage", "data"),
    "EVERYLINE_DATABASE": ("gateway", "storage", "database"),
    "EVERYLINE_KEY_FILE": ("gateway", "storage", "key_file"),
    "EVERYLINE_TIMEZONE": ("gateway", "city", "timezone"),
}
FILES = (
    "gateway",
    "channels",
    "departments",
    "deadlines",
    "routing",
    "places",
    "speech",
    "filters",
    "assessment",
    "campaigns",
    "duty",
)
# Those whose tables are one section of the settings, called as the file.
WHOLE = ("speech", "filters", "deadlines", "assessment", "duty")
DEFAULT_FOLDER = Path("config")
# The phrases that are reasons of a decision, and the reason that is said in a note alone.
REASON = "reason_"
OTHER = "other"


class Settings(Section):
    """All that is set."""

    city: City
    server: Server = Server()
    storage: Storage = Storage()
    intake: Intake = Intake()
    media: Media = Media()
    calls: Calls = Calls()
    delivery: Delivery = Delivery()
    broadcast: Broadcast = Broadcast()
    moderation: Moderation = Moderation()
    health: Health = Health()
    radio: Radio = Radio()
    subscribers: Subscribers = Subscribers()
    accounts: Accounts = Accounts()
    simulator: Simulator = Simulator()
    keeping: Keeping = Keeping()
    speech: Speech = Speech()
    filters: Filters = Filters()
    deadlines: Deadlines = Deadlines()
    assessment: Assessment = Assessment()
    # What may be chosen now, in the order in which it is shown. The former ones are only called by their names.
    departments: tuple[Department, ...] = ()
    categories: tuple[Category, ...] = ()
    former_departments: tuple[Department, ...] = ()
    former_categories: tuple[Category, ...] = ()
    rules: tuple[Rule, ...] = ()
    places: tuple[KnownPlace, ...] = ()
    campaigns: tuple[CampaignSeed, ...] = ()
    duty: Duty = Duty()
    channels: dict[str, dict[str, Any]] = Field(default_factory=dict)
    phrases: dict[str, dict[str, str]] = Field(default_factory=dict)
    folder: Path = DEFAULT_FOLDER
    # Which variable of the environment gave a value, by its section and key: "server.port".
    given: dict[str, str] = Field(default_factory=dict)

    @property
    def public_url(self) -> str:
        """What carriers sign and links begin with, without a slash at the end."""
        return (self.server.public_url or f"http://{self.server.host}:{self.server.port}").rstrip("/")

    @property
    def known_departments(self) -> tuple[Department, ...]:
        """Every department that posts may name, those that are no more at the end."""
        return self.departments + self.former_departments

    @property
    def known_categories(self) -> tuple[Category, ...]:
        """Every category that posts may name, those that are no more at the end."""
        return self.categories + self.former_categories

    def replaced(self, parts: Mapping[str, Any]) -> "Settings":
        """The same with other values of some of its parts, by their names."""
        made = self.model_copy(update=parts)
        made.__dict__.pop("calendar", None)
        return made

    @cached_property
    def calendar(self) -> Calendar:
        """When the city works."""
        given, city = self.deadlines.calendar, self.city
        return Calendar(
            zone=city.zone,
            country=given.country or city.country,
            hours=tuple(stretch(hours) for hours in given.hours),
            region=given.region or None,
            closed=frozenset(given.closed),
            open=frozenset(given.open),
        )

    def span(self, name: SpanName) -> Span:
        """How long a department may take, by the name of the span."""
        return span(getattr(self.deadlines.spans, name), self.calendar)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why a moderator may decide as he does: each `reason_...` of the phrases, in their order; `other` is last."""
        known = [key.removeprefix(REASON) for key in self.phrases[LANGUAGES[0]] if key.startswith(REASON)]
        return (*(reason for reason in known if reason != OTHER), OTHER)

    @property
    def database_url(self) -> str:
        """Where the database is."""
        return self.storage.database or f"sqlite+aiosqlite:///{(self.storage.data / 'everyline.db').absolute()}"

    @property
    def key_file(self) -> Path:
        """Where the master key is."""
        return self.storage.key_file or self.storage.data / "everyline.key"


def read(environ: Mapping[str, str]) -> tuple[Settings | None, list[Problem]]:
    """The settings, or None, and all that is wrong with the core's part of them."""
    folder = Path(environ.get("EVERYLINE_CONFIG") or DEFAULT_FOLDER)
    problems: list[Problem] = []
    files = {name: _read_file(folder / f"{name}.toml", problems) for name in FILES}
    given = _override(files, environ, problems)
    phrases = {language: _read_phrases(folder / "phrases" / f"{language}.toml", problems) for language in LANGUAGES}
    if not folder.is_dir():
        problems = [Problem(str(folder), "EVERYLINE_CONFIG", "name a folder with the settings files")]
    values = files["gateway"] | {
        "channels": files["channels"],
        "departments": files["departments"].get("departments", []),
        "categories": files["departments"].get("categories", []),
        "rules": files["routing"].get("rules", []),
        "places": files["places"].get("places", []),
        "campaigns": files["campaigns"].get("campaigns", []),
        "speech": files["speech"],
        "filters": files["filters"],
        "duty": files["duty"],
        "deadlines": files["deadlines"],
        "assessment": files["assessment"],
        "phrases": phrases,
        "folder": folder,
        "given": given,
    }
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        return None, problems + [_problem(folder, detail) for detail in error.errors()]
    return settings, problems + _inconsistencies(settings)


def load(environ: Mapping[str, str]) -> Settings:
    """The settings. Raises `SettingsError` with everything that is wrong with the core's part of them."""
    settings, problems = read(environ)
    if problems or settings is None:
        raise SettingsError(problems)
    return settings


def secret(environ: Mapping[str, str], name: str) -> str | None:
    """One value from the environment, or from the file that `<name>_FILE` names; None when neither is set."""
    if path := environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    return environ.get(name) or None


def _read_file(path: Path, problems: list[Problem]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if path.stem == "gateway":
            problems.append(Problem(str(path), "(file)", "is missing; copy it from a fresh checkout"))
    except (OSError, ValueError) as error:
        problems.append(Problem(str(path), "(file)", f"cannot be read: {error}"))
    return {}


def _read_phrases(path: Path, problems: list[Problem]) -> dict[str, str]:
    if not path.exists():
        problems.append(Problem(str(path), "(file)", "is missing: every language of the gateway needs its phrases"))
    return {key: text for key, text in _read_file(path, problems).items() if isinstance(text, str)}


def _override(files: dict[str, dict[str, Any]], environ: Mapping[str, str], problems: list[Problem]) -> dict[str, str]:
    """Put the environment's values over the files'; text is read as the key's type by pydantic, or as TOML.

    Gives which variable each of them came from.
    """
    given: dict[str, str] = {}
    for name, (file, section, key) in FIXED.items():
        if value := environ.get(name):
            files[file].setdefault(section, {})[key] = value
            given[f"{section}.{key}"] = name
    for name, value in environ.items():
        parts = name.removeprefix("EVERYLINE_").lower().split("__")
        if not name.startswith("EVERYLINE_") or len(parts) < 2:
            continue
        if parts[0] not in files:
            problems.append(Problem("environment", name, f"no settings file is called {parts[0]}.toml"))
            continue
        table = files[parts[0]]
        for part in parts[1:-1]:
            table = table.setdefault(part, {})
        table[parts[-1]] = _typed(value)
        given[".".join(parts[1:] if parts[0] == "gateway" else parts)] = name
    return given


def _typed(value: str) -> Any:
    if value.startswith("+"):  # a telephone number, and not a number
        return value
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value


def _problem(folder: Path, detail: Any) -> Problem:
    first, *rest = [str(part) for part in detail["loc"]]
    owner = {"categories": "departments", "rules": "routing"}.get(first, first if first in FILES else "gateway")
    key = (
        ".".join(rest)
        if first in ("speech", "filters", "deadlines", "assessment", "duty")
        else ".".join([first, *rest])
    )
    remedy = "no such key; remove it" if detail["type"] == "extra_forbidden" else detail["msg"]
    return Problem(str(folder / f"{owner}.toml"), key, remedy)


def _inconsistencies(settings: Settings) -> list[Problem]:
    """What each file alone cannot know: names that other files must have."""
    departments = {department.slug for department in settings.departments}
    categories = {category.slug for category in settings.categories}
    problems = []
    for category in settings.categories:
        if category.department and category.department not in departments:
            problems.append(_unknown(settings, "departments", f"categories.{category.slug}", category.department))
    for file_key, units in (("departments", settings.departments), ("categories", settings.categories)):
        problems += _untrue_trees(settings, file_key, units)
    for rule in settings.rules:
        if rule.department not in departments:
            problems.append(_unknown(settings, "routing", f"rules.{rule.name}", rule.department))
        for category_slug in (rule.category, rule.suggests):
            if category_slug and category_slug not in categories:
                problems.append(_unknown(settings, "routing", f"rules.{rule.name}", category_slug))
    problems += _unknown_places(settings)
    return problems + _impossible_times(settings) + _unlike_phrases(settings)


def _unlike_phrases(settings: Settings) -> list[Problem]:
    """Phrases that not every language has, and the one without which no reason can be given."""
    problems = []
    if REASON + OTHER not in settings.phrases[LANGUAGES[0]]:
        where = str(settings.folder / "phrases" / f"{LANGUAGES[0]}.toml")
        problems.append(Problem(where, REASON + OTHER, "must be there: it is the reason that is said in a note"))
    for language in LANGUAGES:
        missing = sorted(set(settings.phrases[LANGUAGES[0]]) ^ set(settings.phrases[language]))
        if missing:
            where = str(settings.folder / "phrases" / f"{language}.toml")
            problems.append(Problem(where, ", ".join(missing), "must stand in the phrases of every language"))
    return problems


def _unknown_places(settings: Settings) -> list[Problem]:
    """Places named twice, and names of places that the gazetteer does not have."""
    counted = Counter(place.slug for place in settings.places)
    problems = []
    for slug in (slug for slug, number in counted.items() if number > 1):
        problems.append(Problem(str(settings.folder / "places.toml"), f"places.{slug}", "two places have this slug"))
    for place in settings.places:
        if place.within and place.within not in counted:
            problems.append(_unknown(settings, "places", f"places.{place.slug}", place.within, "places"))
    for rule in settings.rules:
        if rule.place and rule.place not in counted:
            problems.append(_unknown(settings, "routing", f"rules.{rule.name}", rule.place, "places"))
    return problems


def _untrue_trees(settings: Settings, key: str, units: Sequence[Department | Category]) -> list[Problem]:
    """Parents that are not there, and those that stand under themselves."""
    parents, problems = {unit.slug: unit.parent for unit in units}, []
    for unit in units:
        if unit.parent and unit.parent not in parents:
            problems.append(_unknown(settings, "departments", f"{key}.{unit.slug}.parent", unit.parent))
        above, seen = unit.parent, {unit.slug}
        while above and above not in seen:
            seen.add(above)
            above = parents.get(above)
        if above == unit.slug:
            where = str(settings.folder / "departments.toml")
            problems.append(Problem(where, f"{key}.{unit.slug}.parent", "it may not stand under itself"))
    return problems


def _impossible_times(settings: Settings) -> list[Problem]:
    where = str(settings.folder / "deadlines.toml")
    try:
        settings.calendar.after(datetime.now(UTC), Span(settings.calendar.day, True))
    except ValueError as error:
        return [Problem(where, "calendar", str(error))]
    problems = []
    for name in get_args(SpanName):
        try:
            settings.span(name)
        except ValueError as error:
            problems.append(Problem(where, f"spans.{name}", str(error)))
    for number, reminder in enumerate(settings.deadlines.reminders):
        if fault := _impossible_reminder(settings, reminder):
            problems.append(Problem(where, f"reminders.{number}.{fault[0]}", fault[1]))
    return problems


def _impossible_reminder(settings: Settings, reminder: Reminder) -> tuple[str, str] | None:
    """Which key of a reminder cannot be kept, and why."""
    try:
        when = offset(reminder.when, settings.calendar)
    except ValueError as error:
        return "when", str(error)
    if reminder.to is Level.PUBLIC and (reminder.due is not Due.ANSWER or when.before):
        return "to", "only an answer that is late can stand on the public list"
    return None


def _unknown(settings: Settings, file: str, key: str, name: str, known: str = "departments") -> Problem:
    return Problem(str(settings.folder / f"{file}.toml"), key, f"there is no {name!r} in {known}.toml")
