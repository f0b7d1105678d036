"""How an entry reads where it is asked for: as a text message, with what that costs, and on the phone."""

from dataclasses import dataclass

from gateway.casework import service_command
from gateway.casework.service_speech import read_out
from gateway.journey import rendering
from gateway.runtime import Runtime
from store.services import Entry

# Whom a text message goes to.
PHONE = "tel"


@dataclass(frozen=True, slots=True)
class Preview:
    """An entry in one language: its text message with how many characters and segments it has (None where no line
    sends any), whether that is only the beginning of it, and what a voice reads."""

    language: str
    message: str
    segments: int | None
    cut: bool
    spoken: tuple[str, ...]


def of_entry(runtime: Runtime, slug: str, entry: Entry) -> list[Preview]:
    """An entry in each language it is written in."""
    return [_in_language(runtime, slug, entry, language) for language in entry.said]


def _in_language(runtime: Runtime, slug: str, entry: Entry, language: str) -> Preview:
    say = service_command.say(runtime, slug, entry, language)
    line = runtime.outlet(PHONE)
    whole = runtime.phrase(say.phrase, language, rendering.words(runtime, language, say.values))
    message = rendering.render(runtime, line, say.phrase, language, say.values, {}, None) if line else whole
    segments = line.measure(message) if line and line.capabilities.paid else None
    return Preview(language, message, segments, message != whole, read_out(runtime, entry, language))
