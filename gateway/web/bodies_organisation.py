"""The JSON of departments, categories and accounts."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from gateway.schema_cases import Deadline
from gateway.web.bodies import In, Language, Slug
from store.accounts import Role


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
    # What becomes of what is public in one that becomes sensitive.
    public: Literal["keep", "withdraw"] | None = None


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
