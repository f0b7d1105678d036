"""The settings: `config/*.toml` under the environment, read once, checked whole, frozen.

Every key of a file may be overridden by `EVERYLINE_<FILE>__<SECTION>__<KEY>`; the names in `FIXED` are shorter and
never change. Secrets come from the environment only, or from a file named by the same variable with `_FILE`. All
faults are told together, each with its file, its key and a remedy. Channels' sections are handed on as they are: each
channel knows its own keys (`channels.registry`).
"""

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from gateway.casework.deadlines import Calendar, Span, span, stretch
from gateway.errors import Problem, SettingsError
from gateway.schema import LANGUAGES, Deadline

Language = Literal["zh", "en"]
Words = dict[Language, str]
SpanName = Literal["acknowledge", "urgent", "normal", "hard"]

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
FILES = ("gateway", "channels", "departments", "deadlines", "routing", "speech", "filters")
DEFAULT_FOLDER = Path("config")
# Each holds its own copy of a model, which may have gigabytes; who has them sets a number.
MOST_WORKERS = 4
# The phrases that are reasons of a decision, and the reason that is said in a note alone.
REASON = "reason_"
OTHER = "other"
# What a city's logo may be, by its name and how it begins: pictures that hold no script.
LOGOS = {
    ".png": rb"\x89PNG\r\n\x1a\n",
    ".jpg": rb"\xff\xd8\xff",
    ".jpeg": rb"\xff\xd8\xff",
    ".webp": rb"RIFF.{4}WEBP",
}
LOGO_BYTES = 262_144


class Section(BaseModel):
    """One table of a file: frozen, and no key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class City(Section):
    """`[city]`: whose gateway this is."""

    name: Words
    language: Language = "zh"
    country: str = Field("CN", pattern="^[A-Z]{2}$")
    timezone: str = "Asia/Shanghai"
    emergency_number: str = Field("110", pattern="^[0-9]{2,6}$")
    accent: str = "#0b6170"
    logo: Path | None = None

    @field_validator("logo", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return value or None

    @field_validator("logo")
    @classmethod
    def _harmless(cls, logo: Path | None) -> Path | None:
        """A picture of a kind that holds no script, not too large, and whole."""
        if logo is not None:
            _check_logo(logo)
        return logo

    @field_validator("accent")
    @classmethod
    def _colour(cls, accent: str) -> str:
        if not re.fullmatch("#[0-9a-fA-F]{6}", accent):
            raise ValueError('give one colour as six hexadecimal digits, like "#0b6170"')
        return accent.lower()

    @field_validator("name")
    @classmethod
    def _in_every_language(cls, name: Words) -> Words:
        missing = set(LANGUAGES) - set(name)
        if missing:
            raise ValueError(f"give the name in {', '.join(sorted(missing))} too")
        return name

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("give a name of the IANA time zone database, like Asia/Shanghai")
        return name

    @property
    def zone(self) -> ZoneInfo:
        """The city's time zone."""
        return ZoneInfo(self.timezone)


class Server(Section):
    """`[server]`: where to listen, and what the world calls us."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    public_url: str | None = Field(None, pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$")
    trusted_proxies: tuple[str, ...] = ()
    body_limit: int = Field(1_048_576, ge=16_384, le=104_857_600)
    stop_within: float = Field(10, gt=0, le=120)

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"{network} is no network address, like 10.0.0.1 or 10.0.0.0/8") from None
        return value


class Storage(Section):
    """`[storage]`: where things are kept."""

    data: Path = Path("var")
    database: str | None = Field(None, pattern=r"^(sqlite\+aiosqlite|postgresql\+asyncpg)://")
    key_file: Path | None = None


class Intake(Section):
    """`[intake]`: what is taken in, and how much of it."""

    text_limit: int = Field(5000, ge=160, le=100_000)
    queue_limit: int = Field(10_000, ge=100)
    forms_per_hour: int = Field(600, ge=1)
    follow_up_minutes: int = Field(60, ge=0, le=10_080)
    question_minutes: int = Field(30, ge=1, le=1440)
    replies_per_hour: int = Field(10, ge=1)
    messages_per_hour: int = Field(60, ge=5)
    codes_per_day: int = Field(3, ge=1)
    codes_per_visitor: int = Field(10, ge=1)
    codes_per_network: int = Field(100, ge=1)
    code_minutes: int = Field(15, ge=1, le=1440)
    code_tries: int = Field(5, ge=1, le=20)


class Media(Section):
    """`[media]`: citizens' files and recordings."""

    most_bytes: int = Field(20_971_520, ge=65_536)
    most_together: int = Field(67_108_864, ge=65_536, le=1_073_741_824)
    most_files: int = Field(6, ge=1, le=50)
    most_seconds: int = Field(600, ge=10)
    most_pixels: int = Field(64_000_000, ge=1_000_000, le=400_000_000)
    longest_side: int = Field(2048, ge=480, le=8192)
    preview_side: int = Field(480, ge=120, le=1024)
    workers: int = Field(1, ge=1, le=16)
    longest_job: float = Field(30, ge=5, le=300)
    tries: int = Field(20, ge=1)


