"""The JSON of posts as the world sees them, and of problems."""

from datetime import datetime

from pydantic import BaseModel, Field

from gateway.schema import Kind, State
from gateway.schema_cases import Progress


class Place(BaseModel):
    """Where something is: a name as people say it, and WGS 84 degrees when known."""

    name: str | None
    lat: float | None
    lon: float | None


class Media(BaseModel):
    """A picture or a sound of a post; a picture has a smaller preview, and its own size in pixels."""

    url: str
    type: str
    transcript: str | None
    confidence: float | None
    preview: str | None
    width: int | None
    height: int | None


class Mark(BaseModel):
    """What an author says of an answer: 1 (bad) to 5 (good), and whether it is solved."""

    mark: int | None = Field(ge=1, le=5)
    solved: bool | None
    at: datetime


class Post(BaseModel):
    """A post as the world sees it. What is not public has no words."""

    id: str
    ticket: str = Field(pattern="^[1-9][0-9]{7}$")
    kind: Kind
    text: str
    channel: str
    state: State
    progress: Progress
    category: str | None
    department: str | None
    place: Place
    media: list[Media]
    created_at: datetime
    published_at: datetime | None
    due_at: datetime | None
    parent: str | None
    comments: int
    reporters: int
    answers: list["Post"]
    marks: list[Mark]


class Page(BaseModel):
    """Some posts, newest first, and the cursor of the next page."""

    items: list[Post]
    next: str | None


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    instance: str
    detail: str | None = None
    field: str | None = None
