"""A post as the world sees it, its JSON, and pages of what a search found."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.schema import Kind, Place, State
from gateway.schema_cases import Progress


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
