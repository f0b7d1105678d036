"""Which department must act: the first rule that fits, else the category's department, else the dispatcher (None).

Pure: the same text and settings give the same department, and the rule's name tells staff why.
"""

from dataclasses import dataclass
from functools import lru_cache

from gateway.journey.folding import fold
from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class Routed:
    """A department's slug, or None for the dispatcher, and the rule that said so."""

    department: str | None
    rule: str | None


def route(settings: Settings, text: str, category: str | None) -> Routed:
    """Pick the department for a text of a category."""
    folded = fold(text)
    for rule in settings.rules:
        if rule.category not in (None, category):
            continue
        if not rule.words or any(word in folded for word in _folded(rule.words)):
            return Routed(rule.department, rule.name)
    for known in settings.categories:
        if known.slug == category and known.department:
            return Routed(known.department, f"category {category}")
    return Routed(None, None)


@lru_cache(maxsize=1024)
def _folded(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(fold(word) for word in words)
