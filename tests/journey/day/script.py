"""The scenes as they are written: one TOML file a scene, one row for each thing that happens, in order.

A row is something a citizen sends (`who`, `says`), something staff do (`staff`), or a look at what became of a post
(`look`); beside it stands what must follow. What a row does not mention is expected to be as in an unremarkable
report: pending, passed by the filter, shown as it was typed, answered on the line it came from.

In texts, {lamp} stands for the ticket of the thread called lamp ({lamp wrong}, {lamp spaced}, {lamp dashed},
{lamp wide} for other ways to write it), {U+200B} for one character, {900 x no} for a word nine hundred times, and {n}
for a member's number in a crowd.
"""

import re
import tomllib
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from gateway.journey.tickets import damm

FOLDER = Path(__file__).parent
CITY_TIME = ZoneInfo("Asia/Shanghai")
FIRST_DAY = datetime(2031, 5, 5, tzinfo=CITY_TIME)
# Between rows that do not say when they happen.
SHORTLY = timedelta(seconds=10)

SILENCE = "silence"

# Who is who, as the carriers and browsers name them. Everybody else is told by name in `who`.
CITIZENS = ("Anna", "Boris", "Clara", "David", "Elena", "Feng", "Grace", "Hua", "Ivan", "Jing", "Kim", "Lin", "Mei")
NUMBERS: dict[str, str | None] = {
    **{name: f"+861380013{8000 + n}" for n, name in enumerate(CITIZENS, 1)},
    "a withheld line": None,
    "a short code": "95588",
    "a name for a number": "CITYBANK",
    "a landline": "+861065261234",
    "a visitor from abroad": "+4915123456789",
    "our own line": "+8610690001",
    "a number that is none": "+99",
}
OUR_LINE = "+8610690001"

_TEMPLATE = re.compile(r"\{(?:U\+([0-9A-F]{4,6})|(\d+) x ([^{}]+)|([a-z][a-z0-9-]*)(?: (wrong|spaced|dashed|wide))?)\}")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class With(_Strict):
    """What the medium adds to a text."""

    kind: str = "report"
    category: str | None = None
    place: str | None = None
    lat: float | None = None
    lon: float | None = None
    private: bool = False
    name: str | None = None
    contact: str | None = None
    language: str | None = None
    under: str | None = None
    id: str | None = None
    carrier_replied: bool = False


class Row(_Strict):
    """One thing that happens, and what must follow."""

    tries: str
    at: str | None = None
    together: bool = False

    who: str | None = None
    by: Literal["sms", "chat", "form", "call"] = "sms"
    says: str = ""
    brings: list[str] = []
    extra: With = Field(With(), alias="with")
    again: str | None = None
    crowd: int | None = Field(None, ge=2, le=60)

    staff: str | None = None
    reason: str | None = None
    note: str | None = None
    text: str | None = None
    department: str | None = None
    with_alike: bool = False

    look: str | None = None

    makes: str | None = None
    kind: str | None = None
    state: str | None = None
    ruling: str | None = None
    rules: list[str] | None = None
    urgent: bool | None = None
    private: bool | None = None
    alike: str | None = None
    shows: str | None = None
    place: str | None = None
    category: str | None = None
    answer: str | None = None
    hears: str | None = None
    also: list[str] = []
    undelivered: list[str] = []
    reads: list[str] = []
    files: list[str] | None = None

    def members(self) -> list["Row"]:
        """The row itself, or one for each member of its crowd, all at the same instant."""
        if self.crowd is None:
            return [self]
        return [self._member(n) for n in range(1, self.crowd + 1)]

    def _member(self, n: int) -> "Row":
        changed: dict[str, Any] = {"tries": f"{self.tries} (number {n})", "crowd": None}
        for field in ("who", "says", "makes", "shows"):
            value = getattr(self, field)
            changed[field] = value and value.replace("{n}", str(n))
        if n > 1:
            changed.update(at=None, together=True)
        if self.alike and self.makes and self.alike == (changed["makes"] or "").split()[-1]:
            changed["alike"] = None
        return self.model_copy(update=changed)


class End(_Strict):
    """How things stand when the scene is over: the queue is given by its posts, in its order ("wall-1 to wall-60")."""

    posts: int
    threads: int
    queue: list[str]

    def waiting(self) -> list[str]:
        """The queue with each post by itself."""
        return [label for entry in self.queue for label in _each(entry)]


class Scene(_Strict):
    """One file. With `chat` there is a chat on the site beside the form."""

    title: str
    chat: bool = False
    rows: list[Row]
    end: End

    def steps(self) -> list[list[Row]]:
        """Rows in the order they happen; those that happen at the same instant are one step."""
        steps: list[list[Row]] = []
        for row in [member for written in self.rows for member in written.members()]:
            if row.together:
                steps[-1].append(row)
            else:
                steps.append([row])
        return steps


def scenes() -> dict[str, Scene]:
    """All scenes by file name, in order."""
    return {path.stem: _read(path) for path in sorted(FOLDER.glob("*.toml"))}


def moment(at: str | None, before: datetime) -> datetime:
    """When a row happens: "14:05" is the next time the clock shows it, "+3d 14:05" three midnights later."""
    if at is None:
        return before + SHORTLY
    days, _, clock = at.rpartition(" ")
    local = before.astimezone(CITY_TIME)
    day = local + timedelta(days=int(days.strip("+d") or 0))
    found = datetime.combine(day.date(), time.fromisoformat(clock), CITY_TIME)
    return found if found > before else found + timedelta(days=1)


def filled(text: str, tickets: dict[str, str]) -> str:
    """A text with its templates replaced."""

    def replaced(found: re.Match[str]) -> str:
        code, times, word, label, form = found.groups()
        if code:
            return chr(int(code, 16))
        return word * int(times) if times else _written(tickets[label], form)

    return _TEMPLATE.sub(replaced, text)


def _written(ticket: str, form: str | None) -> str:
    match form:
        case "wrong":
            return f"{ticket[:-1]}{(damm(ticket[:-1]) + 1) % 10}"
        case "spaced":
            return f"{ticket[:4]} {ticket[4:]}"
        case "dashed":
            return f"{ticket[:4]}-{ticket[4:]}"
        case "wide":
            return ticket.translate({ord("0") + n: 0xFF10 + n for n in range(10)})
    return ticket


def _read(path: Path) -> Scene:
    return Scene.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def _each(entry: str) -> list[str]:
    first, to, last = entry.partition(" to ")
    if not to:
        return [first]
    name, _, start = first.rpartition("-")
    return [f"{name}-{n}" for n in range(int(start), int(last.rpartition("-")[2]) + 1)]
