"""What a batch of messages must know before it is decided: of addresses, threads, and who said what lately."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.schema import Place, State
from store.marks import Mark
from store.participating import Participating


@dataclass(frozen=True, slots=True)
class KnownQuestion:
    """What an address was asked last and may still answer with a number."""

    kind: str
    options: tuple[str, ...]
    post_id: str | None
    expires_at: datetime


@dataclass(slots=True)
class KnownAddress:
    """An address we have met. `citizen_id` is None while it is only a typed contact that nobody proved.

    `person` is whom that citizen stands for: the same for all lines somebody linked. `heard` is how many messages it
    sent in the last hour, `since` when the line is known (None for one met just now).
    """

    id: str
    citizen_id: str | None
    person: str | None
    key_id: str
    wrapped: bytes
    language: str | None
    stopped: bool
    chosen: bool = False
    heard: int = 0
    question: KnownQuestion | None = None
    since: datetime | None = None


@dataclass(slots=True)
class KnownThread:
    """What may be said of a thread by its ticket; `text` and `answer`, the latest one, are masked.

    `last_at` is when its author or a department last said something in it. One that was `joined` to another thread
    (its id) stands as that one does, and is answered there.
    """

    id: str
    ticket: str
    person: str | None
    state: State
    private: bool
    progress: str | None
    department: str | None
    text: str
    created_at: datetime
    last_at: datetime
    answer: str | None = None
    joined: str | None = None
    reopened: int = 0
    place: Place = field(default_factory=Place)
    category: str | None = None
    asked_private: bool = False

    @property
    def root(self) -> str:
        """The thread that what is said under it belongs to."""
        return self.joined or self.id


@dataclass(frozen=True, slots=True)
class Told:
    """The answer that a line was told last, so that a bare number from it is a mark: whose thread, and when."""

    thread: KnownThread
    at: datetime


@dataclass(slots=True)
class KnownComment:
    """The newest word a person added to a thread."""

    id: str
    thread_id: str
    state: State


@dataclass(slots=True)
class Own:
    """What one person said lately: his threads, newest first, and the newest word he added to one."""

    threads: list[KnownThread] = field(default_factory=list)
    last: KnownComment | None = None


@dataclass(slots=True)
class Alike:
    """The first of posts that say the same, while nobody has decided it."""

    post_id: str
    text: str


@dataclass(slots=True)
class Facts:
    """All that a batch needs to know, looked up at once; deciding adds to it what was decided.

    `seen` is by channel and carrier's id, `addresses` by keyed hash, `threads` by ticket, `own` by person, `alike` by
    gist, `following` (topics) and `told` by address id, `marks` by thread id; `tickets` are unused.
    `learnt` is what commands looked up themselves.
    """

    seen: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    addresses: dict[str, KnownAddress] = field(default_factory=dict)
    threads: dict[str, KnownThread] = field(default_factory=dict)
    own: defaultdict[str, Own] = field(default_factory=lambda: defaultdict(Own))
    alike: dict[int, Alike] = field(default_factory=dict)
    following: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    told: dict[str, Told] = field(default_factory=dict)
    marks: dict[str, list[Mark]] = field(default_factory=dict)
    tickets: list[str] = field(default_factory=list)
    learnt: dict[Hashable, Any] = field(default_factory=dict)
    participating: Participating = field(default_factory=Participating)


@dataclass(slots=True)
class Wanted:
    """What a batch asks for: see `Facts`. `conversing`, `following` and `marking` are hashes of addresses."""

    messages: Collection[tuple[str, str]]
    lookups: Collection[str]
    conversing: Collection[str]
    following: Collection[str]
    marking: Collection[str]
    tickets: Collection[str]
    gists: Collection[int]
    drawn: Sequence[str]
    hour_ago: datetime
    alike_since: datetime
    own_since: datetime
    told_since: datetime
    now: datetime
