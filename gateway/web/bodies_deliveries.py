"""The JSON of what staff do with broadcasts and dead letters, and of systems that subscribe."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.journey.redelivery import MOST
from gateway.web.bodies import In, Slug
from store.events import About


class BroadcastChange(In):
    """What staff do with a broadcast."""

    action: Literal["pause", "resume", "stop", "agree"]


class Again(In):
    """Dead letters to send again."""

    ids: list[Annotated[int, Field(ge=1, le=2**62)]] = Field(min_length=1, max_length=MOST)


class Drop(Again):
    """Deliveries to drop, and why."""

    reason: str = Field(max_length=64)


class Subscriber(In):
    """Another system that wants to be told: its address, and what it wants to hear of (all, when nothing is said)."""

    url: str = Field(min_length=1, max_length=1000)
    name: str = Field(min_length=1, max_length=64)
    about: list[Annotated[About, Field(strict=False)]] = Field([])
    category: Slug | None = None
    department: Slug | None = None
    place: str | None = Field(None, max_length=100)
