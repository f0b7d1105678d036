"""The JSON of departments' work: answers, steps of cases, notes, the inbox, templates, routing and assessment."""

from pydantic import Field

from gateway.casework.answer_templates import LONGEST_TEXT as LONGEST_TEMPLATE
from gateway.casework.assessing import LONGEST_REASON
from gateway.casework.inbox import LONGEST_NAME
from gateway.casework.notes import LONGEST as LONGEST_NOTE_TEXT
from gateway.schema_cases import CaseStep
from gateway.web.bodies import LONGEST_TEXT, In, Language, Slug


class Answer(In):
    """What a department answers."""

    text: str = Field(min_length=1, max_length=LONGEST_TEXT)
    department: Slug


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


class RoutingRule(In):
    """A routing rule: what must fit, who gets it, and before which other (its id; null: behind all) it is tried."""

    name: str = Field(min_length=1, max_length=64)
    words: list[str] = Field([])
    category: Slug | None = None
    place: Slug | None = None
    channels: list[str] = Field([])
    hours: str = ""
    days: list[str] = Field([])
    department: Slug
    suggests: Slug | None = None
    before: str | None = None
    version: int | None = None
    # What the trial of exactly this rule gave.
    proof: str = Field("", max_length=64)


class RoutingTrial(RoutingRule):
    """The same, of the rule of an id (null: a new one), to be tried on past posts only."""

    id: str | None = None


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
