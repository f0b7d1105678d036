"""The contract between the gateway and a channel.

A channel is one class named `Adapter` in one file of this folder. It turns what its medium brings into `Incoming`
and what the gateway says into the medium's own calls. It knows nothing of the store, the journey or other channels:
all it may ask is on the `Desk`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from aiohttp import ClientSession, web
from pydantic import BaseModel, ConfigDict

from gateway.schema import Incoming, Outgoing, PublicPost, Receipt, SendResult, Taken


class Guard(StrEnum):
    """Who may call a route: a carrier that signs, any browser (CSRF, rate), or a WebSocket of our own origin."""

    SIGNATURE = "signature"
    PUBLIC = "public"
    SOCKET = "socket"


class DeliveryKind(StrEnum):
    """How a post reaches its reader: sent to an address, kept in a mailbox, or readable by all."""

    SEND = "send"
    MAILBOX = "mailbox"
    TIMELINE = "timeline"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a medium can do. `schemes` are the URN schemes it reaches; `limit` is in characters of one message."""

    receives: bool = False
    delivery: DeliveryKind = DeliveryKind.NONE
    receipts: bool = False
    schemes: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    limit: int | None = None
    alphabet: str = "unicode"
    paid: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One inbound path. The handler gets the request only after the guard let it through."""

    method: str
    path: str
    guard: Guard
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]


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
class Attempt:
    """An attempt whose end nobody knows, as `settle` needs it: what was to be sent, and when (UTC)."""

    outgoing: Outgoing
    started_at: Any


class ChannelSettings(BaseModel):
    """The settings of one channel: its section of `channels.toml`, secrets from the environment only."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    # Field name -> environment variable (or the same with _FILE, naming a file that holds it).
    ENVIRONMENT: ClassVar[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class City:
    """What a channel may know of the installation."""

    name: str
    public_url: str
    language: str
    country: str
    simulated: bool
    trusted_proxies: tuple[str, ...] = ()


class Desk(Protocol):
    """All that a channel may ask of the gateway."""

    async def take(self, incoming: Incoming) -> Taken:
        """Keep one message and answer it; returns only after the commit.

        Raises `BadInput` for what cannot be used and `Busy` when nothing was kept and the sender must repeat.
        """
        ...

    async def receipt(self, channel: str, receipt: Receipt) -> None:
        """Note what the carrier says of a message it accepted, in any order, any number of times."""
        ...

    async def media_ready(self, channel: str, external_id: str) -> None:
        """The carrier says a file is ready: fetch it now instead of at the next try."""
        ...

    async def keep(self, channel: str, key: str, value: Mapping[str, Any]) -> None:
        """Keep a small sealed value for this channel (call state, poll offsets); it is forgotten after a day."""
        ...

    async def recall(self, channel: str, key: str) -> Mapping[str, Any] | None:
        """Give back what `keep` kept, or None."""
        ...

    def phrase(self, key: str, language: str, values: Mapping[str, Any] | None = None) -> str:
        """One sentence from `config/phrases`, in a language, for a channel that speaks for itself."""
        ...

    async def page(self, request: web.Request, template: str, values: Mapping[str, Any], status: int = 200) -> web.Response:
        """Draw a page of the public site around a public medium's own content."""
        ...

    async def challenge(self, request: web.Request, ticket: str, code: str) -> bool:
        """Prove a contact typed with the post of `ticket` by the code sent to it; False when it is wrong."""
        ...

    async def published(self, *, limit: int = 20, cursor: str | None = None, **filters: str | None) -> tuple[Sequence[PublicPost], str | None]:
        """Published posts, newest first, with the cursor of the next page. Filters: category, department, place, ticket."""
        ...

    def live(self, request: web.Request) -> AsyncIterator[bytes]:
        """The numbered stream of publications as server-sent events, from the request's Last-Event-ID on."""
        ...


@dataclass(slots=True)
class Surroundings:
    """What a channel is built with: the installation, the shared HTTP client, and nothing else."""

    city: City
    http: ClientSession
    extra: dict[str, Any] = field(default_factory=dict)


class Channel:
    """The base of every adapter; what a medium does not need, it leaves as it is here."""

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    Settings: ClassVar[type[ChannelSettings]] = ChannelSettings

    def __init__(self, settings: ChannelSettings, around: Surroundings) -> None:
        self.settings = settings
        self.city = around.city
        self.http = around.http

    def __repr__(self) -> str:
        return f"<channel {self.name}>"
