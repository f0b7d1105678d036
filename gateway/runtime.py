"""What one process holds: settings, store, sealing, HTTP client, workers, speech, channels and the command table.

Everything is passed on as one value; nothing here is global, so two gateways can live in one test.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from aiohttp import ClientSession

from channels.base import Channel, DeliveryKind
from channels.registry import Mode, Plan
from gateway.errors import Problem
from gateway.pulse import Pulse, Switches
from gateway.schema import Place, Verdict
from gateway.schema_outgoing import Say
from gateway.settings import Settings
from gateway.workers import Workers
from speech.live import Ears
from speech.models import Models
from speech.synthesiser import Synthesiser
from store.blobs import Blobs
from store.database import Database, Transaction
from store.facts import KnownAddress, KnownComment, KnownThread
from store.marks import Mark
from store.vault import Vault


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as it arrives: what stood behind the word, who asks, and the thread of a quoted ticket.

    `own` are the asker's threads, newest first, `last` is his newest word that was added to one, `following` what his
    line follows. `told` is the thread whose answer his line was told last, `marks` what is thought of that and of
    the quoted one, `channel` the medium he uses. `language` is what he is answered in, `learnt` what the command itself
    looked up.
    """

    argument: str
    address: KnownAddress | None
    ticket: str | None
    thread: KnownThread | None
    own: Sequence[KnownThread] = ()
    last: KnownComment | None = None
    following: Collection[str] = ()
    told: KnownThread | None = None
    marks: Sequence[Mark] = ()
    channel: str = ""
    language: str = ""
    learnt: Any = None


