"""The JSON that comes in and goes out of the API, as models: they check it and describe it (`openapi`)."""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gateway.casework.answer_templates import LONGEST_TEXT as LONGEST_TEMPLATE
from gateway.casework.inbox import LONGEST_NAME
from gateway.casework.notes import LONGEST as LONGEST_NOTE_TEXT
from gateway.casework.services import LONGEST_TEXT as LONGEST_SERVICE
from gateway.casework.services import LONGEST_TITLE, MOST_WORDS
from gateway.casework.services import LONGEST_WORD as LONGEST_SERVICE_WORD
from gateway.errors import BadInput
from gateway.journey.batches import MOST as MOST_TOGETHER
from gateway.journey.moderation import LONGEST_NOTE
from gateway.journey.redelivery import MOST
from gateway.journey.trying import SIZES
from gateway.journey.words import LONGEST_WORD
from gateway.schema import Action, CaseStep, Kind, Progress, State
from store.accounts import Role
from store.events import About
from store.services import ServiceKind

LONGEST_TEXT = 100_000
Language = Literal["zh", "en"]
Slug = Annotated[str, Field(pattern="^[a-z0-9-]{1,64}$")]


class In(BaseModel):
    """A body that comes in: nothing unknown, no guessing of types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Decision(In):
    """What staff decides of a post."""

    action: Annotated[Action, Field(strict=False)]
    reason: str | None = Field(None, max_length=64)
    note: str | None = Field(None, max_length=LONGEST_NOTE)
    text: str | None = Field(None, max_length=LONGEST_TEXT)
    version: int | None = Field(None, ge=1)
    alike: bool = False
    unless_held: bool = False
    expires_at: Annotated[AwareDatetime | None, Field(strict=False)] = None


class OneOfSeveral(In):
    """A post of several, in the version that was seen."""

    id: str = Field(pattern="^[0-9a-f]{32}$")
    version: int | None = Field(None, ge=1)


class Decisions(In):
    """What staff decides of several posts at once; each has its own outcome."""

    posts: list[OneOfSeveral] = Field(min_length=1, max_length=MOST_TOGETHER)
    action: Annotated[Action, Field(strict=False)]
    reason: str | None = Field(None, max_length=64)
    note: str | None = Field(None, max_length=LONGEST_NOTE)
    unless_held: bool = False


class BroadcastChange(In):
    """What staff do with a broadcast."""

    action: Literal["pause", "resume", "stop", "agree"]


class Again(In):
    """Dead letters to send again."""

    ids: list[Annotated[int, Field(ge=1, le=2**62)]] = Field(min_length=1, max_length=MOST)


class Drop(Again):
    """Deliveries to drop, and why."""

    reason: str = Field(max_length=64)


class Answer(In):
    """What a department answers."""

    text: str = Field(min_length=1, max_length=LONGEST_TEXT)
    department: Slug


class WriteAgain(In):
    """By which speech model to write a recording down again; without one by that which is taken by itself."""

    model: str | None = Field(None, min_length=1, max_length=64)


class Handling(In):
    """One step of a case: to which department, and what the citizen is asked or why it is done."""

    step: CaseStep
    department: Slug | None = None
    text: str = Field("", max_length=LONGEST_TEXT)


class Note(In):
    """What staff tell each other about a thread."""

    text: str = Field(min_length=1, max_length=LONGEST_NOTE_TEXT)


class InboxFilter(In):
    """A query of the inbox to keep under a name."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    shared: bool = False
    query: dict[str, str]


class InboxFilterChange(In):
    """What changes of a saved filter."""

    name: str | None = Field(None, min_length=1, max_length=LONGEST_NAME)
    shared: bool | None = None
    query: dict[str, str] | None = None


class AnswerTemplate(In):
    """A template of answers: a department's, or every department's ("")."""

    department: str = Field(pattern="^[a-z0-9-]{0,64}$")
    language: Language
    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    text: str = Field(min_length=1, max_length=LONGEST_TEMPLATE)


class AnswerTemplateChange(AnswerTemplate):
    """The same, for a template that is known: the version that was looked at."""

    version: int = Field(ge=1)


class ServiceSaid(In):
    """A service in one language, and the words it is found by."""

    title: str = Field(min_length=1, max_length=LONGEST_TITLE)
    text: str = Field(min_length=1, max_length=LONGEST_SERVICE)
    words: list[Annotated[str, Field(min_length=1, max_length=LONGEST_SERVICE_WORD)]] = Field([], max_length=MOST_WORDS)


class ServiceEntry(In):
    """A service of a department, in Chinese, English or both; what is news says until when it is true."""

    department: Slug
    kind: Annotated[ServiceKind, Field(strict=False)]
    zh: ServiceSaid | None = None
    en: ServiceSaid | None = None
    valid_from: Annotated[AwareDatetime | None, Field(strict=False)] = None
    valid_until: Annotated[AwareDatetime | None, Field(strict=False)] = None


class ServiceChange(ServiceEntry):
    """The same, for a service that is known: the version that was looked at."""

    version: int = Field(ge=1)


class WordDismissal(In):
    """A word that is asked for in vain: taken off the list, or put back."""

    word: str = Field(min_length=1, max_length=64)
    dismissed: bool = True


class Service(BaseModel):
    """A service as everybody may read it; titles, texts and words by language."""

    slug: str
    url: str
    department: str
    kind: ServiceKind
    title: dict[str, str]
    text: dict[str, str]
    words: dict[str, list[str]]
    valid_from: datetime | None
    valid_until: datetime | None
    published_at: datetime | None
    changed_at: datetime


class Services(BaseModel):
    """Several of them."""

    items: list[Service]


class WordTrial(In):
    """A line of a word list, and on how many of the last texts to try it."""

    word: str = Field(min_length=1, max_length=LONGEST_WORD)
    most: int = Field(SIZES[0], ge=1, le=SIZES[-1])


class NewUser(In):
    """An account to be made; whoever it is for chooses the password by the link that comes back."""

    name: str = Field(min_length=1, max_length=64)
    role: Annotated[Role, Field(strict=False)]
    department: Slug | None = None


class UserChange(In):
    """What an administrator does to an account; `role` and `department` go with the action of that name."""

    action: Literal["role", "disable", "enable", "reset", "second-factor"]
    role: Annotated[Role | None, Field(strict=False)] = None
    department: Slug | None = None


class Subscriber(In):
    """Another system that wants to be told: its address, and what it wants to hear of (all, when nothing is said)."""

    url: str = Field(min_length=1, max_length=1000)
    name: str = Field(min_length=1, max_length=64)
    about: list[Annotated[About, Field(strict=False)]] = []
    category: Slug | None = None
    department: Slug | None = None
    place: str | None = Field(None, max_length=100)


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
    answers: list["Post"]


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


class Named(BaseModel):
    """A department or a category, by its slug and its name in each language."""

    slug: str
    name: dict[str, str]


B = TypeVar("B", bound=In)


async def read(request: web.Request, model: type[B]) -> B:
    """The body of a request as a model. Raises `BadInput` naming the field that is wrong."""
    if request.content_type != "application/json":
        raise BadInput("send JSON, with Content-Type: application/json")
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise bad_input(error) from error


def bad_input(error: ValidationError) -> BadInput:
    """The first fault of a body, in words that repeat nothing of it."""
    first: Any = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or None
    return BadInput(first["msg"], field)
