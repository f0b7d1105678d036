"""What a channel makes of one message, and what it is told that became of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.schema import Kind, Place, PlaceFrom, State
from gateway.schema_outgoing import Say


@dataclass(frozen=True, slots=True)
class Heard:
    """What a recording says, written down while it was spoken; the words as people type them in `text`.

    `words` are (word, first second, last second, how sure of 1), `confidence` how sure all is (0 to 1), `seconds` how
    long the recording is, `model` what wrote it down, `peaks` how loud it is (`speech.audio.peaks`).
    """

    text: str
    confidence: float
    words: tuple[tuple[str, float, float, float], ...]
    seconds: float
    model: str
    peaks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class IncomingMedia:
    """A file the carrier holds for us, to be fetched by a durable job, or one the desk was handed (`Desk.upload`).

    `url` is where, `external_id` the carrier's name for it, `type` the MIME type the carrier claims,
    `language` what a recording is spoken in, when the call settled that. What was `heard` already is not written down
    a second time; it counts as the message's text when there is no other. Without `transcribe` no machine takes words
    from a recording unless staff ask for it.
    """

    external_id: str
    url: str
    type: str
    language: str | None = None
    heard: Heard | None = None
    transcribe: bool = True


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a channel made of one message, before it is kept.

    `external_id` is the carrier's message id, unique within `channel`. `address` is a URN (`tel:+8613...`,
    `web:<id>`) or None when the line is withheld. `line` is which of our own lines was used. `contact` is an
    unproved address the citizen typed (a URN). `thread` is the ticket it is said under, when the medium knows.
    `commands` says that people converse here: words like STATUS are obeyed, and what follows a report belongs to it.
    `own_voice` is true only when the citizen agreed that the recording itself may be heard on the radio.
    `joins` says that nothing is said: its sender wants to be counted among those who report `thread`.
    `answers_where` says that it was said when the medium itself asked where the report of `thread`, which it had just
    taken, is. `own_voice` is true only when the citizen agreed that the recording itself may be heard on the radio.
    `carrier_replied` is true when the carrier itself replies to the words STOP, START and HELP, so that we must not.
    `network` is what limits count a page's user by, None for a telephone. `raw` is the carrier's payload as received.
    """

    channel: str
    external_id: str
    text: str
    received_at: datetime
    address: str | None = None
    line: str | None = None
    kind: Kind = Kind.REPORT
    language: str | None = None
    category: str | None = None
    place: Place = field(default=Place())
    place_from: PlaceFrom | None = None
    private: bool = False
    own_voice: bool = False
    name: str | None = None
    contact: str | None = None
    thread: str | None = None
    joins: bool = False
    answers_where: bool = False
    media: tuple[IncomingMedia, ...] = ()
    commands: bool = True
    carrier_replied: bool = False
    network: str | None = None
    raw: bytes = b""


class Outcome(StrEnum):
    """What became of an incoming."""

    POST = "post"
    FOLLOW_UP = "follow_up"
    COMMAND = "command"
    PHRASE = "phrase"


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer to an incoming, given only after the commit; a repeat gets the same one.

    `say` is what the citizen should hear; channels that converse live may voice it, all others leave it to the
    outbox, where it already lies when the channel can send. `code_sent` says that the contact typed awaits its code.
    `asks_where`: the report does not say where it is, which a channel that converses live may ask.
    """

    outcome: Outcome
    say: Say
    language: str
    ticket: str | None = None
    post_id: str | None = None
    state: State | None = None
    code_sent: bool = False
    repeated: bool = False
    asks_where: bool = False
