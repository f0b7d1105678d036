"""The tables of `departments.toml`: who answers, and what posts are about."""

from typing import Annotated

from pydantic import Field

from gateway.schema_cases import Deadline
from gateway.sections import Section, Words

SLUG = "^[a-z0-9-]{1,64}$"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY, _TIME = f"({'|'.join(WEEKDAYS)})", "([01][0-9]|2[0-3]):[0-5][0-9]"
# "mon-fri 08:30-12:00", "sat 09:00-12:00", "mon-sun 00:00-24:00".
DUTY_HOURS = f"^{_DAY}(-{_DAY})? {_TIME}-({_TIME}|24:00)$"


class Contact(Section):
    """How everybody reaches a department."""

    phone: str = Field("", pattern=r"^(\+?[0-9][0-9 ()-]{1,38})?$")
    email: str = Field("", pattern=r"^([^@\s]{1,64}@[^@\s]{1,190})?$")
    website: str = Field("", max_length=200, pattern=r"^(https?://[^\s]+)?$")
    address: Words = Field(default_factory=dict)


class Department(Section):
    """One department of `departments.toml`, and the one it belongs to."""

    slug: str = Field(pattern=SLUG)
    name: Words
    parent: str | None = None
    contact: Contact = Contact()
    hours: tuple[Annotated[str, Field(pattern=DUTY_HOURS)], ...] = ()
    places: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = ()


class Category(Section):
    """One category of `departments.toml`, the department that deals with it, and which span it has for it.

    The posts of a sensitive one are kept from the public.
    """

    slug: str = Field(pattern=SLUG)
    name: Words
    department: str | None = None
    deadline: Deadline = "normal"
    parent: str | None = None
    sensitive: bool = False
