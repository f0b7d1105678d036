"""The contract between the gateway and a channel.

A channel is one class named `Adapter` in one file of this folder. It turns what its medium brings into `Incoming`
and what the gateway says into the medium's own calls. It knows nothing of the store, the journey or other channels:
all it may ask is on the `Desk`.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol

from aiohttp import ClientSession, web
from pydantic import BaseModel, ConfigDict

from channels.failures import Refused, Unknown
from gateway.errors import BadInput
from gateway.schema import Findings, Incoming, IncomingMedia, Outgoing, PublicPost, Receipt, SendResult, Taken
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
    tries: int | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One inbound path. The handler gets the request only after the guard let it through.

    `most_bytes` is how large a body may be where files come in; without it the gateway's usual limit holds.
    """

    method: str
    path: str
    guard: Guard
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    most_bytes: int | None = None


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
class LetterFile:
    """A file of a letter: its id, by which its owner may see it, and its MIME type."""

    id: str
    type: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of a mailbox, worded for its owner.

    `number` sorts like the conversation does and never changes. `own` is what the owner said himself, on `channel`
    with its `external_id`; all else is ours.
    """

    number: str
    own: bool
    at: datetime
    text: str
    channel: str
    external_id: str | None = None
    language: str | None = None
    ticket: str | None = None
    files: tuple[LetterFile, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file as it lies on our disk, for whoever sent it."""

    path: Path
    type: str


class Mailbox(Protocol):
    """The conversation of one address with us, as one window has it open."""

    def begin(self, number: str) -> None:
        """Go on behind a letter the window has; without one ("") from the very first."""
        ...

    async def news(self, limit: int) -> Sequence[Letter]:
        """What came since, in order; with it what was told before and reads otherwise now. Empty when nothing came."""
        ...

    async def earlier(self, number: str | None, limit: int) -> tuple[Sequence[Letter], bool]:
        """The last letters before one, or of all, in order; and whether there are still earlier ones."""
        ...

    async def wait(self, timeout: float) -> bool:
        """Wait until something may have come, or until `timeout` seconds passed."""
        ...

    async def seen(self, numbers: Collection[str]) -> None:
        """Note which of our letters the window has shown."""
        ...

    async def typing(self) -> None:
        """Note that the owner is typing."""
        ...

    async def file(self, media_id: str) -> OwnFile:
        """A file the owner sent himself. Raises `NotFound` for any other."""
        ...


class TapeLabel(Protocol):
    """Whose a tape is; `id` is its own and never that of another."""

    @property
    def id(self) -> str:
        """The tape's id."""
        ...

    @property
    def call(self) -> str:
        """The call's id."""
        ...

    @property
    def rate(self) -> int:
        """Samples a second."""
        ...

    @property
    def language(self) -> str:
        """What is spoken."""
        ...

    @property
    def address(self) -> str | None:
        """The caller's URN."""
        ...

    @property
    def line(self) -> str | None:
        """Which of our lines was called."""
        ...


class Tape(Protocol):
    """One caller's sound, on disk about a second after it came; bounded like every recording.

    `before` is what is on it from a conversation of the same call that broke off.
    """

    before: bytes

    @property
    def label(self) -> TapeLabel:
        """Whose it is."""
        ...

    @property
    def seconds(self) -> float:
        """How much can still be said."""
        ...

    def write(self, pcm: bytes) -> None:
        """Put sound (whole s16le samples) behind the rest; what is more than a recording may hold is lost."""
        ...

    async def finish(self) -> IncomingMedia | None:
        """The recording, kept as `Desk.upload` keeps files; None when there is next to nothing on it.

        The tape stays until `discard`, so that a crash before the recording is taken loses nothing. `external_id` is
        the tape's own: taken as the message's id too, it is taken once, whatever breaks off.
        """
        ...

    async def discard(self) -> None:
        """Delete it: what was said is taken, or is not to be kept."""
        ...

    async def release(self) -> None:
        """Leave it to whoever goes on with this call, else to `Desk.tapes_left`."""
        ...


class OnTheLine(Protocol):
    """One call as staff follow it. To be held as long as the call goes on: one that is let go of ends by itself."""

    async def step(self, name: str, *, language: str | None = None, within: float | None = None) -> None:
        """Tell where the conversation is now (`menu`, `speaking`, ...), and the language when it was chosen.

        A call that is not live tells `within` how many seconds it is heard of again, or else its caller is gone.
        """
        ...

    def hearing(self, text: str, final: bool) -> None:
        """Tell the words of the present utterance so far, or of the one that ended; as often as they change."""
        ...

    async def kept(self, ticket: str) -> None:
        """Tell the ticket of the post that was made of it."""
        ...

    async def ended(self, how: str) -> None:
        """Tell that it is over, and how: `hung_up`, `finished`, `transferred` or `failed`."""
        ...


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

    async def speak(self, text: str, language: str, rate: int = 8000) -> bytes:
        """A text as a voice reads it: 16-bit mono samples. Raises `BadInput`, or `EverylineError` when it cannot."""
        ...

    async def spoken_status(self, ticket: str, address: str | None, language: str) -> Sequence[str] | None:
        """How a ticket stands, for the ear: to its author all, to others what is public. None for an unknown one."""
        ...

    async def spoken_news(self, language: str) -> Sequence[str]:
        """What was published and answered last, for the ear; empty when nothing was."""
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
