"""A letter as the chat shows it: who said it, when, and its text cut into what is a link and what is not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from channels.handed import Letter, LetterFile

# Addresses are of ASCII alone: what follows one in a Chinese sentence is not part of it.
_LINK = re.compile(r"https?://[!#-&(-;=?-~]+|(?<![\d/])[1-9]\d{7}(?!\d)")
_ENDS_A_SENTENCE = ".,;:!?)]}"
ID_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a letter's text, and where it leads: to our own pages, or `outside`."""

    text: str
    url: str | None = None
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A letter as the page draws it. `said` is the id its browser gave it, `elsewhere` the channel if not this one."""

    number: str
    own: bool
    at: datetime
    parts: tuple[Part, ...]
    said: str | None
    elsewhere: str | None
    ticket: str | None
    language: str | None
    files: tuple[LetterFile, ...]
    asks: bool


def shown(letter: Letter, channel: str, public_url: str) -> Shown:
    """A letter as the page of a channel draws it. What a citizen typed himself is text and nothing else."""
    here = letter.channel == channel
    parts = (Part(letter.text),) if letter.own else tuple(cut(letter.text, letter.ticket, public_url))
    return Shown(
        number=letter.number,
        own=letter.own,
        at=letter.at,
        parts=parts,
        said=letter.external_id[:ID_LENGTH] if letter.own and here and letter.external_id else None,
        elsewhere=letter.channel if letter.own and not here else None,
        ticket=letter.ticket,
        language=letter.language,
        files=letter.files,
        asks=letter.asks,
    )


def cut(text: str, ticket: str | None, public_url: str) -> Iterator[Part]:
    """A text as pieces: what leads nowhere, links, and the letter's own ticket, which leads to its page."""
    done = 0
    for found in _LINK.finditer(text):
        word = found[0].rstrip(_ENDS_A_SENTENCE)
        if word.startswith("http"):
            inside = word == public_url or word.startswith(f"{public_url}/")
            link = Part(word, word, outside=not inside)
        elif word == ticket:
            link, ticket = Part(word, f"/posts/{word}"), None  # once is enough
        else:
            continue
        if found.start() > done:
            yield Part(text[done : found.start()])
        yield link
        done = found.start() + len(word)
    if done < len(text):
        yield Part(text[done:])
