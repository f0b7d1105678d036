"""The words of the whole gateway: the one post schema, and what travels between its steps.

Everything here is plain and frozen. Channels make an `Incoming`; the journey keeps a `Post`; what leaves is an
`Outgoing`. The public shape of a post (the JSON of the API, the stream and the feeds) is `PublicPost`.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

LANGUAGES = ("zh", "en")
# Signs of Chinese text that take the room of a space behind them.
FULL_WIDTH = tuple("。！？：；，、）”")


class Kind(StrEnum):
    """What a post is."""

    REPORT = "report"
    PRAISE = "praise"
    QUESTION = "question"
    IDEA = "idea"
    COMMENT = "comment"
    ANSWER = "answer"
    NOTICE = "notice"


# The kinds that open a thread of their own when a citizen says them.
CITIZEN_KINDS = (Kind.REPORT, Kind.PRAISE, Kind.QUESTION, Kind.IDEA)
# Those that open one whoever speaks.
FIRST_KINDS = (*CITIZEN_KINDS, Kind.NOTICE)


class State(StrEnum):
    """Where a post stands with moderation. Only `journey.moderation` changes it."""

    PENDING = "pending"
    HELD = "held"
    PUBLISHED = "published"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Progress(StrEnum):
    """Where the department's work on a thread stands. Only `casework.handling` and an answer change it."""

    NEW = "new"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    WAITING = "waiting"
    PASSED_ON = "passed_on"
    REOPENED = "reopened"
    ANSWERED = "answered"
    CLOSED = "closed"
    MERGED = "merged"


# Where an answer is owed no more, or is another thread's.
_SETTLED_PROGRESS = (Progress.ANSWERED, Progress.CLOSED, Progress.MERGED)
# Where an answer is still owed.
OPEN_PROGRESS = tuple(progress for progress in Progress if progress not in _SETTLED_PROGRESS)


# Which span of `config/deadlines.toml` a case has until its answer.
Deadline = Literal["urgent", "normal", "hard"]


class CaseStep(StrEnum):
    """What is done to a case; `casework.handling.TABLE` says from where each may lead whither."""

    ASSIGN = "assign"
    ACCEPT = "accept"
    BEGIN = "begin"
    ASK = "ask"
    RESUME = "resume"
    PASS_ON = "pass_on"  # noqa: S105
    REFUSE = "refuse"
    CLOSE = "close"
    REOPEN = "reopen"
    MERGE = "merge"
    SEPARATE = "separate"


class Due(StrEnum):
    """What a case has a deadline for: to be accepted, to be answered, and to be taken over by another."""

    ACKNOWLEDGE = "acknowledge"
    ANSWER = "answer"
    ACCEPT = "accept"


class Level(StrEnum):
    """Whose matter a late case is, one after the other; `public` is the list that everybody reads."""

    OFFICER = "officer"
    HEAD = "head"
    SUPERVISOR = "supervisor"
    PUBLIC = "public"


class AlarmSubject(StrEnum):
    """Of what somebody of the staff may be told on his own line."""

    INCIDENTS = "incidents"
    REMINDERS = "reminders"
    ESCALATIONS = "escalations"


class Action(StrEnum):
    """What a moderator, or a rule, may do to a post."""

    PUBLISH = "publish"
    HOLD = "hold"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    CORRECT = "correct"


class DeliveryState(StrEnum):
    """Where one delivery stands; `store.deliveries.FORWARD` says which way it may move."""

    DUE = "due"
    HELD = "held"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


class Priority(StrEnum):
    """Who goes first when a line is busy; stored as its rank in `PRIORITY_RANK`."""

    EMERGENCY = "emergency"
    ANSWER = "answer"
    RECEIPT = "receipt"
    BROADCAST = "broadcast"
    DIGEST = "digest"


PRIORITY_RANK = {priority: rank for rank, priority in enumerate(Priority)}


class Audience(StrEnum):
    """For whom a delivery is."""

    AUTHOR = "author"
    FOLLOWER = "follower"
    TIMELINE = "timeline"
    OPERATOR = "operator"
    SUBSCRIBER = "subscriber"


class MediaState(StrEnum):
    """Where a citizen's file stands; what is forgotten was deleted by the city's rule, and its words stay."""

    DUE = "due"
    STORED = "stored"
    FAILED = "failed"
    FORGOTTEN = "forgotten"


