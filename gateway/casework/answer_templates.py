"""Templates of answers: their fields, filled in for one thread, and who may change whose.

A field stands in braces: {ticket}. What a thread does not have (a place, say) stays in braces in the filled text, for
the officer to write; an answer that still has one is refused before anybody reads it.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from string import Formatter

from babel.dates import format_date

from gateway import clock
from gateway.errors import BadInput, NotAllowed
from gateway.journey import folding, organisation, rendering
from gateway.runtime import Runtime
from gateway.schema import LANGUAGES
from gateway.settings import Settings
from store import answer_templates, audit
from store.accounts import Account, Role
from store.answer_templates import EVERY, Template, Wording
from store.database import Transaction
from store.posts_for_staff import StaffPost

# In the order in which the page explains them.
FIELDS = ("ticket", "department", "place", "category", "received", "today", "city", "link")
SAMPLE_TICKET = "48217053"
SAMPLE_PLACES = {"zh": "中山路27号", "en": "27 Hill Street"}
LONGEST_NAME = 64
LONGEST_TEXT = 4000
_LEFT = re.compile(r"\{(" + "|".join(FIELDS) + r")\}")


@dataclass(frozen=True, slots=True)
class Group:
    """Templates of one department (`EVERY`: of all) in one language."""

    department: str
    language: str
    templates: Sequence[Template]


class WrongField(BadInput):
    """A text has a field that nobody can fill in; `name` is what stands in the braces."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no field {{{name}}}; these are: {', '.join(FIELDS)}", "text")
        self.name = name


def check(text: str) -> None:
    """Whether a template can be filled in. Raises `WrongField`, and `BadInput` for a brace without its other one."""
    for _, name, form, conversion in _parts(text):
        if name is not None and (name not in FIELDS or form or conversion):
            raise WrongField(name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else ""))


def fill(text: str, values: Mapping[str, str]) -> str:
    """A checked template with its fields filled in; what has no value stays as it stands."""
    filled = []
    for literal, name, _, _ in _parts(text):
        filled.append(literal)
        if name is not None:
            filled.append(values.get(name) or f"{{{name}}}")
    return "".join(filled)


def left_open(text: str) -> list[str]:
    """The fields that still stand in an answer."""
    return list(dict.fromkeys(_LEFT.findall(text)))


def check_answer(text: str) -> None:
    """Whether an answer may go out. Raises `BadInput` while a field stands in it."""
    if left_open(text):
        raise BadInput("a field in braces is not filled in yet", "text")


def values_of(runtime: Runtime, post: StaffPost, department: str, language: str) -> dict[str, str]:
    """What a thread's first post fills in, in a language."""
    return {
        **_general(runtime, department, language),
        "ticket": post.ticket,
        "place": post.place.name or "",
        "category": rendering.topic_name(runtime, f"category:{post.category}", language) if post.category else "",
        "received": _day(runtime, post.created_at, language),
        "link": f"{runtime.settings.public_url}/posts/{post.ticket}",
    }


def sample(runtime: Runtime, department: str, language: str) -> dict[str, str]:
    """What a made-up thread fills in, to see how a template reads."""
    general = _general(runtime, department, language)
    category = next((one.slug for one in runtime.settings.categories if one.department == department), "")
    return {
        **general,
        "ticket": SAMPLE_TICKET,
        "place": SAMPLE_PLACES[language],
        "category": rendering.topic_name(runtime, f"category:{category}", language) if category else "",
        "received": general["today"],
        "link": f"{runtime.settings.public_url}/posts/{SAMPLE_TICKET}",
    }


def grouped(known: Sequence[Template], language: str) -> list[Group]:
    """Templates by language, the given one first, and by department, the general ones last."""
    groups: defaultdict[tuple[str, str], list[Template]] = defaultdict(list)
    for template in known:
        groups[template.wording.department, template.wording.language].append(template)
    order = sorted(groups, key=lambda key: (key[1] != language, LANGUAGES.index(key[1]), key[0] == EVERY, key[0]))
    return [Group(*key, groups[key]) for key in order]


def managed(account: Account, settings: Settings) -> Sequence[str]:
    """The departments whose templates an account may change, its own first; `EVERY` among them for who administers."""
    departments = [one.slug for one in settings.departments]
    if account.role is Role.ADMINISTRATOR:
        return [EVERY, *departments]
    if account.role is not Role.OFFICER:
        return []
    return organisation.own_first(settings.departments, account.department) if account.department else departments


def clean(runtime: Runtime, department: str, language: str, name: str, text: str) -> Wording:
    """A wording as it can be kept. Raises `BadInput` naming what is wrong, `WrongField`."""
    if department != EVERY and department not in {one.slug for one in runtime.settings.departments}:
        raise BadInput("choose a department", "department")
    if language not in LANGUAGES:
        raise BadInput("choose one of the list", "language")
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise BadInput("give a name of at most 64 characters", "name")
    if len(text) > LONGEST_TEXT:
        raise BadInput("this is too long", "text")
    text = folding.clean(text, LONGEST_TEXT)
    if not text:
        raise BadInput("write an answer", "text")
    check(text)
    return Wording(department, language, name, text)


async def save(
    runtime: Runtime, account: Account, wording: Wording, known: Template | None = None, version: int | None = None
) -> str:
    """Keep a clean wording as a new template, or as that of a known one of this version; gives the template's id.

    Raises `NotAllowed` for a department that is not the account's, `Conflict` when somebody else was faster.
    """
    _admit(runtime, account, wording.department)
    if known:
        _admit(runtime, account, known.wording.department)

    async def work(transaction: Transaction) -> str:
        if known:
            before = known.version if version is None else version
            await answer_templates.change(transaction, known.id, wording, before, account.name)
            made = known.id
        else:
            made = await answer_templates.add(transaction, wording, account.name)
        await audit.note(transaction, account.name, "template changed" if known else "template added", made)
        return made

    return await runtime.database.write(work)


async def set_removed(runtime: Runtime, account: Account, template_id: str, removed: bool) -> None:
    """Take a template away, or put it back. Raises `NotFound`, `NotAllowed`."""

    async def work(transaction: Transaction) -> None:
        known = await answer_templates.one(transaction.connection, template_id)
        _admit(runtime, account, known.wording.department)
        if known.removed is not removed:
            await answer_templates.set_removed(transaction, known, removed, account.name)
            action = "template removed" if removed else "template put back"
            await audit.note(transaction, account.name, action, known.id)

    await runtime.database.write(work)


def _admit(runtime: Runtime, account: Account, department: str) -> None:
    if department not in managed(account, runtime.settings):
        raise NotAllowed("these are another department’s templates")


def _general(runtime: Runtime, department: str, language: str) -> dict[str, str]:
    city = runtime.settings.city.name
    return {
        "department": rendering.department_name(runtime, department, language) if department else "",
        "today": _day(runtime, clock.now(), language),
        "city": city.get(language, city["en"]),  # type: ignore[call-overload]
    }


def _day(runtime: Runtime, at: datetime, language: str) -> str:
    return format_date(at.astimezone(runtime.settings.city.zone), "long", locale=language)


def _parts(text: str) -> list[tuple[str, str | None, str | None, str | None]]:
    try:
        return list(Formatter().parse(text))
    except ValueError:
        raise BadInput("a brace stands alone; write {{ or }} for a brace itself", "text") from None
