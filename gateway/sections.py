"""The tables of the settings files, each with its keys: frozen, and no key that is not known."""

import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gateway.schema import LANGUAGES

Language = Literal["zh", "en"]
Words = dict[Language, str]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]

# Each holds its own copy of a model, which may have gigabytes; who has them sets a number.
MOST_WORKERS = 4
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
    emergency_number: str = Field("110", pattern="^[0-9]{2,6}(/[0-9]{2,6}){0,3}$")
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
    ask_where: bool = True
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


class Radio(Section):
    """`[radio]`: the bulletins that are spoken."""

    morning: str = Field("07:30", pattern="^(([01][0-9]|2[0-3]):[0-5][0-9])?$")
    evening: str = Field("18:30", pattern="^(([01][0-9]|2[0-3]):[0-5][0-9])?$")
    posts: int = Field(12, ge=1, le=50)
    longest_text: int = Field(320, ge=80, le=2000)
    own_voices: bool = True
    longest_voice: float = Field(60, ge=5, le=300)
    keep_days: int = Field(60, ge=1)


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


class Rule(Section):
    """One rule of `routing.toml`: all that is given must fit; the first rule that fits decides."""

    name: str = Field(min_length=1, max_length=64)
    words: tuple[str, ...] = ()
    category: str | None = None
    place: str | None = None
    channels: tuple[str, ...] = ()
    hours: str = Field("", pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9])?$")
    days: tuple[Weekday, ...] = ()
    department: str
    suggests: str | None = None


def _check_logo(path: Path) -> None:
    """Raises `ValueError` with a remedy for a logo that is not what its name says, or too large for every page."""
    sign = LOGOS.get(path.suffix.lower())
    if sign is None:
        raise ValueError(f"give a picture whose name ends in {', '.join(LOGOS)}")
    if not path.is_file() or path.stat().st_size > LOGO_BYTES:
        raise ValueError(f"{path} must be a file of at most {LOGO_BYTES // 1024} kB that can be read")
    if not re.match(sign, path.read_bytes(), re.DOTALL):
        raise ValueError(f"{path} does not hold what its name says; save it as PNG again")