class TranscriptState(StrEnum):
    """Where the writing down of a recording stands; `no_model` is a state staff see, not an error."""

    NONE = "none"
    DUE = "due"
    DONE = "done"
    NO_MODEL = "no_model"
    FAILED = "failed"


class Ruling(StrEnum):
    """What the filter says of a text, mildest first. A blocked post is kept, rejected by rule, restorable."""

    PASS = "pass"  # noqa: S105
    WATCH = "watch"
    HOLD = "hold"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Hit:
    """One word of a list found in a text: from `start` to before `end` of the text as it was judged.

    `alike` when what stands there only sounds or looks like the word.
    """

    list: str
    word: str
    start: int
    end: int
    alike: bool = False

    @property
    def rule(self) -> str:
        """`list:word`, and `list:word~` for what is only alike."""
        return f"{self.list}:{self.word}{'~' if self.alike else ''}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The filter's ruling and the rules (`list:word`) that led to it, those for emergencies last.

    `emergency` says nothing of the ruling. `hits` are the places of the rules' words, in order; of very many the first.
    """

    ruling: Ruling
    rules: tuple[str, ...] = ()
    emergency: bool = False
    hits: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: a name as people say it, WGS 84 degrees when known, and which place of the gazetteer."""

    name: str | None = None
    lat: float | None = None
    lon: float | None = None
    slug: str | None = None


class PlaceFrom(StrEnum):
    """Who knew where it is: somebody typed it, the browser, the carrier's message or the photo told; it stood in the
    words, or was answered when we asked; or staff set it."""

    TYPED = "typed"
    BROWSER = "browser"
    MESSAGE = "message"
    PHOTO = "photo"
    WORDS = "words"
    ANSWER = "answer"
    STAFF = "staff"


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
    place: Place = Place()
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


@dataclass(frozen=True, slots=True)
class Say:
    """One thing to tell somebody: a phrase of `config/phrases` by key, with its values.

    `values` may stand in logs and tables; `secrets` (codes, a moderator's free words) are sealed until sending.
    """

    phrase: str
    values: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One delivery as its channel sees it, rendered and within the channel's limits.

    `address` is a URN, unsealed just before; None for a timeline. `idempotency` never changes between attempts.
    """

    delivery_id: int
    address: str | None
    text: str
    language: str
    idempotency: str
    post_id: str | None = None
    event: str | None = None
    carrier_id: str | None = None


@dataclass(frozen=True, slots=True)
class SendResult:
    """A carrier's word that it has a message: its id, when it gave one, and whether nothing more will follow."""

    carrier_id: str | None = None
    final: bool = False


class ReceiptStatus(StrEnum):
    """What a carrier may later say of a message."""

    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One report of a carrier about a message it accepted; `code` is the carrier's own error code."""

    carrier_id: str
    status: ReceiptStatus
    at: datetime
    code: str | None = None


@dataclass(frozen=True, slots=True)
class PublicMedia:
    """A file of a post as an outsider may see it; of a photo with its preview and its size in pixels."""

    url: str
    type: str
    transcript: str | None = None
    confidence: float | None = None
    preview: str | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class PublicMark:
    """What an author says of a department's answer: stars from 1 to 5, and whether it is solved; either may be open."""

    mark: int | None
    solved: bool | None
    at: datetime


@dataclass(frozen=True, slots=True)
class PublicPost:
    """A post as the world sees it: masked words, never an address. Times are UTC.

    `author` is the name its author chose to be shown by. `due_at` is when the department's time is up, while it runs.
    `reporters` is how many people reported the same, `marks` are what authors say of the answers, in order.
    """

    id: str
    ticket: str
    kind: Kind
    text: str
    channel: str
    state: State
    progress: Progress
    category: str | None
    department: str | None
    place: Place
    media: tuple[PublicMedia, ...]
    created_at: datetime
    published_at: datetime | None
    parent: str | None
    comments: int
    answers: tuple["PublicPost", ...] = ()
    author: str | None = None
    due_at: datetime | None = None
    marks: tuple[PublicMark, ...] = ()
    reporters: int = 1

    def __hash__(self) -> int:
        # Equal posts are one post; what was drawn of it is looked up by the thousand a second.
        return hash(self.id)