class Calls(Section):
    """`[calls]`: the hotline, on whatever lines it is called."""

    most_at_once: int = Field(200, ge=1, le=5000)


class Delivery(Section):
    """`[delivery]`: how hard to try."""

    tries: int = Field(8, ge=1, le=50)
    first_wait: float = Field(2, gt=0)
    longest_wait: float = Field(900, gt=0)
    lease: float = Field(60, ge=5)
    workers: int = Field(16, ge=1, le=256)
    at_once: int = Field(2000, ge=1, le=10_000)
    processes: int = Field(1, ge=1, le=1000)
    segments: int = Field(4, ge=1, le=10)
    quiet_hours: str = Field("", pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9])?$")
    budgets: dict[str, int] = {}

    @field_validator("budgets")
    @classmethod
    def _not_negative(cls, budgets: dict[str, int]) -> dict[str, int]:
        for channel, units in budgets.items():
            if units < 0:
                raise ValueError(f"give {channel} a number of units a day, 0 for none")
        return budgets


class Broadcast(Section):
    """`[broadcast]`: how posts go to their followers."""

    undo_seconds: float = Field(20, ge=0, le=3600)
    ask_above: int = Field(5000, ge=0)
    digests: bool = True
    digest_hour: int = Field(18, ge=0, le=23)


class Moderation(Section):
    """`[moderation]`: what is published without a person, and how moderators share the queue."""

    mode: Literal["by_hand", "trusted", "clean"] = "by_hand"
    trusted_after: int = Field(3, ge=1, le=1000)
    surely_heard: float = Field(0.8, ge=0, le=1)
    claim_seconds: float = Field(45, ge=15, le=600)


class Health(Section):
    """`[health]`: when a channel counts as sick, and who is told."""

    operators: tuple[str, ...] = ()
    breaker_failures: int = Field(5, ge=1, le=1000)
    breaker_wait: float = Field(5, gt=0)
    breaker_longest: float = Field(60, gt=0)
    check_minutes: float = Field(10, ge=1)
    unsigned: int = Field(5, ge=1)
    stuck_minutes: float = Field(10, ge=1)
    refused_share: float = Field(0.5, gt=0, le=1)
    calm_minutes: float = Field(3, ge=0)
    remind_hours: float = Field(6, ge=0.25)
    keep_days: int = Field(100, ge=50)

    @field_validator("operators")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            scheme, _, name = address.partition(":")
            if not scheme.isalnum() or not name:
                raise ValueError(f"{address} is no address, like tel:+8613800138000")
        return value


class Subscribers(Section):
    """`[subscribers]`: other systems that are told of publications."""

    most: int = Field(200, ge=1, le=5000)
    failing_days: float = Field(3, gt=0)


class Accounts(Section):
    """`[accounts]`: how staff log in."""

    session_hours: float = Field(12, gt=0)
    token_days: float = Field(365, gt=0)
    tries: int = Field(5, ge=1)
    lock_minutes: float = Field(15, gt=0)
    shortest_password: int = Field(10, ge=8)
    invitation_hours: float = Field(72, gt=0)
    second_factor_for: tuple[Literal["administrator", "moderator", "officer", "viewer"], ...] = ()


class Simulator(Section):
    """`[simulator]`: the stand-in for carriers without credentials."""

    port: int = Field(8081, ge=0, le=65535)


class Keeping(Section):
    """`[keeping]`: for how many days things are kept."""

    payload_days: int = Field(90, ge=1)
    call_days: int = Field(14, ge=1, le=400)
    recording_days: int = Field(365, ge=0, le=36_500)


class Live(Section):
    """`[live]` of `speech.toml`: words while they are spoken."""

    most: int = Field(200, ge=0, le=10_000)
    threads: int = Field(0, ge=0, le=64)


class SpeechVoice(Section):
    """`[voice]` of `speech.toml`: how the gateway speaks."""

    pace: int = Field(150, ge=80, le=450)
    cache_bytes: int = Field(268_435_456, ge=0)


class Speech(Section):
    """`speech.toml`: how recordings are written down."""

    workers: int = Field(0, ge=0, le=64)
    longest_job: float = Field(120, ge=5)
    live: Live = Live()
    voice: SpeechVoice = SpeechVoice()

    @property
    def processes(self) -> int:
        """How many workers there are: as set, else one core is left to the gateway, and memory is thought of."""
        return self.workers or min(max(1, len(os.sched_getaffinity(0)) - 1), MOST_WORKERS)


class WordLists(Section):
    """`[lists]` of `filters.toml`: which lists of `words/` are read."""

    block: bool = True
    hold: bool = True
    watch: bool = True
    emergency: bool = True
    allow: bool = True


class Likeness(Section):
    """`[likeness]` of `filters.toml`: what only sounds or looks like a listed word."""

    sounds: bool = True
    sounds_from: int = Field(3, ge=2, le=20)
    looks: bool = True


