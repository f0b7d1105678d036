"""The words of the whole gateway for a post: what it is, where it stands, what the filter says of it, and where it is.

Everything here and in the other `schema_*` files is plain and frozen. Channels make an `Incoming`; the journey keeps
posts; what leaves is an `Outgoing`. The public shape of a post (the JSON of the API, the stream and the feeds) is
`PublicPost`.
"""

from dataclasses import dataclass
from enum import StrEnum

LANGUAGES = ("zh", "en")


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


class Action(StrEnum):
    """What a moderator, or a rule, may do to a post."""

    PUBLISH = "publish"
    HOLD = "hold"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    CORRECT = "correct"


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