@dataclass(frozen=True, slots=True)
class BulletinPart:
    """One part of a bulletin: its greeting, one post with its answers, or its closing.

    `text` is all that is said in it, `said` the same in pieces, each with the language it is spoken in. `title` names
    it in lists; `ticket` is that of its post. `start` is where it begins, in seconds; None while there is no sound.
    `own_voice` says that the caller himself is heard.
    """

    title: str
    said: tuple[tuple[str, str], ...]
    ticket: str | None = None
    start: float | None = None
    own_voice: bool = False

    @property
    def text(self) -> str:
        """Its words, without their languages."""
        return "".join(self.pieces)

    @property
    def pieces(self) -> tuple[str, ...]:
        """The words of each piece, with what stands between them: a full-width sign has its space in itself."""
        words = [said if said[-1:] in FULL_WIDTH else f"{said} " for _, said in self.said]
        return (*words[:-1], words[-1].rstrip()) if words else ()


@dataclass(frozen=True, slots=True)
class Bulletin:
    """What the radio says at one time in one language: masked words that are public at the moment of asking.

    `version` grows when it is made anew; `size` of its sound is in bytes, 0 while there is none.
    """

    id: str
    language: str
    version: int
    title: str
    at: datetime
    items: tuple[BulletinPart, ...]
    seconds: float = 0.0
    size: int = 0

    @property
    def parts(self) -> tuple[str, ...]:
        """The texts to speak, in order."""
        return tuple(part.text for part in self.items)

    def file(self, ending: str) -> str:
        """The path at which something of it lies as it is now: its sound (mp3), chapters (json), transcript (vtt)."""
        return f"/radio/bulletins/{self.id}-{self.version}.{ending}"


@dataclass(frozen=True, slots=True)
class SpokenService:
    """A service as a voice offers and reads it: `said` is sentence by sentence, title first, in `language`."""

    id: str
    title: str
    language: str
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServiceHit:
    """A service that a search means, as a page shows it; `when` is since and until when it is true, in words."""

    slug: str
    title: str
    text: str
    language: str
    department: str
    when: str


# A text in pieces, in order and nothing lost, each with whether it is what a search asked for.
Marked = tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A post that a search found: its words and place with what was asked for marked, long ones cut around it.

    `answers` are those of its answers in which something was found. `added` says that it was found only in what people
    added to the post.
    """

    post: PublicPost
    words: Marked
    place: Marked
    answers: tuple[tuple[PublicPost, Marked], ...] = ()
    added: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """A page of what a search found, newest first, and the cursor of the next.

    `ticket` is there when the question is a ticket that was given out, whatever became of its post. `suggestions` are
    words of a question that found nothing, each of which finds something alone.
    """

    hits: tuple[Finding, ...] = ()
    next: str | None = None
    ticket: str | None = None
    suggestions: tuple[str, ...] = ()


def public_json(post: PublicPost) -> dict[str, Any]:
    """A post in the JSON of the API, the stream and the feeds; times are RFC 3339 in UTC."""
    return {
        "id": post.id,
        "ticket": post.ticket,
        "kind": post.kind,
        "text": post.text,
        "channel": post.channel,
        "state": post.state,
        "progress": post.progress,
        "category": post.category,
        "department": post.department,
        "place": {"name": post.place.name, "lat": post.place.lat, "lon": post.place.lon},
        "media": [
            {
                "url": file.url,
                "type": file.type,
                "transcript": file.transcript,
                "confidence": file.confidence,
                "preview": file.preview,
                "width": file.width,
                "height": file.height,
            }
            for file in post.media
        ],
        "created_at": moment(post.created_at),
        "published_at": moment(post.published_at) if post.published_at else None,
        "due_at": moment(post.due_at) if post.due_at else None,
        "parent": post.parent,
        "comments": post.comments,
        "reporters": post.reporters,
        "answers": [public_json(answer) for answer in post.answers],
        "marks": [{"mark": one.mark, "solved": one.solved, "at": moment(one.at)} for one in post.marks],
    }


def moment(at: datetime) -> str:
    """A moment in UTC as RFC 3339 writes it, in milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
