"""The contract between the gateway and a channel.

A channel is one class named `Adapter` in one file of this folder. It turns what its medium brings into `Incoming`
and what the gateway says into the medium's own calls. It knows nothing of the store, the journey or other channels:
all it may ask is on the `Desk`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from aiohttp import ClientSession, web
from pydantic import BaseModel, ConfigDict

from channels.desk import Desk
from channels.failures import Refused, Unknown
from gateway.errors import BadInput
from gateway.schema_outgoing import Outgoing, SendResult


class Guard(StrEnum):
    """Who may call a route: a carrier that signs, any browser (CSRF, rate), or a WebSocket of our own origin."""

    SIGNATURE = "signature"
    PUBLIC = "public"
    SOCKET = "socket"


class DeliveryKind(StrEnum):
    """How a post reaches its reader: sent to an address, kept in a mailbox, readable by all, or told to other systems.

    Each subscriber is a system of its own: the trouble of one says nothing of the others.
    """

    SEND = "send"
    MAILBOX = "mailbox"
    TIMELINE = "timeline"
    SUBSCRIBERS = "subscribers"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a medium can do. `schemes` are the URN schemes it reaches; `limit` is in characters of one message.

    What `recalls` can take back what it showed, and so shows it at once; all else waits for the undo time.
    What `rings` can call somebody.
    `tries` is how often sending is tried, where the settings' number does not fit the medium.
    """

    receives: bool = False
    delivery: DeliveryKind = DeliveryKind.NONE
    receipts: bool = False
    schemes: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    limit: int | None = None
    alphabet: str = "unicode"
    paid: bool = False
    recalls: bool = False
    rings: bool = False
    tries: int | None = None

    @property
    def spoken(self) -> bool:
        """Whether a line is called: it takes sound and carries no texts back."""
        return not self.schemes and any(kind.startswith("audio") for kind in self.media)


@dataclass(frozen=True, slots=True)
class Route:
    """One inbound path. The handler gets the request only after the guard let it through.

    `most_bytes` is how large a body may be where files come in; without it the gateway's usual limit holds. What only
    `looks`, though words are sent with it, is not counted as something said.
    """

    method: str
    path: str
    guard: Guard
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    most_bytes: int | None = None
    looks: bool = False


class Standing(StrEnum):
    """What `check` found: usable; not now but by itself later; a person must act; cannot work here."""

    READY = "ready"
    LATER = "later"
    ASK = "ask"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Health:
    """The answer of `check`, with a sentence for the operator."""

    standing: Standing
    sentence: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """A carrier's file: its bytes and the MIME type the carrier gave it."""

    data: bytes
    type: str


class ChannelSettings(BaseModel):
    """The settings of one channel: its section of `channels.toml`, and what comes from the environment only.

    `ENVIRONMENT` maps a field to its variable (or the same with _FILE, naming a file that holds it). Such a field is
    refused in the file. When none of the required ones is set, the channel has no credentials: it is off, or simulated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    ENVIRONMENT: ClassVar[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class City:
    """What a channel may know of the installation."""

    name: str
    public_url: str
    language: str
    country: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """A subscriber's address with its secrets in it, the name of its host to show, and the newest secret."""

    address: str = field(repr=False)
    host: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Uploads:
    """How many files one message may bring, how large each and all together may be, how long a recording."""

    most_files: int = 6
    most_bytes: int = 20_971_520
    most_together: int = 67_108_864
    most_seconds: int = 600


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a channel is built with: the installation, the HTTP client that all share, and the limits of files."""

    city: City
    http: ClientSession
    uploads: Uploads = Uploads()


class Channel:
    """The base of every adapter; what a medium does not need, it leaves as it is here.

    `carrier` names the company whose simulator can stand in while there are no credentials.
    """

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    carrier: ClassVar[str | None] = None
    Settings: ClassVar[type[ChannelSettings]] = ChannelSettings

    def __init__(self, settings: ChannelSettings, around: Surroundings) -> None:
        self.city = around.city
        self.http = around.http
        self.uploads = around.uploads

    def __repr__(self) -> str:
        return f"<channel {self.name}>"

    async def check(self) -> Health:
        """Prove the credentials. Never raises for what the carrier answers: says it."""
        return Health(Standing.READY, "needs no credentials")

    def routes(self, desk: Desk) -> Sequence[Route]:
        """The inbound paths of this medium."""
        return ()

    async def authentic(self, request: web.Request) -> bool:
        """Whether a request to a `signature` route comes from the carrier; asked before its handler."""
        return False

    async def run(self, desk: Desk) -> None:
        """Hold a standing connection or poll, until cancelled. Returning at once means there is none."""

    async def fetch(self, url: str, most_bytes: int) -> Fetched:
        """Bring a carrier's file. Raises `RetryLater` while it is not ready, `Refused` when it never will be."""
        raise Refused(f"{self.name} holds no files")

    async def forget(self, url: str) -> None:
        """Delete the carrier's copy, once ours is stored."""

    def measure(self, text: str) -> int:
        """What a text costs in the carrier's units (SMS segments, messages)."""
        return 1

    def rate(self) -> float | None:
        """How many of those units a second the carrier takes; None without limit. The line keeps to it."""
        return None

    async def send(self, outgoing: Outgoing) -> SendResult:
        """Hand one message to the carrier, or raise what `channels.failures` fits."""
        raise Refused(f"{self.name} does not send")

    async def ring(self, address: str, words: str, thanks: str, language: str, reference: str) -> None:
        """Call somebody and read him `words`; when he presses 1, the desk is told `reference` and he hears `thanks`.
        Without a reference any key only ends the call.

        Raises what `channels.failures` fits.
        """
        raise Refused(f"{self.name} calls nobody")

    async def settle(self, outgoing: Outgoing, started_at: datetime) -> SendResult | None:
        """What became of an attempt nobody knows the end of: a result, None when it may be sent again (the carrier
        never had it, or knows it by `idempotency`).

        Raises `Unknown` when this medium cannot tell: then a person decides.
        """
        raise Unknown(f"{self.name} cannot tell")

    def admit(self, url: str) -> Admitted:
        """The address of a new subscriber, with a secret drawn for it. Raises `BadInput` for a URL we do not call."""
        raise BadInput("no channel takes subscribers just now")

    def renew(self, address: str, until: datetime) -> Admitted:
        """A subscriber's address with a new secret; the one before holds until a moment."""
        raise BadInput("no channel takes subscribers just now")

    async def hang_up(self) -> None:
        """Let go of what routes hold open (sockets), before the process stops serving."""

    async def retract(self, outgoing: Outgoing) -> None:
        """Take back what was sent, where the medium can."""
        raise Refused(f"{self.name} cannot take back")