class Masking(Section):
    """`[masking]` of `filters.toml`: which private numbers are hidden."""

    phones: bool = True
    id_cards: bool = True
    bank_cards: bool = True
    plates: bool = True
    emails: bool = True


class Filters(Section):
    """`filters.toml`: what is looked for in words."""

    lists: WordLists = WordLists()
    likeness: Likeness = Likeness()
    masking: Masking = Masking()
    hits_days: int = Field(400, ge=30)


class Department(Section):
    """One department of `departments.toml`."""

    slug: str = Field(pattern="^[a-z0-9-]{1,64}$")
    name: Words


class Category(Section):
    """One category of `departments.toml`, the department that deals with it, and which span it has for it."""

    slug: str = Field(pattern="^[a-z0-9-]{1,64}$")
    name: Words
    department: str | None = None
    deadline: Deadline = "normal"


class WorkingTime(Section):
    """`[calendar]` of `deadlines.toml`: when the city works."""

    country: str = Field("", pattern="^([A-Z]{2})?$")
    region: str = Field("", pattern="^[A-Z0-9]{0,8}$")
    hours: tuple[str, ...] = ("08:30-12:00", "13:30-17:30")
    closed: tuple[date, ...] = ()
    open: tuple[date, ...] = ()


class Spans(Section):
    """`[spans]` of `deadlines.toml`: how long a department may take."""

    acknowledge: str = "2 working hours"
    urgent: str = "24 hours"
    normal: str = "7 working days"
    hard: str = "15 working days"


class Deadlines(Section):
    """`deadlines.toml`: by when departments must act."""

    calendar: WorkingTime = WorkingTime()
    spans: Spans = Spans()


class Rule(Section):
    """One rule of `routing.toml`: all that is given must fit; the first rule that fits decides."""

    name: str = Field(min_length=1, max_length=64)
    words: tuple[str, ...] = ()
    category: str | None = None
    department: str


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
    subscribers: Subscribers = Subscribers()
    accounts: Accounts = Accounts()
    simulator: Simulator = Simulator()
    keeping: Keeping = Keeping()
    speech: Speech = Speech()
    filters: Filters = Filters()
    deadlines: Deadlines = Deadlines()
    departments: tuple[Department, ...] = ()
    categories: tuple[Category, ...] = ()
    rules: tuple[Rule, ...] = ()
    channels: dict[str, dict[str, Any]] = {}
    phrases: dict[str, dict[str, str]] = {}
    folder: Path = DEFAULT_FOLDER
    # Which variable of the environment gave a value, by its section and key: "server.port".
    given: dict[str, str] = {}

    @property
    def public_url(self) -> str:
        """What carriers sign and links begin with, without a slash at the end."""
        return (self.server.public_url or f"http://{self.server.host}:{self.server.port}").rstrip("/")

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


def _check_logo(path: Path) -> None:
    """Raises `ValueError` with a remedy for a logo that is not what its name says, or too large for every page."""
    sign = LOGOS.get(path.suffix.lower())
    if sign is None:
        raise ValueError(f"give a picture whose name ends in {', '.join(LOGOS)}")
    if not path.is_file() or path.stat().st_size > LOGO_BYTES:
        raise ValueError(f"{path} must be a file of at most {LOGO_BYTES // 1024} kB that can be read")
    if not re.match(sign, path.read_bytes(), re.DOTALL):
        raise ValueError(f"{path} does not hold what its name says; save it as PNG again")


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
        "speech": files["speech"],
        "filters": files["filters"],
        "deadlines": files["deadlines"],
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
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value


def _problem(folder: Path, detail: Any) -> Problem:
    first, *rest = [str(part) for part in detail["loc"]]
    owner = {"categories": "departments", "rules": "routing"}.get(first, first if first in FILES else "gateway")
    key = ".".join(rest) if first in ("speech", "filters", "deadlines") else ".".join([first, *rest])
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
    for rule in settings.rules:
        if rule.department not in departments:
            problems.append(_unknown(settings, "routing", f"rules.{rule.name}", rule.department))
        if rule.category and rule.category not in categories:
            problems.append(_unknown(settings, "routing", f"rules.{rule.name}", rule.category))
    problems += _impossible_times(settings)
    if REASON + OTHER not in settings.phrases[LANGUAGES[0]]:
        where = str(settings.folder / "phrases" / f"{LANGUAGES[0]}.toml")
        problems.append(Problem(where, REASON + OTHER, "must be there: it is the reason that is said in a note"))
    for language in LANGUAGES:
        missing = sorted(set(settings.phrases[LANGUAGES[0]]) ^ set(settings.phrases[language]))
        if missing:
            where = str(settings.folder / "phrases" / f"{language}.toml")
            problems.append(Problem(where, ", ".join(missing), "must stand in the phrases of every language"))
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
    return problems


def _unknown(settings: Settings, file: str, key: str, name: str) -> Problem:
    return Problem(str(settings.folder / f"{file}.toml"), key, f"there is no {name!r} in departments.toml")
