"""The JSON that comes in and goes out of the API, as models: they check it and describe it (`openapi`)."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gateway import clock
from gateway.casework.answer_templates import LONGEST_TEXT as LONGEST_TEMPLATE
from gateway.casework.assessing import LONGEST_REASON
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
from gateway.schema import Action, CaseStep, Deadline, Kind, Progress, State
from store.accounts import Role
from store.events import About
from store.services import ServiceKind

LONGEST_TEXT = 100_000
Language = Literal["zh", "en"]


def _in_every_zone(at: datetime) -> datetime:
    if not clock.in_every_zone(at):
        raise ValueError("a moment of our time")
    return at


When = Annotated[AwareDatetime, AfterValidator(_in_every_zone)]
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
    expires_at: Annotated[When | None, Field(strict=False)] = None


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


class CategoryChoice(In):
    """What a report is about; null for nothing of the list."""

    category: Slug | None
    version: int | None = Field(None, ge=1)


class Contact(In):
    """How everybody reaches a department."""

    phone: str = ""
    email: str = ""
    website: str = ""
    address: dict[Language, str] = Field(default_factory=dict)


class Department(In):
    """A department as it is to be; a change says of which version."""

    slug: Slug
    name: dict[Language, str]
    parent: Slug | None = None
    contact: Contact = Contact()
    hours: list[str] = Field(default_factory=list, max_length=14)
    places: list[str] = Field(default_factory=list, max_length=200)
    version: int | None = Field(None, ge=1)


class Category(In):
    """A category as it is to be; a change says of which version."""

    slug: Slug
    name: dict[Language, str]
    parent: Slug | None = None
    department: Slug | None = None
    deadline: Deadline = "normal"
    sensitive: bool = False
    version: int | None = Field(None, ge=1)


class WriteAgain(In):
    """By which speech model to write a recording down again; without one by that which is taken by itself."""

    model: str | None = Field(None, min_length=1, max_length=64)


class Handling(In):
    """One step of a case: to which department, to which other report, and what the citizen is asked or why."""

    step: CaseStep
    department: Slug | None = None
    text: str = Field("", max_length=LONGEST_TEXT)
    other: str | None = Field(None, pattern=r"^\d{8}$")


class Joining(In):
    """To which public report another one is joined, by its ticket."""

    into: str = Field(pattern=r"^\d{8}$")


class Officer(In):
    """Who of the department deals with a case, by name; nobody of them alone when it is null."""

    officer: str | None = Field(min_length=1, max_length=64)


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
    valid_from: Annotated[When | None, Field(strict=False)] = None
    valid_until: Annotated[When | None, Field(strict=False)] = None


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
    head: bool = False


class UserChange(In):
    """What an administrator does to an account; `role`, `department` and `head` go with the action of that name."""

    action: Literal["role", "disable", "enable", "reset", "second-factor"]
    role: Annotated[Role | None, Field(strict=False)] = None
    department: Slug | None = None
    head: bool = False


class Subscriber(In):
    """Another system that wants to be told: its address, and what it wants to hear of (all, when nothing is said)."""

    url: str = Field(min_length=1, max_length=1000)
    name: str = Field(min_length=1, max_length=64)
    about: list[Annotated[About, Field(strict=False)]] = []
    category: Slug | None = None
    department: Slug | None = None
    place: str | None = Field(None, max_length=100)


class Whereabouts(In):
    """Where something is, as people call it; empty for nowhere."""

    place: str = Field(max_length=200)


class RoutingRule(In):
    """A routing rule: what must fit, who gets it, and before which other (its id; null: behind all) it is tried."""

    name: str = Field(min_length=1, max_length=64)
    words: list[str] = []
    category: Slug | None = None
    place: Slug | None = None
    channels: list[str] = []
    hours: str = ""
    days: list[str] = []
    department: Slug
    suggests: Slug | None = None
    before: str | None = None
    version: int | None = None


class RoutingTrial(RoutingRule):
    """The same, of the rule of an id (null: a new one), to be tried on past posts only."""

    id: str | None = None


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


class PublicDepartment(BaseModel):
    """A department as everybody may know it: how to reach it, and how many reports are open, late and private there."""

    slug: str
    name: dict[str, str]
    parent: str | None
    contact: Contact
    hours: list[str]
    places: list[str]
    open: int
    late: int
    private: int


class PublicCategory(BaseModel):
    """A category; the posts of a sensitive one are answered to their authors alone and never shown."""

    slug: str
    name: dict[str, str]
    parent: str | None
    department: str | None
    deadline: Deadline
    sensitive: bool


class AssessmentPoints(In):
    """A supervisor's points for a department's month; none take back what was given."""

    month: str = Field(pattern="^[0-9]{4}-[0-9]{2}$")
    department: Slug
    points: float | None = Field(ge=0, le=100)
    reason: str = Field(min_length=1, max_length=LONGEST_REASON)


class AssessmentCorrection(In):
    """A report that is left out of a frozen month, or (`out`: false) taken in again."""

    month: str = Field(pattern="^[0-9]{4}-[0-9]{2}$")
    ticket: str = Field(pattern="^[0-9]{8}$")
    out: bool = True
    reason: str = Field(min_length=1, max_length=LONGEST_REASON)


B = TypeVar("B", bound=In)


async def read(request: web.Request, model: type[B]) -> B:
    """The body of a request as a model. Raises `BadInput` naming the field that is wrong."""
    if request.content_type != "application/json":
        raise BadInput("send JSON, with Content-Type: application/json")
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise bad_input(error) from error


def of_form(form: Mapping[str, Any], model: type[B], others: Collection[str]) -> B:
    """The fields of a form as a model, but for those of `others`. Raises `BadInput` naming the field that is wrong."""
    fields = {name: value for name, value in form.items() if name not in others and isinstance(value, str)}
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise bad_input(error) from error


def bad_input(error: ValidationError) -> BadInput:
    """The first fault of a body, in words that repeat nothing of it."""
    first: Any = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or None
    return BadInput(first["msg"], field)
