"""A department's service, as a voice reads it and as a page shows it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpokenService:
    """A service as a voice offers and reads it: `said` is sentence by sentence, title first, in `language`."""

    id: str
    title: str
    language: str
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServiceHit:
    """A service that a search means, as a page shows it; `when` is since and until when it is true, in words."""

    slug: str
    title: str
    text: str
    language: str
    department: str
    when: str
