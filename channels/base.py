"""The contract between the gateway and a channel.

A channel is one class named `Adapter` in one file of this folder. It turns what its medium brings into `Incoming`
and what the gateway says into the medium's own calls. It knows nothing of the store, the journey or other channels:
all it may ask is on the `Desk`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol

from aiohttp import ClientSession, web
from pydantic import BaseModel, ConfigDict

from channels.failures import Refused, Unknown
from channels.handed import Mailbox, OnTheLine, Tape
from gateway.errors import BadInput
from gateway.schema import (
    Bulletin,
    Findings,
    Incoming,
    IncomingMedia,
    Outgoing,
    Place,
    PublicPost,
    Receipt,
    SendResult,
    ServiceHit,
    SpokenService,
    Taken,
)
from speech.live import Hearing


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

    async def upload(self, data: bytes, kind: str) -> IncomingMedia:
        """Keep a file that came with a message itself (a form, a chat) and give it as media of an `Incoming`.

        On disk when this returns; what no message names within an hour is swept away. `kind` is the MIME type claimed:
        what the file is, and the type given back, its content alone says. Raises `BadInput` (field `media`) for a file
        that is empty, too large, or neither a photo nor sound. How many one message may bring is `Uploads.most_files`,
        for the channel to keep to.
        """
        ...

    async def tape(
        self,
        channel: str,
        call: str,
        rate: int,
        language: str,
        *,
        address: str | None = None,
        line: str | None = None,
    ) -> Tape:
        """Take down what a caller says, `rate` samples a second: a new tape, or the one this call broke off with.

        Raises OSError when nothing can be written.
        """
        ...

    async def tapes_left(self, channel: str, seconds: float) -> Sequence[Tape]:
        """Tapes of this channel that no living process writes, and none wrote to within so many seconds.

        They are the asker's now: each is to be taken as what its caller wanted to say, then discarded.
        """
        ...

    async def speak(self, text: str, language: str, rate: int = 8000, *, keep: bool = True) -> bytes:
        """A text as a voice reads it: 16-bit mono samples; somebody's own words are spoken without `keep`ing the sound.

        Raises `BadInput`, or `EverylineError` when it cannot.
        """
        ...

    async def asks_mark(self, ticket: str, address: str | None) -> bool:
        """Whether who calls from an address may judge the answer to a ticket, and did not yet."""
        ...

    async def spoken_status(self, ticket: str, address: str | None, language: str) -> Sequence[str] | None:
        """How a ticket stands, for the ear: to its author all, to others what is public. None for an unknown one."""
        ...

    async def chosen_language(self, address: str) -> str | None:
        """The language somebody chose for good; None when he never did."""
        ...

    def is_emergency(self, text: str) -> bool:
        """Whether a text holds words of danger, so that its speaker must hear the emergency number."""
        ...

    async def listen(self, channel: str, language: str, rate: int) -> Hearing | None:
        """An ear that hears a caller while he speaks; None without a model. Raises `Busy`, `EverylineError`."""
        ...

    async def keep(self, channel: str, key: str, value: Mapping[str, Any], days: int = 1) -> None:
        """Keep a small sealed value for this channel (call state, poll offsets); it is forgotten after so many days."""
        ...

    async def recall(self, channel: str, key: str) -> Mapping[str, Any] | None:
        """Give back what `keep` kept, or None."""
        ...

    async def hold(self, channel: str, name: str, seconds: float) -> bool:
        """Take or renew, for so long, what only one of several processes may do; false while it is another's."""
        ...

    async def on_the_line(
        self, channel: str, call: str, *, line: str | None, language: str, address: str | None, live: bool
    ) -> OnTheLine:
        """Show staff a call that begins or, when its carrier's id is known, goes on (after a restart, or because the
        carrier only comes back between two recordings; then it is not `live`). Nothing it does fails for the store.

        `line` is our number that was called, `address` the URN of who calls. Raises `TooMany` when as many calls as
        may be are going on: the caller is then asked to call again later.
        """
        ...

    def phrase(self, key: str, language: str, values: Mapping[str, Any] | None = None) -> str:
        """One sentence from `config/phrases`, in a language, for a channel that speaks for itself."""
        ...

    async def page(
        self,
        request: web.Request,
        template: str,
        values: Mapping[str, Any],
        status: int = 200,
        *,
        lasting: bool = False,
    ) -> web.Response:
        """Draw a page of the public site (`gateway/web/templates/`) with a public medium's own content.

        A `lasting` page changes only with what the stream of publications tells: it is kept and shown to others too.
        """
        ...

    def visitor(self, request: web.Request) -> str:
        """The URN of the browser that asks (`web:<id>`, from its signed cookie)."""
        ...

    def returning(self, request: web.Request) -> str | None:
        """The URN of a browser that brought its cookie; None for one that is new, or whose cookie is not ours."""
        ...

    def language(self, request: web.Request) -> str:
        """The language a request is answered in."""
        ...

    def network(self, request: web.Request) -> str:
        """The network a request comes from, as limits count by it."""
        ...

    def draw(self, language: str, template: str, values: Mapping[str, Any]) -> str:
        """A part of a page, for a medium that sends it later than its page; what a request knows is not there."""
        ...

    def mailbox(self, channel: str, address: str) -> Mailbox:
        """The mailbox of an address. What its owner typed himself is known of this channel's messages (their `raw`)."""
        ...

    async def prove(self, ticket: str, code: str) -> None:
        """Prove the contact typed with the post of `ticket` by the code sent to it.

        Raises `BadInput` for a wrong or expired code and `TooMany` when it was tried too often.
        """
        ...

    async def published(
        self, *, limit: int = 20, cursor: str | None = None, settled: bool = False, **filters: str | None
    ) -> tuple[Sequence[PublicPost], str | None]:
        """Published posts, newest first, and the next page's cursor. Filters: category, department, place, ticket.

        With `settled` only those that cannot be undone any more, for what is copied away and never comes back.
        """
        ...

    async def search(
        self, query: str, *, limit: int = 20, cursor: str | None = None, **filters: str | None
    ) -> Findings:
        """Published posts that have all words and quoted phrases of a query, newest first, and the next page's cursor.

        Filters: category, department, place, kind, progress; since, until (days of the city or moments). Raises
        `BadInput`.
        """
        ...

    async def similar(
        self, text: str, place: Place, category: str | None = None, *, limit: int = 3
    ) -> Sequence[PublicPost]:
        """Published reports that are likely about the same thing as what somebody writes, the likest first."""
        ...

    async def today(self) -> tuple[int, int]:
        """How many posts, and how many answers, were published since the city's midnight; a few seconds old."""
        ...

    async def post(self, ticket: str) -> PublicPost:
        """One thread's first post with its answers; without words while it is not public. Raises `NotFound`."""
        ...

    async def comments(
        self, ticket: str, *, limit: int = 100, cursor: str | None = None
    ) -> tuple[Sequence[PublicPost], str | None]:
        """What was added to a thread and published, oldest first, and the next page's cursor. Raises `NotFound`."""
        ...

    async def claim(self, reference: str) -> bool:
        """Somebody called pressed the key by which he takes care; false when it is nobody's to take any more."""
        ...

    async def bulletin(self, language: str) -> Bulletin | None:
        """The newest bulletin of the radio, to be read out (`parts`); None before the first.

        What it quotes is public at this moment: what was withdrawn or corrected since it was made is not in it.
        """
        ...

    async def bulletins(self, language: str, limit: int) -> Sequence[Bulletin]:
        """The radio's bulletins, newest first, as `bulletin` gives one; those whose `size` is 0 cannot be heard now."""
        ...

    async def services(self, language: str, skip: int, limit: int) -> Sequence[SpokenService]:
        """So many services of departments behind the first `skip` of them, those asked for most first."""
        ...

    async def find_services(self, text: str, language: str) -> Sequence[SpokenService]:
        """The services that a spoken word means, the best first; what finds nothing is listed for the departments."""
        ...

    async def spoken_service(self, service_id: str, language: str, channel: str | None) -> SpokenService | None:
        """One service to be read out, counted as used on a channel (None: not again); None for what is gone."""
        ...

    async def service_hits(self, query: str, language: str) -> Sequence[ServiceHit]:
        """The services that a search means, the best first, in a language or in what they are written in."""
        ...

    def own_voices(self) -> bool:
        """Whether callers may be heard themselves on the radio, so that it is worth asking them."""
        ...

    async def let_be_heard(self, post_id: str) -> None:
        """Note that who said a post agrees to be heard himself on the radio. Raises `NotFound`."""
        ...

    async def aired(self, bulletin_id: str) -> tuple[Bulletin, Path | None]:
        """One bulletin, and its sound (`speech.encoding`) while that may be heard. Raises `NotFound`."""
        ...


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
