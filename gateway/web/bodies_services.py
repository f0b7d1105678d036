"""The JSON of departments' services."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from gateway.casework.services import LONGEST_TEXT as LONGEST_SERVICE
from gateway.casework.services import LONGEST_TITLE, MOST_WORDS
from gateway.casework.services import LONGEST_WORD as LONGEST_SERVICE_WORD
from gateway.web.bodies import In, Slug, When
from store.services import ServiceKind


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
