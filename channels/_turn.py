"""What the spoken script of a call and its carrier tell each other: what happened, and what to say and wait for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.schema_incoming import Heard, IncomingMedia


@dataclass(frozen=True, slots=True)
class Began:
    """The call begins, or goes on after it broke off."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys the caller pressed, one or a ticket's; `*` alone asks for the same again."""

    digits: str


@dataclass(frozen=True, slots=True)
class Said:
    """Something the caller said: its recording, and its words with how sure they are; None when they come later.

    `raw` is the carrier's message that told of it, if one did.
    """

    text: str | None
    media: IncomingMedia | None
    confidence: float
    raw: str = ""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "Said":
        """What `dataclasses.asdict` made of one, as JSON kept it."""
        media = values["media"]
        if media and (heard := media["heard"]):
            words = tuple((str(word), float(since), float(to), float(sure)) for word, since, to, sure in heard["words"])
            media = {**media, "heard": Heard(**{**heard, "words": words, "peaks": tuple(heard["peaks"])})}
        return cls(values["text"], IncomingMedia(**media) if media else None, values["confidence"], values["raw"])


@dataclass(frozen=True, slots=True)
class Nothing:
    """What was waited for did not come; after a `Transfer`, that nobody answered."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller is gone."""


Event = Began | Keys | Said | Nothing | HungUp


@dataclass(frozen=True, slots=True)
class Prompt:
    """A sentence to be spoken; whether the caller may cut it short. One that is `own` holds somebody's own words: its
    sound is kept nowhere."""

    text: str
    language: str
    interruptible: bool = True
    own: bool = False


@dataclass(frozen=True, slots=True)
class ForKeys:
    """Wait for up to so many keys; one of `finish` ends them, and so do so many seconds without one."""

    most: int
    finish: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ForSpeech:
    """Listen for up to so many seconds, until so many of silence, or a key of `finish`."""

    longest: float
    silence: float
    finish: str = "#"


@dataclass(frozen=True, slots=True)
class Transfer:
    """Put the caller through, letting it ring so long."""

    number: str
    seconds: float


@dataclass(frozen=True, slots=True)
class End:
    """Hang up when all is said."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What to say, in order, and what to wait for then."""

    say: tuple[Prompt, ...]
    then: ForKeys | ForSpeech | Transfer | End