@dataclass(frozen=True, slots=True)
class Question:
    """What an address is asked and may answer with a bare number (the first option is 1), about which post.

    Without options it is answered in words, by the next message. It is open for some `minutes`, or as long as is set.
    """

    kind: str
    options: tuple[str, ...]
    post_id: str | None = None
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a command does: words to say, and what changes for the address or for a post of its owner.

    `follow` and `unfollow` are topics (`unfollow` of "*" is all of them); with `at_once` each post is told also where
    that costs money, instead of a digest; `language` is chosen for good; `ask` becomes
    the one open question of the address. `private` says of a thread whether it is kept from the public; `detach` makes
    a word a report of its own, `attach` (post, thread) makes a report a word under another. `join` (post, ticket) joins
    a report to a public one, `count_in` counts the asker among those who report a thread. `silent` is not worth a paid
    message. `effect` writes what else follows, in the transaction of the message; `note` is for the command itself to
    keep.
    `claim` is the alarm of a waiting queue that somebody of the staff takes care of.
    """

    say: Say
    follow: str | None = None
    at_once: bool = False
    unfollow: str | None = None
    stop: bool = False
    start: bool = False
    language: str | None = None
    ask: Question | None = None
    private: tuple[KnownThread, bool] | None = None
    detach: KnownComment | None = None
    attach: tuple[KnownThread, KnownThread] | None = None
    join: tuple[KnownThread, str] | None = None
    count_in: KnownThread | None = None
    silent: bool = False
    effect: Callable[[Transaction], Awaitable[None]] | None = None
    note: Any = None
    claim: str | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """What an answer leaves for its command to keep, and on which channel and in which language it was given."""

    channel: str
    language: str
    note: Any


@dataclass(frozen=True, slots=True)
class Command:
    """A word by which citizens ask for something instead of reporting.

    `words` are folded; `argument` is the regular expression of what may follow, so that "stop the noise" stays a
    report. `run` is pure. `choose`, when the command may ask which one is meant, is told the number's option.
    `learn` looks up what a batch of arguments and chosen options needs, and `keep` writes what the answers noted, in
    the transaction of the batch.
    """

    words: tuple[str, ...]
    argument: str
    run: Callable[[Asked], Reply]
    choose: Callable[[Asked, str], Reply] | None = None
    learn: Callable[[Transaction, Collection[str], Collection[str]], Awaitable[Any]] | None = None
    keep: Callable[[Transaction, Sequence[Noted]], Awaitable[None]] | None = None


class Words(Protocol):
    """The word filter in force (`journey.words`), for the page that shows it and the service that runs it."""

    loaded_at: datetime
    problems: Sequence[Problem]

    @property
    def sizes(self) -> Mapping[str, int]:
        """How many words each list has."""

    @property
    def allowed(self) -> Sequence[Any]:
        """The phrases (`journey.wordlists.Word`) in which no word counts."""

    def look(self, text: str) -> Verdict:
        """Judge without counting."""

    async def run(self, runtime: "Runtime") -> None:
        """Keep to the files and write the counts, until cancelled."""


class Gazetteer(Protocol):
    """The places of the city, ready to be found (`journey.places`)."""

    def __bool__(self) -> bool: ...

    def find(self, text: str, language: str) -> Place | None:
        """The place a text is about, named in a language, or None."""

    def called(self, name: str) -> str | None:
        """The slug of the one place that is called so, or has this slug."""

    def around(self, slug: str | None) -> frozenset[str]:
        """The slugs of a place and of all around it."""

    def names_around(self, slug: str | None) -> tuple[str, ...]:
        """All that a place and those around it are called."""

    def named(self, slug: str | None, language: str) -> str | None:
        """The name of a place in a language; None for one that is not known."""

    def is_coarse(self, slug: str | None) -> bool:
        """Whether a place is too wide to send somebody there."""


class Breaking(Protocol):
    """The breaker of a line of this process (`journey.breaker`), for those who show it."""

    until: datetime | None
    opened_at: datetime | None
    why: str | None

    def state(self, at: datetime) -> str:
        """closed, open or half_open."""


@dataclass(slots=True)
class Runtime:
    """The parts of one running gateway.

    `workers` write recordings down, which takes minutes; `openers` do what is short, like photos. `ears` hear callers
    while they speak, `synthesiser` speaks. `judge`, `words`,
    `gazetteer` and `commands` are filled by `assembly` at start. `settings` are those in force: other ones stand there
    as soon as the console keeps them (`journey.in_force`), so they are asked at the moment of use.
    """

    settings: Settings
    database: Database
    vault: Vault
    blobs: Blobs
    http: ClientSession
    workers: Workers
    openers: Workers
    models: Models
    ears: Ears
    synthesiser: Synthesiser
    channels: dict[str, Channel]
    plans: Sequence[Plan]
    judge: Callable[[str], Verdict]
    words: Words
    gazetteer: Gazetteer
    commands: dict[str, Command] = field(default_factory=dict)
    # When which address id was last heard typing into its mailbox; the latest last.
    typing: dict[str, datetime] = field(default_factory=dict)
    # What this process counts of its channels, what people switched them to, and the breakers of its lines.
    pulse: Pulse = field(default_factory=Pulse)
    switches: Switches = field(default_factory=Switches)
    breakers: dict[str, Breaking] = field(default_factory=dict)
    # What is made of the settings once: run again when others are in force, one renewal after the other.
    derived: list[Callable[["Runtime"], None]] = field(default_factory=list)
    renewing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def outlet(self, scheme: str, preferred: str | None = None) -> Channel | None:
        """The channel that sends to addresses of a scheme: the preferred one if it can, else the first that does."""
        able = [
            channel
            for channel in self.channels.values()
            if scheme in channel.capabilities.schemes and channel.capabilities.delivery is not DeliveryKind.NONE
        ]
        return next((channel for channel in able if channel.name == preferred), able[0] if able else None)

    def timelines(self) -> list[Channel]:
        """The channels that everybody may read."""
        return [c for c in self.channels.values() if c.capabilities.delivery is DeliveryKind.TIMELINE]

    def subscribing(self) -> Channel | None:
        """The channel by which other systems are told, if there is one."""
        able = (c for c in self.channels.values() if c.capabilities.delivery is DeliveryKind.SUBSCRIBERS)
        return next(able, None)

    def numbers(self) -> list[tuple[Channel, str]]:
        """The lines that people may write to or call, with the number of each."""
        plans = {plan.name: plan.settings for plan in self.plans}
        numbers = [(channel, getattr(plans.get(name), "number", None)) for name, channel in self.channels.items()]
        return [(channel, str(number)) for channel, number in numbers if channel.capabilities.receives and number]

    def simulated(self, channel: str) -> bool:
        """Whether a simulator stands in for this channel's carrier."""
        return any(plan.name == channel and plan.mode is Mode.SIMULATED for plan in self.plans)

    def phrase(self, key: str, language: str, values: Mapping[str, Any] | None = None) -> str:
        """One sentence of `config/phrases`, with the city's name and the emergency number filled in."""
        city = self.settings.city
        known = {"city": city.name.get(language, city.name["en"]), "emergency": city.emergency_number}  # type: ignore[call-overload]
        return self.settings.phrases[language][key].format_map({**known, **(values or {})})
